// Signals of AbortSignal.timeout that follow a test's fake clock: the platform's own would wait in real time.
import { vi } from 'vitest';

/** Call it after `vi.useFakeTimers`; `vi.restoreAllMocks` ends it. */
export function fakeTimeoutSignals(): void {
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const abort = new AbortController();
    // Whatever the test has put there by now.
    const start = globalThis.setTimeout;
    start(() => abort.abort(new Error('too late')), ms);
    return abort.signal;
  });
}
