// Mounted below a path with parameters of the parent's, some of them called as Latchkey might call its own.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import latchkey from '../../src/index.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { adminRoutes, routes } from '../support/routes.ts';
import { accountOf, decodePayload, PASSWORD, Service, uniqueName } from '../support/service.ts';

const HOST = 'https://app.test';
const ADMIN_TOKEN = 'admin-token-of-the-mounted-tests-0123456789';

/** The prefix as the parent routes it, and as it is requested. */
const prefixes: [string, string][] = [
  ['/:id/auth', '/7/auth'],
  ['/tenants/:id', '/tenants/AAAAAAAAAAAAAAAAAAAAAA'],
  ['/:sessionId/:accountId/:id{[a-z]+}', '/a/b/c'],
  ['/sessions/:id/accounts', '/sessions/x/accounts'],
];

function makeParent(pattern: string, prefix: string) {
  const { env } = new Service({ ISSUER: `${HOST}${prefix}`, ADMIN_TOKEN });
  const parent = new Hono();
  parent.route(pattern, latchkey);
  const send = async (path: string, token: string, method: string, body?: object): Promise<Response> => {
    const ctx = createExecutionContext();
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await parent.fetch(new Request(`${HOST}${prefix}${path}`, init), env as never, ctx);
    await waitOnExecutionContext(ctx);
    return response;
  };
  const register = async () => {
    const username = uniqueName();
    const json = { username, email: `${username}@example.com`, password: PASSWORD };
    const response = await send('/register', '', 'POST', json);
    expect(response.status).toBe(201);
    const { accessToken } = await response.json<{ accessToken: string }>();
    const { sub, sid } = decodePayload(accessToken);
    return { username, accessToken, id: String(sub), sid: String(sid) };
  };
  return { send, register };
}

describe.each(prefixes)('mounted below %s', (pattern, prefix) => {
  const { send, register } = makeParent(pattern, prefix);

  it('ends the session that its own path names', async () => {
    const ada = await register();
    const other = await send('/login', '', 'POST', { username: ada.username, password: PASSWORD });
    const { accessToken } = await other.json<{ accessToken: string }>();
    expect((await send(`/sessions/${ada.sid}`, accessToken, 'DELETE')).status).toBe(204);
    expect((await send('/me', ada.accessToken, 'GET')).status).toBe(401);
    expect((await send('/me', accessToken, 'GET')).status).toBe(200);
    expect((await send(`/sessions/${'A'.repeat(22)}`, accessToken, 'DELETE')).status).toBe(404);
    // Escaped or not, it is one path (RFC 3986 section 2.3).
    const sid = String(decodePayload(accessToken).sid);
    const escaped = `%${sid.charCodeAt(0).toString(16)}${sid.slice(1)}`;
    expect((await send(`/sessions/${escaped}`, accessToken, 'DELETE')).status).toBe(204);
  });

  it('finds the account that its own path names, whatever an operator does with it', async () => {
    const [ada, ben] = [await register(), await register()];
    const path = `/admin/accounts/${ada.id}`;
    const shown = await send(path, ADMIN_TOKEN, 'GET');
    expect(await shown.json()).toMatchObject({ user: { id: ada.id } });
    const actions: [string, string][] = [
      ['/sessions', 'DELETE'],
      ['/disable', 'POST'],
      ['/enable', 'POST'],
      ['/password-reset', 'POST'],
    ];
    for (const [action, method] of actions)
      expect((await send(`${path}${action}`, ADMIN_TOKEN, method)).status, action).toBe(204);
    expect((await send(path, ADMIN_TOKEN, 'DELETE')).status).toBe(204);
    expect(await accountOf(ada.id).inspect()).toMatchObject({ ok: false, reason: 'unknown_account' });
    expect((await send('/me', ben.accessToken, 'GET')).status).toBe(200);
  });

  it('logs whom it was about', async () => {
    const lines = captureLogs();
    await send(`/admin/accounts/${'A'.repeat(22)}/disable`, ADMIN_TOKEN, 'POST');
    expect(parseLine(lines[0])).toMatchObject({ accountId: 'A'.repeat(22), reason: 'unknown_id' });
  });
});

it('every route with an id in its path is tried above', () => {
  const withId = Object.entries({ ...routes, ...adminRoutes }).filter(([path]) => path.includes(':'));
  expect(withId.map(([path, methods]) => [path, ...Object.keys(methods)])).toEqual([
    ['/sessions/:id', 'DELETE'],
    ['/admin/accounts/:id', 'GET', 'DELETE'],
    ['/admin/accounts/:id/disable', 'POST'],
    ['/admin/accounts/:id/enable', 'POST'],
    ['/admin/accounts/:id/sessions', 'DELETE'],
    ['/admin/accounts/:id/password-reset', 'POST'],
  ]);
});
