// One try at the account's password: throttle, hash, count. Everything that needs the password comes through here, so
// that no endpoint is a way around the throttle. A try waits for a turn (`tryInTurn`); in its turn it is synchronous, so
// that what it reads is what its decision is about.
import { countFailure, decideAttempt, FIRST_WAIT_SECONDS, FREE_FAILURES } from '../../domain/attempt.ts';
import type { LimitDecision } from '../../domain/limits.ts';
import { normalizePassword } from '../../domain/password-rules.ts';
import { fail, type Refusal, type Result, succeed } from '../../domain/result.ts';
import { hashQueue } from '../../passwords/hash-queue.ts';
import { DECOY_HASH, hashPassword, isOutdatedHash, verifyPassword } from '../../passwords/scrypt.ts';
import type { Caller, PasswordRefusal } from '../contract.ts';
import type { AccountState } from '../state.ts';
import type { AccountRow } from '../storage/account-store.ts';
import { throttledFor, throttledUntil } from '../throttled.ts';

interface BrowserStanding {
  /** The number of the caller's browser, if it signed in before and is not revoked. */
  knownBrowserId: string | undefined;
  /** And it has been known for a day at least: whoever has just learned the password has no such browser. */
  isEstablished: boolean;
}

const UNKNOWN_BROWSER: BrowserStanding = { knownBrowserId: undefined, isEstablished: false };

/** A right password, and from where. */
export interface Match extends BrowserStanding {
  account: AccountRow;
  /** What the password fits. */
  hash: string;
}

export type PasswordCheck = Result<Match, PasswordRefusal>;

/** Where failures of unknown browsers are counted. A browser that signed in before has a bucket of its own, and does not wait for theirs. */
const SHARED_BUCKET = 'other_browsers';
/** A browser that was known for this long has limits of its own, and its sessions are evicted last. */
const ESTABLISHED_AFTER_MS = 24 * 60 * 60 * 1000;
/** Tries of one account that wait at most, of all its known browsers together: as many as of all others. */
const MOST_KNOWN_WAITING = FREE_FAILURES + 1;
/** And those of them that wait in the line that is served first: no account may fill it. */
const MOST_ESTABLISHED_WAITING = 2;

/**
 * Runs a try at the password in a turn of the hash queue: `work`, which may hash once. Refused before it waits when the
 * throttle is closed, or would be if every try that waits already failed: so that a burst of guesses at one account takes
 * no more places than it has tries. `isStored`: whether the object has tables; a name that nobody has tried has none.
 *
 * Tries that wait are counted in memory, and a failure is stored after its hash. Stored in advance, an object that is reset
 * while it waits, or a 503, would turn right passwords into failures.
 */
export async function tryInTurn<R>(
  state: AccountState,
  caller: Caller,
  isStored: boolean,
  work: () => R,
): Promise<R | Refusal<'account_throttled' | 'too_busy'>> {
  const nowMs = Date.now();
  const { knownBrowserId, isEstablished } = isStored ? findBrowser(state, caller, nowMs) : UNKNOWN_BROWSER;
  const bucket = toBucket(knownBrowserId);
  const waiting = state.waitingTries.get(bucket) ?? 0;
  let throttle = isStored ? state.throttles.read(bucket) : undefined;
  for (let n = 0; n < waiting; n += 1) throttle = countFailure(throttle, nowMs);
  const decision = decideAttempt(throttle, nowMs);
  if (!decision.allowed) return throttledFor(decision.retryAfterSeconds);
  // Whoever has one password can have any number of known browsers, each with a bucket of its own.
  const knownWaiting = countKnownWaiting(state);
  if (knownBrowserId !== undefined && knownWaiting >= MOST_KNOWN_WAITING)
    return throttledFor(FIRST_WAIT_SECONDS);
  const goesFirst = isEstablished && knownWaiting < MOST_ESTABLISHED_WAITING;
  state.waitingTries.set(bucket, waiting + 1);
  try {
    const turn = await hashQueue.takeTurn(goesFirst ? 'established' : 'other', work);
    return turn.ok ? turn.value : turn;
  } finally {
    // No call comes in between the turn, which has stored what it found, and this.
    const left = (state.waitingTries.get(bucket) ?? 1) - 1;
    if (left === 0) state.waitingTries.delete(bucket);
    else state.waitingTries.set(bucket, left);
  }
}

/** Tries that wait from all known browsers of the account together. */
function countKnownWaiting({ waitingTries }: AccountState): number {
  let count = 0;
  for (const [bucket, waiting] of waitingTries) if (bucket !== SHARED_BUCKET) count += waiting;
  return count;
}

/**
 * Tries the password of a sign-in. Sign-ins that succeed are limited too: each opens a session, and makes room for it. The
 * limit is asked after the hash, so that only whoever knows the password learns of it, and so that wrong ones do not use
 * it up. A right password over the limit counts as a failure, so that it cannot cost hashes without end.
 */
export function trySignIn(
  state: AccountState,
  password: string,
  caller: Caller,
  nowMs: number,
): PasswordCheck {
  const check = checkPassword(state, password, caller, nowMs);
  if (!check.ok) return check;
  const decision = state.limits.peek('sign_in', nowMs, toLimitPart(check.value));
  if (decision.allowed) return check;
  countFailedTry(state, check.value.knownBrowserId, nowMs);
  return throttledUntil(decision.retryAtMs, nowMs);
}

/** Counts a try as failed, whatever the password was. */
export function countFailedTry(
  { throttles }: AccountState,
  knownBrowserId: string | undefined,
  nowMs: number,
): void {
  const bucket = toBucket(knownBrowserId);
  throttles.write(bucket, countFailure(throttles.read(bucket), nowMs));
}

/** Counts a sign-in with the right password, after what it wrote: one that failed on the way is not counted. */
export function countSignIn(state: AccountState, match: Match, nowMs: number): void {
  if (match.knownBrowserId !== undefined) state.throttles.clear(toBucket(match.knownBrowserId));
  state.limits.take('sign_in', nowMs, toLimitPart(match));
}

/** Only an established browser has a limit of its own: each sign-in makes another browser known. */
export function toLimitPart({ knownBrowserId, isEstablished }: BrowserStanding): string | undefined {
  return isEstablished ? knownBrowserId : undefined;
}

/** The caller's browser, if it signed in to this account before and was not revoked since. */
export function findBrowser({ accounts }: AccountState, { browser }: Caller, nowMs: number): BrowserStanding {
  if (browser === undefined || browser.epoch !== accounts.readAccount()?.browserEpoch) return UNKNOWN_BROWSER;
  if (accounts.isBrowserRevoked(browser.browserId)) return UNKNOWN_BROWSER;
  const { browserId, sinceMs } = browser;
  const isEstablished = sinceMs !== undefined && nowMs - sinceMs >= ESTABLISHED_AFTER_MS;
  return { knownBrowserId: browserId, isEstablished };
}

/** Never the bucket that all other browsers share is cleared: whoever filled it would see by this that the name exists. */
export function toBucket(knownBrowserId: string | undefined): string {
  return knownBrowserId === undefined ? SHARED_BUCKET : `browser:${knownBrowserId}`;
}

/** Tries a password. For an object without account, the same work ends in `unknown_account`. */
export function checkPassword(
  state: AccountState,
  password: string,
  caller: Caller,
  nowMs: number,
  decideByLimit?: () => LimitDecision,
): PasswordCheck {
  const account = state.accounts.readAccount();
  const hash = state.credentials.readPasswordHash();
  const standing = findBrowser(state, caller, nowMs);
  const bucket = toBucket(standing.knownBrowserId);
  const throttle = state.throttles.read(bucket);
  const decision = decideAttempt(throttle, nowMs);
  if (!decision.allowed) return throttledFor(decision.retryAfterSeconds);
  const limit = decideByLimit?.();
  if (limit?.allowed === false) return throttledUntil(limit.retryAtMs, nowMs);
  const isMatch = verifyPassword(toHashed(password), hash ?? DECOY_HASH);
  // The same work for an account that has no password, and for a name that nobody has.
  if (account === undefined || hash === undefined || !isMatch) {
    state.throttles.write(bucket, countFailure(throttle, nowMs));
    state.events.record('sign_in_failed', nowMs, caller.actor);
    return fail(account === undefined ? 'unknown_account' : 'wrong_password');
  }
  return succeed({ account, hash, ...standing });
}

/**
 * Replaces the hash of a password that was just found right, if its parameters are below today's. In a turn of its own,
 * since it is a second hash, and for nothing when the password was changed meanwhile. The next sign-in does what a full
 * queue prevents.
 */
export async function strengthenHash(
  { credentials }: AccountState,
  password: string,
  hasAccount: () => boolean,
): Promise<void> {
  const matched = credentials.readPasswordHash();
  if (matched === undefined || !isOutdatedHash(matched)) return;
  await hashQueue.takeTurn('begun', () => {
    if (hasAccount() && credentials.readPasswordHash() === matched)
      credentials.rehashPassword(hashChosenPassword(password));
  });
}

/** Hashes a password that the owner chose. */
export function hashChosenPassword(password: string): string {
  return hashPassword(toHashed(password));
}

/** What is typed with a lone surrogate fits no stored password; it costs the same hash all the same. */
function toHashed(password: string): string {
  return normalizePassword(password) ?? password.toWellFormed();
}
