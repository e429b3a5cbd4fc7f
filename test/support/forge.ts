// Tokens that the service did not make, or not so: signed again with changed claims, or under another key.
import { sign } from 'hono/jwt';
import { decodePayload } from './service.ts';

/** The token's claims with changes (`undefined` removes one), signed with HS256 under `secret`. */
export function resign(token: string, changes: Record<string, unknown>, secret: string): Promise<string> {
  return sign({ ...decodePayload(token), ...changes }, secret, 'HS256');
}

/** The same token under a header that names no algorithm, without a signature (RFC 7519 section 6). */
export function unsign(token: string): string {
  return `${toBase64url('{"alg":"none","typ":"JWT"}')}.${token.split('.')[1]}.`;
}

/** The same token with one character of its signature changed. */
export function tamper(token: string): string {
  const at = token.lastIndexOf('.') + 1;
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}

function toBase64url(text: string): string {
  return new TextEncoder().encode(text).toBase64({ alphabet: 'base64url', omitPadding: true });
}
