// What the tabs and workers of one browser share: one lock, and messages. Nothing is stored. A token crosses only in a
// message, from memory to memory of the same origin, and only so that six tabs that wake together do not refresh six times.
import { type AccessToken, readSharedToken } from './access-token.ts';
import { asObject } from './api.ts';
import type { Browser, Channel, Locks } from './browser.ts';
import type { Closing } from './closing.ts';

export type TabMessage =
  | { kind: 'signed_in'; token: AccessToken }
  | { kind: 'signed_out'; reason: SignedOutReason };

const SIGNED_OUT_REASONS = ['no_session', 'session_ended', 'signed_out'] as const;

/** Why nobody is signed in: there was no session, it ended elsewhere, or someone signed out here or in another tab. */
export type SignedOutReason = (typeof SIGNED_OUT_REASONS)[number];

export interface Tabs {
  post(message: TabMessage): void;
  /**
   * Runs `work` while no other tab does. `waited` tells that another tab was at work before. A tab that holds the lock
   * for longer than LOCK_TIMEOUT_MS may be frozen: `work` then runs without it, which the service's grace makes harmless.
   * Throws a LatchkeyError `closed` when the client closes before the work has begun.
   */
  exclusively<T>(work: (waited: boolean) => Promise<T>): Promise<T>;
}

const LOCK_TIMEOUT_MS = 5_000;

/** Joins the tabs that share `name`. `browser` is empty where there is nobody to share with. */
export function joinTabs(
  name: string,
  browser: Browser,
  closing: Closing,
  onMessage: (message: TabMessage) => void,
): Tabs {
  const channel = openChannel(name, browser);
  if (channel) {
    channel.onmessage = ({ data }) => {
      const message = readTabMessage(data);
      if (!closing.isClosed && message) onMessage(message);
    };
    closing.onClose(() => channel.close());
  }
  const locks = tryOr(() => browser.navigator?.locks, undefined);
  const inTurn = createQueue();
  return {
    post: (message) => {
      if (!closing.isClosed) tryOr(() => channel?.postMessage(message), undefined);
    },
    // Two layers: calls of this tab wait for each other without end; other tabs are waited for in the lock.
    exclusively: (work) => {
      const begin = async (waited: boolean) => {
        closing.throwIfClosed();
        return work(waited);
      };
      return inTurn(() => (locks ? withLock(locks, name, closing, begin) : begin(false)));
    },
  };
}

/** Where storage is blocked and in sandboxed frames, browsers throw here, or at the first use. The client works without. */
function openChannel(name: string, { BroadcastChannel }: Browser): Channel | undefined {
  return tryOr(() => BroadcastChannel && new BroadcastChannel(name), undefined);
}

function readTabMessage(data: unknown): TabMessage | undefined {
  const { kind, token, reason } = asObject(data);
  if (kind === 'signed_out') {
    const known = SIGNED_OUT_REASONS.find((one) => one === reason);
    return known && { kind, reason: known };
  }
  const shared = kind === 'signed_in' ? readSharedToken(token, Date.now()) : undefined;
  return shared && { kind: 'signed_in', token: shared };
}

/** What `request` itself does, refusal or a stolen lock, is of no matter once the work has begun; its outcome is. */
async function withLock<T>(
  locks: Locks,
  name: string,
  closing: Closing,
  work: (waited: boolean) => Promise<T>,
): Promise<T> {
  const begun: Promise<T>[] = [];
  const begin = async (waited: boolean) => {
    const running = work(waited);
    begun.push(running);
    await running;
  };
  let isBusy = false;
  await request({ ifAvailable: true }, async (lock) => {
    isBusy = lock === null;
    if (!isBusy) await begin(false);
  });
  if (isBusy) {
    const patience = new AbortController();
    const stop = () => patience.abort();
    const timer = setTimeout(stop, LOCK_TIMEOUT_MS);
    const forget = closing.onClose(stop);
    await request({ signal: patience.signal }, () => begin(true));
    clearTimeout(timer);
    forget();
  }
  return begun[0] ?? work(isBusy);

  async function request(...rest: [Parameters<Locks['request']>[1], Parameters<Locks['request']>[2]]) {
    try {
      await locks.request(name, ...rest);
    } catch {
      // Blocked, given up, or the work's own error, which `begun` holds.
    }
  }
}

/** One after the other, in the order of the calls. */
function createQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work, work);
    last = result;
    return result;
  };
}

function tryOr<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch {
    return otherwise;
  }
}
