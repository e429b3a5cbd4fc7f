// The clock of the Worker and of its accounts, which share one isolate with the tests.
import { onTestFinished, vi } from 'vitest';

/**
 * Stops the clock until the test ends, and returns it in milliseconds. It stands within a second, so that a time which
 * is not rounded shows, and at the present: an account's alarm that lies in the past would fire at once.
 */
export function freezeClock(): number {
  const nowMs = Math.floor(Date.now() / 1000) * 1000 + 250;
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return nowMs;
}

/** Moves a stopped clock on. */
export function passSeconds(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}
