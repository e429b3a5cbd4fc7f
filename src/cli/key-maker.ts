// New keys and secrets in the form that the bindings take. Web Crypto of Node, so the numbers are the platform's.
import type { webcrypto } from 'node:crypto';
import { assertSameReading, readEnvFile, setInEnvFile, toEnvLines } from './env-file.ts';
import { parseJson } from './json.ts';

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

/** Which of the two a step is about. */
export type Scope = 'both' | 'access' | 'refresh';

const ONE_ONLY =
  'an HS256 access secret has no place for a second one. `--only refresh` leaves it as it is; `--rotate FILE --replace-access` replaces it at once, and access tokens of the old one stop verifying';

/**
 * The new secrets beside the ones in use, whose tokens verify until they expire: in front, or behind them on standby. Throws
 * where access keys and an HS256 secret would have to stand side by side, unless the old one is to be replaced.
 */
export function addSecrets(
  fresh: Secrets,
  current: Secrets,
  { standby, replaceAccess, scope }: { standby: boolean; replaceAccess: boolean; scope: Scope },
): Secrets {
  const inOrder = <T>(added: T[], kept: T[]): T[] => (standby ? [...kept, ...added] : [...added, ...kept]);
  const next = { ...current };
  if (scope !== 'access')
    next.REFRESH_TOKEN_SECRET = inOrder([fresh.REFRESH_TOKEN_SECRET], [current.REFRESH_TOKEN_SECRET]).join(
      ',',
    );
  if (scope === 'refresh') return next;
  if (replaceAccess) return { ...next, ACCESS_TOKEN_SECRET: fresh.ACCESS_TOKEN_SECRET };
  if (!isJson(current.ACCESS_TOKEN_SECRET))
    throw new Error(`ACCESS_TOKEN_SECRET is not a key set: ${ONE_ONLY}`);
  if (!isJson(fresh.ACCESS_TOKEN_SECRET))
    throw new Error(`--alg HS256 makes no key for a key set: ${ONE_ONLY}`);
  const keys = inOrder(keysOf(fresh.ACCESS_TOKEN_SECRET), keysOf(current.ACCESS_TOKEN_SECRET));
  return { ...next, ACCESS_TOKEN_SECRET: JSON.stringify({ keys }) };
}

/** The second step of a rotation in two: what stood by begins to sign, and the others verify on. */
export function promoteLast(current: Secrets, scope: Scope): Secrets {
  return changeOrder(current, scope, (items) => [...items.slice(-1), ...items.slice(0, -1)]);
}

/** The end of a rotation: only what signs stays. */
export function keepFirst(current: Secrets, scope: Scope): Secrets {
  return changeOrder(current, scope, (items) => items.slice(0, 1));
}

function changeOrder(current: Secrets, scope: Scope, change: <T>(items: T[]) => T[]): Secrets {
  const next = { ...current };
  if (scope !== 'access')
    next.REFRESH_TOKEN_SECRET = change(current.REFRESH_TOKEN_SECRET.split(',')).join(',');
  if (scope === 'refresh') return next;
  if (!isJson(current.ACCESS_TOKEN_SECRET))
    throw new Error(`ACCESS_TOKEN_SECRET is not a key set: ${ONE_ONLY}`);
  return {
    ...next,
    ACCESS_TOKEN_SECRET: JSON.stringify({ keys: change(keysOf(current.ACCESS_TOKEN_SECRET)) }),
  };
}

/** How many access keys and refresh secrets there are. */
export function countSecrets({ ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET }: Secrets): {
  access: number;
  refresh: number;
} {
  const access = isJson(ACCESS_TOKEN_SECRET) ? keysOf(ACCESS_TOKEN_SECRET).length : 1;
  return { access, refresh: REFRESH_TOKEN_SECRET.split(',').length };
}

/** Secrets in their file, whose other content stays. */
export interface SecretsFile {
  secrets: Secrets;
  /** The file with other secrets, in `.env` form or as a JSON object. */
  write: (secrets: Secrets, form: 'env' | 'json') => string;
}

/** Reads a file in `.env` form, or the JSON that `--json` prints. Throws with the name of the secret that is missing. */
export function readSecretsFile(text: string): SecretsFile {
  return isJson(text) ? readJsonFile(text) : readEnvFileOfSecrets(text);
}

function readJsonFile(text: string): SecretsFile {
  const members = parseJson(text, 'the file') as Record<string, unknown>; // it starts with a brace
  return {
    secrets: pickSecrets(members),
    write: (secrets, form) => {
      const all = { ...members, ...secrets };
      return form === 'json' ? toJson(all) : toEnvLines(toTexts(all));
    },
  };
}

function readEnvFileOfSecrets(text: string): SecretsFile {
  const variables = readEnvFile(text);
  const secrets = pickSecrets(variables);
  assertSameReading(text, Object.keys(secrets));
  return {
    secrets,
    write: (next, form) =>
      form === 'json' ? toJson({ ...variables, ...next }) : setInEnvFile(text, { ...next }),
  };
}

function pickSecrets({ ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET }: Record<string, unknown>): Secrets {
  if (typeof ACCESS_TOKEN_SECRET !== 'string' || ACCESS_TOKEN_SECRET === '')
    throw new Error('ACCESS_TOKEN_SECRET is missing');
  if (typeof REFRESH_TOKEN_SECRET !== 'string' || REFRESH_TOKEN_SECRET === '')
    throw new Error('REFRESH_TOKEN_SECRET is missing');
  return { ACCESS_TOKEN_SECRET, REFRESH_TOKEN_SECRET };
}

function toTexts(members: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => {
      if (typeof value === 'object') throw new Error(`${name} is no text: --json keeps it`);
      return [name, String(value)];
    }),
  );
}

export function toJson(values: object): string {
  return `${JSON.stringify(values, null, 2)}\n`;
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
  const parsed = parseJson(jwkOrSet, 'ACCESS_TOKEN_SECRET') as { keys?: unknown[] };
  return parsed.keys ?? [parsed];
}
