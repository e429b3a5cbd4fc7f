// Keys for access tokens that a test can forge with: the setting as an operator writes it, and the means to sign.
import { createHmac } from 'node:crypto';
import type { Algorithm, Jwk } from '../../src/tokens/key-material.ts';
import { ACCESS_SECRET } from '../support/service.ts';

export type Sign = (signed: string) => Promise<Uint8Array>;

export interface AccessKeys {
  alg: Algorithm;
  /** Value of `ACCESS_TOKEN_SECRET`. */
  setting: string;
  sign: Sign;
  /** What anybody can know of the key, in the forms that libraries have taken for an HMAC secret. Empty for HS256. */
  publicForms: Map<string, Uint8Array>;
}

/** The forms that `publicForms` has, so that tests can be named before there is a key. */
export const PUBLIC_FORMS = [
  'published JWK',
  'published JWK Set',
  'PEM',
  'PEM without its last line break',
  'PEM without its frame',
  'DER',
  'key id',
  'numbers',
] as const;

const GENERATION = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
  RS256: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
} as const;

const encoder = new TextEncoder();

/** A new key for each algorithm; the tests' own secret for HS256. */
export async function makeAccessKeys(alg: Algorithm): Promise<AccessKeys> {
  if (alg === 'HS256') {
    const sign: Sign = async (signed) => hmac('sha256', ACCESS_SECRET, signed);
    return { alg, setting: ACCESS_SECRET, sign, publicForms: new Map() };
  }
  const algorithm = GENERATION[alg];
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new Error('asymmetric algorithms make pairs');
  const kid = `2026-01-01-${alg.toLowerCase()}`;
  const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey);
  const sign: Sign = async (signed) =>
    new Uint8Array(await crypto.subtle.sign(algorithm, pair.privateKey, encoder.encode(signed)));
  const setting = JSON.stringify({ ...jwk, kid, use: 'sig', alg });
  return { alg, setting, sign, publicForms: await writePublicForms(pair.publicKey, { kid, alg }) };
}

/** HMAC under any secret, the empty one included, which Web Crypto does not take. */
export function hmac(hash: string, secret: string | Uint8Array, signed: string): Uint8Array {
  return new Uint8Array(createHmac(hash, secret).update(signed).digest());
}

async function writePublicForms(
  key: CryptoKey,
  { kid, alg }: { kid: string; alg: string },
): Promise<Map<string, Uint8Array>> {
  const { kty, crv, x, y, n, e } = (await crypto.subtle.exportKey('jwk', key)) as unknown as Jwk; // a public key's members
  // In the order in which /.well-known/jwks.json writes them.
  const published = { kty, crv, x, y, n, e, kid, alg, use: 'sig' };
  const der = await exportBytes('spki', key);
  const base64 = der.toBase64();
  const pem = `-----BEGIN PUBLIC KEY-----\n${base64.replace(/.{64}(?!$)/g, '$&\n')}\n-----END PUBLIC KEY-----\n`;
  const forms: Record<(typeof PUBLIC_FORMS)[number], string | Uint8Array> = {
    'published JWK': JSON.stringify(published),
    'published JWK Set': JSON.stringify({ keys: [published] }),
    PEM: pem,
    'PEM without its last line break': pem.trimEnd(),
    'PEM without its frame': base64,
    DER: der,
    'key id': kid,
    numbers:
      n === undefined ? await exportBytes('raw', key) : Uint8Array.fromBase64(n, { alphabet: 'base64url' }),
  };
  return new Map(
    Object.entries(forms).map(([name, form]) => [
      name,
      typeof form === 'string' ? encoder.encode(form) : form,
    ]),
  );
}

async function exportBytes(format: 'spki' | 'raw', key: CryptoKey): Promise<Uint8Array> {
  const bytes = await crypto.subtle.exportKey(format, key);
  if (!(bytes instanceof ArrayBuffer)) throw new Error('only a JWK is no buffer');
  return new Uint8Array(bytes);
}
