// An access token as a client sees it: to be sent, and to be shown. It is not verified here; resource servers do that.
import { asObject, type Reply } from './api.ts';

/** What an access token says, as far as a page may want to show it. `iat`, `exp` and `auth_time` are in seconds. */
export interface AccessTokenClaims {
  sub: string;
  sid: string;
  username: string;
  email: string;
  iat: number;
  exp: number;
  auth_time: number;
  [name: string]: unknown;
}

/** `expiresAtMs` is by this device's clock, whatever that says. */
export interface AccessToken {
  value: string;
  claims: AccessTokenClaims;
  expiresAtMs: number;
}

/**
 * Reads a token body; `undefined` when it holds no access token. The server's `Date` gives the difference between the
 * clocks; without one, the time of the response stands for it.
 */
export function readAccessToken({ body, date }: Reply, nowMs: number): AccessToken | undefined {
  const value = asObject(body).accessToken;
  const claims = decodeClaims(value);
  if (typeof value !== 'string' || claims === undefined) return undefined;
  const serverMs = Date.parse(date ?? '');
  const skewMs = Number.isNaN(serverMs) ? claims.iat * 1000 - nowMs : serverMs - nowMs;
  return { value, claims, expiresAtMs: claims.exp * 1000 - skewMs };
}

/** The token in a message of another tab, which may run another version of this code. Its claims are those of the token itself. */
export function readSharedToken(shared: unknown, nowMs: number): AccessToken | undefined {
  const { value, expiresAtMs } = asObject(shared);
  const claims = decodeClaims(value);
  if (typeof value !== 'string' || claims === undefined || !Number.isFinite(expiresAtMs)) return undefined;
  // No longer than a token lives.
  const latestMs = nowMs + (claims.exp - claims.iat) * 1000;
  return { value, claims, expiresAtMs: Math.min(Number(expiresAtMs), latestMs) };
}

/** Refreshed this long before it expires, or at a tenth of its life where that is less: a request takes time too. */
const MARGIN_MS = 30_000;

export function isFresh({ claims, expiresAtMs }: AccessToken, nowMs: number): boolean {
  return expiresAtMs - nowMs > Math.min(MARGIN_MS, (claims.exp - claims.iat) * 100);
}

/** Three parts of base64url, and nothing that a header could not carry. */
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

function decodeClaims(token: unknown): AccessTokenClaims | undefined {
  const part = typeof token === 'string' ? JWT.exec(token)?.[1] : undefined;
  if (part === undefined) return undefined;
  try {
    const base64 = part.replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return hasClaims(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** Those that the client itself relies on; a resource server checks the rest. */
function hasClaims(value: unknown): value is AccessTokenClaims {
  const { sub, sid, username, email, iat, exp } = asObject(value);
  return (
    [sub, sid, username, email].every((text) => typeof text === 'string') &&
    [iat, exp].every((seconds) => Number.isFinite(seconds))
  );
}
