// What goes wrong below a mount stays Latchkey's to respond to, whatever the parent makes of errors.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { describe, expect, it } from 'vitest';
import latchkey from '../../src/index.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { awaitMail } from '../support/mailbox.ts';
import { breakDirectory, brokenAccounts, interceptAccounts } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { json, newPerson } from '../support/requests.ts';
import { decodePayload, PASSWORD, readCookie, Service } from '../support/service.ts';
import { findInDirectory, readSessions } from '../support/storage.ts';

const HOST = 'https://app.test';
const ISSUER = `${HOST}/auth`;
const { env } = new Service({ ISSUER });

/** A parent that turns all errors and unknown paths into its own responses, by each means that Hono has. */
const parent = new Hono();
parent.onError((error, c) => c.text(`the parent’s error: ${error.message}`, 500));
parent.notFound((c) => c.text('the parent’s 404', 404));
parent.use(secureHeaders());
parent.use(async (c, next) => {
  c.res.headers.set('X-Parent', 'set before');
  c.status(418);
  try {
    await next();
  } catch {
    throw new HTTPException(500, { message: 'the parent met an error' });
  }
});
const inner = new Hono();
inner.onError((_, c) => c.text('the inner parent’s error', 500));
inner.route('/auth', latchkey);
parent.route('/', inner);

async function send(path: string, init: RequestInit, bindings: object = env): Promise<Response> {
  const ctx = createExecutionContext();
  const response = await parent.fetch(new Request(`${HOST}${path}`, init), bindings as never, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

async function register() {
  const response = await send('/auth/register', json(newPerson()));
  expect(response.status).toBe(201);
  const { accessToken } = await response.json<{ accessToken: string }>();
  const headers = { Cookie: `__Host-jwt=${readCookie(response)}`, Authorization: `Bearer ${accessToken}` };
  return { headers, id: String(decodePayload(accessToken).sub) };
}

const outages: [string, object][] = [
  ['that fail', { ACCOUNT: brokenAccounts() }],
  ['that throw what is no error', { ACCOUNT: interceptAccounts(() => Promise.reject('gone')) }],
  [
    'that throw before they return',
    {
      ACCOUNT: {
        getByName: () => {
          throw new Error('gone');
        },
      },
    },
  ],
];

describe('an outage below a mount', () => {
  it.each(outages)('of accounts %s is 503 with Retry-After, and the cookie still holds', async (_, fault) => {
    const { headers, id } = await register();
    const failing = new Service({ ISSUER, ...fault }).env;
    for (const [method, path] of [
      ['POST', '/auth/refresh'],
      ['POST', '/auth/logout'],
      ['GET', '/auth/me'],
    ] as const) {
      const lines = captureLogs();
      const response = await send(path, { method, headers }, failing);
      expect(response.headers.get('X-Parent')).toBe('set before');
      await expectProblem(response, 503, 'unavailable');
      expect(lines).toHaveLength(1);
      expect(parseLine(lines[0])).toMatchObject({ status: 503, reason: 'account_unavailable' });
    }
    expect(await readSessions(id)).toMatchObject([{ counter: 1 }]);
    expect((await send('/auth/refresh', { method: 'POST', headers })).status).toBe(200);
  });

  it('of the directory is 503 with Retry-After', async () => {
    const failing = new Service({ ISSUER, DIRECTORY: breakDirectory() }).env;
    const login = json({ username: 'ada', password: PASSWORD });
    await expectProblem(await send('/auth/login', login, failing), 503, 'unavailable');
  });

  it('of the settings is 503 with Retry-After', async () => {
    const faulty = new Service({ ISSUER: '' }).env;
    await expectProblem(await send('/auth/refresh', { method: 'POST' }, faulty), 503, 'unavailable');
  });
});

describe('a bug below a mount', () => {
  it('is Latchkey’s 500, and the cookie still holds', async () => {
    const { headers } = await register();
    const failing = new Service({ ISSUER, ACCOUNT: interceptAccounts(() => undefined) }).env;
    const response = await send('/auth/refresh', { method: 'POST', headers }, failing);
    await expectProblem(response, 500, 'internal');
    expect((await send('/auth/refresh', { method: 'POST', headers })).status).toBe(200);
  });
});

describe('a parent that was called without an execution context', () => {
  const call = (path: string, init: RequestInit) =>
    parent.fetch(new Request(`${HOST}${path}`, init), env as never);

  it('still registers', async () => {
    const ada = newPerson();
    const response = await call('/auth/register', json(ada));
    expect(response.status).toBe(201);
    expect(await findInDirectory(ada.username)).toBeDefined();
  });

  it('still sends a link for a forgotten password', async () => {
    const ada = newPerson();
    await call('/auth/register', json(ada));
    expect((await call('/auth/password/forgot', json({ email: ada.email }))).status).toBe(202);
    expect((await awaitMail(ada.email, 'reset_password')).to).toBe(ada.email);
  });
});
