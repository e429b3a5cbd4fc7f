// The Mann-Whitney U test (two-sided, normal approximation with tie and continuity corrections), and what else is said
// of two samples of times. Pure.

export interface RankTest {
  /** How often a value of the first sample exceeds one of the second; ties count half. */
  u: number;
  /** The same as a share of all pairs: 0.5 when neither sample tends to be larger (the common-language effect size). */
  auc: number;
  /** How probable a `u` this far off is, if both samples come from one distribution. */
  p: number;
}

/** Whether two samples come from one distribution. Needs some twenty values in each. */
export function rankTest(first: readonly number[], second: readonly number[]): RankTest {
  const pairs = first.length * second.length;
  const count = first.length + second.length;
  const { rankSum, tieTerm } = rank(first, second);
  const u = rankSum - (first.length * (first.length + 1)) / 2;
  const deviation = Math.sqrt((pairs / 12) * (count + 1 - tieTerm / (count * (count - 1))));
  const z = Math.max(0, Math.abs(u - pairs / 2) - 0.5) / deviation;
  return { u, auc: u / pairs, p: deviation === 0 ? 1 : twoSidedTail(z) };
}

/** A quantile by linear interpolation; `share` from 0 to 1. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below = Number.NaN, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

/** The sum of the first sample's ranks, equal values sharing theirs, and the sum of t³ - t over groups of t equals. */
function rank(first: readonly number[], second: readonly number[]): { rankSum: number; tieTerm: number } {
  const all = [
    ...first.map((value) => ({ value, isFirst: true })),
    ...second.map((value) => ({ value, isFirst: false })),
  ].sort((a, b) => a.value - b.value);
  let [rankSum, tieTerm, start] = [0, 0, 0];
  while (start < all.length) {
    let end = start;
    while (all[end]?.value === all[start]?.value) end += 1;
    const ties = end - start;
    const sharedRank = (start + 1 + end) / 2;
    rankSum += sharedRank * all.slice(start, end).filter(({ isFirst }) => isFirst).length;
    tieTerm += ties ** 3 - ties;
    start = end;
  }
  return { rankSum, tieTerm };
}

/** The normal distribution beyond ±z. Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: within 1.5e-7. */
function twoSidedTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const [a, b, c, d, e] = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429] as const;
  return t * (a + t * (b + t * (c + t * (d + t * e)))) * Math.exp(-x * x);
}
