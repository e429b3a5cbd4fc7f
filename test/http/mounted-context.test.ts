// What a parent app can see of a mounted Latchkey in the context that both share, and what Latchkey takes from it.

import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { inspect } from 'node:util';
import { type Context, Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import latchkey from '../../src/index.ts';
import { WEBHOOK_SECRET, WEBHOOK_URL } from '../support/mailbox.ts';
import { json, newPerson } from '../support/requests.ts';
import { REFRESH_SECRET, readCookie, Service } from '../support/service.ts';

const HOST = 'https://app.test';
const ADMIN_TOKEN = 'admin-token-of-the-mounted-tests-0123456789';

/** Settings that a context shows nothing of, so that whatever is found in one came from Latchkey. */
async function makeEnv(): Promise<{ env: object; privateKey: string }> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  if (!('privateKey' in pair)) throw new Error('not a pair of keys');
  const jwk = (await crypto.subtle.exportKey('jwk', pair.privateKey)) as JsonWebKey; // the format asked for
  const { env } = new Service({
    ISSUER: `${HOST}/auth`,
    ACCESS_TOKEN_SECRET: JSON.stringify(jwk),
    ADMIN_TOKEN,
    MAIL_WEBHOOK_URL: WEBHOOK_URL,
    MAIL_WEBHOOK_SECRET: WEBHOOK_SECRET,
  });
  const hidden = new Proxy({}, { get: (_, name) => Reflect.get(env, name) });
  return { env: hidden, privateKey: jwk.d ?? '' };
}

/** Every value below a root that a program can enumerate, as text. */
function enumerate(root: unknown, seen = new Set<unknown>()): string[] {
  if (typeof root !== 'object' || root === null) return [String(root)];
  if (seen.has(root)) return [];
  seen.add(root);
  const children = root instanceof Map ? [...root.values()] : [];
  for (const key of Reflect.ownKeys(root)) children.push(Reflect.get(root, key));
  return children.flatMap((child) => enumerate(child, seen));
}

/** What a parent's logger can find in a context. */
function look(c: Context): string[] {
  return [
    JSON.stringify(c.var),
    ...enumerate(c.var),
    ...Reflect.ownKeys(c.env).map((key) => String(Reflect.get(c.env, key))),
    inspect(c, { depth: 10, showHidden: true }),
    inspect(c.var, { depth: 10, showHidden: true }),
  ];
}

async function send(parent: Hono, path: string, init: RequestInit, env: object): Promise<Response> {
  const ctx = createExecutionContext();
  const response = await parent.fetch(new Request(`${HOST}${path}`, init), env, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

describe('the context that a parent shares', () => {
  it('holds no secret, before or after: not in its variables, and not where an inspector looks', async () => {
    const { env, privateKey } = await makeEnv();
    expect(privateKey).toMatch(/^[\w-]{43}$/);
    const seen: string[][] = [];
    const parent = new Hono();
    parent.use(async (c, next) => {
      seen.push(look(c));
      await next();
      seen.push(look(c));
    });
    parent.route('/auth', latchkey);

    const registered = await send(parent, '/auth/register', json(newPerson()), env);
    expect(registered.status).toBe(201);
    const { accessToken } = await registered.json<{ accessToken: string }>();
    const first = readCookie(registered) ?? '';
    const headers = { Cookie: `__Host-jwt=${first}` };
    const refreshed = await send(parent, '/auth/refresh', { method: 'POST', headers }, env);
    const fresh = readCookie(refreshed) ?? '';
    expect(fresh).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    expect((await send(parent, '/auth/admin/accounts', { headers: admin }, env)).status).toBe(200);

    const secrets = { REFRESH_SECRET, ADMIN_TOKEN, WEBHOOK_SECRET, privateKey, first, fresh, accessToken };
    expect(seen).toHaveLength(6);
    for (const [name, secret] of Object.entries(secrets))
      for (const text of seen.flat()) expect(text.includes(secret), name).toBe(false);
    expect(seen.map(([variables]) => variables)).toEqual(Array(6).fill('{}'));
  });

  it('keeps the parent’s own variables, whatever they are called', async () => {
    const { env } = await makeEnv();
    const own = { service: 'billing', outcome: { paid: true }, head: 'of sales', state: 1 };
    let after: unknown;
    const parent = new Hono<{ Variables: typeof own }>();
    parent.use(async (c, next) => {
      for (const [name, value] of Object.entries(own)) c.set(name as keyof typeof own, value as never);
      await next();
      after = c.var;
    });
    parent.route('/auth', latchkey);
    const response = await send(parent as unknown as Hono, '/auth/register', json(newPerson()), env);
    expect(response.status).toBe(201);
    expect(after).toEqual(own);
  });

  it('belongs to one request: two services in one parent do not mix', async () => {
    const [one, two] = ['one', 'two'].map((name) => {
      const ISSUER = `${HOST}/${name}`;
      return new Service({
        ISSUER,
        ACCESS_TOKEN_SECRET: `access-token-secret-of-${name}-0123456789-0123456789`,
      });
    });
    const parent = new Hono();
    parent.mount('/one', (request, _, ctx) => latchkey.fetch(request, one?.env, ctx));
    parent.mount('/two', (request, _, ctx) => latchkey.fetch(request, two?.env, ctx));
    parent.route('/auth', latchkey);
    const { env } = await makeEnv();
    const paths = ['one', 'two', 'auth'];
    const responses = await Promise.all(
      paths.map((path) => send(parent, `/${path}/register`, json(newPerson()), env)),
    );
    const tokens = await Promise.all(
      responses.map(async (response) => (await response.json<{ accessToken: string }>()).accessToken),
    );
    const statuses = tokens.map((token) =>
      paths.map(async (path) => {
        const headers = { Authorization: `Bearer ${token}` };
        return (await send(parent, `/${path}/me`, { headers }, env)).status;
      }),
    );
    expect(await Promise.all(statuses.map((row) => Promise.all(row)))).toEqual([
      [200, 401, 401],
      [401, 200, 401],
      [401, 401, 200],
    ]);
  });
});
