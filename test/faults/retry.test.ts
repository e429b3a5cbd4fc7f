import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import {
  type Endpoint,
  expectOutage,
  Faults,
  fails,
  loginEndpoint,
  losesResponse,
  once,
  readSessions,
  sessionEndpoints,
} from '../support/faults.ts';
import { accountOf, PASSWORD, readCookie, Service, uniqueName } from '../support/service.ts';

const faults = new Faults();
const service = new Service(faults.bindings());

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  faults.clear();
  vi.restoreAllMocks();
});

/** Calls that do no harm twice, and the account's method behind each. */
const REPEATED: Record<string, string> = {
  'POST /refresh': 'refresh',
  'GET /me': 'describe',
  'GET /sessions': 'listSessions',
};
const repeated = named(sessionEndpoints.filter(({ name }) => name in REPEATED));
const single = named([...sessionEndpoints, loginEndpoint].filter(({ name }) => !(name in REPEATED)));

function named(endpoints: Endpoint[]): (readonly [string, Endpoint])[] {
  return endpoints.map((endpoint) => [endpoint.name, endpoint] as const);
}

describe('an account that moves while it is called', () => {
  it.each(repeated)(
    'is asked again by %s, on a new stub, and the client notices nothing',
    async (_, endpoint) => {
      const ada = await service.register();
      faults.clear();
      faults.account = once(fails({ retryable: true }));
      expect((await endpoint.send(service, ada)).status).toBe(200);
      expect(faults.calls).toEqual(Array(2).fill(REPEATED[endpoint.name]));
      expect(faults.opened).toHaveLength(2);
    },
  );

  it.each(repeated)('is asked by %s twice at most', async (_, endpoint) => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    faults.clear();
    faults.account = fails({ retryable: true });
    await expectOutage(await endpoint.send(service, ada));
    expect(faults.calls).toEqual(Array(2).fill(REPEATED[endpoint.name]));
    expect(await readStored(accountOf(ada.id))).toEqual(before);
  });

  it.each(single)('is not asked again by %s', async (_, endpoint) => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    faults.clear();
    faults.account = fails({ retryable: true });
    await expectOutage(await endpoint.send(service, ada));
    expect(faults.opened).toHaveLength(1);
    expect(await readStored(accountOf(ada.id))).toEqual(before);
  });

  it('is not asked again by a sign-up', async () => {
    const name = uniqueName();
    faults.account = fails({ retryable: true });
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    await expectOutage(await service.post('/register', { json }));
    expect(faults.calls).toEqual(['SELECT', 'register']);
  });
});

describe('an error that does not say that it may be tried again', () => {
  const errors: [string, object][] = [
    ['an overloaded account', { overloaded: true, retryable: true }],
    ['an account that fails for another reason', {}],
    ['an exception in its code', { remote: true }],
  ];

  it.each(errors)('makes no second call: %s', async (_, details) => {
    const ada = await service.register();
    for (const [, { send }] of repeated) {
      faults.clear();
      faults.account = fails(details);
      await expectOutage(await send(service, ada));
      expect(faults.opened).toHaveLength(1);
    }
  });
});

describe('a response that was lost on its way', () => {
  it('is replaced by the same one when the call is repeated: a refresh rotates once', async () => {
    const ada = await service.register();
    faults.account = once(losesResponse({ retryable: true }));
    const response = await service.post('/refresh', { cookie: ada.cookie });
    expect(response.status).toBe(200);
    expect(await readSessions(ada.id)).toEqual([{ sid: ada.sid, counter: 2 }]);
    faults.clear();
    const replayed = await service.post('/refresh', { cookie: ada.cookie });
    expect(readCookie(replayed)).toBe(readCookie(response));
  });

  it('comes again when the client asks again, byte for byte, for as long as the window is open', async () => {
    freezeClock();
    const ada = await service.register();
    faults.account = losesResponse();
    await expectOutage(await service.post('/refresh', { cookie: ada.cookie }));
    await expectOutage(await service.post('/refresh', { cookie: ada.cookie }));
    faults.clear();
    const stored = await readSessions(ada.id);
    expect(stored).toEqual([{ sid: ada.sid, counter: 2 }]);
    passSeconds(29);
    const first = await service.post('/refresh', { cookie: ada.cookie });
    const second = await service.post('/refresh', { cookie: ada.cookie });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(readCookie(first)).toBe(readCookie(second));
    expect(await readSessions(ada.id)).toEqual(stored);
    expect((await service.post('/refresh', { cookie: readCookie(first) ?? '' })).status).toBe(200);
  });

  it('of a sign-in leaves one session that nobody holds, never two; the next sign-in works', async () => {
    const ada = await service.register();
    faults.account = losesResponse({ retryable: true });
    await expectOutage(await loginEndpoint.send(service, { ...ada, cookie: '' }));
    expect(await readSessions(ada.id)).toHaveLength(2);
    faults.clear();
    await service.login(ada.name);
    expect(await readSessions(ada.id)).toHaveLength(3);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });

  it('of a sign-out is a 503 that keeps the cookie, and the second try clears it', async () => {
    const ada = await service.register();
    faults.account = losesResponse();
    await expectOutage(await service.post('/logout', { cookie: ada.cookie }));
    expect(await readSessions(ada.id)).toEqual([]);
    faults.clear();
    const again = await service.post('/logout', { cookie: ada.cookie });
    expect(again.status).toBe(204);
    expect(readCookie(again)).toBe('');
  });
});
