// How long to wait before the service is asked again.

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Missing outside a browser. */
interface Events {
  addEventListener?: (type: string, listener: () => void) => void;
  removeEventListener?: (type: string, listener: () => void) => void;
}

/**
 * Waits before another attempt (the first has number 0): up to twice as long each time, at random, so that clients that
 * an outage has cut off together do not come back together. At least `retryAfterSeconds`. Ends early when the browser
 * finds its network again.
 */
export async function pauseBeforeAttempt(attempt: number, retryAfterSeconds = 0): Promise<void> {
  const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 16));
  const pauseMs = retryAfterSeconds * 1000 + longestMs * (0.5 + Math.random() / 2);
  const events = globalThis as Events;
  await new Promise<void>((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      events.removeEventListener?.('online', wake);
      resolve();
    };
    const timer = setTimeout(wake, pauseMs);
    events.addEventListener?.('online', wake);
  });
}
