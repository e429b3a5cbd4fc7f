// New keys and secrets in the form that the bindings take. Web Crypto of Node, so the numbers are the platform's.
import type { webcrypto } from 'node:crypto';
import { parseEnv } from 'node:util';

export const KEY_ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'HS256'] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** The two secrets of the contract, as written to `.dev.vars` or given to `wrangler secret bulk`. */
export interface Secrets {
  ACCESS_TOKEN_SECRET: string;
  REFRESH_TOKEN_SECRET: string;
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
} as const;

/** A new pair of secrets. The key's `kid` is the day and eight random digits, so that a set reads in order. */
export async function makeSecrets(alg: KeyAlgorithm, today: Date): Promise<Secrets> {
  return {
    ACCESS_TOKEN_SECRET: alg === 'HS256' ? makeSecret() : JSON.stringify(await makeKey(alg, today)),
    REFRESH_TOKEN_SECRET: makeSecret(),
  };
}

/**
 * The new secrets first, the ones in use behind them: tokens of the old ones verify until they expire. An HS256 access
 * secret has no room for a second one, so it is replaced, and every access token with it (they live ten minutes).
 */
export function putBefore(fresh: Secrets, current: Secrets): Secrets {
  const isSet = isJson(fresh.ACCESS_TOKEN_SECRET) && isJson(current.ACCESS_TOKEN_SECRET);
  return {
    ACCESS_TOKEN_SECRET: isSet
      ? JSON.stringify({
          keys: [...keysOf(fresh.ACCESS_TOKEN_SECRET), ...keysOf(current.ACCESS_TOKEN_SECRET)],
        })
      : fresh.ACCESS_TOKEN_SECRET,
    REFRESH_TOKEN_SECRET: `${fresh.REFRESH_TOKEN_SECRET},${current.REFRESH_TOKEN_SECRET}`,
  };
}

/** The second step of a rotation in two: what stood by begins to sign, and the others verify on. */
export function promoteLast({ ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET }: Secrets): Secrets {
  const toFront = <T>(items: T[]): T[] => [...items.slice(-1), ...items.slice(0, -1)];
  return {
    ACCESS_TOKEN_SECRET: isJson(ACCESS_TOKEN_SECRET)
      ? JSON.stringify({ keys: toFront(keysOf(ACCESS_TOKEN_SECRET)) })
      : ACCESS_TOKEN_SECRET,
    REFRESH_TOKEN_SECRET: toFront(REFRESH_TOKEN_SECRET.split(',')).join(','),
  };
}

/** The end of a rotation: only what signs stays. */
export function keepFirst({ ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET }: Secrets): Secrets {
  return {
    ACCESS_TOKEN_SECRET: isJson(ACCESS_TOKEN_SECRET)
      ? JSON.stringify({ keys: keysOf(ACCESS_TOKEN_SECRET).slice(0, 1) })
      : ACCESS_TOKEN_SECRET,
    REFRESH_TOKEN_SECRET: REFRESH_TOKEN_SECRET.split(',').slice(0, 1).join(','),
  };
}

/** Reads both secrets from a file in `.env` form, or as the JSON that `--json` prints. Throws with the name of the one that is missing. */
export function readSecrets(dotenv: string): Secrets {
  const given: NodeJS.Dict<string> = isJson(dotenv) ? JSON.parse(dotenv) : parseEnv(dotenv);
  const { ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET } = given;
  if (!ACCESS_TOKEN_SECRET) throw new Error('ACCESS_TOKEN_SECRET is missing');
  if (!REFRESH_TOKEN_SECRET) throw new Error('REFRESH_TOKEN_SECRET is missing');
  return { ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET };
}

/** Lines for `.dev.vars` and for `wrangler secret bulk FILE`. Neither value can hold a single quote. */
export function toDotenv({ ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET }: Secrets): string {
  return `ACCESS_TOKEN_SECRET='${ACCESS_TOKEN_SECRET}'\nREFRESH_TOKEN_SECRET='${REFRESH_TOKEN_SECRET}'\n`;
}

async function makeKey(alg: Exclude<KeyAlgorithm, 'HS256'>, today: Date): Promise<object> {
  const { privateKey } = await generatePair(GENERATION[alg]);
  const { key_ops: _, ext: __, ...jwk } = await crypto.subtle.exportKey('jwk', privateKey);
  const suffix = crypto.getRandomValues(new Uint32Array(1))[0]?.toString(16).padStart(8, '0');
  return { kid: `${today.toISOString().slice(0, 10)}-${suffix}`, use: 'sig', ...jwk, alg };
}

async function generatePair(
  algorithm: (typeof GENERATION)[keyof typeof GENERATION],
): Promise<webcrypto.CryptoKeyPair> {
  // All three are asymmetric: a pair comes back, never a single key.
  return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** 256 random bits as base64url: no comma, no quote. */
function makeSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith('{');
}

function keysOf(jwkOrSet: string): unknown[] {
  const parsed = JSON.parse(jwkOrSet) as { keys?: unknown[] };
  return parsed.keys ?? [parsed];
}
