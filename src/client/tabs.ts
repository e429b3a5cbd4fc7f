// What the tabs of one browser share: one lock, and messages. Nothing is stored. A token crosses only in a message, from
// memory to memory of the same origin, and only so that six tabs that wake together do not refresh six times.
import type { AccessToken } from './access-token.ts';

export type TabMessage =
  | { kind: 'signed_in'; token: AccessToken }
  | { kind: 'signed_out'; reason: SignedOutReason };

/** Why nobody is signed in: there was no session, it ended elsewhere, or someone signed out here or in another tab. */
export type SignedOutReason = 'no_session' | 'session_ended' | 'signed_out';

export interface Tabs {
  post(message: TabMessage): void;
  /**
   * Runs `work` while no other tab does. `waited` tells that another tab was at work before. A tab that holds the lock
   * for longer than LOCK_TIMEOUT_MS may be frozen: `work` then runs without it, which the service's grace makes harmless.
   */
  exclusively<T>(work: (waited: boolean) => Promise<T>): Promise<T>;
  close(): void;
}

const LOCK_TIMEOUT_MS = 5_000;

/** The part of the browser that this needs. Any of it may be missing: old browsers, insecure pages, Node, Workers. */
interface Browser {
  document?: unknown;
  navigator?: {
    locks?: {
      request<T>(
        name: string,
        options: { ifAvailable?: boolean; signal?: AbortSignal },
        work: (lock: unknown) => Promise<T>,
      ): Promise<T>;
    };
  };
  BroadcastChannel?: new (
    name: string,
  ) => {
    onmessage: ((event: { data: TabMessage }) => void) | null;
    postMessage(message: TabMessage): void;
    close(): void;
  };
}

/** Whether this is a page. Elsewhere clients of several people may share a process, and must share nothing else. */
export function isPage(): boolean {
  return (globalThis as Browser).document !== undefined;
}

export function joinTabs(name: string, onMessage: (message: TabMessage) => void): Tabs {
  const { navigator, BroadcastChannel }: Browser = isPage() ? (globalThis as Browser) : {};
  const channel = BroadcastChannel && new BroadcastChannel(name);
  if (channel) channel.onmessage = (event) => onMessage(event.data);
  const locks = navigator?.locks;
  const exclusively = inTurn();
  return {
    post: (message) => channel?.postMessage(message),
    // Two layers: calls of this tab wait for each other without end; other tabs are waited for in the lock.
    exclusively: (work) => exclusively(() => (locks ? withLock(locks, name, work) : work(false))),
    close: () => channel?.close(),
  };
}

async function withLock<T>(
  locks: NonNullable<NonNullable<Browser['navigator']>['locks']>,
  name: string,
  work: (waited: boolean) => Promise<T>,
): Promise<T> {
  const busy = Symbol('busy');
  const first = await locks.request<T | typeof busy>(name, { ifAvailable: true }, async (lock) =>
    lock === null ? busy : work(false),
  );
  if (first !== busy) return first;
  let started = false;
  try {
    return await locks.request(name, { signal: AbortSignal.timeout(LOCK_TIMEOUT_MS) }, () => {
      started = true;
      return work(true);
    });
  } catch (error) {
    if (started) throw error;
    return work(true);
  }
}

/** One after the other, in the order of the calls. */
function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work, work);
    last = result;
    return result;
  };
}
