// The sign-in throttle of one account: how failures add up to a wait. Pure.
// NIST SP 800-63B-4 section 3.2.2 (rate limiting); the wait grows, so that guessing never pays and nobody is locked out for good.

/** Failures that cost nothing: people mistype. */
export const FREE_FAILURES = 5;
/** The first wait; each further failure doubles it. */
export const FIRST_WAIT_SECONDS = 30;
/** The longest wait. */
export const LONGEST_WAIT_SECONDS = 15 * 60;
/** After this long without a failure the count starts again, for accounts and for decoys alike. */
export const THROTTLE_MEMORY_SECONDS = 24 * 60 * 60;

/** Failures since the last success. */
export interface Throttle {
  failures: number;
  lastFailureAtMs: number;
}

export type AttemptDecision = { allowed: true } | { allowed: false; retryAfterSeconds: number };

/** Decides whether a password may be tried now. Asked before any hashing. */
export function decideAttempt(throttle: Throttle | undefined, nowMs: number): AttemptDecision {
  if (throttle === undefined || isForgotten(throttle, nowMs)) return { allowed: true };
  const waitMs = throttle.lastFailureAtMs + waitSeconds(throttle.failures) * 1000 - nowMs;
  return waitMs <= 0 ? { allowed: true } : { allowed: false, retryAfterSeconds: Math.ceil(waitMs / 1000) };
}

/** The throttle after one more failure. */
export function countFailure(throttle: Throttle | undefined, nowMs: number): Throttle {
  const failures = throttle === undefined || isForgotten(throttle, nowMs) ? 0 : throttle.failures;
  return { failures: failures + 1, lastFailureAtMs: nowMs };
}

/** When the throttle may be deleted from storage, in milliseconds since the epoch. */
export function forgottenAtMs(throttle: Throttle): number {
  return throttle.lastFailureAtMs + THROTTLE_MEMORY_SECONDS * 1000;
}

function isForgotten(throttle: Throttle, nowMs: number): boolean {
  return nowMs >= forgottenAtMs(throttle);
}

function waitSeconds(failures: number): number {
  if (failures <= FREE_FAILURES) return 0;
  return Math.min(FIRST_WAIT_SECONDS * 2 ** (failures - FREE_FAILURES - 1), LONGEST_WAIT_SECONDS);
}
