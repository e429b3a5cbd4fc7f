import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { readStored } from '../support/account.ts';
import {
  execInAccount,
  expectOutage,
  Faults,
  fails,
  loginEndpoint,
  resetDuringCalls,
  sessionEndpoints,
} from '../support/faults.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const faults = new Faults();
const service = new Service(faults.bindings());
const endpoints = [...sessionEndpoints, loginEndpoint];

let log: MockInstance<typeof console.error>;

beforeEach(() => {
  log = vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  faults.clear();
  vi.restoreAllMocks();
});

/** Ways in which the platform says that an account did not respond. */
const outages: [string, object][] = [
  ['does not respond', {}],
  ['is restarting', { retryable: true }],
  ['is overloaded', { overloaded: true }],
  ['is overloaded and says to try again', { overloaded: true, retryable: true }],
  ['was reset', { durableObjectReset: true, remote: true }],
];

describe.each(outages)('while the account %s', (_, details) => {
  it('every endpoint responds 503, keeps the cookie and changes nothing', async () => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    faults.account = fails(details);
    for (const { send } of endpoints) await expectOutage(await send(service, ada));
    expect(await readStored(accountOf(ada.id))).toEqual(before);
    faults.clear();
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });

  it('a sign-up responds 503, and the names are still free afterwards', async () => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com`, password: PASSWORD };
    faults.account = fails(details);
    await expectOutage(await service.post('/register', { json }));
    expect(faults.calls).toEqual(['SELECT', 'register']);
    faults.clear();
    expect((await service.post('/register', { json })).status).toBe(201);
  });
});

describe('after an outage of the account', () => {
  it.each(endpoints.map((endpoint) => [endpoint.name, endpoint] as const))(
    '%s does what it was asked, as if nothing had been',
    async (_, endpoint) => {
      const ada = await service.register();
      faults.account = fails();
      await expectOutage(await endpoint.send(service, ada));
      faults.clear();
      expect((await endpoint.send(service, ada)).status).toBe(endpoint.status);
    },
  );
});

describe('an account that really fails', () => {
  it('responds 503 while its code throws, and changes nothing', async () => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    await execInAccount(ada.id, 'ALTER TABLE session RENAME TO session_away');
    for (const { send } of endpoints) await expectOutage(await send(service, ada));
    await execInAccount(ada.id, 'ALTER TABLE session_away RENAME TO session');
    expect(await readStored(accountOf(ada.id))).toEqual(before);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });

  it('responds 503 when it is reset in the middle of a call, and works at the next request', async () => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    resetDuringCalls();
    for (const { send } of endpoints) await expectOutage(await send(service, ada));
    vi.restoreAllMocks();
    expect(await readStored(accountOf(ada.id))).toEqual(before);
    expect((await service.post('/refresh', { cookie: ada.cookie })).status).toBe(200);
  });

  it('does not touch another account', async () => {
    const [ada, grace] = [await service.register(), await service.register()];
    await execInAccount(ada.id, 'ALTER TABLE session RENAME TO session_away');
    await expectOutage(await service.post('/refresh', { cookie: ada.cookie }));
    expect((await service.post('/refresh', { cookie: grace.cookie })).status).toBe(200);
  });
});

describe('an outage', () => {
  it('is logged as one, with the id of the account and what was thrown, without its message', async () => {
    const ada = await service.register();
    faults.account = fails();
    await expectOutage(await service.post('/refresh', { cookie: ada.cookie }));
    const line = {
      event: 'POST /refresh',
      status: 503,
      code: 'unavailable',
      reason: 'account_unavailable',
      accountId: ada.id,
      sessionId: ada.sid,
      requestId: expect.any(String),
      ms: expect.any(Number),
      fault: expect.arrayContaining([expect.stringMatching(/^\w*Error/)]),
    };
    expect(log.mock.calls.map(([text]) => JSON.parse(String(text)))).toEqual([line]);
  });

  it('leaves alone what needs no storage: health, keys, and tokens that are no good', async () => {
    faults.account = fails();
    faults.directory = fails();
    expect((await service.fetch('/health')).status).toBe(200);
    expect((await service.fetch('/.well-known/jwks.json')).status).toBe(200);
    expect((await service.post('/refresh', { cookie: 'forged' })).status).toBe(401);
    expect((await service.fetch('/me', { bearer: 'forged' })).status).toBe(401);
    expect((await service.post('/logout', { cookie: 'forged' })).status).toBe(204);
    expect(faults.calls).toEqual([]);
  });
});
