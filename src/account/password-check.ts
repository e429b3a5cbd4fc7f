// One try at the account's password: throttle, hash, count. Everything that needs the password comes through here, so
// that no endpoint is a way around the throttle.
import { countFailure, decideAttempt } from '../domain/attempt.ts';
import { normalizePassword } from '../domain/password-rules.ts';
import { DECOY_HASH, hashPassword, isOutdatedHash, verifyPassword } from '../passwords/scrypt.ts';
import type { AccountState, Caller } from './state.ts';
import type { AccountRow } from './store.ts';

export type PasswordCheck =
  | { outcome: 'matched'; account: AccountRow }
  | { outcome: 'wrong_password' | 'unknown_account' }
  | { outcome: 'throttled'; retryAfterSeconds: number };

/** A try that did not pass. */
export type Refused = Exclude<PasswordCheck, { outcome: 'matched' }>;

/** Where failures are counted: a browser that signed in before has a bucket of its own, and waits for no stranger. */
const STRANGERS = 'strangers';

/** Tries a password. For an object without account, the same work ends in `unknown_account`. */
export function checkPassword(
  state: AccountState,
  password: string,
  { actor, browser }: Caller,
  nowMs: number,
): PasswordCheck {
  const account = state.rows.readAccount();
  const isKnown = browser !== undefined && browser.epoch === account?.browserEpoch;
  const bucket = isKnown ? `browser:${browser.browserId}` : STRANGERS;
  const throttle = state.throttles.read(bucket);
  const decision = decideAttempt(throttle, nowMs);
  if (!decision.allowed) return { outcome: 'throttled', retryAfterSeconds: decision.retryAfterSeconds };
  const isMatch = verifyPassword(toHashed(password), account?.passwordHash ?? DECOY_HASH);
  if (account === undefined || !isMatch) {
    state.throttles.write(bucket, countFailure(throttle, nowMs));
    state.events.record('sign_in_failed', nowMs, actor);
    return { outcome: account === undefined ? 'unknown_account' : 'wrong_password' };
  }
  state.throttles.clear(bucket);
  if (isOutdatedHash(account.passwordHash)) state.rows.writePasswordHash(hashPassword(toHashed(password)));
  return { outcome: 'matched', account };
}

/** Hashes a password that the owner chose. */
export function hashChosenPassword(password: string): string {
  return hashPassword(toHashed(password));
}

/** What is typed with a lone surrogate fits no stored password; it costs the same hash all the same. */
function toHashed(password: string): string {
  return normalizePassword(password) ?? password.toWellFormed();
}
