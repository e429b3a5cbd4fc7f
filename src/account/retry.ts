// Delays between the tries of a call that failed.
const FIRST_RETRY_MS = 60 * 1000;
const LONGEST_RETRY_MS = 60 * 60 * 1000;

/** A minute, doubling up to an hour; spread over the upper half, so that accounts do not all come back at once. */
export function findRetryDelayMs(attempts: number, fraction: number): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** attempts, LONGEST_RETRY_MS);
  return Math.round(longest * (0.5 + fraction / 2));
}

/** A number from 0 to 1, for `findRetryDelayMs`. */
export function randomFraction(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}
