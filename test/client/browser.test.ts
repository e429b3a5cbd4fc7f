// Where the client takes part in a browser's locks, channels and cookies; and browsers that refuse some of that.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Browser, type Channel, findBrowser, type Locks } from '../../src/client/browser.ts';
import { createClosing } from '../../src/client/closing.ts';
import { createClient } from '../../src/client/index.ts';
import { joinTabs } from '../../src/client/tabs.ts';
import { passTurn } from '../support/eventually.ts';
import { BASE, ScriptedService } from './scripted-service.ts';

const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36';

/** A global scope as a worker of a browser, or of another runtime, has it. */
function makeWorkerScope(userAgent: string | undefined, members: object = {}): object {
  class WorkerGlobalScope {}
  return Object.assign(new WorkerGlobalScope(), {
    WorkerGlobalScope,
    ...(userAgent !== undefined && { navigator: { userAgent } }),
    ...members,
  });
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a browser is', () => {
  it.each([
    ['a page', { document: {}, navigator: { userAgent: CHROME } }],
    ['a page that a shell names itself', { document: {}, navigator: { userAgent: 'Shop/7.1' } }],
    ['a page before there were navigators', { document: {} }],
    [
      'a window of Electron',
      {
        document: {},
        navigator: { userAgent: CHROME },
        process: { versions: { node: '24', electron: '40' } },
      },
    ],
    ['a worker', makeWorkerScope(CHROME)],
    ['a worker whose bundler left a process', makeWorkerScope(CHROME, { process: { versions: {} } })],
  ])('%s', (_, scope) => {
    expect(findBrowser(scope)).toBe(scope);
  });

  it.each([
    ['Node', { navigator: { userAgent: 'Node.js/24' }, process: { versions: { node: '24.0.0' } } }],
    [
      'Node with a document for rendering',
      { document: {}, navigator: { userAgent: CHROME }, process: { versions: { node: '24.0.0' } } },
    ],
    ['Deno with a document for rendering', { document: {}, Deno: {}, navigator: { userAgent: CHROME } }],
    ['Deno', { Deno: {}, navigator: { userAgent: 'Deno/2.0.0' } }],
    [
      'a worker of Deno',
      makeWorkerScope('Deno/2.0.0', { Deno: {}, location: { href: 'https://a.test/w.js' } }),
    ],
    ['Bun', { navigator: { userAgent: 'Bun/1.3' }, process: { versions: { node: '24.0.0', bun: '1.3' } } }],
    ['a Worker', makeWorkerScope('Cloudflare-Workers')],
    [
      'a Worker with a document for rendering',
      { document: {}, navigator: { userAgent: 'Cloudflare-Workers' } },
    ],
    ['a Worker of an early compatibility date', makeWorkerScope(undefined)],
    ['a runtime that names nothing', {}],
  ])('not %s', (_, scope) => {
    expect(findBrowser(scope)).toBeUndefined();
  });

  // This test runs on workerd and on Node.
  it('not what these tests run on, even with a document', () => {
    expect(findBrowser()).toBeUndefined();
    vi.stubGlobal('document', {});
    expect(findBrowser()).toBeUndefined();
  });
});

describe('on a server', () => {
  it('clients of several people share nothing, and no request has `credentials`, even with a document', async () => {
    vi.stubGlobal('document', {});
    const service = new ScriptedService();
    service.on('POST /login', () => service.pair());
    const inits: (RequestInit | undefined)[] = [];
    const fetch = ((input: RequestInfo | URL, init?: RequestInit) => {
      inits.push(init);
      return service.fetch(input, init);
    }) as typeof globalThis.fetch;
    const [ada, other] = [createClient({ baseUrl: BASE, fetch }), createClient({ baseUrl: BASE, fetch })];
    await ada.login({ username: 'ada', password: 'p' });
    // A message to the other client would come in one of the next turns.
    for (let turn = 0; turn < 20; turn += 1) await passTurn();
    expect(ada.state.status).toBe('signed_in');
    expect(other.state.status).toBe('unknown');
    expect(inits.map((init) => 'credentials' in (init ?? {}))).toEqual([false]);
    ada.close();
    other.close();
  });
});

const refuse = (): never => {
  throw new DOMException('The operation is insecure.', 'SecurityError');
};

class RefusingChannel implements Channel {
  onmessage = null;
  postMessage = refuse;
  close() {}
}

/** Locks that nobody else holds, until they are taken away. */
const freeLocks: Locks = { request: (_name, _options, work) => work({}) };
const stolenLocks: Locks = {
  request: async (_name, _options, work) => {
    void work({}).catch(() => undefined);
    throw new DOMException('Lock broken by another request with the steal option.', 'AbortError');
  },
};

const REFUSING: [string, () => Browser][] = [
  ['locks that throw', () => ({ navigator: { locks: { request: refuse } } })],
  ['locks that reject', () => ({ navigator: { locks: { request: async () => refuse() } } })],
  [
    'locks that may not be touched',
    () => ({
      get navigator() {
        return refuse();
      },
    }),
  ],
  [
    'locks that refuse to wait',
    () => ({
      navigator: {
        locks: { request: async (_name, options, work) => (options.ifAvailable ? work(null) : refuse()) },
      },
    }),
  ],
  ['a lock that is stolen', () => ({ navigator: { locks: stolenLocks } })],
  [
    'no channel',
    () => ({ navigator: { locks: freeLocks }, BroadcastChannel: refuse as unknown as new () => Channel }),
  ],
  ['a channel that takes nothing', () => ({ BroadcastChannel: RefusingChannel })],
];

describe('in a browser with', () => {
  it.each(REFUSING)('%s, work is done once, and its outcome is handed on', async (_, makeBrowser) => {
    const tabs = joinTabs('latchkey', makeBrowser(), createClosing(), () => undefined);
    const done = vi.fn(async () => 'done');
    expect(await tabs.exclusively(done)).toBe('done');
    expect(done).toHaveBeenCalledOnce();
    const failed = vi.fn(() => Promise.reject(new Error('the work failed')));
    await expect(tabs.exclusively(failed)).rejects.toThrow('the work failed');
    expect(failed).toHaveBeenCalledOnce();
    tabs.post({ kind: 'signed_out', reason: 'signed_out' });
  });
});
