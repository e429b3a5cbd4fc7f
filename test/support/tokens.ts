// Keys and tokens made by hand: what the service would never sign, signed, so that each check stands alone.
import type { AccessClaims } from '../../src/tokens/access-token.ts';
import { type AsymmetricAlgorithm, type Jwk, parseAccessKeys } from '../../src/tokens/key-material.ts';
import { importAccessKeys, type KeySet } from '../../src/tokens/key-set.ts';
import type { RefreshClaims } from '../../src/tokens/refresh-token.ts';
import { ISSUER } from './service.ts';

export const ALGORITHMS: AsymmetricAlgorithm[] = ['ES256', 'EdDSA', 'RS256'];

export const NOW_SECONDS = Date.UTC(2026, 7, 15, 12) / 1000;

/** What the checks of both kinds are told, and claims that pass them. */
export const ACCESS_CONTEXT = { issuer: ISSUER, audience: 'https://api.test', nowSeconds: NOW_SECONDS };
export const REFRESH_CONTEXT = { issuer: ISSUER, audience: `${ISSUER}/refresh`, nowSeconds: NOW_SECONDS };

const IDS = { sub: 'account0account0accoun', sid: 'session0session0sessio' };

export const ACCESS_CLAIMS: AccessClaims = {
  iss: ISSUER,
  aud: ACCESS_CONTEXT.audience,
  ...IDS,
  jti: '00000000-0000-4000-8000-000000000000',
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 600,
  auth_time: NOW_SECONDS,
  username: 'ada',
  email: 'ada@example.com',
};

export const REFRESH_CLAIMS: RefreshClaims = {
  iss: ISSUER,
  aud: REFRESH_CONTEXT.audience,
  ...IDS,
  ctr: 7,
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 86_400,
};

export const HS256_HEADER = { alg: 'HS256', typ: 'JWT' };

/** One part of a token: base64url of bytes, of a text, or of anything else as JSON. */
export function encodePart(part: unknown): string {
  const bytes =
    part instanceof Uint8Array
      ? part
      : new TextEncoder().encode(typeof part === 'string' ? part : JSON.stringify(part));
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

/** A token of exactly this header and payload, with a genuine HS256 signature. Texts and bytes are taken as they are. */
export function signHs256(header: unknown, payload: unknown, secret: string | Uint8Array): Promise<string> {
  return signInput(`${encodePart(header)}.${encodePart(payload)}`, secret);
}

/** Signs two parts that are encoded already. */
export async function signInput(input: string, secret: string | Uint8Array): Promise<string> {
  const encoder = new TextEncoder();
  const raw = typeof secret === 'string' ? encoder.encode(secret) : secret;
  const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return `${input}.${encodePart(new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(input))))}`;
}

const GENERATION = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
  RS256: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
};

/** A fresh private key. Without a `kid`, it has none. */
export async function makeJwk(alg: AsymmetricAlgorithm, kid?: string): Promise<Jwk> {
  // All three algorithms give a pair, and a private key exports as a JWK.
  const pair = (await crypto.subtle.generateKey(GENERATION[alg], true, ['sign', 'verify'])) as CryptoKeyPair;
  const jwk = (await crypto.subtle.exportKey('jwk', pair.privateKey)) as unknown as Record<string, unknown>;
  const { key_ops: _, ext: __, alg: ___, ...members } = jwk;
  return { ...(members as unknown as Jwk), ...(kid !== undefined && { kid }) };
}

/** The public half of a JWK. */
export function toPublicJwk({ d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, ...jwk }: Jwk): Jwk {
  return jwk;
}

/** the set of these keys; the first signs. Fails the test when they are refused. */
export async function importRing(...keys: Jwk[]): Promise<KeySet> {
  const material = parseAccessKeys(JSON.stringify({ keys }));
  if (!material.ok) throw new Error(material.faults.join('; '));
  const keySet = await importAccessKeys(material.value);
  if (!keySet.ok) throw new Error(keySet.faults.join('; '));
  return keySet.value;
}
