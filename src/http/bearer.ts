// Bearer authentication (RFC 6750): the access token of a request, checked offline. The account decides about its session.
import type { FailureReason } from '../errors.ts';
import { type AccessClaims, readAccessToken } from '../tokens/access-token.ts';
import { type AppContext, outcomeOf, serviceOf } from './service.ts';

export type Authentication =
  | { ok: true; claims: AccessClaims }
  | { ok: false; reason: FailureReason; isBearer: true };

/** Checks the token of the `Authorization` header; no other place is looked at, a URL least of all. */
export async function authenticate(c: AppContext): Promise<Authentication> {
  const token = readBearer(c);
  if (token === undefined) return { ok: false, reason: 'no_token', isBearer: true };
  const { config, accessKeys } = serviceOf(c);
  const context = {
    issuer: config.issuer,
    audience: config.audience,
    nowSeconds: Math.floor(Date.now() / 1000),
  };
  const access = await readAccessToken(token, accessKeys, context);
  if (!access.ok) return { ok: false, reason: access.reason, isBearer: true };
  Object.assign(outcomeOf(c), { accountId: access.claims.sub, sessionId: access.claims.sid });
  return { ok: true, claims: access.claims };
}

/**
 * What follows the scheme, whole: a token with a space or a comma in it, or two headers that were joined, is a bad token and
 * not a missing one. `undefined` without token, or under another scheme.
 */
export function readBearer(c: AppContext): string | undefined {
  return /^Bearer +([^ ].*)$/is.exec(c.req.header('Authorization') ?? '')?.[1];
}
