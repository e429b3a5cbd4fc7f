import { describe, expect, it } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { ISSUER, PASSWORD, type Parts, type Person, Service, uniqueName } from '../support/service.ts';
import { findInDirectory, readSessions } from '../support/storage.ts';

const LISTED = 'https://app.example';
const ALLOWED_ORIGINS = `${LISTED}, https://second.example:8443, https://*.example.pages.dev, capacitor://localhost`;
const service = new Service({ ALLOWED_ORIGINS });

const allowed: [string, Record<string, string>][] = [
  ['the service’s own origin', { Origin: ISSUER }],
  ['a listed origin', { Origin: LISTED }],
  ['another listed origin, with its port', { Origin: 'https://second.example:8443' }],
  ['a listed origin on another site', { Origin: LISTED, 'Sec-Fetch-Site': 'cross-site' }],
  ['Sec-Fetch-Site: same-origin', { 'Sec-Fetch-Site': 'same-origin' }],
  ['Sec-Fetch-Site: none', { 'Sec-Fetch-Site': 'none' }],
  ['neither header, which is no browser', {}],
  [
    'Origin: null of its own page, which has a form and sends no referrer',
    { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' },
  ],
  ['a preview deployment', { Origin: 'https://3f2a-main.example.pages.dev' }],
  ['an app', { Origin: 'capacitor://localhost', 'Sec-Fetch-Site': 'cross-site' }],
];

const refused: [string, Record<string, string>][] = [
  ['a foreign origin', { Origin: 'https://evil.example' }],
  ['Origin: null', { Origin: 'null' }],
  ['an empty origin', { Origin: '' }],
  ['the own host over http', { Origin: 'http://auth.test' }],
  ['the own host at another port', { Origin: `${ISSUER}:8443` }],
  ['a sibling domain', { Origin: 'https://other.auth.test' }],
  ['an origin that begins like the own', { Origin: `${ISSUER}.evil.example` }],
  ['an origin that ends like a listed one', { Origin: 'https://evil-app.example' }],
  ['a listed host at another port', { Origin: 'https://second.example' }],
  ['a list of origins', { Origin: `${LISTED}, https://second.example:8443` }],
  ['Sec-Fetch-Site: cross-site', { 'Sec-Fetch-Site': 'cross-site' }],
  ['Sec-Fetch-Site: same-site', { 'Sec-Fetch-Site': 'same-site' }],
  ['an unknown Sec-Fetch-Site', { 'Sec-Fetch-Site': 'elsewhere' }],
  [
    'a foreign origin that is same-origin',
    { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' },
  ],
  ['Origin: null from another site', { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' }],
  ['Origin: null from the same site', { Origin: 'null', 'Sec-Fetch-Site': 'same-site' }],
  ['Origin: null that nobody asked for', { Origin: 'null', 'Sec-Fetch-Site': 'none' }],
  ['null in another spelling', { Origin: 'Null', 'Sec-Fetch-Site': 'same-origin' }],
  ['a preview deployment of somebody else', { Origin: 'https://3f2a-main.other.pages.dev' }],
  ['two labels below the listed domain', { Origin: 'https://a.b.example.pages.dev' }],
  ['the listed domain itself', { Origin: 'https://example.pages.dev' }],
  ['a listed origin with a Unicode blank before it', { Origin: `\u2000${LISTED}` }],
  ['an app of another scheme', { Origin: 'ionic://localhost' }],
];

interface Case {
  path: string;
  status: number;
  parts: (ada: Person, name: string) => Parts;
  /** What would show that the request was carried out. */
  trace: (ada: Person, name: string) => Promise<unknown>;
}

const sessionsOf = async ({ id }: Person) =>
  (await readSessions(id)).map(({ sid, counter }) => `${sid} ${counter}`);

const cases: Case[] = [
  {
    path: '/register',
    status: 201,
    parts: (_, name) => ({ json: { username: name, email: `${name}@example.com`, password: PASSWORD } }),
    trace: (_, name) => findInDirectory(name),
  },
  {
    path: '/login',
    status: 200,
    parts: ({ name }) => ({ json: { username: name, password: PASSWORD } }),
    trace: sessionsOf,
  },
  { path: '/refresh', status: 200, parts: ({ cookie }) => ({ cookie }), trace: sessionsOf },
  { path: '/logout', status: 204, parts: ({ cookie }) => ({ cookie }), trace: sessionsOf },
];

describe.each(cases)('POST $path', ({ path, status, parts, trace }) => {
  it.each(allowed)('passes with %s', async (_, headers) => {
    const ada = await service.register();
    const name = uniqueName();
    const before = await trace(ada, name);
    const response = await service.post(path, { ...parts(ada, name), headers });
    expect(response.status).toBe(status);
    expect(await trace(ada, name)).not.toEqual(before);
  });

  it('is refused with any other Origin or Sec-Fetch-Site, and nothing is done', async () => {
    const ada = await service.register();
    const name = uniqueName();
    const before = await trace(ada, name);
    for (const [what, headers] of refused) {
      const response = await service.post(path, { ...parts(ada, name), headers });
      expect(response.status, what).toBe(403);
      await expectProblem(response, 403, 'origin_not_allowed');
      expect(await trace(ada, name), what).toEqual(before);
    }
  });
});

describe('the own origin', () => {
  it('is that of the issuer, and that which the request came to: behind a proxy they differ', async () => {
    const proxied = new Service({ ISSUER: 'https://public.example/auth' });
    const ada = await proxied.register();
    for (const Origin of ['https://public.example', ISSUER]) {
      expect((await proxied.post('/logout', { cookie: ada.cookie, headers: { Origin } })).status).toBe(204);
    }
  });

  it('is never taken from what a client can write: Host and X-Forwarded-Host count for nothing', async () => {
    const ada = await service.register();
    const response = await service.post('/logout', {
      cookie: ada.cookie,
      headers: {
        Origin: 'https://evil.example',
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-Proto': 'https',
        Forwarded: 'host=evil.example;proto=https',
      },
    });
    await expectProblem(response, 403, 'origin_not_allowed');
    expect(await readSessions(ada.id)).toHaveLength(1);
  });
});

describe('endpoints that go by a bearer token and change nothing', () => {
  it('respond to any page: a browser does not add the token by itself', async () => {
    const ada = await service.register();
    const response = await service.fetch('/me', {
      bearer: ada.accessToken,
      headers: { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
    });
    expect(response.status).toBe(200);
    const withCookie = await service.fetch('/sessions', { method: 'DELETE', cookie: ada.cookie });
    expect(withCookie.status).toBe(401);
    expect(await readSessions(ada.id)).toHaveLength(1);
  });
});
