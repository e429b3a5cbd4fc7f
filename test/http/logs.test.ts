import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { breakDirectory, brokenAccounts } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { ISSUER, PASSWORD, type Parts, readCookie, Service, uniqueName } from '../support/service.ts';

const service = new Service();

describe('the log', () => {
  it('has one line of JSON for a request: what, how it ended, whose, which, and how long', async () => {
    const ada = await service.register();
    const lines = captureLogs();
    const response = await service.post('/refresh', { cookie: ada.cookie });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.level).toBe('log');
    expect(lines[0]?.text).not.toContain('\n');
    expect(parseLine(lines[0])).toEqual({
      event: 'POST /refresh',
      status: 200,
      code: 'ok',
      reason: 'rotated',
      accountId: ada.id,
      sessionId: ada.sid,
      requestId: response.headers.get('X-Request-Id'),
      ms: expect.any(Number),
    });
  });

  it.each<[string, Parts & { path: string }, object]>([
    ['health', { path: '/health' }, { event: 'GET /health', status: 200, code: 'ok' }],
    ['no token', { path: '/me' }, { event: 'GET /me', code: 'unauthorized', reason: 'no_token' }],
    [
      'a malformed token',
      { path: '/sessions/some-id', method: 'DELETE', bearer: 'x.y.z' },
      { event: 'DELETE /sessions/:id', code: 'unauthorized', reason: 'token_malformed' },
    ],
    [
      'more cookies than are looked at',
      { path: '/refresh', method: 'POST', headers: { Cookie: Array(9).fill('__Host-jwt=a').join('; ') } },
      { event: 'POST /refresh', code: 'unauthorized', reason: 'two_cookies' },
    ],
    [
      'a foreign origin',
      { path: '/logout', method: 'POST', headers: { Origin: 'https://evil.example' } },
      {
        ...{ event: 'POST /logout', status: 403, code: 'origin_not_allowed', reason: 'origin_not_allowed' },
        origin: 'https://evil.example',
      },
    ],
    [
      'missing fields',
      { path: '/login', method: 'POST', json: {} },
      { event: 'POST /login', status: 422, code: 'invalid_input', reason: 'invalid_input' },
    ],
    [
      'a wrong method',
      { path: '/login', method: 'PUT' },
      { event: 'PUT /login', status: 405, code: 'method_not_allowed', reason: 'method_not_allowed' },
    ],
    [
      'a path that does not exist, which is not repeated',
      { path: '/a-path-somebody-chose', method: 'GET' },
      { event: 'unknown_path', status: 404, code: 'not_found', reason: 'not_found' },
    ],
  ])(
    'tells the exact reason that the response keeps to itself: %s',
    async (_, { path, ...parts }, expected) => {
      const lines = captureLogs();
      const response = await service.fetch(path, parts);
      expect(lines).toHaveLength(1);
      const line = parseLine(lines[0]);
      expect(line).toMatchObject({ ...expected, requestId: response.headers.get('X-Request-Id') });
      expect(Object.keys(line).sort()).toEqual(
        [...new Set(['code', 'event', 'ms', 'requestId', 'status', ...Object.keys(expected)])].sort(),
      );
      expect(lines[0]?.text).not.toContain('somebody-chose');
    },
  );

  it('tells a wrong password from an unknown name, which the response does not', async () => {
    const ada = await service.register();
    const lines = captureLogs();
    await service.post('/login', { json: { username: ada.name, password: 'wrong' } });
    await service.post('/login', { json: { username: uniqueName(), password: 'wrong' } });
    expect(lines.map(parseLine)).toMatchObject([
      { reason: 'wrong_password', code: 'invalid_credentials', accountId: ada.id },
      { reason: 'unknown_account', code: 'invalid_credentials' },
    ]);
  });

  it('names an outage, as an error', async () => {
    const ada = await service.register();
    const lines = captureLogs();
    await new Service({ ACCOUNT: brokenAccounts() }).post('/refresh', { cookie: ada.cookie });
    const json = { username: ada.name, password: PASSWORD };
    await new Service({ DIRECTORY: breakDirectory() }).post('/login', { json });
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error']);
    expect(lines.map(parseLine)).toMatchObject([
      { event: 'POST /refresh', status: 503, code: 'unavailable', reason: 'account_unavailable' },
      { event: 'POST /login', status: 503, code: 'unavailable', reason: 'directory_unavailable' },
    ]);
  });
});

describe('a refused origin in the log', () => {
  const PREFLIGHT = { 'Access-Control-Request-Method': 'POST' };

  it('is named where a preflight got no permission, and where a request was refused', async () => {
    const lines = captureLogs();
    const headers = { Origin: 'https://preview-7.example.pages.dev:8443' };
    await service.fetch('/login', { method: 'OPTIONS', headers: { ...headers, ...PREFLIGHT } });
    await service.post('/login', { headers });
    expect(lines.map(parseLine)).toMatchObject([
      { event: 'OPTIONS /login', status: 204, code: 'origin_not_allowed', origin: headers.Origin },
      { event: 'POST /login', status: 403, code: 'origin_not_allowed', origin: headers.Origin },
    ]);
  });

  it('is not named where nothing was refused for it', async () => {
    const listed = new Service({ ALLOWED_ORIGINS: 'https://app.example' });
    const lines = captureLogs();
    for (const Origin of ['https://app.example', ISSUER]) {
      await listed.fetch('/login', { method: 'OPTIONS', headers: { Origin, ...PREFLIGHT } });
      await listed.post('/logout', { headers: { Origin } });
    }
    await listed.fetch('/health', { headers: { Origin: 'https://evil.example' } });
    await listed.post('/logout', { headers: { 'Sec-Fetch-Site': 'cross-site' } });
    for (const line of lines) expect(parseLine(line)).not.toHaveProperty('origin');
    expect(lines).toHaveLength(6);
  });

  it.each([
    ['null', 'null'],
    ['chrome-extension://abcdefghijklmnopabcdefghijklmnop', undefined],
    ['http://[2001:db8::1]:8080', undefined],
    [`https://${'a'.repeat(300)}.example`, 'malformed'],
    ['https://evil.example/path', 'malformed'],
    ['https://evil.example", "code": "ok', 'malformed'],
    ['https://user:secret@evil.example', 'malformed'],
    ['https://evil.example\t\u001b[31m', 'malformed'],
    ['https://\u202eevil.example', 'malformed'],
    ['eyJhbGciOiJIUzI1NiJ9.e30.signature', 'malformed'],
    ['', 'malformed'],
  ])('is only what an origin may be: %j', async (Origin, logged = Origin) => {
    const lines = captureLogs();
    await service.post('/logout', { headers: { Origin } });
    expect(parseLine(lines[0])).toMatchObject({ status: 403, origin: logged });
  });
});

describe('a directory whose migrations were not applied', () => {
  it('is named with the command that applies them; the response is a 503 as for any outage', async () => {
    const prepare = () => env.DIRECTORY.prepare('SELECT 1 FROM a_table_of_the_next_version WHERE id = ?');
    const lines = captureLogs();
    const unmigrated = new Service({ DIRECTORY: { prepare } });
    const response = await unmigrated.post('/login', { json: { username: 'ada', password: PASSWORD } });
    await expectProblem(response, 503, 'unavailable');
    expect(lines.map(({ level }) => level)).toEqual(['error']);
    const { reason, fault } = parseLine(lines[0]);
    expect(reason).toBe('directory_unavailable');
    expect(fault).toContainEqual(expect.stringContaining('wrangler d1 migrations apply DIRECTORY'));
    expect(JSON.stringify(fault)).not.toContain('a_table_of_the_next_version');
  });
});

describe('the reuse of a refresh token', () => {
  it('is an event and a warning of its own, with account and session; a harmless replay is not', async () => {
    freezeClock();
    const ada = await service.register();
    const lines = captureLogs();
    const successor = readCookie(await service.post('/refresh', { cookie: ada.cookie })) ?? '';
    await service.post('/refresh', { cookie: ada.cookie });
    passSeconds(30);
    await service.post('/refresh', { cookie: ada.cookie });
    await service.post('/refresh', { cookie: successor });
    const whose = { accountId: ada.id, sessionId: ada.sid };
    expect(lines.map(parseLine)).toMatchObject([
      { event: 'POST /refresh', code: 'ok', reason: 'rotated', ...whose },
      { event: 'POST /refresh', code: 'ok', reason: 'repeated', ...whose },
      { event: 'refresh_token_reuse', code: 'session_ended', reason: 'refresh_token_reuse', ...whose },
      { event: 'POST /refresh', code: 'session_ended', reason: 'session_over', ...whose },
    ]);
    expect(lines.map(({ level }) => level)).toEqual(['log', 'log', 'warn', 'log']);
  });
});
