import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readStored } from '../support/account.ts';
import { expectOutage, type Fault, Faults, fails, readSessions } from '../support/faults.ts';
import { accountOf, PASSWORD, readCookie, Service, uniqueName } from '../support/service.ts';

const faults = new Faults();
const service = new Service({ ...faults.bindings(), RATE_LIMIT: 'on' });

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  faults.clear();
  vi.restoreAllMocks();
});

/** Only the account method that was called last fails. */
const failsAt = (method: string): Fault => {
  const fault = fails();
  return (call) => (faults.calls.at(-1) === method ? fault(call) : call());
};

describe('the session that a sign-in replaces', () => {
  it('stays when it cannot be ended, and the sign-in stands', async () => {
    const ada = await service.register();
    faults.account = failsAt('signOut');
    const json = { username: ada.name, password: PASSWORD };
    const response = await service.post('/login', { json, cookie: ada.cookie });
    expect(response.status).toBe(200);
    const cookie = readCookie(response) ?? '';
    expect(faults.calls).toContain('signOut');
    expect(await readSessions(ada.id)).toHaveLength(2);
    faults.clear();
    expect((await service.post('/refresh', { cookie })).status).toBe(200);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });

  it('stays when it cannot be ended, and the sign-up stands', async () => {
    const [ada, name] = [await service.register(), uniqueName()];
    faults.account = failsAt('signOut');
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    const response = await service.post('/register', { json, cookie: ada.cookie });
    expect(response.status).toBe(201);
    expect(faults.calls).toContain('signOut');
    expect((await service.post('/refresh', { cookie: readCookie(response) ?? '' })).status).toBe(200);
    expect(await readSessions(ada.id)).toHaveLength(1);
  });

  it('is not ended by a sign-in that an outage refused', async () => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    faults.account = failsAt('signIn');
    const json = { username: ada.name, password: PASSWORD };
    await expectOutage(await service.post('/login', { json, cookie: ada.cookie }));
    expect(await readStored(accountOf(ada.id))).toEqual(before);
  });
});

describe('a sign-out during an outage', () => {
  it('responds 503, keeps the cookie and the session, and works when the outage is over', async () => {
    const ada = await service.register();
    faults.account = fails();
    await expectOutage(await service.post('/logout', { cookie: ada.cookie }));
    expect(await readSessions(ada.id)).toEqual([{ sid: ada.sid, counter: 1 }]);
    faults.clear();
    const response = await service.post('/logout', { cookie: ada.cookie });
    expect(response.status).toBe(204);
    expect(readCookie(response)).toBe('');
    expect(await readSessions(ada.id)).toEqual([]);
  });

  it('responds 503 when only the second of two cookies could not be ended', async () => {
    const [ada, grace] = [await service.register(), await service.register()];
    faults.clear();
    faults.account = (call) => (faults.calls.length === 2 ? fails()(call) : call());
    const headers = { Cookie: `__Host-jwt=${ada.cookie}; __Host-jwt=${grace.cookie}` };
    await expectOutage(await service.post('/logout', { headers }));
    expect(await readSessions(ada.id)).toEqual([]);
    expect(await readSessions(grace.id)).toHaveLength(1);
    faults.clear();
    expect((await service.post('/logout', { headers })).status).toBe(204);
    expect(await readSessions(grace.id)).toEqual([]);
  });
});

describe('a limiter that does not respond', () => {
  it('lets sign-up, sign-in and refresh pass', async () => {
    let asked = 0;
    faults.limiter = (call) => {
      asked += 1;
      return fails()(call);
    };
    const ada = await service.register();
    await service.login(ada.name);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
    expect(asked).toBe(3);
  });

  it('leaves the throttle of the account in force', async () => {
    const ada = await service.register();
    faults.limiter = fails();
    const statuses = [];
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      const json = { username: ada.name, password: 'wrong' };
      statuses.push((await service.post('/login', { json })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401, 429]);
  });
});
