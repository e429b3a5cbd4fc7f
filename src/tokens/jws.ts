// One compact JWS: shape, header and signature, before anybody looks at a claim. Knows no HTTP and no storage.
// `hono/jwt` signs and verifies; this file closes what its `verify` leaves open (docs/explanation/decisions/0003).
import { sign, verify } from 'hono/jwt';
import type { Algorithm } from './key-material.ts';
import type { KeySet, VerificationKey } from './key-set.ts';

/** Longest token that is looked at, in characters: ours are under 3,000, with the longest names and issuer. */
export const MAX_TOKEN_LENGTH = 4096;

export type JwsFault = 'token_malformed' | 'token_unknown_key' | 'token_forged';
export type VerifiedJws = { ok: true; payload: Record<string, unknown> } | { ok: false; reason: JwsFault };

const HEADER_MEMBERS = new Set(['alg', 'typ', 'kid']);
const fatalUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Signs a payload; the header names the algorithm, `typ: JWT` and, for a public key, its `kid`. */
export function signJws(payload: Record<string, unknown>, { signing }: KeySet): Promise<string> {
  return sign(payload, signing, signing.alg);
}

/** Judges a token's form, header and signature; the payload comes back unjudged. Never throws, never quotes the token. */
export async function verifyJws(token: string, keySet: KeySet): Promise<VerifiedJws> {
  const opened = openJws(token, keySet);
  if (opened === undefined) return { ok: false, reason: 'token_malformed' };
  const payload = decodeObject(opened.payload);
  if (payload === undefined) return { ok: false, reason: 'token_malformed' };
  if (opened.candidates.length === 0) return { ok: false, reason: 'token_unknown_key' };
  for (const { key, alg } of opened.candidates) {
    try {
      // Claims are for the callers: they check them with a `now` of their own, and after the signature.
      await verify(token, key, { alg, exp: false, iat: false, nbf: false });
      return { ok: true, payload };
    } catch {
      // Not signed with this key. hono's messages quote the whole token, so nothing of the error is kept.
    }
  }
  return { ok: false, reason: 'token_forged' };
}

/** The parts of a token, still encoded, and the keys that its header asks for: the step before signature and payload. */
export interface OpenedJws {
  header: string;
  payload: string;
  signature: string;
  candidates: VerificationKey[];
}

/** Judges form and header, and selects the keys. `undefined` for a malformed token; an unknown key leaves no candidate. */
export function openJws(token: string, keySet: KeySet): OpenedJws | undefined {
  const parts = splitToken(token);
  if (parts === undefined) return undefined;
  // As we write it ourselves: there is nothing to judge. Most tokens are our own.
  const ours = keySet.verification.filter((key) => key.header === parts.header);
  if (ours.length > 0) return { ...parts, candidates: ours };
  const header = decodeObject(parts.header);
  if (header === undefined || !isPlainHeader(header)) return undefined;
  const candidates = keySet.verification.filter((key) => key.alg === header.alg && key.kid === header.kid);
  return { ...parts, candidates };
}

function splitToken(token: string): Omit<OpenedJws, 'candidates'> | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  const [header, payload, signature, ...rest] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
    return undefined;
  const parts = { header, payload, signature };
  return Object.values(parts).every(isCanonicalBase64url) ? parts : undefined;
}

/** RFC 4648 section 3.5: the unused bits of the last character are zero. Otherwise one token has up to 32 spellings. */
function isCanonicalBase64url(part: string): boolean {
  return /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/.test(part) && part !== '';
}

function decodeObject(part: string): Record<string, unknown> | undefined {
  try {
    const json = fatalUtf8.decode(Uint8Array.fromBase64(part, { alphabet: 'base64url' }));
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    // An object is a record of unknowns. What JSON.stringify writes, our tokens among it, has no name twice.
    return isObject && (JSON.stringify(value) === json || !hasDuplicateMembers(json))
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * RFC 7515 section 4: member names must be unique; JSON.parse would let the last one win, another parser the first.
 * `json` is known to be valid, so strings and brackets are all that has to be told apart.
 */
function hasDuplicateMembers(json: string): boolean {
  const scopes: Set<string>[] = [];
  for (const [text, name] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (text === '{') scopes.push(new Set());
    else if (text === '}') scopes.pop();
    else if (name !== undefined) {
      const scope = scopes.at(-1);
      const decoded: string = JSON.parse(name);
      if (scope?.has(decoded)) return true;
      scope?.add(decoded);
    }
  }
  return false;
}

/** The three members that we write, of the right type. `crit`, `b64`, `zip`, `jwk`, `jku`, `x5c` and the rest are refused. */
function isPlainHeader(
  header: Record<string, unknown>,
): header is { alg: Algorithm; typ?: 'JWT'; kid?: string } {
  return (
    Object.keys(header).every((name) => HEADER_MEMBERS.has(name)) &&
    typeof header.alg === 'string' &&
    (header.typ === undefined || header.typ === 'JWT') &&
    (header.kid === undefined || typeof header.kid === 'string')
  );
}
