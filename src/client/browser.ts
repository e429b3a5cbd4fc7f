// Whether this code runs in a browser, where everything belongs to one person. On a server, clients of several people may
// share a process, and must share nothing else.

/** The part of a browser that the client needs. Any of it may be missing: old browsers, insecure pages, blocked storage. */
export interface Browser {
  location?: { href: string };
  navigator?: { locks?: Locks };
  BroadcastChannel?: new (name: string) => Channel;
}

export interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    work: (lock: unknown) => Promise<void>,
  ): Promise<void>;
}

export interface Channel {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

interface Scope extends Browser {
  document?: unknown;
  WorkerGlobalScope?: unknown;
  Deno?: unknown;
  process?: { versions?: { node?: string; electron?: string } };
  navigator?: { locks?: Locks; userAgent?: string };
}

/**
 * The browser around this code: of a page, or of a dedicated, shared or service worker. `undefined` on a server, even
 * where something has put a `document` there for rendering.
 */
export function findBrowser(scope: object = globalThis): Browser | undefined {
  const { document, WorkerGlobalScope, Deno, process, navigator } = scope as Scope; // each member may be missing
  const { node, electron } = process?.versions ?? {};
  const userAgent = navigator?.userAgent ?? '';
  if (Deno !== undefined || (node && !electron) || userAgent === 'Cloudflare-Workers') return undefined;
  // Server runtimes know WorkerGlobalScope too, and name themselves: `Deno/2`, `Cloudflare-Workers`. Browsers say Mozilla.
  const isWorker = typeof WorkerGlobalScope === 'function' && userAgent.startsWith('Mozilla/');
  return document !== undefined || isWorker ? (scope as Browser) : undefined;
}
