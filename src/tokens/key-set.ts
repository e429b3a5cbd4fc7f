// Key sets: keys imported once per isolate, the one that signs and the ones that verify, and the published half.
import type { AccessKeyMaterial, Algorithm, AsymmetricKey, Jwk, Parsed } from './key-material.ts';

/**
 * A CryptoKey that carries `alg` and `kid` as properties of its own. `hono/jwt` writes a `kid` into the header when the
 * key object has `alg`, and imports nothing when the key is a CryptoKey: this is both (docs/explanation/decisions/0003).
 */
export type SigningKey = CryptoKey & { alg: Algorithm; kid?: string };

export interface VerificationKey {
  alg: Algorithm;
  /** Absent for HS256: a secret has no public name, and there are few of them. */
  kid?: string;
  key: CryptoKey;
  /** The header of the tokens that we sign with it, encoded. */
  header: string;
}

/** Keys for one kind of token. `publicKeys` is what `/.well-known/jwks.json` shows; empty for HS256. */
export interface KeySet {
  signing: SigningKey;
  verification: VerificationKey[];
  publicKeys: PublicJwk[];
}

/** A public JWK as published (RFC 7517). */
export type PublicJwk = Pick<Jwk, 'kty' | 'crv' | 'x' | 'y' | 'n' | 'e'> & {
  kid: string;
  alg: string;
  use: 'sig';
};

const IMPORT_ALGORITHM = {
  HS256: { name: 'HMAC', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
} as const;

/** Imports one or more HS256 secrets; the first signs. */
export async function importSecrets(secrets: string[]): Promise<KeySet> {
  const keys = await Promise.all(secrets.map(importSecret));
  const [first] = keys;
  if (first === undefined) throw new RangeError('a key set needs at least one secret');
  return {
    signing: Object.assign(first, { alg: 'HS256' as const }),
    verification: keys.map((key) => ({ alg: 'HS256', key, header: encodeHeader('HS256') })),
    publicKeys: [],
  };
}

/** Imports what `ACCESS_TOKEN_SECRET` holds. Faults that only Web Crypto can see (a point off the curve) come back as text. */
export async function importAccessKeys(material: AccessKeyMaterial): Promise<Parsed<KeySet>> {
  if (material.kind === 'secret') return { ok: true, value: await importSecrets([material.secret]) };
  const imported = await Promise.all(material.keys.map(importKey));
  const faults = imported.flatMap((key, index) =>
    key.ok ? [] : key.faults.map((fault) => `key ${index + 1}: ${fault}`),
  );
  const keys = imported.flatMap((key) => (key.ok ? [key.value] : []));
  const kids = keys.map(({ published }) => published.kid);
  if (new Set(kids).size !== kids.length) faults.push('two keys have the same kid');
  const signing = keys[0]?.signing;
  if (faults.length > 0 || signing === undefined) return { ok: false, faults };
  return {
    ok: true,
    value: {
      signing,
      verification: keys.map(({ verification }) => verification),
      publicKeys: keys.map(({ published }) => published),
    },
  };
}

interface ImportedKey {
  signing: SigningKey | undefined;
  verification: VerificationKey;
  published: PublicJwk;
}

async function importKey({ alg, jwk, isPrivate }: AsymmetricKey): Promise<Parsed<ImportedKey>> {
  const algorithm = IMPORT_ALGORITHM[alg];
  const { kty, crv, x, y, n, e } = jwk;
  const publicMembers = definedOnly({ kty, crv, x, y, n, e });
  const kid = jwk.kid ?? (await thumbprint(publicMembers));
  try {
    const key = await crypto.subtle.importKey('jwk', publicMembers, algorithm, false, ['verify']);
    const signing = isPrivate ? await importSigningKey(jwk, key, alg, kid) : undefined;
    if (signing === 'mismatch')
      return { ok: false, faults: ['has a private part that does not belong to its public part'] };
    return {
      ok: true,
      value: {
        signing,
        verification: { alg, kid, key, header: encodeHeader(alg, kid) },
        published: { ...publicMembers, kid, alg, use: 'sig' },
      },
    };
  } catch {
    // The platform's message can quote the key.
    return { ok: false, faults: ['is refused by Web Crypto: its numbers do not form a key'] };
  }
}

/** Imports the private key and signs once with it: a pair that does not match must stop the service, not each client. */
async function importSigningKey(
  jwk: Jwk,
  publicKey: CryptoKey,
  alg: Algorithm,
  kid: string,
): Promise<SigningKey | 'mismatch'> {
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = jwk;
  const members = definedOnly({ kty, crv, x, y, n, e, d, p, q, dp, dq, qi });
  const key = await crypto.subtle.importKey('jwk', members, IMPORT_ALGORITHM[alg], false, ['sign']);
  const algorithm = { ...IMPORT_ALGORITHM[alg], hash: 'SHA-256' };
  const probe = new TextEncoder().encode('latchkey');
  const signature = await crypto.subtle.sign(algorithm, key, probe);
  const matches = await crypto.subtle.verify(algorithm, publicKey, signature, probe);
  return matches ? Object.assign(key, { alg, kid }) : 'mismatch';
}

function importSecret(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), IMPORT_ALGORITHM.HS256, false, [
    'sign',
    'verify',
  ]);
}

/** The header that `hono/jwt` writes when it signs with such a key. */
export function encodeHeader(alg: Algorithm, kid?: string): string {
  return toBase64url(new TextEncoder().encode(JSON.stringify({ alg, typ: 'JWT', kid })));
}

/** RFC 7638: SHA-256 over the required members in lexical order. */
async function thumbprint(members: Partial<Jwk>): Promise<string> {
  const ordered = Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(ordered)));
  return toBase64url(new Uint8Array(digest));
}

/** Not Uint8Array.toBase64: the command line imports keys under Node 24, which lacks it. */
function toBase64url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function definedOnly<T extends object>(members: T): { [K in keyof T]: NonNullable<T[K]> } {
  // Exactly the members that are defined: `exactOptionalPropertyTypes` keeps undefined out of the result.
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>;
  };
}
