// Discovery for verifiers: OpenID Connect Discovery 1.0 and RFC 8414, for the service itself and below a mount.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import latchkey from '../../src/index.ts';
import { ISSUER, Service } from '../support/service.ts';
import { makeJwk } from '../support/tokens.ts';

const PATHS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];

const expected = (issuer: string, algs: string[]) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  response_types_supported: [],
  grant_types_supported: [],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: algs,
});

describe.each(PATHS)('GET %s', (path) => {
  it('names the issuer and the place of its keys, and no endpoint of OAuth: there is none', async () => {
    const response = await new Service({ AUDIENCE: 'https://api.test' }).fetch(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(await response.json()).toEqual(expected(ISSUER, ['HS256']));
  });

  it('may be stored for five minutes by anybody, like the keys, and read across origins by listed ones', async () => {
    const listed = 'https://app.example';
    const service = new Service({ ALLOWED_ORIGINS: listed });
    const { headers } = await service.fetch(path, { headers: { Origin: listed } });
    expect(headers.get('Cache-Control')).toBe('public, max-age=300');
    expect(headers.get('Access-Control-Allow-Origin')).toBe(listed);
    expect(headers.getSetCookie()).toEqual([]);
    const other = await service.fetch(path, { headers: { Origin: 'https://other.example' } });
    expect(other.headers.get('Access-Control-Allow-Origin')).toBeNull();
    expect(other.headers.get('Vary')).toBe('Origin');
  });

  it('lists the algorithms of the keys, each once, and none that no key is for', async () => {
    const keys = await Promise.all(
      [
        ['EdDSA', 'a'],
        ['ES256', 'b'],
        ['EdDSA', 'c'],
      ].map(async ([alg, kid]) => ({ ...(await makeJwk(alg as 'EdDSA')), kid })),
    );
    const service = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify({ keys }) });
    const { kty } = keys[1] ?? {};
    expect(kty).toBe('EC');
    expect(await (await service.fetch(path)).json()).toEqual(expected(ISSUER, ['EdDSA', 'ES256']));
    const rsa = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify(await makeJwk('RS256')) });
    expect(await (await rsa.fetch(path)).json()).toEqual(expected(ISSUER, ['RS256']));
  });
});

describe('below a mount', () => {
  const HOST = 'https://app.test';
  const { env } = new Service({ ISSUER: `${HOST}/auth` });
  const parent = new Hono<{ Bindings: Env }>();
  parent.route('/auth', latchkey);
  // As docs/how-to/front-ends.md has it: RFC 8414 puts the name before the path of the issuer, which is not below the mount.
  parent.get('/.well-known/oauth-authorization-server/auth', (c) =>
    latchkey.fetch(
      new Request(new URL('/.well-known/oauth-authorization-server', c.req.url)),
      c.env,
      c.executionCtx,
    ),
  );

  it.each([
    ['where OpenID Connect looks for it', '/auth/.well-known/openid-configuration'],
    ['where some clients look for it', '/auth/.well-known/oauth-authorization-server'],
    [
      'where RFC 8414 looks for it, if the parent passes it on',
      '/.well-known/oauth-authorization-server/auth',
    ],
  ])('it is %s', async (_, path) => {
    const ctx = createExecutionContext();
    const response = await parent.fetch(new Request(`${HOST}${path}`), env, ctx);
    await waitOnExecutionContext(ctx);
    expect(response.status).toBe(200);
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=300');
    const metadata = await response.json<{ jwks_uri: string }>();
    expect(metadata).toEqual(expected(`${HOST}/auth`, ['HS256']));
    const keys = await parent.fetch(new Request(metadata.jwks_uri), env, createExecutionContext());
    expect(keys.status).toBe(200);
  });
});
