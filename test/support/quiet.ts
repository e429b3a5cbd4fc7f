// For tests that make thousands of requests: their log lines are not shown. Errors are.
import { afterEach, beforeEach, vi } from 'vitest';

/** Call it once, at the top of a file. */
export function muteRequestLog(): void {
  beforeEach(() => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    vi.spyOn(console, 'warn').mockImplementation(() => {});
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
}
