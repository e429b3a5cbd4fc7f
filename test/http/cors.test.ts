import { describe, expect, it } from 'vitest';
import { type Parts, Service } from '../support/service.ts';

const LISTED = 'https://app.example';
const service = new Service({ ALLOWED_ORIGINS: LISTED });

const requests: [string, Parts & { path: string }][] = [
  ['a response', { path: '/health' }],
  ['a refusal', { path: '/me' }],
  ['a refused sign-in', { path: '/login', method: 'POST', body: 'x' }],
  ['a path that does not exist', { path: '/nowhere' }],
  ['a wrong method', { path: '/login', method: 'PUT' }],
  ['a cleared cookie', { path: '/logout', method: 'POST' }],
];

describe('CORS', () => {
  it.each(requests)('lets a listed origin read %s, with credentials', async (_, { path, ...parts }) => {
    const response = await service.fetch(path, { ...parts, headers: { Origin: LISTED } });
    expect(corsHeaders(response)).toEqual({
      'access-control-allow-origin': LISTED,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'Date,Retry-After,WWW-Authenticate',
    });
    expect(variesBy(response)).toContain('origin');
  });

  it.each(requests)('gives no other origin a header for %s, and varies all the same', async (_, request) => {
    const { path, ...parts } = request;
    for (const Origin of ['https://evil.example', 'null', 'http://app.example', `${LISTED}.evil.example`]) {
      const response = await service.fetch(path, { ...parts, headers: { Origin } });
      expect(corsHeaders(response)).toEqual({});
      expect(variesBy(response)).toContain('origin');
    }
    const withoutOrigin = await service.fetch(path, parts);
    expect(corsHeaders(withoutOrigin)).toEqual({});
    expect(variesBy(withoutOrigin)).toContain('origin');
  });

  it('lets a listed origin read an internal error and an outage, too', async () => {
    const failing = new Service({ ALLOWED_ORIGINS: LISTED, DIRECTORY: {} });
    const response = await failing.post('/login', {
      json: { username: 'a', password: 'b' },
      headers: { Origin: LISTED },
    });
    expect(response.status).toBe(503);
    expect(corsHeaders(response)).toMatchObject({
      'access-control-allow-origin': LISTED,
      'access-control-expose-headers': expect.stringContaining('Retry-After'),
    });
  });

  it('names no origin when none is listed', async () => {
    const response = await new Service().fetch('/health', { headers: { Origin: LISTED } });
    expect(corsHeaders(response)).toEqual({});
  });
});

describe('a preflight', () => {
  it.each(['/register', '/login', '/refresh', '/logout', '/me', '/sessions', '/sessions/some-id'])(
    'of a listed origin for %s says what may be sent',
    async (path) => {
      const response = await preflight(path, LISTED);
      expect(response.status).toBe(204);
      expect(corsHeaders(response)).toEqual({
        'access-control-allow-origin': LISTED,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET,POST,PUT,PATCH,DELETE',
        'access-control-allow-headers': 'authorization,content-type,x-other',
        'access-control-expose-headers': 'Date,Retry-After,WWW-Authenticate',
        'access-control-max-age': '600',
      });
      expect(variesBy(response)).toContain('origin');
      expect(await response.text()).toBe('');
    },
  );

  it('of any other origin gets no permission', async () => {
    for (const origin of ['https://evil.example', 'null', `${LISTED}:8443`]) {
      const response = await preflight('/login', origin);
      expect(corsHeaders(response)).toEqual({});
      expect(variesBy(response)).toEqual(['origin', 'access-control-request-headers']);
    }
  });

  it.each([
    ['the headers of tracing tools', 'baggage,sentry-trace,traceparent', 'baggage,sentry-trace,traceparent'],
    ['optional white space and empty names', ' authorization ,,\tbaggage', 'authorization,baggage'],
    ['no such header', null, 'Authorization,Content-Type'],
    ['names that are no tokens', 'a b,x;y,"q",é,\u2000z,ok', 'ok'],
    ['a name that is too long', `${'n'.repeat(129)},ok`, 'ok'],
    [
      'more than 64 names',
      Array.from({ length: 80 }, (_, index) => `x-${index}`).join(','),
      Array.from({ length: 64 }, (_, index) => `x-${index}`).join(','),
    ],
    ['names of Object.prototype', 'constructor,__proto__', 'constructor,__proto__'],
  ])('of a listed origin may ask for any header: %s', async (_, requested, expected) => {
    const response = await preflight('/login', LISTED, requested);
    expect(response.headers.get('Access-Control-Allow-Headers')).toBe(expected);
    expect(variesBy(response)).toEqual(['origin', 'access-control-request-headers']);
  });

  it('of a preview deployment, an extension and an app is of a listed origin', async () => {
    const origins = ['chrome-extension://abcdefghijklmnopabcdefghijklmnop', 'tauri://localhost'];
    const ALLOWED_ORIGINS = `https://*.example.pages.dev,${origins}`;
    const open = new Service({ ALLOWED_ORIGINS });
    for (const Origin of ['https://main.example.pages.dev', ...origins]) {
      const headers = { Origin, 'Access-Control-Request-Method': 'POST' };
      const response = await open.fetch('/login', { method: 'OPTIONS', headers });
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe(Origin);
    }
    const headers = { Origin: 'https://a.b.example.pages.dev', 'Access-Control-Request-Method': 'POST' };
    expect(corsHeaders(await open.fetch('/login', { method: 'OPTIONS', headers }))).toEqual({});
  });
});

describe('OPTIONS that is no preflight', () => {
  it('says what a path takes, to a listed origin too', async () => {
    const response = await service.fetch('/login', { method: 'OPTIONS', headers: { Origin: LISTED } });
    expect(response.headers.get('Allow')).toBe('OPTIONS, POST');
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe(LISTED);
  });
});

function preflight(
  path: string,
  origin: string,
  requested: string | null | undefined = 'authorization,content-type,x-other',
): Promise<Response> {
  return service.fetch(path, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      ...(requested !== null && { 'Access-Control-Request-Headers': requested }),
    },
  });
}

function corsHeaders(response: Response): Record<string, string> {
  return Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('access-control-')));
}

function variesBy(response: Response): string[] {
  return (response.headers.get('Vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
}
