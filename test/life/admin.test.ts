import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { findAccountId } from '../../src/directory/directory.ts';
import { NOTHING, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { Faults } from '../support/faults.ts';
import { captureLogs } from '../support/logs.ts';
import { awaitMail, deliveriesTo, readLinkToken } from '../support/mailbox.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { adminRoutes } from '../support/routes.ts';
import { accountOf, PASSWORD, type Person, Service, uniqueName } from '../support/service.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const service = new Service({ ADMIN_TOKEN });

function ask(
  method: string,
  path: string,
  parts: { json?: unknown; operator?: string } = {},
): Promise<Response> {
  const { json, operator = 'grace+ops' } = parts;
  return service.fetch(`/admin/accounts${path}`, {
    method,
    bearer: ADMIN_TOKEN,
    headers: { 'X-Operator': operator },
    ...(json !== undefined && { json }),
  });
}

async function show(
  id: string,
): Promise<Record<string, unknown> & { sessions: unknown[]; events: Record<string, unknown>[] }> {
  return (await ask('GET', `/${id}`)).json();
}

async function expectLatest(id: string, kind: string): Promise<void> {
  expect((await show(id)).events[0]).toMatchObject({ kind, operator: 'grace+ops' });
}

/** Every operation on one account, by what follows its id. */
const OF_ONE_ACCOUNT = [
  ['GET', ''],
  ['DELETE', ''],
  ['POST', '/disable'],
  ['POST', '/enable'],
  ['DELETE', '/sessions'],
  ['POST', '/password-reset'],
] as const;

describe('the way in', () => {
  const paths = [
    ['GET', ''],
    ['POST', ''],
    ['GET', '/AAAAAAAAAAAAAAAAAAAAAA'],
    ['DELETE', '/AAAAAAAAAAAAAAAAAAAAAA'],
    ['POST', '/AAAAAAAAAAAAAAAAAAAAAA/disable'],
    ['POST', '/AAAAAAAAAAAAAAAAAAAAAA/enable'],
    ['DELETE', '/AAAAAAAAAAAAAAAAAAAAAA/sessions'],
    ['POST', '/AAAAAAAAAAAAAAAAAAAAAA/password-reset'],
    ['GET', '/nowhere/at/all'],
  ] as const;

  it('does not exist without ADMIN_TOKEN', async () => {
    const closed = new Service();
    for (const [method, path] of paths) {
      const response = await closed.fetch(`/admin/accounts${path}`, { method, bearer: ADMIN_TOKEN });
      await expectProblem(response, 404, 'not_found');
    }
  });

  it('opens with the token alone', async () => {
    const ada = await service.register();
    for (const [method, path] of paths) {
      await expectProblem(await service.fetch(`/admin/accounts${path}`, { method }), 401, 'unauthorized');
      for (const wrong of [
        ada.accessToken,
        `${ADMIN_TOKEN}x`,
        ADMIN_TOKEN.slice(0, -1),
        ADMIN_TOKEN.toUpperCase(),
        `${ADMIN_TOKEN} x`,
        `${ADMIN_TOKEN},x`,
      ]) {
        const response = await service.fetch(`/admin/accounts${path}`, { method, bearer: wrong });
        await expectProblem(response, 401, 'unauthorized', { challenge: INVALID_TOKEN });
      }
    }
  });

  it('wants a token of 32 bytes, or the service stops', async () => {
    const weak = new Service({ ADMIN_TOKEN: 'short' });
    await expectProblem(await weak.fetch('/health'), 503, 'unavailable');
  });

  // An address in the header of every request would stand in the logs of every proxy.
  it.each(['a b', 'ada@example.com'])(
    'refuses a label that could not stand in a history: %s',
    async (operator) => {
      const response = await ask('GET', '', { operator });
      await expectProblem(response, 422, 'invalid_input', {
        errors: [{ field: 'X-Operator', message: expect.stringContaining('1 to 64') as unknown as string }],
      });
    },
  );
});

describe('a query parameter', () => {
  const operations = Object.entries(adminRoutes).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method, path] as const),
  );

  it.each(operations)('that is unknown is refused, and nothing is done: %s %s', async (method, path) => {
    const ada = await service.register();
    const before = await readStored(accountOf(ada.id));
    const own = path.replace(':id', ada.id);
    for (const name of ['dry_run', 'Limit', 'limit[]', '__proto__', 'constructor', '']) {
      const response = await service.fetch(`${own}?${encodeURIComponent(name)}=1`, {
        method,
        bearer: ADMIN_TOKEN,
        ...(method !== 'GET' && { json: {} }),
      });
      await expectProblem(response, 422, 'invalid_input', {
        errors: [{ field: name, code: 'unknown_parameter', message: 'is not a parameter of this endpoint' }],
      });
    }
    expect(await readStored(accountOf(ada.id))).toEqual(before);
  });

  it('that is given twice is refused, and every fault is named at once', async () => {
    await expectProblem(await ask('GET', '?limit=2&limit=2&Search=a'), 422, 'invalid_input', {
      errors: [
        { field: 'limit', code: 'repeated_parameter', message: 'must be given once' },
        { field: 'Search', code: 'unknown_parameter', message: 'is not a parameter of this endpoint' },
      ],
    });
  });
});

describe('one account', () => {
  it('is shown with its sessions and its history, and without any secret', async () => {
    const ada = await service.register();
    const text = await (await ask('GET', `/${ada.id}`)).text();
    expect(JSON.parse(text)).toEqual({
      user: { id: ada.id, username: ada.name, email: ada.email, createdAt: expect.any(String) },
      emailVerified: false,
      disabled: false,
      mustResetPassword: false,
      sessions: [expect.objectContaining({ id: ada.sid })],
      events: [
        expect.objectContaining({ kind: 'signed_in' }),
        expect.objectContaining({ kind: 'registered' }),
      ],
    });
    expect(text).not.toContain('$scrypt$');
  });

  it('is shown without the sessions that have run out', async () => {
    freezeClock();
    const ada = await service.register();
    passSeconds(24 * 3600 - 1);
    const { sid } = await service.login(ada.name);
    passSeconds(1);
    expect((await show(ada.id)).sessions).toEqual([expect.objectContaining({ id: sid })]);
  });

  it('that nobody has is a 404, and asking leaves nothing behind', async () => {
    const id = 'B'.repeat(22);
    for (const [method, path] of OF_ONE_ACCOUNT) {
      await expectProblem(await ask(method, `/${id}${path}`), 404, 'not_found');
    }
    expect(await readStored(accountOf(id))).toEqual(NOTHING);
  });
});

describe('an id that is none', () => {
  it('is a 404 for every operation, and no account is asked', async () => {
    const faults = new Faults();
    const watched = new Service({ ADMIN_TOKEN, ...faults.bindings() });
    const logs = captureLogs();
    const before = await listDurableObjectIds(env.ACCOUNT);
    const ids = [
      'ada',
      'ada@example.com',
      'A'.repeat(21),
      'A'.repeat(23),
      `${'A'.repeat(21)}%0a`,
      'A'.repeat(9999),
    ];
    for (const id of ids) {
      for (const [method, path] of OF_ONE_ACCOUNT) {
        const response = await watched.fetch(`/admin/accounts/${id}${path}`, { method, bearer: ADMIN_TOKEN });
        await expectProblem(response, 404, 'not_found');
      }
    }
    expect(faults.opened).toEqual([]);
    expect(await listDurableObjectIds(env.ACCOUNT)).toEqual(before);
    // What was typed in place of an id may be anything, and is not logged.
    expect(logs.map(({ text }) => text).join()).not.toContain('ada@example.com');
  });
});

describe('an operator', () => {
  async function expectSignedOut(person: Person): Promise<void> {
    await expectProblem(await service.post('/refresh', { cookie: person.cookie }), 401, 'session_ended', {
      clearsCookie: true,
    });
  }

  it.each([
    ['POST', '/disable'],
    ['DELETE', '/sessions'],
    ['POST', '/password-reset'],
  ])('makes every browser of the account unknown: %s %s', async (method, path) => {
    const ada = await service.register();
    const readEpoch = async () => (await readStored(accountOf(ada.id))).tables.account?.[0]?.browser_epoch;
    const before = Number(await readEpoch());
    expect((await ask(method, `/${ada.id}${path}`)).status).toBe(204);
    expect(await readEpoch()).toBe(before + 1);
  });

  it('mails a disabled account no link to a new password, and responds as ever', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await ask('POST', `/${ada.id}/disable`);
    const forget = () => service.post('/password/forgot', { json: { email: ada.email } });
    expect((await forget()).status).toBe(202);
    await ask('POST', `/${ada.id}/enable`);
    expect((await forget()).status).toBe(202);
    await awaitMail(ada.email, 'reset_password');
    expect(deliveriesTo(ada.email).filter(({ mail }) => mail.kind === 'reset_password')).toHaveLength(1);
  });

  it('disables an account: its sessions end, its password opens nothing, a guess learns nothing', async () => {
    const ada = await service.register();
    expect((await ask('POST', `/${ada.id}/disable`)).status).toBe(204);
    await expectLatest(ada.id, 'disabled');
    await expectSignedOut(ada);
    const known = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    await expectProblem(known, 403, 'account_disabled');
    const guess = await service.post('/login', { json: { username: ada.name, password: 'wrong' } });
    await expectProblem(guess, 401, 'invalid_credentials');
    expect((await ask('POST', `/${ada.id}/enable`)).status).toBe(204);
    await expectLatest(ada.id, 'enabled');
    await service.login(ada.name);
  });

  it('ends the sessions of an account', async () => {
    const ada = await service.register();
    expect((await ask('DELETE', `/${ada.id}/sessions`)).status).toBe(204);
    await expectLatest(ada.id, 'sessions_ended_by_operator');
    expect((await show(ada.id)).sessions).toEqual([]);
    await expectSignedOut(ada);
    await service.login(ada.name);
  });

  it('forces a new password: the old one opens nothing until the mailed link was used', async () => {
    const ada = await service.register();
    expect((await ask('POST', `/${ada.id}/password-reset`)).status).toBe(204);
    await expectLatest(ada.id, 'password_reset_forced');
    await expectSignedOut(ada);
    const old = await service.post('/login', { json: { username: ada.name, password: PASSWORD } });
    await expectProblem(old, 403, 'password_reset_required');
    const token = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    await service.post('/password/reset', { json: { token, newPassword: 'a better horse' } });
    await service.login(ada.name, 'a better horse');
  });

  it('deletes an account for good', async () => {
    const ada = await service.register();
    expect((await ask('DELETE', `/${ada.id}`)).status).toBe(204);
    await expectSignedOut(ada);
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
    expect(await findAccountId(env.DIRECTORY, ada.name)).toBeUndefined();
    await expectProblem(await ask('GET', `/${ada.id}`), 404, 'not_found');
  });

  it('creates an account whose owner sets the password by mail', async () => {
    const name = uniqueName();
    const json = { username: name, email: `${name}@example.com` };
    const response = await ask('POST', '', { json });
    expect(response.status).toBe(201);
    expect(response.headers.getSetCookie()).toEqual([]);
    const { user } = await response.json<{ user: { id: string } }>();
    await expectLatest(user.id, 'registered');
    const token = readLinkToken(await awaitMail(json.email, 'reset_password'));
    await service.post('/password/reset', { json: { token, newPassword: 'a horse of my own' } });
    await service.login(name, 'a horse of my own');
  });

  it('creates accounts even where registration is closed, under the same rules', async () => {
    const closed = new Service({ ADMIN_TOKEN, REGISTRATION: 'closed' });
    const name = uniqueName();
    const send = (json: object) => closed.post('/admin/accounts', { bearer: ADMIN_TOKEN, json });
    expect((await send({ username: name, email: `${name}@example.com`, password: PASSWORD })).status).toBe(
      201,
    );
    await closed.login(name);
    await expectProblem(await send({ username: name, email: 'x@example.com' }), 409, 'username_taken');
    await expectProblem(
      await send({ username: 'a b', email: 'nowhere', password: 'short' }),
      422,
      'invalid_input',
      {
        errors: [
          { field: 'username', message: expect.any(String) as unknown as string },
          { field: 'email', message: expect.any(String) as unknown as string },
          { field: 'password', message: expect.any(String) as unknown as string },
        ],
      },
    );
  });
});

describe('what an operator did', () => {
  it('is in the history and the export of the owner with its label, and without the place', async () => {
    const ada = await service.register();
    const headers = {
      'X-Operator': 'grace+ops',
      'User-Agent': 'a laptop of the operator',
      'CF-Connecting-IP': '198.51.100.77',
    };
    const path = `/admin/accounts/${ada.id}/enable`;
    expect((await service.fetch(path, { method: 'POST', bearer: ADMIN_TOKEN, headers })).status).toBe(204);
    const { accessToken } = await service.login(ada.name);
    const read = async (path: string) =>
      (await service.fetch(path, { bearer: accessToken })).json<Record<string, { kind: string }[]>>();
    const place = { userAgent: null, ip: null, country: null };
    const [{ events = [] }, { history = [] }] = [await read('/me/history'), await read('/me/export')];
    for (const list of [events, history]) {
      const event = list.find(({ kind }) => kind === 'enabled');
      expect(event).toMatchObject({ ...place, operator: 'grace+ops' });
    }
    const shown = (await show(ada.id)).events.find(({ kind }) => kind === 'enabled');
    expect(shown).toMatchObject({ ip: '198.51.100.77', userAgent: 'a laptop of the operator' });
  });
});
