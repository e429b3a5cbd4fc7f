import { describe, expect, it } from 'vitest';
import { quantile, rankTest } from './rank-test.ts';

describe('the rank test', () => {
  it('agrees with a published example', () => {
    // The documentation of scipy.stats.mannwhitneyu, method="asymptotic".
    const { u, p } = rankTest([19, 22, 16, 29, 24], [20, 11, 17, 12]);
    expect(u).toBe(17);
    expect(p).toBeCloseTo(0.11134688653314041, 6);
  });

  it('finds nothing in samples that are equal, and everything in samples that are apart', () => {
    const low = Array.from({ length: 50 }, (_, index) => index);
    const high = low.map((value) => value + 100);
    expect(rankTest(low, low)).toMatchObject({ auc: 0.5, p: expect.closeTo(1, 6) });
    expect(
      rankTest(
        low.map(() => 7),
        high.map(() => 7),
      ),
    ).toEqual({ u: 1250, auc: 0.5, p: 1 });
    expect(rankTest(high, low).auc).toBe(1);
    expect(rankTest(low, high).auc).toBe(0);
    expect(rankTest(low, high).p).toBeLessThan(1e-6);
  });

  it('counts equal values half', () => {
    expect(rankTest([1, 2, 2], [2, 3]).u).toBe(1);
    expect(rankTest([2, 3], [1, 2, 2]).u).toBe(5);
  });

  it('interpolates quantiles', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([4, 1, 3, 2], 0)).toBe(1);
    expect(quantile([4, 1, 3, 2], 1)).toBe(4);
  });
});
