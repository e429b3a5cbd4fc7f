import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countFailure,
  decideAttempt,
  forgottenAtMs,
  LONGEST_WAIT_SECONDS,
  THROTTLE_MEMORY_SECONDS,
  type Throttle,
} from '../../src/domain/attempt.ts';

const NOW_MS = Date.UTC(2026, 7, 15, 12) + 1;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The throttle after so many failures, the last of them at `NOW_MS`. */
function failed(failures: number): Throttle {
  return { failures, lastFailureAtMs: NOW_MS };
}

describe('the first failures', () => {
  it('are counted from nothing', () => {
    expect(countFailure(undefined, NOW_MS)).toEqual({ failures: 1, lastFailureAtMs: NOW_MS });
    expect(countFailure(failed(1), NOW_MS + 5)).toEqual({ failures: 2, lastFailureAtMs: NOW_MS + 5 });
  });

  it('cost nothing: five may follow each other at once', () => {
    let throttle: Throttle | undefined;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(decideAttempt(throttle, NOW_MS)).toEqual({ allowed: true });
      throttle = countFailure(throttle, NOW_MS);
    }
    expect(decideAttempt(throttle, NOW_MS)).toEqual({ allowed: true });
    throttle = countFailure(throttle, NOW_MS);
    expect(throttle.failures).toBe(6);
    expect(decideAttempt(throttle, NOW_MS)).toEqual({ allowed: false, retryAfterSeconds: 30 });
  });
});

describe('each further failure', () => {
  it.each([
    [6, 30],
    [7, 60],
    [8, 120],
    [9, 240],
    [10, 480],
    [11, 900],
    [12, 900],
    [100, 900],
    [5000, 900],
  ])('after failure %i the next try waits %i seconds, to the millisecond', (failures, waitSeconds) => {
    const throttle = failed(failures);
    const endMs = NOW_MS + waitSeconds * 1000;
    expect(decideAttempt(throttle, NOW_MS)).toEqual({ allowed: false, retryAfterSeconds: waitSeconds });
    expect(decideAttempt(throttle, endMs - 1)).toEqual({ allowed: false, retryAfterSeconds: 1 });
    expect(decideAttempt(throttle, endMs)).toEqual({ allowed: true });
  });

  it('names a wait that is over when it is over: seconds are rounded up', () => {
    expect(decideAttempt(failed(6), NOW_MS + 1)).toEqual({ allowed: false, retryAfterSeconds: 30 });
    expect(decideAttempt(failed(6), NOW_MS + 1000)).toEqual({ allowed: false, retryAfterSeconds: 29 });
    expect(decideAttempt(failed(6), NOW_MS + 1001)).toEqual({ allowed: false, retryAfterSeconds: 29 });
  });

  it('starts its wait anew', () => {
    const later = NOW_MS + 30_000;
    expect(decideAttempt(countFailure(failed(6), later), later)).toEqual({
      allowed: false,
      retryAfterSeconds: 60,
    });
  });
});

describe('a day without a failure', () => {
  it('is what the count is remembered for, to the millisecond', () => {
    expect(forgottenAtMs(failed(9))).toBe(NOW_MS + DAY_MS);
    expect(countFailure(failed(9), NOW_MS + DAY_MS - 1)).toEqual({
      failures: 10,
      lastFailureAtMs: NOW_MS + DAY_MS - 1,
    });
  });

  it('starts the count again', () => {
    expect(countFailure(failed(9), NOW_MS + DAY_MS)).toEqual({
      failures: 1,
      lastFailureAtMs: NOW_MS + DAY_MS,
    });
    expect(decideAttempt(failed(9), NOW_MS + DAY_MS)).toEqual({ allowed: true });
  });
});

describe('somebody who guesses', () => {
  const waits = fc.array(fc.integer({ min: 0, max: 2 * THROTTLE_MEMORY_SECONDS * 1000 }), { maxLength: 60 });

  it('is never kept out longer than fifteen minutes, and never told to come back too early', () => {
    fc.assert(
      fc.property(waits, (pauses) => {
        let throttle: Throttle | undefined;
        let nowMs = NOW_MS;
        for (const pause of pauses) {
          nowMs += pause;
          const decision = decideAttempt(throttle, nowMs);
          if (decision.allowed) {
            throttle = countFailure(throttle, nowMs);
          } else {
            expect(decision.retryAfterSeconds).toBeGreaterThanOrEqual(1);
            expect(decision.retryAfterSeconds).toBeLessThanOrEqual(LONGEST_WAIT_SECONDS);
            expect(decideAttempt(throttle, nowMs + decision.retryAfterSeconds * 1000)).toEqual({
              allowed: true,
            });
          }
        }
      }),
    );
  });

  it('gets 105 guesses in a day at the best pace', () => {
    // Six at once, five while the wait doubles, then one in fifteen minutes.
    let throttle: Throttle | undefined;
    let guesses = 0;
    for (let nowMs = NOW_MS; nowMs < NOW_MS + DAY_MS; ) {
      const decision = decideAttempt(throttle, nowMs);
      if (decision.allowed) {
        throttle = countFailure(throttle, nowMs);
        guesses += 1;
      } else {
        expect(decision.retryAfterSeconds).toBeGreaterThan(0);
        nowMs += decision.retryAfterSeconds * 1000;
      }
    }
    expect(guesses).toBe(105);
  });
});
