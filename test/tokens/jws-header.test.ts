import { describe, expect, it } from 'vitest';
import { signJws, verifyJws } from '../../src/tokens/jws.ts';
import { importSecrets } from '../../src/tokens/key-set.ts';
import {
  encodePart,
  HS256_HEADER,
  importRing,
  makeJwk,
  signHs256,
  signInput,
  toPublicJwk,
} from '../support/tokens.ts';

const SECRET = 'access-token-secret-of-these-tests';
const PAYLOAD = { sub: 'ada' };
const MALFORMED = { ok: false, reason: 'token_malformed' };
const UNKNOWN_KEY = { ok: false, reason: 'token_unknown_key' };
const FORGED = { ok: false, reason: 'token_forged' };

const secretRing = await importSecrets([SECRET]);
const es256 = await makeJwk('ES256', 'signer');
const keySet = await importRing(es256);
const signature = (await signJws(PAYLOAD, keySet)).split('.')[2] ?? '';

/** A genuinely signed HS256 token with this header. */
const verifyHeader = async (header: unknown) =>
  verifyJws(await signHs256(header, PAYLOAD, SECRET), secretRing);

/** An ES256 token with this header, genuinely signed by the key set's own key. */
async function verifyEs256(header: unknown) {
  const input = `${encodePart(header)}.${encodePart(PAYLOAD)}`;
  const bytes = new TextEncoder().encode(input);
  const signed = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, keySet.signing, bytes);
  return verifyJws(`${input}.${encodePart(new Uint8Array(signed))}`, keySet);
}

describe('the header of a token', () => {
  it('holds alg, typ and kid, in any order', async () => {
    const verified = { ok: true, payload: PAYLOAD };
    expect(await verifyHeader({ typ: 'JWT', alg: 'HS256' })).toEqual(verified);
    expect(await verifyEs256({ kid: 'signer', alg: 'ES256', typ: 'JWT' })).toEqual(verified);
  });

  it.each([
    ['crit', ['exp']],
    ['crit', []],
    ['b64', false],
    ['zip', 'DEF'],
    ['jwk', toPublicJwk(es256)],
    ['jku', 'https://evil.test/jwks.json'],
    ['x5u', 'https://evil.test/cert.pem'],
    ['x5c', ['MIIB']],
    ['x5t', 'AAAA'],
    ['x5t#S256', 'AAAA'],
    ['cty', 'JWT'],
    ['enc', 'A128GCM'],
    ['nonce', 'x'],
    ['ALG', 'HS256'],
    ['', 1],
    ['exp', 1],
  ])('holds nothing else: %s is refused, in spite of a genuine signature', async (name, value) => {
    expect(await verifyHeader({ ...HS256_HEADER, [name]: value })).toEqual(MALFORMED);
    expect(await verifyEs256({ alg: 'ES256', typ: 'JWT', kid: 'signer', [name]: value })).toEqual(MALFORMED);
  });

  it('holds no __proto__ either', async () => {
    expect(await verifyHeader('{"alg":"HS256","__proto__":{"typ":"JWT"}}')).toEqual(MALFORMED);
    expect(await verifyHeader('{"__proto__":{"alg":"HS256"}}')).toEqual(MALFORMED);
  });

  it('may leave typ out', async () => {
    expect(await verifyHeader({ alg: 'HS256' })).toEqual({ ok: true, payload: PAYLOAD });
  });

  it.each(['at+jwt', 'application/jwt', 'JWS', 'jwt', 'jWT', 'JWT ', '', 1, null, true, ['JWT'], {}])(
    'is refused for the typ %j',
    async (typ) => {
      expect(await verifyHeader({ alg: 'HS256', typ })).toEqual(MALFORMED);
    },
  );

  it.each([undefined, null, 256, true, ['HS256'], { name: 'HS256' }])(
    'is refused for an alg that is no text: %j',
    async (alg) => {
      expect(await verifyHeader({ alg, typ: 'JWT' })).toEqual(MALFORMED);
    },
  );

  it.each([
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    'hs256',
    'HS256 ',
    'HS384',
    'HS512',
    'ES256',
    'RS256',
    'PS256',
    'toString',
  ])('is refused for an alg that no key is for: %j', async (alg) => {
    expect(await verifyHeader({ alg, typ: 'JWT' })).toEqual(UNKNOWN_KEY);
  });
});

describe('the kid of a token', () => {
  it.each([
    ['another', 'other'],
    ['another case', 'Signer'],
    ['a blank behind it', 'signer '],
    ['nothing', ''],
    ['a path', '../../../../dev/null'],
    ['a path to the key', './signer'],
    ['a URL', 'https://evil.test/key'],
    ['SQL', "x' UNION SELECT 'key"],
    ['a command', 'signer|whoami'],
    ['NUL', 'signer\u0000'],
    ['a name of Object.prototype', '__proto__'],
    ['a number as text', '0'],
    ['a long text', 'k'.repeat(2000)],
  ])('must be that of a key: %s is refused', async (_, kid) => {
    expect(await verifyEs256({ alg: 'ES256', typ: 'JWT', kid })).toEqual(UNKNOWN_KEY);
  });

  it('must be there', async () => {
    expect(await verifyEs256({ alg: 'ES256', typ: 'JWT' })).toEqual(UNKNOWN_KEY);
  });

  it.each([0, 1, null, true, ['signer'], { kid: 'signer' }])('must be text: %j is refused', async (kid) => {
    expect(await verifyEs256({ alg: 'ES256', typ: 'JWT', kid })).toEqual(MALFORMED);
  });

  it('must not be there for HS256', async () => {
    expect(await verifyHeader({ ...HS256_HEADER, kid: 'signer' })).toEqual(UNKNOWN_KEY);
    expect(await verifyHeader({ ...HS256_HEADER, kid: '' })).toEqual(UNKNOWN_KEY);
  });

  it('must fit the alg', async () => {
    const several = await importRing(es256, await makeJwk('EdDSA', 'ed'), await makeJwk('RS256', 'rsa'));
    for (const [alg, kid] of [
      ['EdDSA', 'signer'],
      ['RS256', 'signer'],
      ['ES256', 'ed'],
      ['ES256', 'rsa'],
      ['ES384', 'signer'],
    ]) {
      const input = `${encodePart({ alg, typ: 'JWT', kid })}.${encodePart(PAYLOAD)}`;
      expect(await verifyJws(`${input}.${signature}`, several)).toEqual(UNKNOWN_KEY);
    }
  });
});

describe('a public key is no secret', () => {
  it.each(['ES256', 'EdDSA', 'RS256'] as const)(
    'a token MACed with the published %s key is refused',
    async (alg) => {
      const jwk = await makeJwk(alg, 'signer');
      const keys = await importRing(jwk);
      const [published] = keys.publicKeys;
      const key = await crypto.subtle.importKey(
        'jwk',
        // The members of a public JWK, which are all strings.
        toPublicJwk(jwk) as unknown as JsonWebKey,
        {
          name: { ES256: 'ECDSA', EdDSA: 'Ed25519', RS256: 'RSASSA-PKCS1-v1_5' }[alg],
          namedCurve: 'P-256',
          hash: 'SHA-256',
        },
        true,
        ['verify'],
      );
      const spki = new Uint8Array((await crypto.subtle.exportKey('spki', key)) as ArrayBuffer); // never a JWK
      const pem = `-----BEGIN PUBLIC KEY-----\n${spki.toBase64().replaceAll(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`;
      for (const secret of [JSON.stringify(published), JSON.stringify(toPublicJwk(jwk)), spki, pem]) {
        for (const header of [
          { alg: 'HS256', typ: 'JWT', kid: 'signer' },
          { alg: 'HS256', typ: 'JWT' },
        ])
          expect(await verifyJws(await signHs256(header, PAYLOAD, secret), keys)).toEqual(UNKNOWN_KEY);
        const own = { alg, typ: 'JWT', kid: 'signer' };
        expect(await verifyJws(await signHs256(own, PAYLOAD, secret), keys)).toEqual(FORGED);
      }
    },
  );

  it('a token without a signature is refused whatever alg it names', async () => {
    for (const alg of ['none', 'HS256', 'ES256']) {
      const input = `${encodePart({ alg, typ: 'JWT', kid: 'signer' })}.${encodePart(PAYLOAD)}`;
      expect(await verifyJws(`${input}.`, keySet)).toEqual(MALFORMED);
      expect(await verifyJws(input, keySet)).toEqual(MALFORMED);
    }
    const input = await signInput(`${encodePart({ alg: 'none' })}.${encodePart(PAYLOAD)}`, SECRET);
    expect(await verifyJws(input, secretRing)).toEqual(UNKNOWN_KEY);
  });
});
