// Cookies of requests, read by name; and the attributes that each of ours is set and cleared with.
import { setCookie } from 'hono/cookie';
import { trimOptionalWhiteSpace } from '../domain/white-space.ts';
import { type AppContext, serviceOf } from './context.ts';
import { isFromBrowser } from './origin.ts';

/**
 * Cookies of one name that are looked at. A browser sends several where a sibling domain or a longer path has set the name
 * too; each costs a signature, so their number has a bound.
 */
export const MOST_COOKIES = 8;

/**
 * The values of all cookies of a name, as they stand: nothing is unquoted or unescaped, since no token needs it. A pair
 * without `=` is a cookie without a name (RFC 6265bis section 5.6).
 *
 * The platform joins several `Cookie` lines with `, `. A browser never sends several (RFC 6265 section 5.4; those of HTTP/2
 * are joined with `; ` by the edge, RFC 9113 section 8.2.3), and `, ` may be part of a cookie's value: from a browser it
 * separates nothing, or a sibling domain could plant `x=1, __Host-jwt=…` past the check of the prefix. Where no browser
 * asks, there is nobody to plant it on, and `, ` counts as the end of a line.
 */
export function readCookies(c: AppContext, name: string): string[] {
  const header = c.req.header('Cookie');
  if (header === undefined) return [];
  const hasLines = header.includes(', ') && !isFromBrowser(c);
  const values: string[] = [];
  for (const pair of header.split(hasLines ? /;|, / : ';')) {
    const at = pair.indexOf('=');
    if (at > 0 && trimOptionalWhiteSpace(pair.slice(0, at)) === name)
      values.push(trimOptionalWhiteSpace(pair.slice(at + 1)));
  }
  return values;
}

/** Clears the refresh cookie: only a 401 from `/refresh` and a sign-out may. */
export function clearRefreshCookie(c: AppContext): void {
  setCookie(c, serviceOf(c).config.cookieName, '', { ...cookieAttributes(c), maxAge: 0 });
}

/** What every cookie of ours carries, beside how long it lasts: a browser takes another set of them for another cookie. */
export function cookieAttributes(c: AppContext) {
  const { cookieSameSite } = serviceOf(c).config;
  return { path: '/', secure: true, httpOnly: true, sameSite: cookieSameSite };
}
