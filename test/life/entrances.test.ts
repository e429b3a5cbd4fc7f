// The entrances of the account's life: foreign origins and addresses over their limit get no further.
import { describe, expect, it } from 'vitest';
import { ADDRESS_LIMITS } from '../../src/http/limits.ts';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, Service } from '../support/service.ts';

const FOREIGN = { Origin: 'https://evil.example' };
const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';

describe('an endpoint that changes an account', () => {
  it.each([
    ['PUT', '/password'],
    ['POST', '/password/forgot'],
    ['POST', '/password/reset'],
    ['POST', '/email/verify'],
    ['PUT', '/email'],
    ['PATCH', '/me'],
    ['DELETE', '/me'],
  ])('refuses a foreign origin before anything else: %s %s', async (method, path) => {
    const response = await new Service().fetch(path, { method, headers: FOREIGN });
    await expectProblem(response, 403, 'origin_not_allowed');
  });

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
        json: {},
        ...(isAdmin && { bearer: ADMIN_TOKEN }),
      });
      expect(response.headers.get('Retry-After')).toBe('60');
      await expectProblem(response, 429, 'too_many_attempts');
      expect(asked).toEqual([{ key: '192.0.2.1' }]);
    },
  );
});
