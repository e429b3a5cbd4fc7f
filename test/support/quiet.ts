// For tests that make thousands of requests: their log lines are not shown. Errors are.
import { afterEach, beforeEach } from 'vitest';

/** Call it once, at the top of a file. No spy: it would keep every line of a long run. */
export function muteRequestLog(): void {
  const { log, warn } = console;
  const ignore = () => {};
  beforeEach(() => {
    Object.assign(console, { log: ignore, warn: ignore });
  });
  afterEach(() => {
    Object.assign(console, { log, warn });
  });
}
