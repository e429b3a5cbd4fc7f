// The entrances of the account's life: foreign origins and addresses over their limit get no further.
import { describe, expect, it } from 'vitest';
import { expectProblem } from '../support/problem.ts';
import { PASSWORD, Service } from '../support/service.ts';

const FOREIGN = { Origin: 'https://evil.example' };
const full = { limit: async () => ({ success: false }) };

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

  it.each(['/password/forgot', '/password/reset', '/email/verify'])(
    'refuses an address over its limit: %s',
    async (path) => {
      const service = new Service({ RATE_LIMIT: 'on', REGISTRATION_LIMIT: full });
      const headers = { 'CF-Connecting-IP': '192.0.2.1' };
      const response = await service.post(path, { headers, json: {} });
      expect(response.headers.get('Retry-After')).toBe('60');
      await expectProblem(response, 429, 'too_many_attempts');
    },
  );
});
