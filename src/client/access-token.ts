// An access token as a client sees it: to be sent, and to be shown. It is not verified here; resource servers do that.
import type { TokenResponse } from '../wire.ts';

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
 * Reads an answer of the service. The server's `Date` gives the difference between the clocks; without one, the time of
 * the answer stands for it.
 */
export async function readAccessToken(
  response: Response,
  nowMs: number,
): Promise<{ token: AccessToken; answer: TokenResponse }> {
  const answer: TokenResponse = await response.json();
  const claims = decodeClaims(answer.accessToken);
  const serverMs = Date.parse(response.headers.get('Date') ?? '');
  const skewMs = Number.isNaN(serverMs) ? claims.iat * 1000 - nowMs : serverMs - nowMs;
  return { token: { value: answer.accessToken, claims, expiresAtMs: claims.exp * 1000 - skewMs }, answer };
}

/** Refreshed this long before it expires, or at a tenth of its life where that is less: a request takes time too. */
const MARGIN_MS = 30_000;

export function isFresh({ claims, expiresAtMs }: AccessToken, nowMs: number): boolean {
  return expiresAtMs - nowMs > Math.min(MARGIN_MS, (claims.exp - claims.iat) * 100);
}

function decodeClaims(token: string): AccessTokenClaims {
  const part = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}
