import { describe, expect, it } from 'vitest';
import { signJws, verifyJws } from '../../src/tokens/jws.ts';
import { importSecrets, type KeySet } from '../../src/tokens/key-set.ts';
import {
  ALGORITHMS,
  encodePart,
  HS256_HEADER,
  importRing,
  makeJwk,
  signHs256,
  toPublicJwk,
} from '../support/tokens.ts';

const PAYLOAD = { sub: 'ada', admin: false };
const FORGED = { ok: false, reason: 'token_forged' };
const SECRET = 'access-token-secret-of-these-tests';

const jwks = {
  ES256: await makeJwk('ES256', 'k'),
  EdDSA: await makeJwk('EdDSA', 'k'),
  RS256: await makeJwk('RS256', 'k'),
};
const keySets: Record<string, KeySet> = {
  HS256: await importSecrets([SECRET]),
  ES256: await importRing(jwks.ES256),
  EdDSA: await importRing(jwks.EdDSA),
  RS256: await importRing(jwks.RS256),
};
/** Another key set of the same kind, under the same kid. */
const otherRings: Record<string, KeySet> = {
  HS256: await importSecrets(['another-access-token-secret-of-these-tests']),
  ES256: await importRing(await makeJwk('ES256', 'k')),
  EdDSA: await importRing(await makeJwk('EdDSA', 'k')),
  RS256: await importRing(await makeJwk('RS256', 'k')),
};

function flipBit(part: string, bit: number): string {
  const bytes = Uint8Array.fromBase64(part, { alphabet: 'base64url' });
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return encodePart(bytes);
}

describe.each(Object.entries(keySets))('a token signed with %s', (alg, keySet) => {
  it('is good under its own key', async () => {
    expect(await verifyJws(await signJws(PAYLOAD, keySet), keySet)).toEqual({ ok: true, payload: PAYLOAD });
  });

  it('is refused under another key', async () => {
    const other = otherRings[alg];
    if (other === undefined) throw new Error('no other key set');
    expect(await verifyJws(await signJws(PAYLOAD, other), keySet)).toEqual(FORGED);
  });

  it('is refused when any one bit of its signature is changed', async () => {
    const [header, payload, signature = ''] = (await signJws(PAYLOAD, keySet)).split('.');
    const bits = Uint8Array.fromBase64(signature, { alphabet: 'base64url' }).length * 8;
    expect(bits).toBeGreaterThanOrEqual(256);
    // Every bit of a short signature, every eleventh of RSA's 2048.
    for (let bit = 0; bit < bits; bit += bits > 512 ? 11 : 1) {
      const token = `${header}.${payload}.${flipBit(signature, bit)}`;
      expect(await verifyJws(token, keySet)).toEqual(FORGED);
    }
  });

  it('is refused with another payload, another header, or the signature of another token', async () => {
    const [header = '', payload, signature] = (await signJws(PAYLOAD, keySet)).split('.');
    const [, otherPayload, otherSignature] = (await signJws({ ...PAYLOAD, admin: true }, keySet)).split('.');
    expect(await verifyJws(`${header}.${otherPayload}.${signature}`, keySet)).toEqual(FORGED);
    expect(await verifyJws(`${header}.${payload}.${otherSignature}`, keySet)).toEqual(FORGED);
    const { kid } = keySet.verification[0] ?? {};
    const respelt = encodePart({ typ: 'JWT', alg, ...(kid !== undefined && { kid }) });
    expect(respelt).not.toBe(header);
    expect(await verifyJws(`${respelt}.${payload}.${signature}`, keySet)).toEqual(FORGED);
  });

  it('is refused with a signature that is cut, lengthened or nothing but zeros', async () => {
    const [header, payload, signature = ''] = (await signJws(PAYLOAD, keySet)).split('.');
    const bytes = Uint8Array.fromBase64(signature, { alphabet: 'base64url' });
    const zeros = new Uint8Array(bytes.length);
    const cases = [
      bytes.slice(0, -1),
      bytes.slice(1),
      bytes.slice(0, 16),
      Uint8Array.from([...bytes, 0]),
      zeros,
    ];
    for (const changed of cases)
      expect(await verifyJws(`${header}.${payload}.${encodePart(changed)}`, keySet)).toEqual(FORGED);
  });
});

describe('an ES256 token', () => {
  it('is refused with r and s of zero or of the group order, which prove nothing', async () => {
    const keySet = await importRing(jwks.ES256);
    const [header, payload, signature = ''] = (await signJws(PAYLOAD, keySet)).split('.');
    const order = Uint8Array.fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
    const genuine = Uint8Array.fromBase64(signature, { alphabet: 'base64url' });
    const zero = new Uint8Array(32);
    for (const [r, s] of [
      [zero, zero],
      [order, order],
      [genuine.slice(0, 32), zero],
      [zero, genuine.slice(32)],
    ]) {
      const token = `${header}.${payload}.${encodePart(Uint8Array.from([...(r ?? []), ...(s ?? [])]))}`;
      expect(await verifyJws(token, keySet)).toEqual(FORGED);
    }
  });

  it('is refused with its signature in DER', async () => {
    const keySet = await importRing(jwks.ES256);
    const [header, payload, signature = ''] = (await signJws(PAYLOAD, keySet)).split('.');
    const genuine = Uint8Array.fromBase64(signature, { alphabet: 'base64url' });
    const integer = (bytes: Uint8Array) => [2, 33, 0, ...bytes];
    const body = [...integer(genuine.slice(0, 32)), ...integer(genuine.slice(32))];
    const der = Uint8Array.from([48, body.length, ...body]);
    expect(await verifyJws(`${header}.${payload}.${encodePart(der)}`, keySet)).toEqual(FORGED);
  });
});

describe('several keys', () => {
  it.each(ALGORITHMS)('verify, but only the first signs: %s', async (alg) => {
    const second = await makeJwk(alg, 'second');
    const ofSecond = await importRing(second);
    const both = await importRing(jwks[alg], toPublicJwk(second));
    expect(await verifyJws(await signJws(PAYLOAD, ofSecond), both)).toMatchObject({ ok: true });
    expect(await verifyJws(await signJws(PAYLOAD, both), ofSecond)).toMatchObject({ ok: false });
  });

  it('do not stand in for each other: the kid decides which one must fit', async () => {
    const keySet = await importRing(jwks.ES256, { ...(await makeJwk('ES256')), kid: 'second' });
    const input = `${encodePart({ alg: 'ES256', typ: 'JWT', kid: 'second' })}.${encodePart(PAYLOAD)}`;
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const signed = await crypto.subtle.sign(algorithm, keySet.signing, new TextEncoder().encode(input));
    expect(await verifyJws(`${input}.${encodePart(new Uint8Array(signed))}`, keySet)).toEqual(FORGED);
  });

  it('without names are all tried: an older HS256 secret still verifies', async () => {
    const keySet = await importSecrets(['another-access-token-secret-of-these-tests', SECRET]);
    expect(await verifyJws(await signHs256(HS256_HEADER, PAYLOAD, SECRET), keySet)).toEqual({
      ok: true,
      payload: PAYLOAD,
    });
  });
});
