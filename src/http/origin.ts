// Cross-site defence: which pages may send the cookie or have it set, change something, and read a response.
import type { MiddlewareHandler } from 'hono';
import { matchesOrigin } from '../domain/origins.ts';
import { trimOptionalWhiteSpace } from '../domain/white-space.ts';
import { type AppContext, type AppEnv, outcomeOf, serviceOf } from './context.ts';

/** What a preflight may ask for: bounds of a header that is sent back. */
const MOST_REQUEST_HEADERS = 64;
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/;
/** `https://`, a host name of 253 characters, a port. */
const LONGEST_ORIGIN = 270;

/**
 * Whether a request that carries or sets the cookie, or changes something, may pass. `Origin` decides where there is one.
 * `null` can come from any sandboxed frame, but also from a form on a page of ours, which sends no referrer: there
 * `Sec-Fetch-Site` (Fetch Metadata) decides, which script cannot forge and which calls a frame with no origin
 * `cross-site`. It decides too where there is no `Origin`; without both it is no browser, and no victim's cookie is at stake.
 */
export function isOriginAllowed(c: AppContext): boolean {
  const origin = c.req.header('Origin');
  const site = c.req.header('Sec-Fetch-Site');
  if (origin === 'null') return site === 'same-origin';
  if (origin !== undefined) return isOwnOrigin(c, origin) || isListed(c, origin);
  return site === undefined || site === 'same-origin' || site === 'none';
}

/** Whether a browser sent the request: all current ones send one of these two with whatever can carry or set a cookie. */
export function isFromBrowser(c: AppContext): boolean {
  return c.req.header('Origin') !== undefined || c.req.header('Sec-Fetch-Site') !== undefined;
}

/** CORS for listed origins only, with credentials and any request header, never `*`. Others get no CORS header at all. */
export const corsForListedOrigins: MiddlewareHandler<AppEnv> = async (c, next) => {
  const origin = c.req.header('Origin');
  const isPreflight =
    c.req.method === 'OPTIONS' && c.req.header('Access-Control-Request-Method') !== undefined;
  // Said to every origin: a cache must not hand this response to a listed one.
  c.header('Vary', isPreflight ? 'Origin, Access-Control-Request-Headers' : 'Origin');
  if (origin === undefined) return next();
  if (!isListed(c, origin)) {
    if (isPreflight && !isOwnOrigin(c, origin)) {
      outcomeOf(c).reason = 'origin_not_allowed';
      noteOrigin(c);
    }
    return next();
  }
  c.header('Access-Control-Allow-Origin', origin);
  c.header('Access-Control-Allow-Credentials', 'true');
  c.header('Access-Control-Expose-Headers', 'Date,Retry-After,WWW-Authenticate');
  if (!isPreflight) return next();
  c.header('Access-Control-Allow-Methods', 'GET,POST,PUT,PATCH,DELETE');
  c.header('Access-Control-Allow-Headers', allowedHeaders(c.req.header('Access-Control-Request-Headers')));
  c.header('Access-Control-Max-Age', '600');
  return c.body(null, 204);
};

/** Whatever is asked for: a listed origin is trusted, and tools for tracing add headers that nobody can list beforehand. */
function allowedHeaders(requested: string | undefined): string {
  if (requested === undefined) return 'Authorization,Content-Type';
  const names = requested.split(',').map(trimOptionalWhiteSpace);
  return names
    .filter((name) => HEADER_NAME.test(name))
    .slice(0, MOST_REQUEST_HEADERS)
    .join(',');
}

function isListed(c: AppContext, origin: string): boolean {
  return matchesOrigin(serviceOf(c).config.allowedOrigins, origin);
}

/** The origin that the request came to, or that of the issuer: behind a proxy the two can differ. */
function isOwnOrigin(c: AppContext, origin: string): boolean {
  const { url } = c.req;
  // Cut out, not parsed: browsers write a host alike in both headers. Where a proxy does not, the issuer's is compared.
  const own = url.slice(0, url.indexOf('/', 'https://'.length));
  return origin === own || origin === serviceOf(c).config.issuerOrigin;
}

/** Notes a refused origin for the log, where an operator looks for the one that is missing in the list. */
export function noteOrigin(c: AppContext): void {
  const origin = c.req.header('Origin');
  if (origin === undefined) return;
  const isWellFormed =
    origin.length <= LONGEST_ORIGIN && /^(?:null|[a-z][a-z0-9+.-]*:\/\/[\w.:[\]-]+)$/i.test(origin);
  // Anything else is what a client made up, and may be anything.
  outcomeOf(c).origin = isWellFormed ? origin : 'malformed';
}
