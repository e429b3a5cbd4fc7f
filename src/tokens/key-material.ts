// Signing keys as operators write them: the two secrets' formats, judged without touching Web Crypto.
// Messages name the fault and never the value.
import { splitSetting } from '../domain/white-space.ts';
import { findKeyKind, findPublicKind, isPublishedKey } from './weak-secret.ts';

/** The result of reading something that an operator wrote: the value, or every fault in it. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; faults: string[] };

/** Fewest bytes of an HS256 secret: as long as its hash (RFC 7518 section 3.2). */
export const MIN_SECRET_BYTES = 32;

/** Fewest bits of an RSA modulus (RFC 7518 section 3.3). */
const MIN_RSA_BITS = 2048;

/** Smallest RSA public exponent (NIST SP 800-56B section 6.2: above 2^16). */
const MIN_RSA_EXPONENT = 65_537n;

/**
 * ROCA (CVE-2017-15361): a library in Infineon's chips made moduli whose remainders by these primes are powers of 65537,
 * and such moduli can be factored. One sound modulus in 2^28 looks like that too.
 */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157].map(BigInt);

export type AsymmetricAlgorithm = 'ES256' | 'EdDSA' | 'RS256';
export type Algorithm = 'HS256' | AsymmetricAlgorithm;

/** The members of a JWK that we read, all strings (RFC 7517, RFC 7518 section 6, RFC 8037). */
export interface Jwk {
  kty: string;
  kid?: string;
  alg?: string;
  use?: string;
  crv?: string;
  x?: string;
  y?: string;
  d?: string;
  n?: string;
  e?: string;
  p?: string;
  q?: string;
  dp?: string;
  dq?: string;
  qi?: string;
}

/** One key of a set, with the algorithm that it is for. Only the private one can sign. */
export interface AsymmetricKey {
  alg: AsymmetricAlgorithm;
  jwk: Jwk;
  isPrivate: boolean;
}

/** What `ACCESS_TOKEN_SECRET` holds: one HS256 secret, or keys of which the first signs. */
export type AccessKeyMaterial = { kind: 'secret'; secret: string } | { kind: 'keys'; keys: AsymmetricKey[] };

const STRING_MEMBERS = [
  'kty',
  'kid',
  'alg',
  'use',
  'crv',
  'x',
  'y',
  'd',
  'n',
  'e',
  'p',
  'q',
  'dp',
  'dq',
  'qi',
] as const;

/** Required members by kind: public first, then what makes the key private. */
const KINDS: Record<
  AsymmetricAlgorithm,
  { kty: string; crv?: string; public: (keyof Jwk)[]; private: (keyof Jwk)[] }
> = {
  ES256: { kty: 'EC', crv: 'P-256', public: ['x', 'y'], private: ['d'] },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', public: ['x'], private: ['d'] },
  RS256: { kty: 'RSA', public: ['n', 'e'], private: ['d', 'p', 'q', 'dp', 'dq', 'qi'] },
};

/** Reads `ACCESS_TOKEN_SECRET`: a secret, a private JWK, or a JWK Set whose first key is private. */
export function parseAccessKeys(text: string): Parsed<AccessKeyMaterial> {
  // Looks past blanks of every kind: a key set with an odd one before it must not pass for a secret. JSON.parse refuses it.
  if (!text.trimStart().startsWith('{')) {
    // Keys in another format, the public one of a PEM even, would pass for a long secret.
    if (findKeyKind(text) === 'a PEM' || /^\s*\[/.test(text))
      return { ok: false, faults: ['is a PEM or a list: a JWK or a JWK Set is needed'] };
    const fault = findSecretFault(text);
    return fault === undefined
      ? { ok: true, value: { kind: 'secret', secret: text } }
      : { ok: false, faults: [fault] };
  }
  const json = parseJson(text);
  if (!isRecord(json)) return { ok: false, faults: ['starts like a JWK but is not valid JSON'] };
  if ('keys' in json && !Array.isArray(json.keys))
    return { ok: false, faults: ['has "keys" that is not an array'] };
  const members: unknown[] = Array.isArray(json.keys) ? json.keys : [json];
  return parseKeys(members);
}

/** Reads `REFRESH_TOKEN_SECRET`: one or more HS256 secrets separated by commas; the first signs, all verify. */
export function parseRefreshSecrets(text: string): Parsed<string[]> {
  // As a whole first: split at its commas, a JWK would be several short secrets.
  const kind = findKeyKind(text);
  if (kind !== undefined) return { ok: false, faults: [describeKind(kind)] };
  const secrets = splitSetting(text);
  const faults = secrets.flatMap((secret, index) => {
    const fault = findSecretFault(secret);
    return fault === undefined ? [] : [secrets.length === 1 ? fault : `secret ${index + 1}: ${fault}`];
  });
  if (new Set(secrets).size !== secrets.length) faults.push('holds the same secret twice');
  return faults.length === 0 ? { ok: true, value: secrets } : { ok: false, faults };
}

/** Unicode blanks and characters without width, except the blanks that a shell or a file leaves at the end of a value. */
const INVISIBLE = '(?![ \\t\\r\\n])[\\p{White_Space}\\u200b-\\u200d\\u2060\\ufeff]';
const INVISIBLE_END = new RegExp(`^${INVISIBLE}|${INVISIBLE}$`, 'u');

/** What is wrong with a secret, if anything: ends that nobody sees, its length, or that it is public or made without chance. */
export function findSecretFault(secret: string): string | undefined {
  const bytes = new TextEncoder().encode(secret).length;
  if (bytes < MIN_SECRET_BYTES)
    return `is too short: ${bytes} bytes, at least ${MIN_SECRET_BYTES} are needed`;
  const kind = findPublicKind(secret);
  if (kind !== undefined) return describeKind(kind);
  return INVISIBLE_END.test(secret) ? 'begins or ends with a character that shows as nothing' : undefined;
}

function describeKind(kind: string): string {
  return `is ${kind}, not a random secret`;
}

function parseKeys(members: unknown[]): Parsed<AccessKeyMaterial> {
  if (members.length === 0) return { ok: false, faults: ['holds an empty key set'] };
  const keys: AsymmetricKey[] = [];
  const faults: string[] = [];
  members.forEach((member, index) => {
    const parsed = parseKey(member);
    if (parsed.ok) keys.push(parsed.value);
    else faults.push(...parsed.faults.map((fault) => `key ${index + 1}: ${fault}`));
  });
  if (faults.length > 0) return { ok: false, faults };
  if (keys[0]?.isPrivate !== true)
    return { ok: false, faults: ['key 1: is public, but the first key has to sign'] };
  return { ok: true, value: { kind: 'keys', keys } };
}

function parseKey(member: unknown): Parsed<AsymmetricKey> {
  if (!isRecord(member)) return { ok: false, faults: ['is not an object'] };
  const mistyped = STRING_MEMBERS.filter(
    (name) => member[name] !== undefined && typeof member[name] !== 'string',
  );
  if (mistyped.length > 0)
    return { ok: false, faults: [`has members that are not strings: ${mistyped.join(', ')}`] };
  // Every member of Jwk was checked to be a string or absent; `kty` is compared below.
  const jwk = Object.fromEntries(
    STRING_MEMBERS.flatMap((name) => (name in member ? [[name, member[name]]] : [])),
  ) as unknown as Jwk;
  const found = Object.entries(KINDS).find(
    ([, kind]) => kind.kty === jwk.kty && (kind.crv === undefined || kind.crv === jwk.crv),
  );
  if (found === undefined)
    return { ok: false, faults: ['is neither EC P-256 (ES256), OKP Ed25519 (EdDSA) nor RSA (RS256)'] };
  const alg = found[0] as AsymmetricAlgorithm; // a key of KINDS
  const kind = found[1];
  const isPrivate = jwk.d !== undefined;
  const faults = [...findKeyFaults(jwk, alg, kind), ...findKeyOpsFaults(member.key_ops, isPrivate)];
  if (isPrivate) faults.push(...missing(jwk, kind.private));
  return faults.length === 0 ? { ok: true, value: { alg, jwk, isPrivate } } : { ok: false, faults };
}

function findKeyFaults(
  jwk: Jwk,
  alg: AsymmetricAlgorithm,
  kind: (typeof KINDS)[AsymmetricAlgorithm],
): string[] {
  const faults = missing(jwk, kind.public);
  // RFC 9864 names EdDSA with Ed25519 "Ed25519"; both are accepted, "EdDSA" is written.
  const isAlgFit = jwk.alg === undefined || jwk.alg === alg || (alg === 'EdDSA' && jwk.alg === 'Ed25519');
  if (!isAlgFit) faults.push(`has an alg that does not fit its kind: ${alg} is expected`);
  if (jwk.use !== undefined && jwk.use !== 'sig') faults.push('has a use other than "sig"');
  if (jwk.kid !== undefined && !/^[\w.~-]{1,128}$/.test(jwk.kid)) {
    faults.push('has a kid that is not 1 to 128 letters, digits, ".", "_", "~" or "-"');
  }
  if (isPublishedKey(jwk.n ?? jwk.x ?? '')) faults.push('is an example whose private part is published');
  if (alg === 'RS256') faults.push(...findRsaFaults(jwk));
  return faults;
}

/** RFC 7517 section 4.3: what the key may be used for. Without it, anything. */
function findKeyOpsFaults(keyOps: unknown, isPrivate: boolean): string[] {
  const needed = isPrivate ? 'sign' : 'verify';
  const isFit = keyOps === undefined || (Array.isArray(keyOps) && keyOps.includes(needed));
  return isFit ? [] : [`has key_ops without "${needed}"`];
}

function missing(jwk: Jwk, names: (keyof Jwk)[]): string[] {
  const absent = names.filter((name) => jwk[name] === undefined || jwk[name] === '');
  return absent.length === 0 ? [] : [`lacks ${absent.join(', ')}`];
}

/** Web Crypto imports a short modulus and an exponent of 1, under which everybody can sign. */
function findRsaFaults({ n = '', e = '' }: Jwk): string[] {
  const modulus = toBigInt(n);
  const exponent = toBigInt(e);
  if (modulus === undefined || exponent === undefined) return ['has an n or e that is not base64url'];
  const faults: string[] = [];
  if (modulus.toString(2).length < MIN_RSA_BITS)
    faults.push(`has an RSA modulus of fewer than ${MIN_RSA_BITS} bits`);
  if (ROCA_PRIMES.every((prime) => isPowerOf65537(modulus % prime, prime)))
    faults.push('has an RSA modulus of a faulty generator (ROCA, CVE-2017-15361)');
  if (exponent < MIN_RSA_EXPONENT) faults.push(`has an RSA exponent below ${MIN_RSA_EXPONENT}`);
  return faults;
}

function isPowerOf65537(number: bigint, prime: bigint): boolean {
  let power = 1n;
  do {
    if (power === number) return true;
    power = (power * 65_537n) % prime;
  } while (power !== 1n);
  return false;
}

/** A base64url big-endian number (RFC 7518 section 2, Base64urlUInt). With `atob`, since the command line uses this under Node. */
function toBigInt(base64url: string): bigint | undefined {
  if (!/^[\w-]+$/.test(base64url)) return undefined;
  try {
    const bytes = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
    return [...bytes].reduce((number, byte) => number * 256n + BigInt(byte.charCodeAt(0)), 0n);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
