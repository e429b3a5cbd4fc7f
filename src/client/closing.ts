// The end of a client, and what has to stop with it. No AbortController: a Worker may create a client outside a request,
// where the platform refuses one.
import { LatchkeyError } from './api.ts';

export interface Closing {
  readonly isClosed: boolean;
  /** Throws a LatchkeyError `closed` once the client is closed. */
  throwIfClosed(): void;
  /** Calls `stop` at the end, once. Returns what forgets it. */
  onClose(stop: () => void): () => void;
  close(): void;
}

export function createClosing(): Closing {
  const stops = new Set<() => void>();
  let isClosed = false;
  return {
    get isClosed() {
      return isClosed;
    },
    throwIfClosed: () => {
      if (isClosed) throw new LatchkeyError('The client is closed.', 'closed');
    },
    onClose: (stop) => {
      stops.add(stop);
      return () => {
        stops.delete(stop);
      };
    },
    close: () => {
      isClosed = true;
      for (const stop of [...stops]) stop();
      stops.clear();
    },
  };
}
