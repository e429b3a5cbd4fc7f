// Requests over plain http to a service whose issuer is https: they get no token, and nothing in them is read.
import type { MiddlewareHandler } from 'hono';
import { isLocalIssuer } from '../config/settings.ts';
import { type AppContext, type AppEnv, serviceOf } from './context.ts';
import { refuse } from './problem.ts';

/**
 * Whoever is on the way reads a password and a token, and can put a script of theirs in a page. A redirect would send the body
 * again and hide the mistake, so that only a GET without a bearer token gets one.
 *
 * The URL tells: on Cloudflare its scheme is the client's, and over a service binding it is what the caller wrote. Headers
 * that proxies set (X-Forwarded-Proto) can be written by anybody. A loopback host is the end of a tunnel, or a test: what
 * goes there does not leave the machine.
 */
export const refusePlainHttp: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (!isPlainHttp(c)) return next();
  const isSafe = c.req.method === 'GET' || c.req.method === 'HEAD';
  if (!isSafe || c.req.header('Authorization') !== undefined) return refuse(c, 'plain_http');
  const url = new URL(c.req.url);
  url.protocol = 'https:';
  url.port = '';
  return c.redirect(url.href, 308);
};

function isPlainHttp(c: AppContext): boolean {
  const { url } = c.req;
  return (
    url.startsWith('http:') &&
    serviceOf(c).config.issuer.startsWith('https:') &&
    // Asks for the host alone, of this URL as of an issuer.
    !isLocalIssuer(url)
  );
}
