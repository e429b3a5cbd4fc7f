import { describe, expect, it } from 'vitest';
import { breakDirectory, brokenAccounts, interceptAccounts } from '../support/outage.ts';
import { isPage, routes } from '../support/routes.ts';
import { PASSWORD, Service, uniqueName } from '../support/service.ts';

const LISTED = 'https://app.example';
const service = new Service({ ALLOWED_ORIGINS: LISTED });

function registration(name = uniqueName()): { username: string; email: string; password: string } {
  return { username: name, email: `${name}@example.com`, password: PASSWORD };
}

async function respondThrottled(): Promise<Response> {
  const username = uniqueName();
  const attempt = () => service.post('/login', { json: { username, password: 'wrong' } });
  for (let failures = 0; failures < 6; failures += 1) await attempt();
  return attempt();
}

async function respondTaken(): Promise<Response> {
  const { name } = await service.register();
  return service.post('/register', { json: registration(name) });
}

/** One response of every status that the service gives. */
const answers: [string, number, () => Promise<Response>][] = [
  ['health', 200, () => service.fetch('/health')],
  ['the key set', 200, () => service.fetch('/.well-known/jwks.json')],
  ['the metadata', 200, () => service.fetch('/.well-known/openid-configuration')],
  ['HEAD', 200, () => service.fetch('/health', { method: 'HEAD' })],
  ['a registration', 201, () => service.post('/register', { json: registration() })],
  ['a sign-out', 204, () => service.post('/logout')],
  ['OPTIONS', 204, () => service.fetch('/login', { method: 'OPTIONS' })],
  ['a preflight', 204, () => service.fetch('/login', { method: 'OPTIONS', headers: { Origin: LISTED } })],
  ['a response across origins', 200, () => service.fetch('/health', { headers: { Origin: LISTED } })],
  ['a malformed body', 400, () => postLogin('{')],
  ['a missing token', 401, () => service.fetch('/me')],
  ['a missing cookie', 401, () => service.post('/refresh')],
  ['a foreign origin', 403, () => service.post('/logout', { headers: { Origin: 'https://evil.example' } })],
  ['an unknown path', 404, () => service.fetch('/nowhere')],
  ['a wrong method', 405, () => service.fetch('/login')],
  ['406 in place of 401', 406, () => new Service({ UNAUTHORIZED_STATUS: '406' }).fetch('/me')],
  ['a taken name', 409, respondTaken],
  ['a large body', 413, () => postLogin('x'.repeat(9000))],
  ['a body of another kind', 415, () => service.post('/login', { body: 'x' })],
  ['missing fields', 422, () => postLogin('{}')],
  ['a throttled account', 429, respondThrottled],
  [
    'a bug',
    500,
    () => new Service({ ACCOUNT: interceptAccounts(() => undefined) }).post('/login', { json: LOGIN }),
  ],
  [
    'an account outage',
    503,
    () => new Service({ ACCOUNT: brokenAccounts() }).post('/login', { json: LOGIN }),
  ],
  [
    'a directory outage',
    503,
    () => new Service({ DIRECTORY: breakDirectory() }).post('/login', { json: LOGIN }),
  ],
  ['a faulty configuration', 503, () => new Service({ ISSUER: '' }).fetch('/health')],
];

const LOGIN = { username: 'somebody', password: PASSWORD };

function postLogin(body: string): Promise<Response> {
  return service.post('/login', { body, headers: { 'Content-Type': 'application/json' } });
}

describe('every response', () => {
  it.each(answers)('carries the common headers: %s (%i)', async (_, status, answer) => {
    const response = await answer();
    expect(response.status).toBe(status);
    const { headers } = response;
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Strict-Transport-Security')).toMatch(/^max-age=\d{8,}/);
    expect(headers.get('Referrer-Policy')).toBe('no-referrer');
    expect(headers.get('Content-Security-Policy')).toBe(
      "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('Cache-Control')).toMatch(/^(no-store|public, max-age=300)$/);
    expect(headers.get('Server')).toBeNull();
    expect(headers.get('X-Powered-By')).toBeNull();
  });

  it('may be stored by nobody, but for the key set', async () => {
    for (const [what, , answer] of answers) {
      if (what === 'a throttled account') continue;
      const cacheControl = (await answer()).headers.get('Cache-Control');
      const isPublic = what === 'the key set' || what === 'the metadata';
      expect(cacheControl, what).toBe(isPublic ? 'public, max-age=300' : 'no-store');
    }
  });
});

describe('a page', () => {
  const files = Object.entries(routes).filter(([, { GET }]) => isPage(GET));

  it.each(files.map(([path]) => path))(
    'has no opener of another origin, and is embedded by none: %s',
    async (path) => {
      const first = await service.fetch(path);
      const again = await service.fetch(path, {
        headers: { 'If-None-Match': first.headers.get('ETag') ?? '' },
      });
      expect([first.status, again.status]).toEqual([200, 304]);
      for (const { headers } of [first, again]) {
        expect(headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin');
        expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
      }
    },
  );

  it('is meant: there are pages', () => {
    expect(files.length).toBeGreaterThan(5);
  });
});

describe('the request id', () => {
  it('is the edge’s own where there is one', async () => {
    const response = await service.fetch('/health', { headers: { 'CF-Ray': '230b030023ae2822-SJC' } });
    expect(response.headers.get('X-Request-Id')).toBe('230b030023ae2822-SJC');
  });

  it.each(['"}\n{"event":"forged', '230b030023ae2822-SJC-and-more', 'A'.repeat(5000), ''])(
    'is never what a client made up: %j',
    async (ray) => {
      const headers = new Headers();
      // A header cannot hold a line break; it arrives as far as it can.
      headers.set('CF-Ray', ray.replace('\n', ' '));
      const response = await service.fetch('/health', { headers: Object.fromEntries(headers) });
      expect(response.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});
