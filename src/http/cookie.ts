// The refresh cookie: read, set, cleared, always with the same attributes.
import { generateCookie } from 'hono/cookie';
import { addCookie } from './answer.ts';
import { type AppContext, serviceOf } from './service.ts';

/** Cookies of our name that are looked at when a sign-out has to end what they stand for. */
const MOST_COOKIES = 4;

export type RefreshCookie =
  | { kind: 'none' }
  | { kind: 'one'; token: string }
  | { kind: 'several'; tokens: string[] };

/**
 * Reads the refresh cookie. Two of one name are told apart from one: somebody may have planted the other from a
 * sibling domain, and which comes first is up to the browser (RFC 6265 section 5.4).
 */
export function readRefreshCookie(c: AppContext): RefreshCookie {
  const { cookieName } = serviceOf(c).config;
  const spellings = rawValues(c.req.header('Cookie') ?? '', cookieName);
  const [first] = spellings;
  if (first === undefined) return { kind: 'none' };
  if (spellings.length > 1) return { kind: 'several', tokens: spellings.slice(0, MOST_COOKIES) };
  // As it stands: a token has no character that a cookie would quote or escape, and whatever else is in it is no token.
  return { kind: 'one', token: first };
}

/** Sets the cookie for as long as its token is good. */
export function setRefreshCookie(c: AppContext, token: string, maxAgeSeconds: number): void {
  addCookie(
    c,
    generateCookie(serviceOf(c).config.cookieName, token, { ...attributes(c), maxAge: maxAgeSeconds }),
  );
}

/** Clears the cookie: only a 401 from `/refresh` and a sign-out may. */
export function clearRefreshCookie(c: AppContext): void {
  setRefreshCookie(c, '', 0);
}

function attributes(c: AppContext) {
  return { path: '/', secure: true, httpOnly: true, sameSite: serviceOf(c).config.cookieSameSite };
}

function rawValues(header: string, name: string): string[] {
  const pairs = header.split(';').map((pair) => pair.trim());
  return pairs
    .filter((pair) => pair.split('=', 1)[0]?.trim() === name)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
}
