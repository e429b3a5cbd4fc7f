import { describe, expect, it } from 'vitest';
import { type Parts, Service } from '../support/service.ts';

const LISTED = 'https://app.example';
const service = new Service({ ALLOWED_ORIGINS: LISTED });

const requests: [string, Parts & { path: string }][] = [
  ['an answer', { path: '/health' }],
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
        'access-control-allow-headers': 'Authorization,Content-Type',
        'access-control-expose-headers': 'Date,Retry-After,WWW-Authenticate',
        'access-control-max-age': '600',
      });
      expect(variesBy(response)).toContain('origin');
      expect(await response.text()).toBe('');
    },
  );

  it('of any other origin gets no permission', async () => {
    for (const origin of ['https://evil.example', 'null', `${LISTED}:8443`]) {
      expect(corsHeaders(await preflight('/login', origin))).toEqual({});
    }
  });
});

function preflight(path: string, origin: string): Promise<Response> {
  return service.fetch(path, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,content-type,x-other',
    },
  });
}

function corsHeaders(response: Response): Record<string, string> {
  return Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('access-control-')));
}

function variesBy(response: Response): string[] {
  return (response.headers.get('Vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
}
