// Wycheproof's vectors (test/vectors) as our verification meets them: the keys as an operator would write them, the
// tokens through `openJws` and hono's own signature check over the raw bytes. Nearly all payloads are "foo" and the
// like, which `verifyJws` refuses before any signature: asked of it alone, the vectors would say nothing.
import { verifying } from 'hono/utils/jwt/jws';
import * as v from 'valibot';
import { type JwsFault, openJws } from '../../src/tokens/jws.ts';
import type { Parsed } from '../../src/tokens/key-material.ts';
import { parseAccessKeys } from '../../src/tokens/key-material.ts';
import { encodeHeader, importAccessKeys, type KeySet } from '../../src/tokens/key-set.ts';

/** What became of a vector: accepted, or the step that refused it. */
export type Verdict = 'accepted' | 'keys_refused' | JwsFault;

const jwk = v.looseObject({ kty: v.string(), kid: v.string(), alg: v.optional(v.string()) });
const keySet = v.union([v.strictObject({ keys: v.array(jwk) }), jwk]);
const vector = v.strictObject({
  tcId: v.number(),
  comment: v.string(),
  jws: v.string(),
  result: v.picklist(['valid', 'invalid']),
  flags: v.array(v.string()),
});
/** Strict: a member that these tests do not know may change what a vector means, so it has to fail loudly. */
const vectorFile = v.strictObject({
  numberOfTests: v.number(),
  header: v.unknown(),
  notes: v.unknown(),
  schema: v.string(),
  testGroups: v.array(
    v.strictObject({
      type: v.string(),
      source: v.unknown(),
      comment: v.string(),
      private: keySet,
      public: v.optional(keySet),
      tests: v.array(vector),
    }),
  ),
});

export type Vector = v.InferOutput<typeof vector>;
export type VectorGroup = v.InferOutput<typeof vectorFile>['testGroups'][number];
type WrittenKeys = VectorGroup['private'];
type Jwk = v.InferOutput<typeof jwk>;

/** The groups of a vector file. Throws when it holds anything that we do not know, or fewer vectors than it says. */
export function readVectors(json: unknown): VectorGroup[] {
  const file = v.parse(vectorFile, json);
  const count = file.testGroups.reduce((sum, { tests }) => sum + tests.length, 0);
  if (count !== file.numberOfTests) throw new Error(`${count} vectors, and not ${file.numberOfTests}`);
  return file.testGroups;
}

/** The key set of `ACCESS_TOKEN_SECRET=<the group's private keys>`: the vector's own key signs. */
export function importAsSigner(group: VectorGroup): Promise<Parsed<KeySet>> {
  return importKeys(keysOf(group.private));
}

/** The group's public keys behind a signing key of ours: as a service holds the keys that it has rotated out. */
export async function importAsRotatedOut(group: VectorGroup): Promise<Parsed<KeySet>> {
  const generated = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
  if (!('privateKey' in generated)) throw new Error('Ed25519 makes pairs');
  const ours = await crypto.subtle.exportKey('jwk', generated.privateKey);
  return importKeys([{ ...ours, kid: 'ours', alg: 'EdDSA' }, ...keysOf(group.public ?? group.private)]);
}

/**
 * HS256 secrets of a group, under their `kid`; the first signs. The service takes a secret as text and has no `kid` for
 * it, but the bytes of a vector are no text, and its tokens have one: so this key set is put together here.
 */
export async function importOctKeys(group: VectorGroup): Promise<Parsed<KeySet>> {
  const keys = await Promise.all(keysOf(group.private).map(importOctKey));
  const [signing] = keys;
  if (signing === undefined) throw new Error('a group without keys');
  const verification = keys.map((key) => ({
    alg: key.alg,
    kid: key.kid,
    key,
    header: encodeHeader(key.alg, key.kid),
  }));
  return { ok: true, value: { signing, verification, publicKeys: [] } };
}

async function importOctKey({ kty, alg, kid, k }: Jwk) {
  if (kty !== 'oct' || alg !== 'HS256' || typeof k !== 'string') throw new Error('not an HS256 secret');
  const bytes = Uint8Array.fromBase64(k, { alphabet: 'base64url' });
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify']);
  return Object.assign(key, { alg: 'HS256' as const, kid });
}

/** The JWS layer: form, header and keys by our code, the signature by the function that hono's `verify` calls. */
export async function judge(jws: string, keySet: Parsed<KeySet>): Promise<Verdict> {
  if (!keySet.ok) return 'keys_refused';
  const opened = openJws(jws, keySet.value);
  if (opened === undefined) return 'token_malformed';
  if (opened.candidates.length === 0) return 'token_unknown_key';
  const signed = new TextEncoder().encode(`${opened.header}.${opened.payload}`);
  const signature = Uint8Array.fromBase64(opened.signature, { alphabet: 'base64url' });
  for (const { key, alg } of opened.candidates) {
    if (await verifying(key, alg, signature, signed)) return 'accepted';
  }
  return 'token_forged';
}

function importKeys(keys: object[]): Promise<Parsed<KeySet>> {
  const parsed = parseAccessKeys(JSON.stringify({ keys }));
  return parsed.ok ? importAccessKeys(parsed.value) : Promise.resolve(parsed);
}

/** The keys of a set, or the one key. */
export function keysOf(set: WrittenKeys): Jwk[] {
  // Without `keys` it is the other half of the union, which `in` cannot tell: a key may have any member.
  return 'keys' in set && Array.isArray(set.keys) ? set.keys : [set as Jwk];
}
