import { calculateJwkThumbprint } from 'jose';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { mintAccessToken, readAccessToken } from '../../src/tokens/access-token.ts';
import { type Jwk, parseAccessKeys } from '../../src/tokens/key-material.ts';
import { importAccessKeys, importSecrets } from '../../src/tokens/key-set.ts';
import { decodeHeader, Service } from '../support/service.ts';
import {
  ACCESS_CLAIMS,
  ACCESS_CONTEXT,
  ALGORITHMS,
  HS256_HEADER,
  importRing,
  makeJwk,
  toPublicJwk,
} from '../support/tokens.ts';

const es256 = await makeJwk('ES256', 'first');
const eddsa = await makeJwk('EdDSA', 'second');
const rs256 = await makeJwk('RS256', 'third');
const jwks = { ES256: es256, EdDSA: eddsa, RS256: rs256 };

/** The faults that only the import can see. */
async function importFaults(...keys: Jwk[]): Promise<string[] | undefined> {
  const material = parseAccessKeys(JSON.stringify({ keys }));
  if (!material.ok) throw new Error('these keys are refused before they are imported');
  const keySet = await importAccessKeys(material.value);
  return keySet.ok ? undefined : keySet.faults;
}

/** Another value of the same length: the last byte but one is changed. */
function alter(member = ''): string {
  const bytes = Uint8Array.fromBase64(member, { alphabet: 'base64url' });
  bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1;
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

afterEach(() => vi.restoreAllMocks());

describe('the header of an access token', () => {
  it.each(ALGORITHMS)('names the algorithm and the key: %s', async (alg) => {
    const token = await mintAccessToken(ACCESS_CLAIMS, await importRing(jwks[alg]));
    expect(decodeHeader(token)).toEqual({ alg, typ: 'JWT', kid: jwks[alg].kid });
  });

  it('names no key for HS256: a secret has no public name', async () => {
    const token = await mintAccessToken(ACCESS_CLAIMS, await importSecrets(['s'.repeat(32)]));
    expect(decodeHeader(token)).toEqual(HS256_HEADER);
  });

  it.each(ALGORITHMS)('names a key without kid by its RFC 7638 thumbprint: %s', async (alg) => {
    const { kid: _, ...jwk } = jwks[alg];
    const kid = await calculateJwkThumbprint(toPublicJwk(jwk), 'sha256');
    const keySet = await importRing({ ...jwk, use: 'sig', alg });
    expect(decodeHeader(await mintAccessToken(ACCESS_CLAIMS, keySet))).toEqual({ alg, typ: 'JWT', kid });
    expect(keySet.publicKeys.map((key) => key.kid)).toEqual([kid]);
  });
});

describe('the published half', () => {
  it.each(ALGORITHMS)('holds public members alone: %s', async (alg) => {
    const { kty, crv, x, y, n, e, kid } = toPublicJwk(jwks[alg]);
    const { publicKeys } = await importRing(jwks[alg]);
    expect(JSON.parse(JSON.stringify(publicKeys))).toEqual([
      JSON.parse(JSON.stringify({ kty, crv, x, y, n, e, kid, alg, use: 'sig' })),
    ]);
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'])
      expect(publicKeys[0]).not.toHaveProperty(name);
  });

  it('lists every key in its order, those that only verify too', async () => {
    const keySet = await importRing(eddsa, toPublicJwk(es256), rs256);
    expect(keySet.publicKeys.map(({ kid, alg }) => [kid, alg])).toEqual([
      ['second', 'EdDSA'],
      ['first', 'ES256'],
      ['third', 'RS256'],
    ]);
    expect(keySet.verification.map(({ kid, alg }) => [kid, alg])).toEqual([
      ['second', 'EdDSA'],
      ['first', 'ES256'],
      ['third', 'RS256'],
    ]);
  });

  it('is empty for HS256', async () => {
    const keySet = await importAccessKeys({ kind: 'secret', secret: 's'.repeat(32) });
    expect(keySet).toMatchObject({ ok: true, value: { publicKeys: [] } });
  });
});

describe('imported keys', () => {
  it.each(ALGORITHMS)('cannot be read out again: %s', async (alg) => {
    const { signing, verification } = await importRing(jwks[alg]);
    expect(signing).toMatchObject({ type: 'private', extractable: false, usages: ['sign'] });
    expect(verification[0]?.key).toMatchObject({ type: 'public', usages: ['verify'] });
    await expect(crypto.subtle.exportKey('jwk', signing)).rejects.toThrow();
  });

  it('cannot be read out again: HS256', async () => {
    const { signing, verification } = await importSecrets(['s'.repeat(32)]);
    for (const key of [signing, verification[0]?.key]) {
      expect(key).toMatchObject({ type: 'secret', extractable: false });
    }
    await expect(crypto.subtle.exportKey('raw', signing)).rejects.toThrow();
  });

  it.each(ALGORITHMS)('are imported once, not with each token: %s', async (alg) => {
    const keySet = await importRing(jwks[alg], toPublicJwk(await makeJwk(alg, 'other')));
    const importKey = vi.spyOn(crypto.subtle, 'importKey');
    for (let count = 0; count < 3; count += 1) {
      const token = await mintAccessToken(ACCESS_CLAIMS, keySet);
      expect(await readAccessToken(token, keySet, ACCESS_CONTEXT)).toMatchObject({ ok: true });
    }
    expect(importKey).not.toHaveBeenCalled();
  });

  it('are imported once for all requests of an isolate', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey');
    const service = new Service({ ACCESS_TOKEN_SECRET: JSON.stringify(es256) });
    await service.fetch('/.well-known/jwks.json');
    expect(importKey).toHaveBeenCalled();
    const { length } = importKey.mock.calls;
    await Promise.all([service.fetch('/.well-known/jwks.json'), service.fetch('/health')]);
    expect(importKey).toHaveBeenCalledTimes(length);
  });
});

describe('keys that do not fit', () => {
  const MISMATCH = 'key 1: has a private part that does not belong to its public part';
  const REFUSED = 'key 1: is refused by Web Crypto: its numbers do not form a key';

  it.each([
    // BoringSSL sees it at the import (and workerd notes an internal error for RSA); for Ed25519 only a signature tells.
    ['ES256', REFUSED],
    ['EdDSA', MISMATCH],
    ['RS256', REFUSED],
  ] as const)('are refused: the public part of another key, %s', async (alg, fault) => {
    const other = toPublicJwk(await makeJwk(alg));
    expect(await importFaults({ ...jwks[alg], ...other })).toEqual([fault]);
  });

  it('are refused: a point off the curve, private or public', async () => {
    expect(await importFaults({ ...es256, x: alter(es256.x) })).toEqual([REFUSED]);
    const other = toPublicJwk(await makeJwk('ES256', 'other'));
    expect(await importFaults(es256, { ...other, y: alter(other.y) })).toEqual([
      REFUSED.replace('key 1', 'key 2'),
    ]);
  });

  it.each([
    ['a short coordinate', { ...es256, x: es256.x?.slice(4) ?? '' }],
    ['a coordinate that is not base64url', { ...es256, y: '!'.repeat(43) }],
    ['a short seed', { ...eddsa, d: eddsa.d?.slice(4) ?? '' }],
  ])('are refused: %s', async (_, jwk) => {
    expect(await importFaults(jwk)).toEqual([REFUSED]);
  });

  it('are refused for a kid that two of them have, given or computed', async () => {
    const TWICE = 'two keys have the same kid';
    expect(await importFaults(es256, { ...eddsa, kid: 'first' })).toEqual([TWICE]);
    expect(await importFaults(es256, es256)).toEqual([TWICE]);
    const { kid: _, ...withoutKid } = es256;
    expect(await importFaults(withoutKid, toPublicJwk(withoutKid))).toEqual([TWICE]);
    const kid = await calculateJwkThumbprint(toPublicJwk(withoutKid), 'sha256');
    expect(await importFaults(withoutKid, { ...eddsa, kid })).toEqual([TWICE]);
  });

  it('are all named at once, and never quoted', async () => {
    const faults = await importFaults({ ...es256, x: alter(es256.x) }, { ...eddsa, d: 'AAAA' }, rs256);
    expect(faults).toEqual([REFUSED, REFUSED.replace('key 1', 'key 2')]);
  });
});
