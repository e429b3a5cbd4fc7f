// Cross-site defence: which pages may send the cookie or have it set, and which may read an answer.
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { matchesOrigin } from '../domain/origins.ts';
import { setHeader } from './answer.ts';
import { type AppContext, type AppEnv, headOf, serviceOf } from './service.ts';

/**
 * Whether a request that carries or sets the cookie may pass. `Origin` decides where there is one; `null` never passes,
 * since any sandboxed frame can send it. Without it, `Sec-Fetch-Site` (Fetch Metadata) decides, which script cannot
 * forge; without both it is no browser, and no victim's cookie is at stake.
 */
export function isOriginAllowed(c: AppContext): boolean {
  const origin = c.req.header('Origin');
  if (origin !== undefined)
    return isOwnOrigin(c, origin) || matchesOrigin(serviceOf(c).config.allowedOrigins, origin);
  const site = c.req.header('Sec-Fetch-Site');
  return site === undefined || site === 'same-origin' || site === 'none';
}

/** Whether a browser sent the request: all current ones send one of these two with whatever can carry or set a cookie. */
export function isFromBrowser(c: AppContext): boolean {
  return c.req.header('Origin') !== undefined || c.req.header('Sec-Fetch-Site') !== undefined;
}

/** CORS for listed origins only, with credentials, never `*`. Others get no CORS header at all. */
export const corsForListedOrigins: MiddlewareHandler<AppEnv> = async (c, next) => {
  const origin = c.req.header('Origin');
  const isListed = origin !== undefined && matchesOrigin(serviceOf(c).config.allowedOrigins, origin);
  if (isListed) {
    // hono/cors answers a preflight by itself, with what Hono knows of.
    if (c.req.method === 'OPTIONS')
      for (const [name, value] of Object.entries(headOf(c).headers)) c.header(name, value);
    return allowListed(c, next);
  }
  // A cache must not hand this answer to a listed origin. hono/cors says the same in its own.
  setHeader(c, 'Vary', 'Origin');
  return next();
};

/** Only reached with a listed origin, so the origin is repeated. */
const allowListed = cors({
  origin: (origin) => origin,
  credentials: true,
  allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type'],
  exposeHeaders: ['Date', 'Retry-After', 'WWW-Authenticate'],
  maxAge: 600,
});

/** The origin that the request came to, or that of the issuer: behind a proxy the two can differ. */
function isOwnOrigin(c: AppContext, origin: string): boolean {
  const { url } = c.req;
  // Cut out, not parsed: browsers write a host alike in both headers. Where a proxy does not, the issuer's is compared.
  const own = url.slice(0, url.indexOf('/', 'https://'.length));
  return origin === own || origin === serviceOf(c).config.issuerOrigin;
}
