// One try at the account's password: throttle, hash, count. Everything that needs the password comes through here, so
// that no endpoint is a way around the throttle.
import { countFailure, decideAttempt } from '../domain/attempt.ts';
import type { LimitDecision } from '../domain/limits.ts';
import { normalizePassword } from '../domain/password-rules.ts';
import { DECOY_HASH, hashPassword, isOutdatedHash, verifyPassword } from '../passwords/scrypt.ts';
import type { AccountState, Caller } from './state.ts';
import type { AccountRow } from './store.ts';

export type PasswordCheck =
  /** `knownBrowserId`: the number of the caller's browser, if it signed in before and is not revoked. */
  | { outcome: 'matched'; account: AccountRow; knownBrowserId: string | undefined }
  | { outcome: 'wrong_password' | 'unknown_account' }
  | { outcome: 'throttled'; retryAfterSeconds: number };

/** A try that did not pass. */
export type Refused = Exclude<PasswordCheck, { outcome: 'matched' }>;

/** Where failures are counted: a browser that signed in before has a bucket of its own, and waits for no stranger. */
const STRANGERS = 'strangers';

/**
 * Tries the password of a sign-in. Sign-ins that succeed are limited too: each opens a session, and makes room for it. The
 * limit is asked before the hash and counted after it (`countSignIn`), so that wrong passwords do not use it up.
 */
export function trySignIn(
  state: AccountState,
  password: string,
  caller: Caller,
  nowMs: number,
): PasswordCheck {
  const part = findKnownBrowser(state, caller);
  return checkPassword(state, password, caller, nowMs, () => state.limits.peek('sign_in', nowMs, part));
}

/** Counts a sign-in with the right password, after what it wrote: one that failed on the way is not counted. */
export function countSignIn(state: AccountState, knownBrowserId: string | undefined, nowMs: number): void {
  state.limits.take('sign_in', nowMs, knownBrowserId);
}

/** Tries the password of an account that is signed in, before something that needs it. Every try that costs a hash counts. */
export function proveOwner(
  state: AccountState,
  password: string,
  caller: Caller,
  nowMs: number,
): PasswordCheck {
  const part = findKnownBrowser(state, caller);
  return checkPassword(state, password, caller, nowMs, () =>
    state.limits.take('password_proof', nowMs, part),
  );
}

/** The number of the caller's browser, if it signed in to this account before and was not revoked since. */
function findKnownBrowser({ rows }: AccountState, { browser }: Caller): string | undefined {
  if (browser === undefined || browser.epoch !== rows.readAccount()?.browserEpoch) return undefined;
  return rows.isBrowserRevoked(browser.browserId) ? undefined : browser.browserId;
}

/** Tries a password. For an object without account, the same work ends in `unknown_account`. */
function checkPassword(
  state: AccountState,
  password: string,
  caller: Caller,
  nowMs: number,
  decideByLimit: () => LimitDecision,
): PasswordCheck {
  const account = state.rows.readAccount();
  const knownBrowserId = findKnownBrowser(state, caller);
  const bucket = knownBrowserId === undefined ? STRANGERS : `browser:${knownBrowserId}`;
  const throttle = state.throttles.read(bucket);
  const decision = decideAttempt(throttle, nowMs);
  if (!decision.allowed) return { outcome: 'throttled', retryAfterSeconds: decision.retryAfterSeconds };
  const limit = decideByLimit();
  if (!limit.allowed)
    return { outcome: 'throttled', retryAfterSeconds: Math.ceil((limit.retryAtMs - nowMs) / 1000) };
  const isMatch = verifyPassword(toHashed(password), account?.passwordHash ?? DECOY_HASH);
  if (account === undefined || !isMatch) {
    state.throttles.write(bucket, countFailure(throttle, nowMs));
    state.events.record('sign_in_failed', nowMs, caller.actor);
    return { outcome: account === undefined ? 'unknown_account' : 'wrong_password' };
  }
  // Never the bucket that all other browsers share: whoever filled it would see by this that the name exists.
  if (knownBrowserId !== undefined) state.throttles.clear(bucket);
  if (isOutdatedHash(account.passwordHash)) state.rows.writePasswordHash(hashPassword(toHashed(password)));
  return { outcome: 'matched', account, knownBrowserId };
}

/** Hashes a password that the owner chose. */
export function hashChosenPassword(password: string): string {
  return hashPassword(toHashed(password));
}

/** What is typed with a lone surrogate fits no stored password; it costs the same hash all the same. */
function toHashed(password: string): string {
  return normalizePassword(password) ?? password.toWellFormed();
}
