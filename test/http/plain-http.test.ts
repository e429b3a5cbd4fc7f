// Requests over plain http while the issuer is https: whoever is on the way reads and changes them.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import worker from '../../src/index.ts';
import { expectDocumented } from '../support/documented.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { expectProblem } from '../support/problem.ts';
import { adminRoutes, routes } from '../support/routes.ts';
import { PASSWORD, Service } from '../support/service.ts';
import { readFailures, readSessions } from '../support/storage.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const service = new Service({ ADMIN_TOKEN, ALLOWED_ORIGINS: 'https://app.example' });

async function send(url: string, init: RequestInit = {}, env = service.env): Promise<Response> {
  const ctx = createExecutionContext();
  const request = new Request(url, { redirect: 'manual', ...init });
  const response = await worker.fetch(request, env, ctx);
  await waitOnExecutionContext(ctx);
  await expectDocumented(request, response);
  return response;
}

const endpoints = Object.entries({
  ...routes,
  ...adminRoutes,
  '/nowhere': { GET: true, POST: true },
}).flatMap(([path, methods]) => Object.keys(methods).map((method): [string, string] => [method, path]));

describe('over plain http, under an https issuer', () => {
  it.each(endpoints)('%s %s reads no credential and gives no token', async (method, path) => {
    const ada = await service.register();
    const bearer = path.startsWith('/admin') ? ADMIN_TOKEN : ada.accessToken;
    const body = { username: ada.name, email: ada.email, password: 'wrong', currentPassword: 'wrong' };
    const lines = captureLogs();
    const response = await send(`http://auth.test${path.replace(':id', ada.sid)}`, {
      method,
      headers: {
        ...{ Authorization: `Bearer ${bearer}`, Cookie: `__Host-jwt=${ada.cookie}` },
        'Content-Type': 'application/json',
      },
      ...(method !== 'GET' && { body: JSON.stringify(body) }),
    });
    await expectProblem(response, 421, 'https_required');
    expect(parseLine(lines[0])).toMatchObject({ status: 421, reason: 'plain_http' });
    expect(parseLine(lines[0])).not.toHaveProperty('accountId');
    expect(parseLine(lines[0])).not.toHaveProperty('operator');
    expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 1 }]);
    expect(await readFailures(ada.id)).toBe(0);
  });

  it('the right password gets no token, and a listed origin no permission to send one', async () => {
    const ada = await service.register();
    const response = await send('http://auth.test/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: ada.name, password: PASSWORD }),
    });
    await expectProblem(response, 421, 'https_required');
    expect(await readSessions(ada.id)).toHaveLength(1);
    const headers = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST' };
    const preflight = await send('http://auth.test/login', { method: 'OPTIONS', headers });
    expect(preflight.headers.has('Access-Control-Allow-Origin')).toBe(false);
  });

  it.each(['GET', 'HEAD'])(
    '%s without a bearer token is sent to the same place over https',
    async (method) => {
      for (const path of ['/', '/account?a=b', '/health', '/me', '/.well-known/jwks.json', '/nowhere']) {
        const response = await send(`http://auth.test:8080${path}`, { method });
        expect(response.status).toBe(308);
        expect(response.headers.get('Location')).toBe(`https://auth.test${path}`);
        expect(response.headers.get('Cache-Control')).toBe('no-store');
        expect(await response.text()).toBe('');
      }
    },
  );
});

describe('plain http', () => {
  const signIn = async (url: string, settings: Record<string, unknown> = {}) => {
    const ada = await service.register();
    const { env } = new Service(settings);
    const body = JSON.stringify({ username: ada.name, password: PASSWORD });
    const headers = { 'Content-Type': 'application/json' };
    return (await send(`${url}/login`, { method: 'POST', headers, body }, env)).status;
  };

  it.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787', 'http://auth.localhost'])(
    'passes within the machine itself, such as from a tunnel that ends there: %s',
    async (url) => {
      expect(await signIn(url)).toBe(200);
    },
  );

  it('passes under a local issuer', async () => {
    expect(await signIn('http://192.0.2.7:8787', { ISSUER: 'http://localhost:8787' })).toBe(200);
  });

  it('is told by the URL alone: no header makes it https, or https plain', async () => {
    const forwarded = { 'X-Forwarded-Proto': 'https', 'CF-Visitor': '{"scheme":"https"}' };
    const headers = { ...forwarded, Forwarded: 'proto=https' };
    expect((await send('http://auth.test/refresh', { method: 'POST', headers })).status).toBe(421);
    const plain = { 'X-Forwarded-Proto': 'http', 'CF-Visitor': '{"scheme":"http"}' };
    expect((await send('https://auth.test/refresh', { method: 'POST', headers: plain })).status).toBe(401);
  });

  it('is refused for a host that only looks like the machine itself', async () => {
    for (const host of ['localhost.evil.example', '127.evil.example', 'notlocalhost'])
      expect(await signIn(`http://${host}`)).toBe(421);
  });
});
