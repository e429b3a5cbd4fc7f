import { describe, expect, it } from 'vitest';
import { EMAIL_MAX_LENGTH, USERNAME_MAX_LENGTH } from '../../src/api/wire.ts';
import { mintAccessToken, readAccessToken } from '../../src/tokens/access-token.ts';
import { MAX_TOKEN_LENGTH, signJws } from '../../src/tokens/jws.ts';
import { importSecrets, type KeySet } from '../../src/tokens/key-set.ts';
import { decodePayload } from '../support/service.ts';
import { ACCESS_CLAIMS, ACCESS_CONTEXT, importRing, makeJwk } from '../support/tokens.ts';

const { jti: _, ...CLAIMS } = ACCESS_CLAIMS;
/** As long as a configuration may make them. */
const LONGEST = 'k'.repeat(128);
const LONGEST_ISSUER = `https://auth.test/${'i'.repeat(238)}`;

const keySets: Record<string, KeySet> = {
  HS256: await importSecrets(['access-token-secret-of-these-tests']),
  ES256: await importRing(await makeJwk('ES256', LONGEST)),
  EdDSA: await importRing(await makeJwk('EdDSA', LONGEST)),
  RS256: await importRing(await makeJwk('RS256', LONGEST)),
};

describe.each(Object.entries(keySets))('an access token under %s', (_alg, keySet) => {
  it('comes back with the claims that it was given, and an id of its own', async () => {
    const token = await mintAccessToken(CLAIMS, keySet);
    const { jti, ...claims } = decodePayload(token);
    expect(claims).toEqual(CLAIMS);
    expect(jti).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await readAccessToken(token, keySet, ACCESS_CONTEXT)).toEqual({
      ok: true,
      claims: { ...CLAIMS, jti },
    });
  });

  it('has an id that no other has, even with the same claims', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => mintAccessToken(CLAIMS, keySet)));
    expect(new Set(tokens.map((token) => decodePayload(token).jti)).size).toBe(20);
  });

  it('keeps names as they were typed: accents, other scripts, quotes', async () => {
    const names = { username: 'Zoë"\\<李>🦊\u2028', email: "Ζωή.o'hara@münchen.example" };
    const token = await mintAccessToken({ ...CLAIMS, ...names }, keySet);
    expect(await readAccessToken(token, keySet, ACCESS_CONTEXT)).toMatchObject({ ok: true, claims: names });
  });

  it('is well below the length that is looked at, with the longest names and the longest issuer', async () => {
    const claims = {
      ...CLAIMS,
      iss: LONGEST_ISSUER,
      aud: LONGEST_ISSUER,
      // The most bytes that fit: four for each code point of a name, three for each UTF-16 unit of an address.
      username: '🦊'.repeat(USERNAME_MAX_LENGTH),
      email: '李'.repeat(EMAIL_MAX_LENGTH),
    };
    const token = await mintAccessToken(claims, keySet);
    expect(token.length).toBeLessThan(3000);
    expect(token.length).toBeLessThan(MAX_TOKEN_LENGTH);
    const context = { ...ACCESS_CONTEXT, issuer: LONGEST_ISSUER, audience: LONGEST_ISSUER };
    expect(await readAccessToken(token, keySet, context)).toMatchObject({ ok: true });
  });

  it('is refused without its id', async () => {
    const token = await signJws(CLAIMS, keySet);
    expect(await readAccessToken(token, keySet, ACCESS_CONTEXT)).toEqual({
      ok: false,
      reason: 'token_claims',
    });
  });
});
