// Who gets in at all: foreign origins and addresses over their limit get no further.

import { describe, expect, it } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { ADDRESS_LIMITS, adminRoutes, routes } from '../support/routes.ts';
import { ISSUER, PASSWORD, Service } from '../support/service.ts';

const FOREIGN = { Origin: 'https://evil.example' };

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const list = (table: Record<string, object>) =>
  Object.entries(table).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): [string, string] => [method, path.replace(':id', 'some-id')]),
  );
const changing = [...list(routes), ...list(adminRoutes)].filter(([method]) => method !== 'GET');

describe('an endpoint that changes something', () => {
  it('is every one that is no GET', () => {
    expect(changing.length).toBeGreaterThanOrEqual(20);
  });

  it.each(changing)('refuses a foreign origin before anything else: %s %s', async (method, path) => {
    const service = new Service({ ADMIN_TOKEN });
    const bearer = path.startsWith('/admin') ? { bearer: ADMIN_TOKEN } : {};
    for (const headers of [FOREIGN, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      const response = await service.fetch(path, { method, headers, ...bearer });
      await expectProblem(response, 403, 'origin_not_allowed');
    }
  });

  it.each([
    ['DELETE', '/sessions'],
    ['DELETE', '/sessions/:id'],
    ['POST', '/email/verification'],
  ])('does nothing for a foreign origin, whatever token comes with it: %s %s', async (method, path) => {
    const service = new Service();
    const ada = await service.register();
    const target = path.replace(':id', ada.sid);
    const response = await service.fetch(target, { method, bearer: ada.accessToken, headers: FOREIGN });
    await expectProblem(response, 403, 'origin_not_allowed');
    expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
    const own = await service.fetch(target, { method, bearer: ada.accessToken, headers: { Origin: ISSUER } });
    expect([202, 204]).toContain(own.status);
  });

  it.each([
    ['DELETE', ''],
    ['POST', '/disable'],
  ])(
    'does nothing to an account for an operator’s page on a foreign origin: %s %s',
    async (method, action) => {
      const service = new Service({ ADMIN_TOKEN });
      const ada = await service.register();
      const path = `/admin/accounts/${ada.id}${action}`;
      const response = await service.fetch(path, { method, bearer: ADMIN_TOKEN, headers: FOREIGN });
      await expectProblem(response, 403, 'origin_not_allowed');
      expect((await service.fetch('/me', { bearer: ada.accessToken })).status).toBe(200);
    },
  );
});

describe('an endpoint that changes an account', () => {
  it.each([
    ['PUT', '/password', { currentPassword: PASSWORD, newPassword: 'another long password' }],
    ['PUT', '/email', { email: 'new@example.com', password: PASSWORD }],
    ['PATCH', '/me', { username: 'somebody' }],
    ['DELETE', '/me', { password: PASSWORD }],
  ])('wants to know whose it is before it looks at a sound body: %s %s', async (method, path, json) => {
    const response = await new Service().fetch(path, { method, json });
    await expectProblem(response, 401, 'unauthorized');
  });

  it.each(Object.entries(ADDRESS_LIMITS))(
    'refuses an address over its limit, before it looks at anything else: %s',
    async (endpoint, binding) => {
      const [method = '', path = ''] = endpoint.split(' ');
      const asked: unknown[] = [];
      const full = {
        limit: async (options: unknown) => {
          asked.push(options);
          return { success: false };
        },
      };
      const isAdmin = path.startsWith('/admin');
      const service = new Service({ RATE_LIMIT: 'on', [binding]: full, ADMIN_TOKEN });
      const response = await service.fetch(path.replace(':id', 'A'.repeat(22)), {
        method,
        headers: { 'CF-Connecting-IP': '192.0.2.1' },
        ...(method !== 'GET' && { json: {} }),
        ...(isAdmin && { bearer: ADMIN_TOKEN }),
      });
      expect(response.headers.get('Retry-After')).toBe('60');
      await expectProblem(response, 429, 'too_many_attempts');
      expect(asked).toEqual([{ key: '192.0.2.1' }]);
    },
  );
});
