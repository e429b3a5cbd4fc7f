// The app below /auth of somebody's own Hono app, which has middleware, routes and an error handler of its own.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { describe, expect, it } from 'vitest';
import latchkey, { createApp } from '../../src/index.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { breakDirectory } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, readCookie, Service, uniqueName } from '../support/service.ts';

const HOST = 'https://app.test';
const LISTED = 'https://elsewhere.test';
const { env } = new Service({ ISSUER: `${HOST}/auth`, ALLOWED_ORIGINS: LISTED });

const parent = new Hono<{ Bindings: { GREETING: string } }>();
parent.onError((_, c) => c.text('the parent’s error', 500));
parent.notFound((c) => c.text('the parent’s 404', 404));
parent.use('/api/*', cors());
parent.use(async (c, next) => {
  c.header('X-Parent', 'set before');
  c.header('Cache-Control', 'max-age=60');
  await next();
});
parent.get('/api/hello', (c) => c.text('hello'));
parent.route('/auth', latchkey);
parent.get('/account', (c) => c.text('the parent’s own account page'));

async function send(path: string, init: RequestInit = {}, bindings: object = env): Promise<Response> {
  const ctx = createExecutionContext();
  // The bindings of the service are all that these routes read.
  const response = await parent.fetch(new Request(`${HOST}${path}`, init), bindings as never, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

function post(path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
  const json = { 'Content-Type': 'application/json', ...headers };
  return send(path, { method: 'POST', headers: json, ...(body && { body: JSON.stringify(body) }) });
}

async function register(headers: Record<string, string> = {}) {
  const username = uniqueName();
  const body = { username, email: `${username}@example.com`, password: PASSWORD };
  const response = await post('/auth/register', body, headers);
  expect(response.status).toBe(201);
  const { accessToken } = await response.json<{ accessToken: string }>();
  return { username, accessToken, cookie: readCookie(response) ?? '', response };
}

describe('mounted below /auth', () => {
  it('registers, refreshes, lists sessions, signs in and signs out', async () => {
    const ada = await register({ Origin: HOST });
    expect(ada.response.headers.getSetCookie()[0]).toMatch(/^__Host-jwt=.*; Path=\/; /);
    const refreshed = await post('/auth/refresh', undefined, { Cookie: `__Host-jwt=${ada.cookie}` });
    expect(refreshed.status).toBe(200);
    const cookie = readCookie(refreshed);
    expect(cookie).not.toBe(ada.cookie);
    const headers = { Authorization: `Bearer ${ada.accessToken}` };
    const sessions = await send('/auth/sessions', { headers });
    expect(await sessions.json()).toMatchObject({ sessions: [{ current: true }] });
    expect((await post('/auth/logout', undefined, { Cookie: `__Host-jwt=${cookie}` })).status).toBe(204);
    expect(await (await send('/auth/me', { headers })).json()).toMatchObject({ code: 'session_ended' });
    const signedIn = await post('/auth/login', { username: ada.username, password: PASSWORD });
    expect(signedIn.status).toBe(200);
  });

  it('keeps what the parent set before, but for headers that are its own business, and every cookie', async () => {
    const { username } = await register({ Origin: HOST });
    const { headers } = await post('/auth/login', { username, password: PASSWORD }, { Origin: HOST });
    expect(headers.get('X-Parent')).toBe('set before');
    expect(headers.get('Cache-Control')).toBe('no-store');
    expect(headers.get('Content-Type')).toBe('application/json');
    const names = headers.getSetCookie().map((line) => line.split('=')[0]);
    expect(names.toSorted()).toEqual(['__Host-device', '__Host-jwt']);
  });

  it('names itself with the path in `iss`, and serves its keys there', async () => {
    const { accessToken } = await register();
    const payload = JSON.parse(
      atob(accessToken.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''),
    );
    expect(payload).toMatchObject({ iss: `${HOST}/auth`, aud: `${HOST}/auth` });
    expect((await send('/auth/.well-known/jwks.json')).status).toBe(200);
    expect((await send('/.well-known/jwks.json')).status).toBe(404);
  });

  it('responds to unknown paths and methods below the mount, and to nothing else', async () => {
    for (const path of ['/auth', '/auth/', '/auth/nothing'])
      await expectProblem(await send(path), 404, 'not_found');
    const put = await send('/auth/login', { method: 'PUT' });
    expect(put.headers.get('Allow')).toBe('OPTIONS, POST');
    await expectProblem(put, 405, 'method_not_allowed');
    expect((await send('/auth/login', { method: 'OPTIONS' })).status).toBe(204);
    expect((await send('/auth/health', { method: 'HEAD' })).status).toBe(200);
    expect(await (await send('/authentic')).text()).toBe('the parent’s 404');
    expect(await (await send('/account')).text()).toBe('the parent’s own account page');
  });

  it('keeps its headers, CORS and errors to itself, and the parent’s out', async () => {
    const preflight = {
      method: 'OPTIONS',
      headers: { Origin: LISTED, 'Access-Control-Request-Method': 'POST' },
    };
    const own = await send('/auth/login', preflight);
    expect(own.headers.get('Access-Control-Allow-Origin')).toBe(LISTED);
    expect(own.headers.get('Access-Control-Allow-Credentials')).toBe('true');
    const theirs = await send('/api/hello', { headers: { Origin: LISTED } });
    expect(theirs.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(theirs.headers.get('Content-Security-Policy')).toBeNull();
    await expectProblem(
      await post('/auth/login', {}, { Origin: 'https://evil.test' }),
      403,
      'origin_not_allowed',
    );
    const outage = await send(
      '/auth/login',
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ username: 'ada', password: PASSWORD }),
      },
      { ...env, ...new Service({ DIRECTORY: breakDirectory() }).env, ISSUER: `${HOST}/auth` },
    );
    await expectProblem(outage, 503, 'unavailable');
  });

  it('writes the path with the prefix into the log', async () => {
    const lines = captureLogs();
    await send('/auth/health');
    expect(parseLine(lines[0])).toMatchObject({ event: 'GET /auth/health', status: 200 });
  });

  it('does not take the parent’s /account for its own page', async () => {
    await expectProblem(await send('/auth/account'), 404, 'not_found');
  });

  it('is as well what createApp makes', async () => {
    const other = new Hono();
    other.use(async (c, next) => {
      c.header('X-Parent', 'set before');
      await next();
    });
    other.route('/auth', createApp());
    const ctx = createExecutionContext();
    const response = await other.fetch(new Request(`${HOST}/auth/health`), env as never, ctx);
    await waitOnExecutionContext(ctx);
    expect(response.status).toBe(200);
    expect(response.headers.get('X-Parent')).toBe('set before');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
  });
});
