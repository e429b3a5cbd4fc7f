// The client against responses of every kind. These tests run on workerd and on Node alike.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Client, type ClientState, createClient, LatchkeyError } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { BASE, problem, ScriptedService } from './scripted-service.ts';

let service: ScriptedService;
let client: Client;

beforeEach(() => {
  // Only what the client waits by: the rest of the platform keeps its own clock.
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: new Date('2026-03-01T12:00:00Z') });
  service = new ScriptedService();
  client = createClient({ baseUrl: BASE, fetch: service.fetch });
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

const signIn = () => client.login({ username: 'ada', password: 'a password' });
const untilAsked = (route: string, times: number) =>
  eventually(() => expect(service.count(route)).toBe(times));

describe('signing in', () => {
  it('gives out the token, and says who is signed in', async () => {
    service.on('POST /login', () => service.pair());
    await signIn();
    expect(await client.getAccessToken()).toMatch(/^e30\./);
    expect(client.state).toMatchObject({ status: 'signed_in', claims: { username: 'ada', sub: 'ada-id' } });
    expect(service.asked).toHaveLength(1);
  });

  it('by registering returns the user', async () => {
    const user = {
      id: 'ada-id',
      username: 'ada',
      email: 'ada@example.com',
      createdAt: '2026-03-01T12:00:00Z',
    };
    service.on('POST /register', () => service.pair({ member: { user } }));
    expect(await client.register({ username: 'ada', email: user.email, password: 'p' })).toEqual(user);
    expect(client.state.status).toBe('signed_in');
  });

  it('by registering returns the user and signs nobody in where the address has to be confirmed first', async () => {
    const user = {
      id: 'ada-id',
      username: 'ada',
      email: 'ada@example.com',
      createdAt: '2026-03-01T12:00:00Z',
    };
    service.on('POST /register', () => Response.json({ user }, { status: 201 }));
    expect(await client.register({ username: 'ada', email: user.email, password: 'p' })).toEqual(user);
    expect(client.state).toEqual({ status: 'signed_out', reason: 'no_session' });
    expect(service.asked).toHaveLength(1);
  });

  it('that is refused throws the code, the fields and the wait, and leaves the state', async () => {
    service.on('POST /login', () => problem(429, 'too_many_attempts', { 'Retry-After': '30' }));
    await expect(signIn()).rejects.toMatchObject({
      code: 'too_many_attempts',
      status: 429,
      retryAfterSeconds: 30,
    });
    expect(client.state).toEqual({ status: 'unknown', isRetrying: false });
  });

  it('without a response throws `network`, and is not repeated: the password may have been wrong', async () => {
    service.on('POST /login', () => {
      throw new TypeError('no route to host');
    });
    const refused = signIn();
    await expect(refused).rejects.toBeInstanceOf(LatchkeyError);
    await expect(refused).rejects.toMatchObject({ code: 'network' });
    expect(service.asked).toHaveLength(1);
  });

  it('throws what a proxy sends instead, in words', async () => {
    service.on('POST /login', () => new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await expect(signIn()).rejects.toMatchObject({ code: 'unavailable', status: 502 });
  });
});

describe('restoring', () => {
  it('signs in by the cookie alone', async () => {
    service.on('POST /refresh', () => service.pair());
    expect(await client.restore()).toBe(true);
    expect(client.state.status).toBe('signed_in');
  });

  it('without a session says so, and asks only once', async () => {
    service.on('POST /refresh', () => problem(401, 'unauthorized'));
    expect(await client.restore()).toBe(false);
    expect(client.state).toEqual({ status: 'signed_out', reason: 'no_session' });
    expect(await client.getAccessToken()).toBeUndefined();
    expect(service.asked).toHaveLength(1);
  });

  it('reads the code, so that a service that responds 406 is understood too', async () => {
    service.on('POST /refresh', () => problem(406, 'session_ended'));
    expect(await client.restore()).toBe(false);
    expect(client.state).toEqual({ status: 'signed_out', reason: 'session_ended' });
  });

  it('that is refused for another reason throws, and signs nobody out', async () => {
    service.on('POST /refresh', () => problem(403, 'origin_not_allowed'));
    await expect(client.restore()).rejects.toMatchObject({ code: 'origin_not_allowed' });
    expect(client.state.status).toBe('unknown');
  });

  it('that is refused after an outage is no longer tried, and the state says so', async () => {
    service.on('POST /refresh', () => problem(503, 'unavailable'));
    const restored = client.restore().catch((error: unknown) => error);
    await eventually(() => expect(client.state).toMatchObject({ isRetrying: true }));
    service.on('POST /refresh', () => problem(403, 'origin_not_allowed'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await restored).toMatchObject({ code: 'origin_not_allowed' });
    expect(client.state).toEqual({ status: 'unknown', isRetrying: false });
  });

  it.each([
    ['503', () => problem(503, 'unavailable', { 'Retry-After': '5' })],
    ['429', () => problem(429, 'too_many_attempts', { 'Retry-After': '5' })],
    ['no network', () => Promise.reject(new TypeError('offline'))],
  ])('during an outage (%s) keeps trying, and signs nobody out', async (_, answer) => {
    const states: ClientState[] = [];
    client.subscribe((state) => states.push(state));
    service.on('POST /refresh', answer);
    const restored = client.restore();
    await untilAsked('POST /refresh', 1);
    await vi.advanceTimersByTimeAsync(600_000);
    // Ten minutes of pauses that grow to a minute, each at random down to half of it.
    expect(service.count('POST /refresh')).toBeGreaterThanOrEqual(9);
    expect(service.count('POST /refresh')).toBeLessThanOrEqual(28);
    service.on('POST /refresh', () => service.pair());
    await vi.advanceTimersByTimeAsync(70_000);
    expect(await restored).toBe(true);
    expect(states.map(({ status }) => status)).not.toContainEqual('signed_out');
    expect(states).toContainEqual({ status: 'unknown', isRetrying: true });
    expect(states.at(-1)).toMatchObject({ status: 'signed_in', isRetrying: false });
  });

  it('asks once for all who wait, also during an outage', async () => {
    service.on('POST /refresh', () => problem(503, 'unavailable'));
    const waiting = Array.from({ length: 10 }, () => client.getAccessToken());
    await untilAsked('POST /refresh', 1);
    service.on('POST /refresh', () => service.pair());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
    expect(service.count('POST /refresh')).toBe(2);
  });

  it('asks no more once somebody has signed in meanwhile', async () => {
    service.on('POST /refresh', () => problem(503, 'unavailable'));
    service.on('POST /login', () => service.pair());
    const restored = client.restore();
    await untilAsked('POST /refresh', 1);
    await signIn();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await restored).toBe(true);
    expect(service.count('POST /refresh')).toBe(1);
  });

  it.each([
    [0, 500],
    [0.9999, 999],
  ])('pauses at random, so that many do not come back together: %d', async (random, pauseMs) => {
    const chance = vi.spyOn(Math, 'random').mockReturnValue(random);
    service.on('POST /refresh', () => problem(503, 'unavailable'));
    void client.restore();
    await untilAsked('POST /refresh', 1);
    await eventually(() => expect(vi.getTimerCount()).toBe(1));
    await vi.advanceTimersByTimeAsync(pauseMs - 50);
    expect(service.count('POST /refresh')).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(service.count('POST /refresh')).toBe(2);
    chance.mockRestore();
  });

  it('tries at once when the browser finds its network again', async () => {
    const listeners: (() => void)[] = [];
    vi.stubGlobal('addEventListener', (type: string, listener: () => void) => {
      if (type === 'online') listeners.push(listener);
    });
    service.on('POST /refresh', () => Promise.reject(new TypeError('offline')));
    const restored = client.restore();
    await eventually(() => expect(listeners).toHaveLength(1));
    service.on('POST /refresh', () => service.pair());
    listeners[0]?.();
    expect(await restored).toBe(true);
    vi.unstubAllGlobals();
  });

  it('gives up a call that hangs, and tries again', async () => {
    const deadline = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(deadline.signal);
    const hanging = createClient({
      baseUrl: BASE,
      fetch: (input, init) =>
        service.asked.length > 0
          ? service.fetch(input, init)
          : new Promise((_, reject) => {
              init?.signal?.addEventListener('abort', () => reject(new Error('too late')));
              service.asked.push({ method: 'POST', path: '/refresh', authorization: null });
            }),
    });
    service.on('POST /refresh', () => service.pair());
    const restored = hanging.restore();
    await untilAsked('POST /refresh', 1);
    deadline.abort();
    await eventually(() => expect(hanging.state).toMatchObject({ isRetrying: true }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await restored).toBe(true);
    expect(timeout).toHaveBeenCalledWith(15_000);
    timeout.mockRestore();
  });

  it('waits as long as Retry-After says', async () => {
    service.on('POST /refresh', () => problem(503, 'unavailable', { 'Retry-After': '20' }));
    void client.restore();
    await untilAsked('POST /refresh', 1);
    await vi.advanceTimersByTimeAsync(19_900);
    expect(service.count('POST /refresh')).toBe(1);
    await vi.advanceTimersByTimeAsync(1_200);
    await untilAsked('POST /refresh', 2);
  });
});

describe('an access token', () => {
  it('is refreshed shortly before it expires', async () => {
    service.on('POST /login', () => service.pair()).on('POST /refresh', () => service.pair());
    await signIn();
    const first = await client.getAccessToken();
    vi.setSystemTime(Date.now() + 569_000);
    expect(await client.getAccessToken()).toBe(first);
    vi.setSystemTime(Date.now() + 2_000);
    expect(await client.getAccessToken()).not.toBe(first);
    expect(service.count('POST /refresh')).toBe(1);
  });

  it('of a short life is kept for nine tenths of it', async () => {
    service.on('POST /login', () => service.pair({ ttlSeconds: 20 }));
    service.on('POST /refresh', () => service.pair({ ttlSeconds: 20 }));
    await signIn();
    const first = await client.getAccessToken();
    vi.setSystemTime(Date.now() + 17_000);
    expect(await client.getAccessToken()).toBe(first);
    vi.setSystemTime(Date.now() + 1_500);
    expect(await client.getAccessToken()).not.toBe(first);
  });

  it('that cannot be renewed, since the cookie has run out, is the end of a session too', async () => {
    service.on('POST /login', () => service.pair());
    service.on('POST /refresh', () => problem(401, 'unauthorized'));
    await signIn();
    expect(await client.getAccessToken({ refresh: true })).toBeUndefined();
    expect(client.state).toEqual({ status: 'signed_out', reason: 'session_ended' });
  });

  it('stays with its own client: several people may share a process', async () => {
    // Between pages tokens travel by channels: where no page is, none is opened.
    const channels: string[] = [];
    vi.stubGlobal(
      'BroadcastChannel',
      class {
        constructor(name: string) {
          channels.push(name);
        }
        postMessage() {}
        close() {}
      },
    );
    const [first, other] = [1, 2].map(() => createClient({ baseUrl: BASE, fetch: service.fetch }));
    service.on('POST /login', () => service.pair());
    await first?.login({ username: 'ada', password: 'a password' });
    expect([first?.state.status, other?.state.status]).toEqual(['signed_in', 'unknown']);
    expect(channels).toEqual([]);
    first?.close();
    other?.close();
    vi.unstubAllGlobals();
  });

  it.each([-3600, 3600])(
    'is judged by the clock of the server when ours is %i seconds off',
    async (seconds) => {
      const date = () => new Date(Date.now() + seconds * 1000);
      service.on('POST /login', () => service.pair({ date: date() }));
      service.on('POST /refresh', () => service.pair({ date: date() }));
      await signIn();
      const first = await client.getAccessToken();
      vi.setSystemTime(Date.now() + 560_000);
      expect(await client.getAccessToken()).toBe(first);
      vi.setSystemTime(Date.now() + 20_000);
      expect(await client.getAccessToken()).not.toBe(first);
    },
  );

  it('is refreshed once for all who ask at the same time', async () => {
    service.on('POST /refresh', () => service.pair());
    const tokens = await Promise.all(Array.from({ length: 20 }, () => client.getAccessToken()));
    expect(new Set(tokens).size).toBe(1);
    expect(service.count('POST /refresh')).toBe(1);
  });

  it('can be given up on by one who asks, while the others wait', async () => {
    let answer = (_: Response) => {};
    service.on(
      'POST /refresh',
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const abort = new AbortController();
    const impatient = client.getAccessToken({ signal: abort.signal });
    const patient = client.getAccessToken();
    await untilAsked('POST /refresh', 1);
    abort.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    answer(service.pair());
    expect(await patient).toMatch(/^e30\./);
  });
});

describe('fetch', () => {
  beforeEach(async () => {
    service.on('POST /login', () => service.pair()).on('POST /refresh', () => service.pair());
    await signIn();
  });

  it('sends the token', async () => {
    service.on('GET /api', () => new Response('fine'));
    const answer = await client.fetch(`${BASE}/api`);
    expect(await answer.text()).toBe('fine');
    expect(service.asked.at(-1)?.authorization).toBe(`Bearer ${await client.getAccessToken()}`);
  });

  it('tries a 401 once more with a new token, body included', async () => {
    const first = await client.getAccessToken();
    service.on('POST /api', ({ authorization }) =>
      authorization === `Bearer ${first}` ? new Response(null, { status: 401 }) : new Response('fine'),
    );
    const answer = await client.fetch(`${BASE}/api`, { method: 'POST', body: 'text' });
    expect(answer.status).toBe(200);
    expect(service.count('POST /api')).toBe(2);
    expect(service.count('POST /refresh')).toBe(1);
  });

  it('hands on a second 401', async () => {
    service.on('GET /api', () => new Response(null, { status: 401 }));
    expect((await client.fetch(`${BASE}/api`)).status).toBe(401);
    expect(service.count('GET /api')).toBe(2);
  });

  it('of many that meet a 401 together refreshes once', async () => {
    const first = await client.getAccessToken();
    service.on(
      'GET /api',
      ({ authorization }) => new Response(null, { status: authorization === `Bearer ${first}` ? 401 : 200 }),
    );
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.fetch(`${BASE}/api`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(service.count('POST /refresh')).toBe(1);
  });

  it('hands on the 401 of a session that has ended, signs out, and tells why', async () => {
    service.on('GET /api', () => new Response(null, { status: 401 }));
    service.on('POST /refresh', () => problem(401, 'session_ended'));
    expect((await client.fetch(`${BASE}/api`)).status).toBe(401);
    expect(client.state).toEqual({ status: 'signed_out', reason: 'session_ended' });
    expect(service.count('GET /api')).toBe(1);
  });

  it('sends no token when nobody is signed in', async () => {
    service.on('POST /logout', () => new Response(null, { status: 204 }));
    service.on('GET /api', () => new Response(null, { status: 401 }));
    await client.logout();
    expect((await client.fetch(`${BASE}/api`)).status).toBe(401);
    expect(service.asked.at(-1)).toEqual({ method: 'GET', path: '/api', authorization: null });
  });
});

describe('a call to the service that needs a token first', () => {
  it('throws what refused the token, and not that nobody responded', async () => {
    service.on('POST /refresh', () => problem(403, 'origin_not_allowed'));
    await expect(client.sessions.list()).rejects.toMatchObject({ code: 'origin_not_allowed', status: 403 });
  });
});

describe('signing out', () => {
  beforeEach(async () => {
    service.on('POST /login', () => service.pair());
    await signIn();
  });

  it('forgets the token', async () => {
    service.on('POST /logout', () => new Response(null, { status: 204 }));
    await client.logout();
    expect(client.state).toEqual({ status: 'signed_out', reason: 'signed_out' });
    expect(await client.getAccessToken()).toBeUndefined();
  });

  it('throws when the service cannot be told, and then nobody is signed out', async () => {
    service.on('POST /logout', () => problem(503, 'unavailable'));
    await expect(client.logout()).rejects.toMatchObject({ code: 'unavailable' });
    expect(client.state.status).toBe('signed_in');
  });

  it('waits for a refresh that is on its way, whose cookie would come after', async () => {
    const order: string[] = [];
    let answer = () => {};
    service.on(
      'POST /refresh',
      () =>
        new Promise((resolve) => {
          answer = () => {
            order.push('refreshed');
            resolve(service.pair());
          };
        }),
    );
    service.on('POST /logout', () => {
      order.push('signed out');
      return new Response(null, { status: 204 });
    });
    const refreshed = client.getAccessToken({ refresh: true });
    await untilAsked('POST /refresh', 1);
    const signedOut = client.logout();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(order).toEqual([]);
    answer();
    await Promise.all([refreshed, signedOut]);
    expect(order).toEqual(['refreshed', 'signed out']);
    expect(client.state.status).toBe('signed_out');
  });

  it.each(['end', 'endAll'] as const)('is what sessions.%s does to the current session', async (name) => {
    service.on('DELETE /sessions/session', () => new Response(null, { status: 204 }));
    service.on('DELETE /sessions', () => new Response(null, { status: 204 }));
    await client.sessions[name]('session');
    expect(client.state).toEqual({ status: 'signed_out', reason: 'signed_out' });
  });

  it('is not what ending others does', async () => {
    service.on('DELETE /sessions/other', () => new Response(null, { status: 204 }));
    service.on('DELETE /sessions', () => new Response(null, { status: 204 }));
    service.on('DELETE /sessions/a%2Fb', () => new Response(null, { status: 204 }));
    await client.sessions.end('a/b');
    await client.sessions.end('other');
    await client.sessions.endOthers();
    expect(client.state.status).toBe('signed_in');
    expect(service.asked.at(-1)?.path).toBe('/sessions?keep=current');
  });
});

describe('registering a second account whose address has to be confirmed first', () => {
  const user = { id: 'bob-id', username: 'bob', email: 'bob@example.com', createdAt: '2026-03-01T12:00:00Z' };
  beforeEach(async () => {
    service.on('POST /login', () => service.pair());
    service.on('POST /register', () => Response.json({ user }, { status: 201 }));
    await signIn();
  });
  const register = () => client.register({ username: 'bob', email: user.email, password: 'p' });

  it('ends the session of the first, as every registration does', async () => {
    service.on('POST /logout', () => new Response(null, { status: 204 }));
    expect(await register()).toEqual(user);
    expect(service.count('POST /logout')).toBe(1);
    expect(client.state).toEqual({ status: 'signed_out', reason: 'signed_out' });
    expect(await client.getAccessToken()).toBeUndefined();
  });

  it('says that the first is still signed in when the service cannot be told', async () => {
    service.on('POST /logout', () => problem(503, 'unavailable'));
    expect(await register()).toEqual(user);
    expect(client.state).toMatchObject({ status: 'signed_in', claims: { username: 'ada' } });
  });
});

describe('a base that is no URL here', () => {
  it.each([
    '/auth',
    './',
    '',
    'localhost:8787',
    'ftp://auth.test',
    'http://[',
    undefined as unknown as string,
  ])('fails no creation, and is named by the first call: %s', async (baseUrl) => {
    const lost = createClient({ baseUrl, fetch: service.fetch });
    expect(lost.state.status).toBe('unknown');
    for (const refused of [lost.restore(), lost.login({ username: 'ada', password: 'p' }), lost.logout()]) {
      await expect(refused).rejects.toBeInstanceOf(LatchkeyError);
      await expect(refused).rejects.toMatchObject({ code: 'invalid_base_url', isTemporary: false });
      await expect(refused).rejects.toThrow(`"${baseUrl}"`);
    }
    expect(service.asked).toEqual([]);
    lost.close();
  });

  it('is none where it is absolute, although nothing of the platform may be used before the first request', () => {
    vi.stubGlobal('AbortController', undefined);
    vi.stubGlobal('AbortSignal', undefined);
    createClient({ baseUrl: BASE }).close();
    vi.unstubAllGlobals();
  });
});

describe('a rejection', () => {
  beforeEach(async () => {
    service.on('POST /login', () => service.pair());
    await signIn();
  });

  it.each([
    ['an address that is none', () => client.fetch('http://[')],
    ['a method that is none', () => client.fetch(BASE, { method: 'a b' })],
    ['a body where none may be', () => client.fetch(BASE, { body: 'text' })],
    ['an id that is no text', () => client.sessions.end('\ud800')],
    ['an id that names another path', () => client.sessions.end('..')],
    ['no id', () => client.sessions.end('')],
    ['details that are no JSON', () => client.login({ username: 1n as unknown as string, password: 'p' })],
  ])('for %s says that the request cannot be made, and none is', async (_, ask) => {
    const refused = ask();
    await expect(refused).rejects.toBeInstanceOf(LatchkeyError);
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request', isTemporary: false });
    expect(service.asked).toHaveLength(1);
  });

  it('of a request to another API without a response is `network`, with the cause', async () => {
    const cause = new TypeError('no route to host');
    service.on('GET /api', () => Promise.reject(cause));
    const refused = client.fetch(`${BASE}/api`);
    await expect(refused).rejects.toBeInstanceOf(LatchkeyError);
    await expect(refused).rejects.toMatchObject({ code: 'network', cause });
  });

  it.each([new Error('enough'), 'enough', undefined])(
    'after the caller has given up is the reason of the signal: %s',
    async (reason) => {
      const abort = new AbortController();
      service.on('GET /api', () => new Promise(() => undefined));
      const fetch = ((input: RequestInfo | URL, init?: RequestInit) => {
        const { signal } = new Request(input, init);
        const gone = new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(new TypeError('gone')));
        });
        return Promise.race([gone, service.fetch(input, init)]);
      }) as typeof globalThis.fetch;
      const patient = createClient({ baseUrl: BASE, fetch });
      await patient.login({ username: 'ada', password: 'p' });
      const given = patient.fetch(`${BASE}/api`, { signal: abort.signal });
      await untilAsked('GET /api', 1);
      abort.abort(reason);
      const error = await given.catch((thrown: unknown) => thrown);
      expect(error).toBe(abort.signal.reason);
      patient.close();
    },
  );
});

describe('a listener', () => {
  it('that throws fails neither the call nor the other listeners', async () => {
    const heard: string[] = [];
    const reported = vi.spyOn(Promise, 'reject').mockReturnValue(new Promise<never>(() => undefined));
    const fault = new Error('the page is broken');
    client.subscribe(({ status }) => {
      if (status === 'signed_in') throw fault;
    });
    client.subscribe(({ status }) => heard.push(status));
    service.on('POST /login', () => service.pair());
    await signIn();
    expect(heard).toEqual(['unknown', 'signed_in']);
    expect(reported).toHaveBeenCalledExactlyOnceWith(fault);
    reported.mockRestore();
  });

  it('hears the state now and at every change, until it leaves', async () => {
    const heard: string[] = [];
    const leave = client.subscribe(({ status }) => heard.push(status));
    service.on('POST /login', () => service.pair());
    service.on('POST /logout', () => new Response(null, { status: 204 }));
    await signIn();
    leave();
    await client.logout();
    expect(heard).toEqual(['unknown', 'signed_in']);
  });
});

describe('a service below a path', () => {
  it.each(['https://example.com/auth', 'https://example.com/auth/'])(
    'is asked below it: %s',
    async (baseUrl) => {
      const mounted = createClient({ baseUrl, fetch: service.fetch });
      service.on('POST /auth/refresh', () => problem(401, 'unauthorized'));
      expect(await mounted.restore()).toBe(false);
    },
  );
});
