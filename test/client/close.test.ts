// A client that is closed while something is on its way. Alone, and with a browser around it that complains of every use
// after the end, as real ones do.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Browser, Channel, Locks } from '../../src/client/browser.ts';
import { createClosing } from '../../src/client/closing.ts';
import { type Client, createClient, LatchkeyError } from '../../src/client/index.ts';
import { joinTabs } from '../../src/client/tabs.ts';
import { eventually } from '../support/eventually.ts';
import { BASE, problem, ScriptedService } from './scripted-service.ts';

let service: ScriptedService;
let client: Client;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: new Date('2026-03-01T12:00:00Z') });
  service = new ScriptedService();
  service.on('POST /login', () => service.pair());
  client = createClient({ baseUrl: BASE, fetch: service.fetch });
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

const signIn = () => client.login({ username: 'ada', password: 'a password' });

/** Responses that come when the test lets them. */
function holdBack(route: string, respond: () => Response): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  service.on(route, async () => {
    await promise;
    return respond();
  });
  return resolve;
}
const untilAsked = (route: string) => eventually(() => expect(service.count(route)).toBe(1));

describe('a client that is closed', () => {
  it.each([
    ['POST /login', () => service.pair(), () => signIn(), undefined],
    ['POST /logout', () => new Response(null, { status: 204 }), () => client.logout(), undefined],
    ['POST /refresh', () => service.pair(), () => client.restore(), true],
    ['POST /refresh', () => problem(401, 'session_ended'), () => client.getAccessToken(), undefined],
  ])('during %s lets it complete, and tells nobody', async (route, respond, ask, result) => {
    const heard: string[] = [];
    client.subscribe(({ status }) => heard.push(status));
    const release = holdBack(route, respond);
    const asked = ask();
    await untilAsked(route);
    client.close();
    release();
    expect(await asked).toBe(result);
    expect(heard).toEqual(['unknown']);
    expect(client.state.status).toBe('unknown');
  });

  it.each([
    ['a token', () => client.getAccessToken(), 'closed'],
    ['a restored session', () => client.restore(), false],
  ])('during an outage waits no longer for %s, and leaves no timer', async (_, ask, outcome) => {
    service.on('POST /refresh', () => problem(503, 'unavailable', { 'Retry-After': '600' }));
    const asked = ask().catch((error: unknown) => error);
    await untilAsked('POST /refresh');
    await eventually(() => expect(vi.getTimerCount()).toBe(1));
    client.close();
    const result = await asked;
    if (outcome === 'closed') expect(result).toMatchObject({ name: 'LatchkeyError', code: 'closed' });
    else expect(result).toBe(outcome);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(service.asked).toHaveLength(1);
  });

  it('does not begin what was waiting for its turn', async () => {
    const release = holdBack('POST /refresh', () => service.pair());
    const refreshed = client.getAccessToken();
    await untilAsked('POST /refresh');
    const waiting = [signIn(), client.logout()].map((call) => call.catch((error: unknown) => error));
    client.close();
    release();
    expect(await refreshed).toMatch(/^e30\./);
    for (const error of await Promise.all(waiting)) {
      expect(error).toBeInstanceOf(LatchkeyError);
      expect(error).toMatchObject({ code: 'closed' });
    }
    expect(service.asked).toHaveLength(1);
  });

  it('refuses further calls, and calls no listener but to say how things stood', async () => {
    await signIn();
    client.close();
    const calls = [
      signIn(),
      client.register({ username: 'ada', email: 'ada@example.com', password: 'p' }),
      client.logout(),
      client.getAccessToken(),
      client.fetch(`${BASE}/api`),
      client.sessions.list(),
      client.sessions.endAll(),
    ];
    for (const call of calls) {
      await expect(call).rejects.toBeInstanceOf(LatchkeyError);
      await expect(call).rejects.toMatchObject({ code: 'closed' });
    }
    expect(await client.restore()).toBe(false);
    const heard: string[] = [];
    client.subscribe(({ status }) => heard.push(status));
    expect(heard).toEqual(['signed_in']);
    expect(service.asked).toHaveLength(1);
    client.close(); // again
  });
});

/** A channel that throws after its end, as the platform's does. */
class FakeChannel implements Channel {
  static all: FakeChannel[] = [];
  onmessage: Channel['onmessage'] = null;
  posted: unknown[] = [];
  isClosed = false;
  constructor() {
    FakeChannel.all.push(this);
  }
  postMessage(message: unknown) {
    if (this.isClosed) throw new DOMException('The channel is closed.', 'InvalidStateError');
    this.posted.push(message);
  }
  close() {
    this.isClosed = true;
  }
}

/** Locks that another tab holds until the end of the test. */
const takenLocks: Locks = {
  request: (_name, { ifAvailable, signal }, work) => {
    if (ifAvailable) return work(null);
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  },
};

describe('what tabs share', () => {
  const join = (browser: Browser) => {
    FakeChannel.all = [];
    const closing = createClosing();
    const heard: unknown[] = [];
    const tabs = joinTabs('latchkey', browser, closing, (message) => heard.push(message));
    return { closing, tabs, heard, channel: FakeChannel.all[0] };
  };
  const browserWith = (locks: Locks): Browser => ({ navigator: { locks }, BroadcastChannel: FakeChannel });

  it('is left at the end: no message goes out or comes in', () => {
    const { closing, tabs, heard, channel } = join(browserWith(takenLocks));
    const message = { kind: 'signed_out', reason: 'signed_out' } as const;
    tabs.post(message);
    channel?.onmessage?.({ data: message });
    closing.close();
    tabs.post(message);
    channel?.onmessage?.({ data: message });
    expect(channel).toMatchObject({ isClosed: true, posted: [message] });
    expect(heard).toEqual([message]);
  });

  it('takes no message of another kind', () => {
    const { heard, channel } = join(browserWith(takenLocks));
    const token = { value: 'e30.e30.c2ln', claims: {}, expiresAtMs: 1 };
    for (const data of [
      null,
      'signed_out',
      {},
      { kind: 'signed_out', reason: '__proto__' },
      { kind: 'signed_in', token },
    ])
      channel?.onmessage?.({ data });
    expect(heard).toEqual([]);
  });

  it('takes the claims of a shared token from the token itself, and no end after its own', async () => {
    const { heard, channel } = join(browserWith(takenLocks));
    const service = new ScriptedService();
    const { accessToken: value } = await service.pair({ ttlSeconds: 600 }).json<{ accessToken: string }>();
    const claims = { sub: 'eve-id', sid: 'other', username: 'eve', email: 'eve@example.com', iat: 1, exp: 2 };
    const data = { kind: 'signed_in', token: { value, claims, expiresAtMs: Date.now() + 86_400_000 } };
    channel?.onmessage?.({ data });
    const token = { value, claims: { username: 'ada' }, expiresAtMs: Date.now() + 600_000 };
    expect(heard).toMatchObject([{ kind: 'signed_in', token }]);
  });

  it('is waited for no longer than five seconds, and not at all after the end', async () => {
    const work = vi.fn(async (waited: boolean) => waited);
    const frozen = join(browserWith(takenLocks));
    const ran = frozen.tabs.exclusively(work);
    await vi.advanceTimersByTimeAsync(4_900);
    expect(work).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(await ran).toBe(true);

    work.mockClear();
    const { closing, tabs } = join(browserWith(takenLocks));
    const refused = tabs.exclusively(work).catch((error: unknown) => error);
    await eventually(() => expect(vi.getTimerCount()).toBe(1));
    closing.close();
    expect(await refused).toMatchObject({ name: 'LatchkeyError', code: 'closed' });
    expect(work).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
