import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideLimit, type Limit } from '../../src/domain/limits.ts';

const NOW_MS = Date.UTC(2026, 7, 15);
const LIMIT: Limit = { burst: 3, refillSeconds: 10 };

/** Asks at each of these moments, and says which calls were allowed. */
function ask(atMs: number[], limit = LIMIT): boolean[] {
  let fullAtMs: number | undefined;
  return atMs.map((nowMs) => {
    const decision = decideLimit(fullAtMs, nowMs, limit);
    if (decision.allowed) fullAtMs = decision.fullAtMs;
    return decision.allowed;
  });
}

describe('a limit', () => {
  it('allows its burst at once, and then one more after each refill', () => {
    const at = (seconds: number) => NOW_MS + seconds * 1000;
    expect(ask([at(0), at(0), at(0), at(0), at(9.999), at(10), at(10), at(20)])).toEqual([
      ...[true, true, true, false, false, true, false, true],
    ]);
  });

  it('says when the next call will be allowed', () => {
    const full = NOW_MS + 30_000;
    const decision = decideLimit(full, NOW_MS, LIMIT);
    expect(decision).toEqual({ allowed: false, retryAtMs: NOW_MS + 10_000 });
    expect(decideLimit(full, NOW_MS + 10_000, LIMIT).allowed).toBe(true);
    expect(decideLimit(full, NOW_MS + 9_999, LIMIT).allowed).toBe(false);
  });

  it('is whole again after a rest', () => {
    const later = NOW_MS + 30_000;
    expect(ask([NOW_MS, NOW_MS, NOW_MS, later, later, later, later])).toEqual([
      ...[true, true, true, true, true, true, false],
    ]);
  });

  it('locks nobody out when the clock was wrong before', () => {
    expect(decideLimit(NOW_MS + 365 * 86_400_000, NOW_MS, LIMIT)).toEqual({
      allowed: false,
      retryAtMs: NOW_MS + 10_000,
    });
  });

  it('never allows more than the burst and what was refilled, in any window', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 60_000 }), { maxLength: 60 }), (gaps) => {
        let nowMs = NOW_MS;
        const moments = gaps.map((gap) => {
          nowMs += gap;
          return nowMs;
        });
        const allowed = moments.filter((_, index) => ask(moments)[index]);
        allowed.forEach((startMs, first) => {
          allowed.slice(first).forEach((endMs, count) => {
            const most = LIMIT.burst + (endMs - startMs) / (LIMIT.refillSeconds * 1000);
            expect(count + 1).toBeLessThanOrEqual(most);
          });
        });
      }),
    );
  });
});
