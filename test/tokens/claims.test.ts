import { describe, expect, it } from 'vitest';
import { readAccessToken } from '../../src/tokens/access-token.ts';
import { CLOCK_SKEW_SECONDS, LONGEST_LIFETIME_SECONDS } from '../../src/tokens/claims.ts';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { readRefreshToken } from '../../src/tokens/refresh-token.ts';
import {
  ACCESS_CLAIMS,
  ACCESS_CONTEXT,
  HS256_HEADER,
  NOW_SECONDS,
  REFRESH_CLAIMS,
  REFRESH_CONTEXT,
  signHs256,
} from '../support/tokens.ts';

// Every token here has a genuine signature: what is refused is refused for its claims.
const SECRET = 'one-secret-for-both-kinds-in-these-tests';
const keySet = await importSecrets([SECRET]);
const REFUSED = { ok: false, reason: 'token_claims' };
const EXPIRED = { ok: false, reason: 'token_expired' };

const kinds = {
  access: {
    claims: ACCESS_CLAIMS,
    read: async (payload: unknown) =>
      readAccessToken(await signHs256(HS256_HEADER, payload, SECRET), keySet, ACCESS_CONTEXT),
  },
  refresh: {
    claims: REFRESH_CLAIMS,
    read: async (payload: unknown) =>
      readRefreshToken(await signHs256(HS256_HEADER, payload, SECRET), keySet, REFRESH_CONTEXT),
  },
};

const TEXTS = ['iss', 'aud', 'sub', 'sid', 'jti', 'username', 'email'];
const NUMBERS = ['iat', 'exp', 'auth_time', 'ctr'];
const WRONG_TEXTS = [undefined, null, 1, true, ['ada'], { ada: 1 }];
const WRONG_NUMBERS = [
  undefined,
  null,
  '1',
  '',
  true,
  [NOW_SECONDS],
  {},
  -1,
  NOW_SECONDS + 0.5,
  2 ** 53,
  -(2 ** 53),
];

describe.each(Object.entries(kinds))('the claims of %s tokens', (_kind, { claims, read }) => {
  it('are what they were', async () => {
    expect(await read(claims)).toEqual({ ok: true, claims });
  });

  it('may be more than those that are read', async () => {
    expect(await read({ ...claims, scope: 'read', jku: 'https://evil.test' })).toEqual({ ok: true, claims });
  });

  it.each(Object.keys(claims))('must be there and of their type: %s', async (name) => {
    const wrong = TEXTS.includes(name) ? WRONG_TEXTS : WRONG_NUMBERS;
    expect([...TEXTS, ...NUMBERS]).toContain(name);
    for (const value of wrong)
      expect([value, await read({ ...claims, [name]: value })]).toEqual([value, REFUSED]);
  });

  it.each(['iat', 'exp'])('are refused as numbers beyond all bounds: %s', async (name) => {
    const json = JSON.stringify(claims).replace(new RegExp(`"${name}":\\d+`), `"${name}":1e400`);
    expect(json).toContain('1e400');
    expect(await read(json)).toEqual(REFUSED);
  });

  it.each(['sub', 'sid'])('must name what we could have named: %s', async (name) => {
    for (const id of [
      '',
      'x'.repeat(21),
      'x'.repeat(23),
      `${'x'.repeat(21)}=`,
      `${'x'.repeat(21)}/`,
      `${'x'.repeat(22)}\n`,
    ])
      expect([id, await read({ ...claims, [name]: id })]).toEqual([id, REFUSED]);
    expect(await read({ ...claims, [name]: '0aZ_-0aZ_-0aZ_-0aZ_-0a' })).toMatchObject({ ok: true });
  });

  it.each([
    'https://evil.test',
    '',
    'https://auth.test/',
    'HTTPS://AUTH.TEST',
    'https://auth.test.evil.test',
  ])('are refused from another issuer: %j', async (iss) => {
    expect(await read({ ...claims, iss })).toEqual(REFUSED);
  });

  it('are refused for another audience, also among several', async () => {
    for (const aud of [
      '',
      'https://evil.test',
      `${claims.aud}/`,
      [claims.aud],
      [claims.aud, 'https://evil.test'],
      [],
    ])
      expect([aud, await read({ ...claims, aud })]).toEqual([aud, REFUSED]);
  });

  it('may be a minute ahead of our clock, and no more', async () => {
    const iat = NOW_SECONDS + CLOCK_SKEW_SECONDS;
    expect(CLOCK_SKEW_SECONDS).toBe(60);
    expect(await read({ ...claims, iat })).toMatchObject({ ok: true });
    expect(await read({ ...claims, iat: iat + 1, exp: iat + 100 })).toEqual(REFUSED);
  });

  it('may say from when they hold, which is a minute ahead at most', async () => {
    const nbf = NOW_SECONDS + CLOCK_SKEW_SECONDS;
    for (const good of [0, NOW_SECONDS, nbf])
      expect(await read({ ...claims, nbf: good })).toMatchObject({ ok: true });
    for (const bad of [nbf + 1, null, 'x', -1, NOW_SECONDS - 0.5, [NOW_SECONDS]])
      expect([bad, await read({ ...claims, nbf: bad })]).toEqual([bad, REFUSED]);
  });

  it('hold until the second in which they expire, with no minute to spare', async () => {
    const iat = NOW_SECONDS - 1000;
    expect(await read({ ...claims, iat, exp: NOW_SECONDS + 1 })).toMatchObject({ ok: true });
    expect(await read({ ...claims, iat, exp: NOW_SECONDS })).toEqual(EXPIRED);
    expect(await read({ ...claims, iat, exp: NOW_SECONDS - 1 })).toEqual(EXPIRED);
  });

  it('cannot expire before they begin, or when they begin', async () => {
    const iat = NOW_SECONDS + 30;
    expect(await read({ ...claims, iat, exp: iat + 1 })).toMatchObject({ ok: true });
    expect(await read({ ...claims, iat, exp: iat })).toEqual(REFUSED);
    expect(await read({ ...claims, iat, exp: iat - 1 })).toEqual(REFUSED);
    expect(await read({ ...claims, iat: NOW_SECONDS - 10, exp: NOW_SECONDS - 20 })).toEqual(REFUSED);
  });

  it('hold for 400 days at most', async () => {
    const exp = claims.iat + LONGEST_LIFETIME_SECONDS;
    expect(LONGEST_LIFETIME_SECONDS).toBe(400 * 86_400);
    expect(await read({ ...claims, exp })).toMatchObject({ ok: true });
    expect(await read({ ...claims, exp: exp + 1 })).toEqual(REFUSED);
    expect(await read({ ...claims, exp: Number.MAX_SAFE_INTEGER })).toEqual(REFUSED);
    expect(await read({ ...claims, iat: 0, exp: NOW_SECONDS + 600 })).toEqual(REFUSED);
  });

  it('of a foreign token stay foreign when they expire', async () => {
    const old = { ...claims, iat: NOW_SECONDS - 100, exp: NOW_SECONDS - 50 };
    expect(await read({ ...old, iss: 'https://evil.test' })).toEqual(REFUSED);
    expect(await read({ ...old, aud: 'https://evil.test' })).toEqual(REFUSED);
  });

  it('are not looked at before the signature', async () => {
    const forged = async (payload: unknown) => {
      const token = await signHs256(HS256_HEADER, payload, 'another-secret-that-nobody-was-given');
      return Promise.all([
        readAccessToken(token, keySet, ACCESS_CONTEXT),
        readRefreshToken(token, keySet, REFRESH_CONTEXT),
      ]);
    };
    for (const payload of [claims, {}, { ...claims, exp: 1 }, { ...claims, iss: 'x' }]) {
      const answer = { ok: false, reason: 'token_forged' };
      expect(await forged(payload)).toEqual([answer, answer]);
    }
  });
});

describe('the two kinds of token', () => {
  it('do not pass for each other, even under one key', async () => {
    expect(await kinds.access.read(REFRESH_CLAIMS)).toEqual(REFUSED);
    expect(await kinds.refresh.read(ACCESS_CLAIMS)).toEqual(REFUSED);
  });

  it('are told apart by their audience, even with the claims of both', async () => {
    const both = { ...ACCESS_CLAIMS, ctr: 1 };
    expect(await kinds.refresh.read(both)).toEqual(REFUSED);
    expect(await kinds.access.read({ ...both, aud: REFRESH_CONTEXT.audience })).toEqual(REFUSED);
  });

  it('are told apart by their claims, even for one audience', async () => {
    expect(await kinds.access.read({ ...REFRESH_CLAIMS, aud: ACCESS_CONTEXT.audience })).toEqual(REFUSED);
    expect(await kinds.refresh.read({ ...ACCESS_CLAIMS, aud: REFRESH_CONTEXT.audience })).toEqual(REFUSED);
  });
});
