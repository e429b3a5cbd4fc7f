// How long to wait before the service is asked again.
import type { Closing } from './closing.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A longer `Retry-After` is heeded no longer than this: a page that waits for a day has stopped working. */
const LONGEST_RETRY_AFTER_SECONDS = 3_600;

/** Missing outside a browser. */
interface Events {
  addEventListener?: (type: string, listener: () => void) => void;
  removeEventListener?: (type: string, listener: () => void) => void;
}

/**
 * Waits before another attempt (the first has number 0): up to twice as long each time, at random, so that clients that
 * an outage has cut off together do not come back together. At least `retryAfterSeconds`. Ends early when the browser
 * finds its network again, and when the client closes.
 */
export async function pauseBeforeAttempt(
  attempt: number,
  retryAfterSeconds: number,
  closing: Closing,
): Promise<void> {
  if (closing.isClosed) return;
  const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 16));
  const atLeastMs = Math.min(retryAfterSeconds, LONGEST_RETRY_AFTER_SECONDS) * 1000;
  const pauseMs = atLeastMs + longestMs * (0.5 + Math.random() / 2);
  const events = globalThis as Events;
  await new Promise<void>((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      events.removeEventListener?.('online', wake);
      forget();
      resolve();
    };
    const timer = setTimeout(wake, pauseMs);
    const forget = closing.onClose(wake);
    events.addEventListener?.('online', wake);
  });
}
