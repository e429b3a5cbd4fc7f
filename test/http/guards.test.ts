// The guards of every route, in their one order: origin, limit, authentication, query, body.
import { describe, expect, it } from 'vitest';
import { routes } from '../../src/app.ts';
import type { Route } from '../../src/http/route.ts';
import { expectProblem } from '../support/problem.ts';
import { type Parts, Service } from '../support/service.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';
const full = { limit: async () => ({ success: false }) };
const FULL = { RATE_LIMIT: 'on', SIGN_IN_LIMIT: full, REGISTRATION_LIMIT: full, REFRESH_LIMIT: full };
const titled = routes.map((one): [string, Route] => [`${one.method} ${one.path}`, one]);

/** A request that every guard of a route would refuse, but for the parts that are given. */
function send(service: Service, { method, path }: Route, { headers, ...parts }: Parts): Promise<Response> {
  const body = method === 'GET' ? {} : { body: '[' };
  const target = `${path.replace(':id', 'A'.repeat(22))}?keep=nothing&limit=x`;
  const sent = { 'Content-Type': 'application/json', ...headers };
  return service.fetch(target, { method, headers: sent, ...body, ...parts });
}

describe('a route', () => {
  it.each(titled)('asks for the origin first, if it is no GET: %s', async (_, route) => {
    const response = await send(new Service({ ...FULL, ADMIN_TOKEN }), route, {
      headers: { Origin: 'https://evil.example' },
    });
    if (route.method !== 'GET') await expectProblem(response, 403, 'origin_not_allowed');
    else expect(response.status).not.toBe(403);
  });

  it.each(titled.filter(([, { limit }]) => limit))('asks for its limit next: %s', async (_, route) => {
    const response = await send(new Service({ ...FULL, ADMIN_TOKEN }), route, {});
    await expectProblem(response, 429, 'too_many_attempts');
  });

  const authenticated = titled.filter(([, { auth }]) => !['none', 'anyRefreshCookie'].includes(auth));
  it.each(authenticated)('asks who it is next: %s', async (_, route) => {
    const response = await send(new Service({ ADMIN_TOKEN }), route, {});
    await expectProblem(response, 401, 'unauthorized', { clearsCookie: route.auth === 'refreshCookie' });
  });

  const checked = titled.filter(([, { query, body, auth }]) => query ?? body ?? auth === 'operator');
  it.each(checked)('looks at the query, and at the body last: %s', async (_, route) => {
    const service = new Service({ ADMIN_TOKEN });
    const bearer = route.auth === 'operator' ? ADMIN_TOKEN : (await service.register()).accessToken;
    const response = await send(service, route, { bearer });
    if (route.query !== undefined || route.auth === 'operator')
      await expectProblem(response, 422, 'invalid_input', { errors: expect.anything() });
    else await expectProblem(response, 400, 'malformed_body');
  });
});

it('below /admin nothing tells that there is something, without ADMIN_TOKEN', async () => {
  for (const route of routes.filter(({ auth }) => auth === 'operator')) {
    const headers = { Origin: 'https://evil.example' };
    await expectProblem(await send(new Service(FULL), route, { headers }), 404, 'not_found');
  }
});
