import { describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { ACCESS_SECRET, ISSUER, REFRESH_SECRET } from '../support/service.ts';
import { BINDINGS, REQUIRED } from '../support/settings.ts';
import { makeJwk } from '../support/tokens.ts';

const DAY = 86_400;
const LONG_AUDIENCE = `https://api.test/${'a'.repeat(239)}`;

function load(settings: Record<string, unknown>): Config {
  const loaded = loadConfig({ ...BINDINGS, ...REQUIRED, ...settings });
  if (!loaded.ok) throw new Error(loaded.faults.join('; '));
  return loaded.config;
}

describe('the settings', () => {
  it('have their defaults when nothing but the issuer and the secrets is set', () => {
    expect(load({})).toEqual({
      issuer: ISSUER,
      issuerOrigin: ISSUER,
      audience: ISSUER,
      refreshAudience: `${ISSUER}/refresh`,
      deviceAudience: `${ISSUER}/login`,
      accessTtlSeconds: 600,
      refreshTtlSeconds: DAY,
      sessionTtlSeconds: 30 * DAY,
      graceSeconds: 30,
      allowedOrigins: { exact: new Set(), patterns: [] },
      cookieName: '__Host-jwt',
      cookieSameSite: 'Strict',
      passwordMinLength: 8,
      isRegistrationOpen: true,
      hasAddressLimits: true,
      unauthorizedStatus: 401,
      accessKeys: { kind: 'secret', secret: ACCESS_SECRET },
      refreshSecrets: [REFRESH_SECRET],
      appUrl: `${ISSUER}/account`,
      mail: { kind: 'none' },
      requiresVerifiedEmail: false,
      adminToken: undefined,
    });
  });

  it('take an empty variable for one that is left out', () => {
    const names = ['AUDIENCE', 'ACCESS_TOKEN_TTL', 'REFRESH_TOKEN_TTL', 'SESSION_TTL', 'REFRESH_GRACE'];
    names.push('ALLOWED_ORIGINS', 'COOKIE_NAME', 'COOKIE_SAME_SITE', 'PASSWORD_MIN_LENGTH', 'REGISTRATION');
    names.push('RATE_LIMIT', 'UNAUTHORIZED_STATUS');
    expect(load(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(load({}));
  });

  it.each<[string, unknown, Partial<Config>]>([
    ['ISSUER', 'https://auth.example.com', { audience: 'https://auth.example.com' }],
    [
      'ISSUER',
      'https://auth.example.com/tenant',
      { refreshAudience: 'https://auth.example.com/tenant/refresh' },
    ],
    ['ISSUER', 'http://localhost:8787', { issuer: 'http://localhost:8787' }],
    ['ISSUER', 'http://127.0.0.1:8787', { issuer: 'http://127.0.0.1:8787' }],
    ['ISSUER', 'http://[::1]:8787', { issuer: 'http://[::1]:8787' }],
    ['AUDIENCE', 'my-api', { audience: 'my-api', issuer: ISSUER, refreshAudience: `${ISSUER}/refresh` }],
    ['AUDIENCE', LONG_AUDIENCE, { audience: LONG_AUDIENCE }],
    ['ACCESS_TOKEN_TTL', '1s', { accessTtlSeconds: 1 }],
    ['ACCESS_TOKEN_TTL', '24h', { accessTtlSeconds: DAY }],
    ['REFRESH_TOKEN_TTL', '1s', { refreshTtlSeconds: 1 }],
    ['REFRESH_TOKEN_TTL', '400d', { refreshTtlSeconds: 400 * DAY }],
    ['SESSION_TTL', '1s', { sessionTtlSeconds: 1 }],
    ['SESSION_TTL', '400d', { sessionTtlSeconds: 400 * DAY }],
    ['REFRESH_GRACE', '0s', { graceSeconds: 0 }],
    ['REFRESH_GRACE', '10m', { graceSeconds: 600 }],
    [
      'ALLOWED_ORIGINS',
      'https://app.test',
      { allowedOrigins: { exact: new Set(['https://app.test']), patterns: [] } },
    ],
    [
      'ALLOWED_ORIGINS',
      ' https://app.test,\thttps://*.app.test, capacitor://localhost ,\n',
      {
        allowedOrigins: {
          exact: new Set(['https://app.test', 'capacitor://localhost']),
          patterns: [{ start: 'https://', end: '.app.test' }],
        },
      },
    ],
    ['COOKIE_NAME', 'jwt', { cookieName: 'jwt' }],
    ['COOKIE_NAME', `__Secure-${"!#$%&'*.^`|~+-"}`, { cookieName: "__Secure-!#$%&'*.^`|~+-" }],
    ['COOKIE_NAME', '__Host-Http-jwt', { cookieName: '__Host-Http-jwt' }],
    ['COOKIE_NAME', '__Http-jwt', { cookieName: '__Http-jwt' }],
    ['COOKIE_NAME', 'c'.repeat(64), { cookieName: 'c'.repeat(64) }],
    ['COOKIE_SAME_SITE', 'Strict', { cookieSameSite: 'Strict' }],
    ['COOKIE_SAME_SITE', 'Lax', { cookieSameSite: 'Lax' }],
    ['COOKIE_SAME_SITE', 'None', { cookieSameSite: 'None' }],
    ['PASSWORD_MIN_LENGTH', '15', { passwordMinLength: 15 }],
    ['PASSWORD_MIN_LENGTH', 64, { passwordMinLength: 64 }],
    ['REGISTRATION', 'closed', { isRegistrationOpen: false }],
    ['RATE_LIMIT', 'off', { hasAddressLimits: false }],
    ['UNAUTHORIZED_STATUS', '406', { unauthorizedStatus: 406 }],
    ['UNAUTHORIZED_STATUS', 406, { unauthorizedStatus: 406 }],
    [
      'REFRESH_TOKEN_SECRET',
      `${REFRESH_SECRET}-1,${REFRESH_SECRET}-2`,
      { refreshSecrets: [`${REFRESH_SECRET}-1`, `${REFRESH_SECRET}-2`] },
    ],
  ])('take %s = %j', (name, value, expected) => {
    expect(load({ [name]: value })).toMatchObject(expected);
  });

  it('take http origins beside a local issuer', () => {
    for (const ISSUER of ['http://localhost:8787', 'https://localhost:8787']) {
      const { allowedOrigins } = load({ ISSUER, ALLOWED_ORIGINS: 'http://localhost:5173' });
      expect(allowedOrigins.exact).toEqual(new Set(['http://localhost:5173']));
    }
  });

  it('take a JWK Set as text, and as the table that wrangler.toml makes of it', async () => {
    const set = { keys: [await makeJwk('ES256', 'k')] };
    for (const ACCESS_TOKEN_SECRET of [set, JSON.stringify(set)]) {
      expect(load({ ACCESS_TOKEN_SECRET }).accessKeys).toMatchObject({
        kind: 'keys',
        keys: [{ alg: 'ES256' }],
      });
    }
  });

  it('are frozen: no request can change them for the next', () => {
    const config = load({});
    expect(Object.isFrozen(config)).toBe(true);
    expect(() => Object.assign(config, { issuer: 'https://evil.test' })).toThrow(TypeError);
    expect(config.issuer).toBe(ISSUER);
  });
});
