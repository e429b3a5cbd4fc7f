import { describe, expect, it } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { captureLogs, parseLine } from '../support/logs.ts';
import { interceptAccounts } from '../support/outage.ts';
import { expectProblem } from '../support/problem.ts';
import { routes } from '../support/routes.ts';
import { ACCESS_SECRET, PASSWORD, REFRESH_SECRET, Service, uniqueName } from '../support/service.ts';
import { readSessions } from '../support/storage.ts';

const service = new Service();

/** Every path of the contract, and the methods that it takes. */
const table: [string, string][] = [
  ['/register', 'OPTIONS, POST'],
  ['/login', 'OPTIONS, POST'],
  ['/refresh', 'OPTIONS, POST'],
  ['/logout', 'OPTIONS, POST'],
  ['/me', 'DELETE, GET, HEAD, OPTIONS, PATCH'],
  ['/me/history', 'GET, HEAD, OPTIONS'],
  ['/me/export', 'GET, HEAD, OPTIONS'],
  ['/password', 'OPTIONS, PUT'],
  ['/password/forgot', 'OPTIONS, POST'],
  ['/password/reset', 'OPTIONS, POST'],
  ['/email', 'GET, HEAD, OPTIONS, PUT'],
  ['/email/verification', 'OPTIONS, POST'],
  ['/email/verify', 'OPTIONS, POST'],
  ['/sessions', 'DELETE, GET, HEAD, OPTIONS'],
  ['/sessions/:id', 'DELETE, OPTIONS'],
  ['/.well-known/jwks.json', 'GET, HEAD, OPTIONS'],
  ['/.well-known/openid-configuration', 'GET, HEAD, OPTIONS'],
  ['/.well-known/oauth-authorization-server', 'GET, HEAD, OPTIONS'],
  ['/health', 'GET, HEAD, OPTIONS'],
  ['/', 'GET, HEAD, OPTIONS'],
  ['/demo.js', 'GET, HEAD, OPTIONS'],
  ['/demo.css', 'GET, HEAD, OPTIONS'],
  ['/account', 'GET, HEAD, OPTIONS'],
  ['/account.js', 'GET, HEAD, OPTIONS'],
  ['/account.css', 'GET, HEAD, OPTIONS'],
  ['/openapi.json', 'GET, HEAD, OPTIONS'],
  ['/docs', 'GET, HEAD, OPTIONS'],
  ['/docs.js', 'GET, HEAD, OPTIONS'],
  ['/swagger-ui-bundle.js', 'GET, HEAD, OPTIONS'],
  ['/swagger-ui.css', 'GET, HEAD, OPTIONS'],
];

describe('a method that a path does not take', () => {
  it('is tested for every path there is', () => {
    expect(table.map(([path]) => path)).toEqual(Object.keys(routes));
  });

  it.each(table)('is refused at %s, which allows %s', async (path, allow) => {
    const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'];
    for (const method of all.filter((name) => !allow.split(', ').includes(name))) {
      const response = await service.fetch(path.replace(':id', 'A'.repeat(22)), { method });
      expect(response.headers.get('Allow'), method).toBe(allow);
      if (method === 'HEAD') expect(response.status).toBe(405);
      else await expectProblem(response, 405, 'method_not_allowed');
    }
  });

  it.each(table)('is told by OPTIONS at %s: %s', async (path, allow) => {
    const response = await service.fetch(path, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(response.headers.get('Allow')).toBe(allow);
  });

  it('does nothing: GET and PUT with a cookie end no session', async () => {
    const ada = await service.register();
    for (const method of ['GET', 'PUT', 'HEAD', 'OPTIONS']) {
      await service.fetch('/logout', { method, cookie: ada.cookie });
      await service.fetch('/refresh', { method, cookie: ada.cookie });
    }
    expect(await readSessions(ada.id)).toMatchObject([{ sid: ada.sid, counter: 1 }]);
  });
});

describe('a path that does not exist', () => {
  it.each([
    '/nowhere',
    '/login/',
    '/LOGIN',
    '/login/x',
    '/sessions/a/b',
    '/.well-known/',
    '//login',
    '/users/1',
  ])('is not found: %s', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      await expectProblem(await service.fetch(path, { method }), 404, 'not_found');
    }
  });
});

describe('UNAUTHORIZED_STATUS=406', () => {
  const tutorial = new Service({ UNAUTHORIZED_STATUS: '406' });

  it('responds 406 wherever 401 stood, without a challenge', async () => {
    const ada = await tutorial.register();
    const wrong = await tutorial.post('/login', { json: { username: ada.name, password: 'wrong' } });
    expect(await expectProblem(wrong, 406, 'invalid_credentials')).toMatchObject({
      message: 'Invalid credentials',
    });
    const noCookie = await tutorial.post('/refresh');
    expect(await expectProblem(noCookie, 406, 'unauthorized', { clearsCookie: true })).toMatchObject({
      message: 'Unauthorized',
    });
    await expectProblem(await tutorial.fetch('/me'), 406, 'unauthorized');
    await expectProblem(await tutorial.fetch('/sessions', { bearer: 'x' }), 406, 'unauthorized');
    await tutorial.post('/logout', { cookie: ada.cookie });
    const ended = await tutorial.post('/refresh', { cookie: ada.cookie });
    await expectProblem(ended, 406, 'session_ended', { clearsCookie: true });
  });

  it('changes no other status', async () => {
    await expectProblem(await tutorial.fetch('/nowhere'), 404, 'not_found');
    await expectProblem(await tutorial.post('/login', { json: {} }), 422, 'invalid_input', {
      errors: [
        { field: 'username', code: 'required', message: 'is required' },
        { field: 'password', code: 'required', message: 'is required' },
      ],
    });
  });
});

describe('a bug', () => {
  it('responds 500, shows nothing of it to the client, and logs what it was and where, without its message', async () => {
    const lines = captureLogs();
    const detail = 'the row held 1f3870be274f6c49b3e31a0c6728957f';
    const failing = new Service({
      ACCOUNT: interceptAccounts(() => ({
        get outcome() {
          throw new TypeError(detail);
        },
      })),
    });
    const name = uniqueName();
    const response = await failing.post('/login', { json: { username: name, password: PASSWORD } });
    const text = await response.clone().text();
    await expectProblem(response, 500, 'internal');
    expect(text).not.toMatch(/TypeError|\.ts/);
    const secrets = [detail, name, PASSWORD, ACCESS_SECRET, REFRESH_SECRET];
    expectAbsent(text, secrets);
    expectAbsent(lines.map((line) => line.text).join('\n'), secrets);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.level).toBe('error');
    expect(parseLine(lines[0])).toMatchObject({
      status: 500,
      code: 'internal',
      reason: 'bug',
      fault: expect.arrayContaining(['TypeError']),
    });
  });
});
