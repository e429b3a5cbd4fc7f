// What an attack starts from: a genuine token, taken apart, and the key that made it.
import type { Algorithm } from '../../src/tokens/key-material.ts';
import { decodeHeader, decodePayload, REFRESH_SECRET } from '../support/service.ts';
import { type AccessKeys, hmac, type Sign } from './access-keys.ts';

export type TokenKind = 'access' | 'refresh';
export type Members = Record<string, unknown>;

export interface Subject {
  kind: TokenKind;
  /** The genuine token. */
  token: string;
  header: Members;
  claims: Members;
  /** The algorithm and the key of this kind of token. */
  alg: Algorithm;
  sign: Sign;
  /** Genuine too, of the same session and of the other kind: what the same browser holds. */
  otherKind: string;
  /** Genuine too, of the same kind, of somebody else. */
  otherPerson: string;
  accessKeys: AccessKeys;
  nowSeconds: number;
}

/** What the log says of a refused token: why, exactly. */
export type Reason =
  | 'no_token'
  | 'token_malformed'
  | 'token_unknown_key'
  | 'token_forged'
  | 'token_claims'
  | 'token_expired';

export interface Attack {
  /** Completes the sentence "a token ... is refused". */
  name: string;
  reason: Reason;
  forge: (subject: Subject) => string | Promise<string>;
}

export function openSubject({
  kind,
  token,
  ...rest
}: Pick<Subject, 'kind' | 'token' | 'otherKind' | 'otherPerson' | 'accessKeys' | 'nowSeconds'>): Subject {
  const signRefresh: Sign = async (signed) => hmac('sha256', REFRESH_SECRET, signed);
  return {
    kind,
    token,
    header: decodeHeader(token),
    claims: decodePayload(token),
    alg: kind === 'access' ? rest.accessKeys.alg : 'HS256',
    sign: kind === 'access' ? rest.accessKeys.sign : signRefresh,
    ...rest,
  };
}

/** Members as JSON, text and bytes as they are, in base64url. */
export function encode(part: Members | unknown[] | string | Uint8Array): string {
  const text = typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part);
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

export function decode(part: string): Uint8Array {
  return Uint8Array.fromBase64(part, { alphabet: 'base64url' });
}

/** The three parts of the genuine token. */
export function split({ token }: Subject): [header: string, payload: string, signature: string] {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return [header, payload, signature];
}

/** Signs with the genuine key, whatever the parts say. Parts are encoded already. */
export async function signParts(subject: Subject, header: string, payload: string): Promise<string> {
  const signed = `${header}.${payload}`;
  return `${signed}.${encode(await subject.sign(signed))}`;
}

/** The genuine token with another header, signed anew with the genuine key: only the header can be the reason. */
export function withHeader(subject: Subject, header: Parameters<typeof encode>[0]): Promise<string> {
  return signParts(subject, encode(header), split(subject)[1]);
}

/** The genuine token with another payload, signed anew with the genuine key: only the payload can be the reason. */
export function withClaims(subject: Subject, claims: Parameters<typeof encode>[0]): Promise<string> {
  return signParts(subject, split(subject)[0], encode(claims));
}

/** The genuine token under another signature. */
export function withSignature(subject: Subject, signature: Uint8Array): string {
  const [header, payload] = split(subject);
  return `${header}.${payload}.${encode(signature)}`;
}

/** Members without one of them. */
export function without(members: Members, name: string): Members {
  return Object.fromEntries(Object.entries(members).filter(([other]) => other !== name));
}
