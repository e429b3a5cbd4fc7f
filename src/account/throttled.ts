// Refusals by the throttle and by the limits of an account: each says when to try again.
import type { Refusal } from '../domain/result.ts';
import type { AccountState } from './state.ts';

/** Counts one use of a limit. Returns the refusal when there were too many. */
export function takeLimit(
  { limits }: AccountState,
  limit: 'rename' | 'export',
  nowMs: number,
): Refusal<'account_throttled'> | undefined {
  const decision = limits.take(limit, nowMs);
  return decision.allowed ? undefined : throttledUntil(decision.retryAtMs, nowMs);
}

/** A refusal until `retryAtMs`, in whole seconds from now, rounded up. */
export function throttledUntil(retryAtMs: number, nowMs: number): Refusal<'account_throttled'> {
  return throttledFor(Math.ceil((retryAtMs - nowMs) / 1000));
}

/** A refusal for that many seconds. */
export function throttledFor(retryAfterSeconds: number): Refusal<'account_throttled'> {
  return { ok: false, reason: 'account_throttled', retryAfterSeconds };
}
