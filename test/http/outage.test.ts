// Storage that does not respond: 503, and nobody is signed out by it.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { breakDirectory, brokenAccounts, interceptAccounts, platformError } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { decodePayload, PASSWORD, type Person, readCookie, Service, uniqueName } from '../support/service.ts';
import { findInDirectory, listStoredUsernames, readSessions } from '../support/storage.ts';

const service = new Service();
const registration = (name: string) => ({
  username: name,
  email: `${name}@example.com`,
  password: PASSWORD,
});

const calls: [string, string, (ada: Person) => object][] = [
  ['POST', '/register', () => ({ json: registration(uniqueName()) })],
  ['POST', '/login', ({ name }) => ({ json: { username: name, password: PASSWORD } })],
  ['POST', '/refresh', () => ({})],
  ['POST', '/logout', () => ({})],
  ['GET', '/me', () => ({})],
  ['GET', '/sessions', () => ({})],
  ['DELETE', '/sessions', () => ({})],
  ['DELETE', '/sessions/{sid}', () => ({})],
];

describe('while accounts do not respond', () => {
  it.each(calls)(
    '%s %s is 503, shows nothing inner, and the cookie still holds',
    async (method, path, parts) => {
      const ada = await service.register();
      const failing = new Service({ ACCOUNT: brokenAccounts() });
      const response = await failing.fetch(path.replace('{sid}', ada.sid), {
        method,
        cookie: ada.cookie,
        bearer: ada.accessToken,
        ...parts(ada),
      });
      const text = await response.clone().text();
      await expectProblem(response, 503, 'unavailable');
      expect(text).not.toMatch(/reference|internal|account|directory/);
      expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 1 }]);
      expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
    },
  );

  it('claims no name for an account that was not made', async () => {
    const name = uniqueName();
    const failing = new Service({ ACCOUNT: brokenAccounts() });
    expect((await failing.post('/register', { json: registration(name) })).status).toBe(503);
    expect(await findInDirectory(name)).toBeUndefined();
    expect((await service.post('/register', { json: registration(name) })).status).toBe(201);
  });

  it('responds 503 when an account says nothing at all for 15 seconds', async () => {
    const ada = await service.register();
    stopTimers();
    const asked = Promise.withResolvers<void>();
    const silent = interceptAccounts(() => {
      asked.resolve();
      return new Promise(() => {});
    });
    const pending = new Service({ ACCOUNT: silent }).post('/refresh', { cookie: ada.cookie });
    await asked.promise;
    await vi.advanceTimersByTimeAsync(15_000);
    await expectProblem(await pending, 503, 'unavailable');
  });

  it('waits no longer than for the response: no timer is left behind', async () => {
    const ada = await service.register();
    stopTimers();
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
    const failing = new Service({ ACCOUNT: brokenAccounts() });
    expect((await failing.post('/refresh', { cookie: ada.cookie })).status).toBe(503);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves health and the key set as they are', async () => {
    const failing = new Service({ ACCOUNT: brokenAccounts(), DIRECTORY: breakDirectory() });
    expect((await failing.fetch('/health')).status).toBe(200);
    expect((await failing.fetch('/.well-known/jwks.json')).status).toBe(200);
  });
});

describe('while the directory does not respond', () => {
  const failing = new Service({ DIRECTORY: breakDirectory() });

  it('nobody new signs in or registers', async () => {
    const ada = await service.register();
    const name = uniqueName();
    const json = { username: ada.name, password: PASSWORD };
    await expectProblem(await failing.post('/login', { json, cookie: ada.cookie }), 503, 'unavailable');
    const registering = await failing.post('/register', { json: registration(name), cookie: ada.cookie });
    await expectProblem(registering, 503, 'unavailable');
    expect(await listStoredUsernames()).not.toContainEqual(name);
    expect((await readSessions(ada.id)).map(({ sid }) => sid)).toEqual([ada.sid]);
  });

  it('whoever is signed in notices nothing: no other endpoint asks it', async () => {
    const ada = await service.register();
    const { cookie, accessToken: bearer } = ada;
    expect((await failing.fetch('/me', { bearer })).status).toBe(200);
    expect((await failing.fetch('/sessions', { bearer })).status).toBe(200);
    expect((await failing.post('/refresh', { cookie })).status).toBe(200);
    expect((await failing.fetch('/sessions?keep=current', { method: 'DELETE', bearer })).status).toBe(204);
    expect((await failing.post('/logout', { cookie })).status).toBe(204);
    expect(await readSessions(ada.id)).toEqual([]);
  });
});

describe('a response that is lost on its way', () => {
  const losing = (lost: string, details: object = {}) => {
    let calls = 0;
    const ACCOUNT = interceptAccounts(async (method, proceed) => {
      const result = await proceed();
      if (method !== lost) return result;
      calls += 1;
      if (calls === 1) throw platformError(details);
      return result;
    });
    return { losing: new Service({ ACCOUNT }), count: () => calls };
  };

  it('of a refresh: the same cookie, sent again, brings the successor', async () => {
    const ada = await service.register();
    const { losing: once } = losing('refresh');
    await expectProblem(await once.post('/refresh', { cookie: ada.cookie }), 503, 'unavailable');
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 2 }]);
    const again = await service.post('/refresh', { cookie: ada.cookie });
    expect(again.status).toBe(200);
    expect(decodePayload(readCookie(again) ?? '').ctr).toBe(2);
    expect(await readSessions(ada.id)).toMatchObject([{ counter: 2 }]);
  });

  it('of a refresh is asked for again at once when the platform says that it may be', async () => {
    const ada = await service.register();
    const { losing: once, count } = losing('refresh', { retryable: true });
    const response = await once.post('/refresh', { cookie: ada.cookie });
    expect(response.status).toBe(200);
    expect(decodePayload(readCookie(response) ?? '').ctr).toBe(2);
    expect(count()).toBe(2);
  });

  it('is not asked for again when the platform is overloaded, nor for a sign-in at all', async () => {
    const ada = await service.register();
    const overloaded = losing('refresh', { retryable: true, overloaded: true });
    expect((await overloaded.losing.post('/refresh', { cookie: ada.cookie })).status).toBe(503);
    expect(overloaded.count()).toBe(1);
    const signIn = losing('signIn', { retryable: true });
    const json = { username: ada.name, password: PASSWORD };
    expect((await signIn.losing.post('/login', { json })).status).toBe(503);
    expect(signIn.count()).toBe(1);
  });

  it('of a sign-out keeps the cookie, so that it can be sent again', async () => {
    const ada = await service.register();
    const { losing: once } = losing('signOut');
    await expectProblem(await once.post('/logout', { cookie: ada.cookie }), 503, 'unavailable');
    expect((await once.post('/logout', { cookie: ada.cookie })).status).toBe(204);
  });
});

describe('the session that a sign-in replaces', () => {
  it('does not hold the sign-in up when its account does not respond', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const ACCOUNT = interceptAccounts((method, proceed) =>
      method === 'signOut' ? Promise.reject(platformError()) : proceed(),
    );
    const response = await new Service({ ACCOUNT }).post('/login', {
      json: { username: ada.name, password: PASSWORD },
      cookie: bob.cookie,
    });
    expect(response.status).toBe(200);
    expect(decodePayload(readCookie(response) ?? '').sub).toBe(ada.id);
    expect(await readSessions(ada.id)).toHaveLength(2);
  });
});

function stopTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}
