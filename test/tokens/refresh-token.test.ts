import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { mintRefreshToken, readRefreshToken } from '../../src/tokens/refresh-token.ts';
import { HS256_HEADER, REFRESH_CLAIMS, REFRESH_CONTEXT } from '../support/tokens.ts';

const SECRET = 'refresh-secret-of-the-golden-token';
const key = new TextEncoder().encode(SECRET);
const keySet = await importSecrets([SECRET]);
const currentDate = new Date(REFRESH_CLAIMS.iat * 1000);

/** Made outside of the service: the order of the members is part of the bytes. */
const GOLDEN = [
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9',
  [
    'eyJpc3MiOiJodHRwczovL2F1dGgudGVzdCIsImF1ZCI6Imh0dHBzOi8vYXV0aC50ZXN0L3JlZnJlc2giLCJzdWIiOi',
    'JhY2NvdW50MGFjY291bnQwYWNjb3VuIiwic2lkIjoic2Vzc2lvbjBzZXNzaW9uMHNlc3NpbyIsImN0ciI6NywiaWF0',
    'IjoxNzg2Nzk1MjAwLCJleHAiOjE3ODY4ODE2MDB9',
  ].join(''),
  'UCUhaVX2oy0RndN75E-_KA6zKm2tMopPtpQTTnkoWSg',
].join('.');

describe('a refresh token', () => {
  it('is these very bytes for this row, in every release: a change would end every session', async () => {
    expect(await mintRefreshToken(REFRESH_CLAIMS, keySet)).toBe(GOLDEN);
  });

  it('is the same from the same row, whoever mints it, and in whatever order the row is read', async () => {
    const { iss, aud, sub, sid, ctr, iat, exp } = REFRESH_CLAIMS;
    const tokens = await Promise.all([
      mintRefreshToken({ exp, iat, ctr, sid, sub, aud, iss }, keySet),
      mintRefreshToken({ ctr, iss, exp, aud, iat, sub, sid }, await importSecrets([SECRET])),
      // Another secret behind the first changes nothing.
      mintRefreshToken(REFRESH_CLAIMS, await importSecrets([SECRET, 'an older secret, which verifies only'])),
    ]);
    expect(new Set([GOLDEN, ...tokens]).size).toBe(1);
  });

  it('holds the claims of its row and nothing that a wider object brings along', async () => {
    const wider = { ...REFRESH_CLAIMS, username: 'ada', email: 'ada@example.com', nbf: 1 };
    expect(await mintRefreshToken(wider, keySet)).toBe(GOLDEN);
  });

  it.each<[keyof typeof REFRESH_CLAIMS, string | number]>([
    ['iss', 'https://other.test'],
    ['aud', 'https://other.test/refresh'],
    ['sub', 'account1account1accoun'],
    ['sid', 'session1session1sessio'],
    ['ctr', 8],
    ['iat', REFRESH_CLAIMS.iat + 1],
    ['exp', REFRESH_CLAIMS.exp + 1],
  ])('is another one for another %s', async (name, value) => {
    expect(await mintRefreshToken({ ...REFRESH_CLAIMS, [name]: value }, keySet)).not.toBe(GOLDEN);
  });

  it('is another one under another secret', async () => {
    expect(await mintRefreshToken(REFRESH_CLAIMS, await importSecrets([`${SECRET}!`]))).not.toBe(GOLDEN);
  });

  it('is good to another implementation', async () => {
    const { payload, protectedHeader } = await jwtVerify(GOLDEN, key, {
      issuer: REFRESH_CONTEXT.issuer,
      audience: REFRESH_CONTEXT.audience,
      algorithms: ['HS256'],
      typ: 'JWT',
      currentDate,
    });
    expect(payload).toEqual(REFRESH_CLAIMS);
    expect(protectedHeader).toEqual(HS256_HEADER);
    expect(decodeProtectedHeader(GOLDEN)).toEqual(HS256_HEADER);
  });

  it('is read from another implementation', async () => {
    const token = await new SignJWT({ ...REFRESH_CLAIMS }).setProtectedHeader(HS256_HEADER).sign(key);
    expect(token).toBe(GOLDEN);
    expect(await readRefreshToken(token, keySet, REFRESH_CONTEXT)).toEqual({
      ok: true,
      claims: REFRESH_CLAIMS,
    });
  });
});
