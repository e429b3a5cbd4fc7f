import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { isLocalIssuer, SETTINGS } from '../../src/config/settings.ts';
import { expectAbsent } from '../support/absence.ts';
import { ACCESS_SECRET, ISSUER, REFRESH_SECRET } from '../support/service.ts';
import { BINDINGS, REQUIRED } from '../support/settings.ts';
import { makeJwk, toPublicJwk } from '../support/tokens.ts';

const NO_ISSUER = 'ISSUER must be an https URL without query or fragment (http only for localhost)';
const SPELLING = 'ISSUER must be spelt as browsers spell it: lower case, no blanks, no default port';
const NO_COOKIE = "COOKIE_NAME must be a cookie name: up to 64 letters, digits and !#$%&'*.^_`|~+-";
const NO_DURATION = 'must be a whole number with a unit, such as 30s, 10m, 12h or 30d';
const NO_LENGTH = 'PASSWORD_MIN_LENGTH must be a whole number from 8 to 64';
const NO_PREFIX =
  'COOKIE_NAME must spell its prefix as browsers do: __Host-, __Secure-, __Http- or __Host-Http-';
const NO_BLANKS = 'must not hold blanks, line ends or other control characters';
const NO_USER = 'must not hold a user name or a password';
const NO_SENDER = 'MAIL_FROM must be an e-mail address, without a name around it';
const NO_TOKEN =
  'ADMIN_TOKEN must hold no blanks or line ends, and only ASCII letters, digits and punctuation';
const OTHER_SECRET = 'another-secret-of-these-very-tests-0123456789';
const noOrigin = (origin: string) =>
  `ALLOWED_ORIGINS must hold origins such as https://app.example.com or https://*.example.com, or of an app or extension, without path or final slash: "${origin}"`;
const plainHttp = (origin: string) =>
  `ALLOWED_ORIGINS must hold https origins where ISSUER is not local: everybody on the way can be at an http one: "${origin}"`;

function faultsOf(settings: Record<string, unknown>): string[] {
  const loaded = loadConfig({ ...BINDINGS, ...REQUIRED, ...settings });
  return loaded.ok ? [] : loaded.faults;
}

describe('a faulty setting', () => {
  it.each<[string, unknown, string]>([
    ['ISSUER', undefined, 'ISSUER is missing: set it to the public address of this service'],
    ['ISSUER', '', 'ISSUER is missing: set it to the public address of this service'],
    ['ISSUER', 'auth.test', NO_ISSUER],
    ['ISSUER', 'http://auth.test', NO_ISSUER],
    ['ISSUER', 'http://localhost.evil.test', NO_ISSUER],
    ['ISSUER', 'http://127.evil.test', NO_ISSUER],
    ['ISSUER', 'ftp://auth.test', NO_ISSUER],
    ['ISSUER', 'https://auth.test?a=b', NO_ISSUER],
    ['ISSUER', 'https://auth.test?', NO_ISSUER],
    ['ISSUER', 'https://auth.test#a', NO_ISSUER],
    ['ISSUER', 'https://auth.test#', NO_ISSUER],
    ['ISSUER', 'https://ada@auth.test', NO_ISSUER],
    ['ISSUER', 'https://:secret@auth.test', NO_ISSUER],
    [
      'ISSUER',
      'https://auth.test/',
      'ISSUER must not end with a slash: verifiers compare it letter by letter',
    ],
    ['ISSUER', 'https://Auth.test', SPELLING],
    ['ISSUER', 'https://auth.test ', SPELLING],
    ['ISSUER', 'https://auth.te\nst', SPELLING],
    ['ISSUER', 'https://auth.test:443', SPELLING],
    ['ISSUER', 'https:auth.test', SPELLING],
    ['ISSUER', 'https://münchen.test', SPELLING],
    ['ISSUER', `https://auth.test/${'i'.repeat(239)}`, 'ISSUER must be at most 256 characters long'],
    [
      'AUDIENCE',
      `${ISSUER}/refresh`,
      'AUDIENCE must differ from the refresh and sign-in endpoints, which are audiences of their own',
    ],
    ['AUDIENCE', `https://api.test/${'a'.repeat(240)}`, 'AUDIENCE must be at most 256 characters long'],
    ['AUDIENCE', ['a', 'b'], 'AUDIENCE must be a string'],
    ['AUDIENCE', true, 'AUDIENCE must be a string'],
    ['ACCESS_TOKEN_TTL', '10', `ACCESS_TOKEN_TTL ${NO_DURATION}`],
    ['ACCESS_TOKEN_TTL', 600, `ACCESS_TOKEN_TTL ${NO_DURATION}`],
    ['ACCESS_TOKEN_TTL', '0s', 'ACCESS_TOKEN_TTL must be between 1s and 86400s'],
    ['ACCESS_TOKEN_TTL', '86401s', 'ACCESS_TOKEN_TTL must be between 1s and 86400s'],
    ['REFRESH_TOKEN_TTL', '-1d', `REFRESH_TOKEN_TTL ${NO_DURATION}`],
    ['REFRESH_TOKEN_TTL', '0s', 'REFRESH_TOKEN_TTL must be between 1s and 34560000s'],
    ['REFRESH_TOKEN_TTL', '401d', 'REFRESH_TOKEN_TTL must be between 1s and 34560000s'],
    ['SESSION_TTL', 'forever', `SESSION_TTL ${NO_DURATION}`],
    ['SESSION_TTL', '0d', 'SESSION_TTL must be between 1s and 34560000s'],
    ['SESSION_TTL', '34560001s', 'SESSION_TTL must be between 1s and 34560000s'],
    ['REFRESH_GRACE', '1.5s', `REFRESH_GRACE ${NO_DURATION}`],
    ['REFRESH_GRACE', '601s', 'REFRESH_GRACE must be between 0s and 600s'],
    ['ALLOWED_ORIGINS', '*', noOrigin('*')],
    ['ALLOWED_ORIGINS', 'null', noOrigin('null')],
    ['ALLOWED_ORIGINS', 'app.test', noOrigin('app.test')],
    ['ALLOWED_ORIGINS', 'https://app.test/', noOrigin('https://app.test/')],
    ['ALLOWED_ORIGINS', 'https://app.test/login', noOrigin('https://app.test/login')],
    ['ALLOWED_ORIGINS', 'https://*', noOrigin('https://*')],
    ['ALLOWED_ORIGINS', 'https://app.test, https://*.*.app.test', noOrigin('https://*.*.app.test')],
    [
      'ALLOWED_ORIGINS',
      'https://*.pages.dev,https://*.app.test',
      'ALLOWED_ORIGINS must not open a domain below which anybody can have a name: "https://*.pages.dev"',
    ],
    ['ALLOWED_ORIGINS', 'http://app.test', plainHttp('http://app.test')],
    ['ALLOWED_ORIGINS', 'http://localhost:3000', plainHttp('http://localhost:3000')],
    ['ALLOWED_ORIGINS', '\u2000https://app.test', noOrigin('\u2000https://app.test')],
    ['ALLOWED_ORIGINS', 'https://App.test', noOrigin('https://App.test')],
    ['ALLOWED_ORIGINS', 'https://app.test:443', noOrigin('https://app.test:443')],
    ['ALLOWED_ORIGINS', 'file:///app', noOrigin('file:///app')],
    ['ALLOWED_ORIGINS', 'wss://app.test', noOrigin('wss://app.test')],
    ['ALLOWED_ORIGINS', 'https://a.test https://b.test', noOrigin('https://a.test https://b.test')],
    ['COOKIE_NAME', 'a b', NO_COOKIE],
    ['COOKIE_NAME', 'a=b', NO_COOKIE],
    ['COOKIE_NAME', 'a;b', NO_COOKIE],
    ['COOKIE_NAME', 'jwt\n', NO_COOKIE],
    ['COOKIE_NAME', 'c'.repeat(65), NO_COOKIE],
    ['COOKIE_NAME', '__Host-device', 'COOKIE_NAME must not be __Host-device, the cookie of known browsers'],
    ['COOKIE_NAME', '__host-jwt', NO_PREFIX],
    ['COOKIE_NAME', '__HOST-device', NO_PREFIX],
    ['COOKIE_NAME', '__SECURE-jwt', NO_PREFIX],
    ['COOKIE_NAME', '__http-jwt', NO_PREFIX],
    ['AUDIENCE', 'my\napi', 'AUDIENCE must not hold control characters'],
    ['AUDIENCE', 'my-api\u0000', 'AUDIENCE must not hold control characters'],
    ['APP_URL', 'https://app.test/\naccount', `APP_URL ${NO_BLANKS}`],
    ['APP_URL', 'https://app.test/account\t', `APP_URL ${NO_BLANKS}`],
    ['APP_URL', ' https://app.test/account', `APP_URL ${NO_BLANKS}`],
    ['APP_URL', 'https://app.test/a b', `APP_URL ${NO_BLANKS}`],
    ['APP_URL', 'https://auth.test@evil.test/account', `APP_URL ${NO_USER}`],
    ['APP_URL', 'https://:pass@app.test/account', `APP_URL ${NO_USER}`],
    ['MAIL_FROM', 'no-reply@\u0000auth.test', NO_SENDER],
    ['MAIL_FROM', 'no\u007freply@auth.test', NO_SENDER],
    ['MAIL_FROM', 'no-reply@auth.test\r\nBcc: x', NO_SENDER],
    ['ADMIN_TOKEN', `${OTHER_SECRET}\n`, NO_TOKEN],
    ['ADMIN_TOKEN', ` ${OTHER_SECRET}`, NO_TOKEN],
    ['ADMIN_TOKEN', `${OTHER_SECRET} ${OTHER_SECRET}!`, NO_TOKEN],
    ['ADMIN_TOKEN', `${OTHER_SECRET}\u00e9`, NO_TOKEN],
    ['ADMIN_TOKEN', 's'.repeat(40), 'ADMIN_TOKEN is a short text repeated, not a random secret'],
    ['ADMIN_TOKEN', ACCESS_SECRET, 'ADMIN_TOKEN must not be equal to a secret that signs tokens'],
    ['ADMIN_TOKEN', REFRESH_SECRET, 'ADMIN_TOKEN must not be equal to a secret that signs tokens'],
    [
      'MAIL_WEBHOOK_SECRET',
      ACCESS_SECRET,
      'MAIL_WEBHOOK_SECRET must not be equal to a secret that signs tokens',
    ],
    ['COOKIE_SAME_SITE', 'strict', 'COOKIE_SAME_SITE must be one of Strict, Lax, None'],
    ['COOKIE_SAME_SITE', 'off', 'COOKIE_SAME_SITE must be one of Strict, Lax, None'],
    ['PASSWORD_MIN_LENGTH', '7', NO_LENGTH],
    ['PASSWORD_MIN_LENGTH', '65', NO_LENGTH],
    ['PASSWORD_MIN_LENGTH', '8.5', NO_LENGTH],
    ['PASSWORD_MIN_LENGTH', 'eight', NO_LENGTH],
    ['REGISTRATION', 'no', 'REGISTRATION must be one of open, closed'],
    ['RATE_LIMIT', 'ON', 'RATE_LIMIT must be one of on, off'],
    ['UNAUTHORIZED_STATUS', '403', 'UNAUTHORIZED_STATUS must be one of 401, 406'],
    ['ACCESS_TOKEN_SECRET', undefined, 'ACCESS_TOKEN_SECRET is missing: `npm run keys` makes one'],
    ['REFRESH_TOKEN_SECRET', '', 'REFRESH_TOKEN_SECRET is missing: `npm run keys` makes one'],
    ['ACCESS_TOKEN_SECRET', 'short', 'ACCESS_TOKEN_SECRET is too short: 5 bytes, at least 32 are needed'],
    ['REFRESH_TOKEN_SECRET', 'short', 'REFRESH_TOKEN_SECRET is too short: 5 bytes, at least 32 are needed'],
    [
      'REFRESH_TOKEN_SECRET',
      `${REFRESH_SECRET},${ACCESS_SECRET}`,
      'REFRESH_TOKEN_SECRET must not be equal to ACCESS_TOKEN_SECRET: one token would pass for the other',
    ],
    ['ACCOUNT', undefined, 'ACCOUNT is not bound: see wrangler.toml'],
    ['DIRECTORY', 'latchkey', 'DIRECTORY is not bound: see wrangler.toml'],
    ['SIGN_IN_LIMIT', undefined, 'SIGN_IN_LIMIT is not bound: see wrangler.toml'],
    ['REGISTRATION_LIMIT', undefined, 'REGISTRATION_LIMIT is not bound: see wrangler.toml'],
    ['REFRESH_LIMIT', undefined, 'REFRESH_LIMIT is not bound: see wrangler.toml'],
  ])('stops the service: %s = %j', (name, value, fault) => {
    expect(faultsOf({ [name]: value })).toEqual([fault]);
  });
});

describe('the two secrets that sign', () => {
  const EQUAL =
    'REFRESH_TOKEN_SECRET must not be equal to ACCESS_TOKEN_SECRET: one token would pass for the other';

  it('must differ in more than the blanks around them', () => {
    for (const ACCESS_TOKEN_SECRET of [`${REFRESH_SECRET}\n`, `${REFRESH_SECRET} `, `\t${REFRESH_SECRET}`])
      expect(faultsOf({ ACCESS_TOKEN_SECRET })).toEqual([EQUAL]);
  });

  it('must differ where one is a key pair: the private member is a secret as well', async () => {
    const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
    if (!('privateKey' in pair)) throw new Error('Ed25519 makes pairs');
    const { kty, crv, x, d = '' } = (await crypto.subtle.exportKey('jwk', pair.privateKey)) as JsonWebKey;
    const ACCESS_TOKEN_SECRET = JSON.stringify({ kty, crv, x, d });
    expect(faultsOf({ ACCESS_TOKEN_SECRET })).toEqual([]);
    expect(faultsOf({ ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET: d })).toEqual([EQUAL]);
  });
});

describe('the secrets that sign nothing', () => {
  const hook = { MAIL_WEBHOOK_URL: 'https://mail.test/hook', MAIL_WEBHOOK_SECRET: OTHER_SECRET };

  it('must differ from each other', () => {
    expect(faultsOf({ ...hook, ADMIN_TOKEN: `${OTHER_SECRET}-2` })).toEqual([]);
    expect(faultsOf({ ...hook, ADMIN_TOKEN: OTHER_SECRET })).toEqual([
      'ADMIN_TOKEN must not be equal to MAIL_WEBHOOK_SECRET',
    ]);
  });

  it('must differ in more than the blanks around them, and in more than their spelling', () => {
    const equal = 'MAIL_WEBHOOK_SECRET must not be equal to a secret that signs tokens';
    const encoded = `whsec_${btoa(REFRESH_SECRET)}`;
    for (const MAIL_WEBHOOK_SECRET of [`${REFRESH_SECRET}\n`, encoded, btoa(REFRESH_SECRET)])
      expect(faultsOf({ ...hook, MAIL_WEBHOOK_SECRET })).toEqual([equal]);
    expect(
      faultsOf({ ...hook, MAIL_WEBHOOK_SECRET: `${OTHER_SECRET}\n`, ADMIN_TOKEN: OTHER_SECRET }),
    ).toEqual(['ADMIN_TOKEN must not be equal to MAIL_WEBHOOK_SECRET']);
  });

  it('are judged by the key that is encoded in them', () => {
    for (const [key, kind] of [
      ['\0'.repeat(32), 'a short text repeated'],
      ['change-me-change-me-change-me-1234', 'a placeholder from documentation'],
    ])
      expect(faultsOf({ ...hook, MAIL_WEBHOOK_SECRET: `whsec_${btoa(key ?? '')}` })).toEqual([
        `MAIL_WEBHOOK_SECRET is ${kind} in base64, not a random secret`,
      ]);
  });

  it('must differ from every refresh secret, the retired ones too', () => {
    const REFRESH_TOKEN_SECRET = `${REFRESH_SECRET},${OTHER_SECRET}`;
    expect(faultsOf({ ...hook, REFRESH_TOKEN_SECRET })).toEqual([
      'MAIL_WEBHOOK_SECRET must not be equal to a secret that signs tokens',
    ]);
  });
});

describe('the address of the webhook', () => {
  it.each([
    ['https://mail.test/\nhook', NO_BLANKS],
    ['https://ada:pass@mail.test/hook', NO_USER],
  ])('is refused: %j', (MAIL_WEBHOOK_URL, fault) => {
    expect(faultsOf({ MAIL_WEBHOOK_URL, MAIL_WEBHOOK_SECRET: OTHER_SECRET })).toEqual([
      `MAIL_WEBHOOK_URL ${fault}`,
    ]);
  });
});

describe('the list of settings', () => {
  it('is what the reader asks for', () => {
    const asked = new Set<string>();
    const env = new Proxy({ ...BINDINGS, ...REQUIRED } as Record<string, unknown>, {
      get: (target, name) => {
        if (typeof name === 'string') asked.add(name);
        return target[String(name)];
      },
    });
    expect(loadConfig(env)).toMatchObject({ ok: true });
    const bindings = [...Object.keys(BINDINGS), 'EMAIL'];
    expect([...asked].filter((name) => !bindings.includes(name)).sort()).toEqual([...SETTINGS].sort());
  });
});

describe('several faulty settings', () => {
  it('are all named at once', () => {
    const settings = {
      ...BINDINGS,
      ISSUER: 'auth.test',
      ACCESS_TOKEN_SECRET: 'short',
      REFRESH_TOKEN_SECRET: `${REFRESH_SECRET},short,short`,
      ACCESS_TOKEN_TTL: '2d',
      REFRESH_TOKEN_TTL: 'x',
      SESSION_TTL: '0s',
      REFRESH_GRACE: '11m',
      ALLOWED_ORIGINS: 'https://a.test/,https://b.test,https://c.test/',
      COOKIE_NAME: ' ',
      COOKIE_SAME_SITE: 'x',
      PASSWORD_MIN_LENGTH: '6',
      REGISTRATION: 'x',
      RATE_LIMIT: 'x',
      UNAUTHORIZED_STATUS: '500',
      DIRECTORY: undefined,
    };
    const loaded = loadConfig(settings);
    expect(loaded).toMatchObject({ ok: false });
    const faults = loaded.ok ? [] : loaded.faults;
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'ISSUER',
      'ACCESS_TOKEN_TTL',
      'REFRESH_TOKEN_TTL',
      'SESSION_TTL',
      'REFRESH_GRACE',
      'ALLOWED_ORIGINS',
      'ALLOWED_ORIGINS',
      'COOKIE_NAME',
      'COOKIE_SAME_SITE',
      'PASSWORD_MIN_LENGTH',
      'REGISTRATION',
      'RATE_LIMIT',
      'UNAUTHORIZED_STATUS',
      'ACCESS_TOKEN_SECRET',
      'REFRESH_TOKEN_SECRET',
      'REFRESH_TOKEN_SECRET',
      'REFRESH_TOKEN_SECRET',
      'DIRECTORY',
    ]);
  });

  it('are all named when nothing at all is set', () => {
    expect(loadConfig({})).toEqual({
      ok: false,
      faults: [
        'ISSUER is missing: set it to the public address of this service',
        'ACCESS_TOKEN_SECRET is missing: `npm run keys` makes one',
        'REFRESH_TOKEN_SECRET is missing: `npm run keys` makes one',
        ...Object.keys(BINDINGS).map((name) => `${name} is not bound: see wrangler.toml`),
      ],
    });
  });

  it('never quote a secret, whatever is wrong with it', async () => {
    const jwk = await makeJwk('ES256', 'k');
    const secrets = [jwk.d ?? '', 'a secret that is 30 bytes long', 'an equal secret of these very tests'];
    const faulty: Record<string, unknown>[] = [
      { ACCESS_TOKEN_SECRET: secrets[1], REFRESH_TOKEN_SECRET: secrets[1] },
      { ACCESS_TOKEN_SECRET: secrets[2], REFRESH_TOKEN_SECRET: `${REFRESH_SECRET},${secrets[2]}` },
      { REFRESH_TOKEN_SECRET: `${secrets[2]},${secrets[2]}` },
      { ACCESS_TOKEN_SECRET: JSON.stringify(jwk).slice(1, -1).padStart(400, '{') },
      { ACCESS_TOKEN_SECRET: JSON.stringify({ keys: [toPublicJwk(jwk), jwk] }) },
      { ACCESS_TOKEN_SECRET: { keys: [{ ...jwk, crv: jwk.d, kid: jwk.d, use: jwk.d }] } },
      { ACCESS_TOKEN_SECRET: { keys: [{ ...jwk, kty: jwk.d }] } },
      { REFRESH_TOKEN_SECRET: [secrets[2]] },
      { ACCESS_TOKEN_SECRET: true, REFRESH_TOKEN_SECRET: false },
    ];
    for (const settings of faulty) {
      const text = faultsOf(settings).join('\n');
      expect(text).toMatch(/^(ACCESS|REFRESH)_TOKEN_SECRET /);
      expectAbsent(
        text,
        [...secrets, ACCESS_SECRET, REFRESH_SECRET].map((secret) => secret.slice(0, 12)),
      );
    }
  });
});

describe('the limits per address', () => {
  it('need no bindings when they are off', () => {
    const { ACCOUNT, DIRECTORY } = BINDINGS;
    expect(loadConfig({ ACCOUNT, DIRECTORY, ...REQUIRED, RATE_LIMIT: 'off' })).toMatchObject({ ok: true });
    expect(loadConfig({ ACCOUNT, DIRECTORY, ...REQUIRED })).toMatchObject({ ok: false });
  });
});

describe('a local issuer', () => {
  it.each([
    'http://localhost',
    'http://localhost:8787',
    'https://localhost:8787/tenant',
    'http://latchkey.localhost:8787',
    'http://127.0.0.1:8787',
    'http://127.8.9.10',
    'http://[::1]:8787',
  ])('is one that only the machine itself reaches: %s', (issuer) => {
    expect(isLocalIssuer(issuer)).toBe(true);
  });

  it.each([
    'https://auth.example.com',
    'https://localhost.example.com',
    'https://notlocalhost',
    'https://127.example.com',
    'https://128.0.0.1',
    'https://[2001:db8::1]',
    'https://auth.example.com/localhost',
  ])('is none that others reach: %s', (issuer) => {
    expect(isLocalIssuer(issuer)).toBe(false);
  });
});
