// Bearer authentication (RFC 6750): the access token of a request, checked offline. The account decides about its session.
import type { MiddlewareHandler } from 'hono';
import { type AccessClaims, readAccessToken } from '../tokens/access-token.ts';
import { type AppContext, type AppEnv, outcomeOf, serviceOf } from './context.ts';
import { refuse } from './problem.ts';

/** Every fault that a token of either kind can have. */
export const tokenFaults = [
  'no_token',
  'token_malformed',
  'token_unknown_key',
  'token_forged',
  'token_claims',
  'token_expired',
] as const;

/** Who did it, for the history, when the operator does not say. */
const DEFAULT_LABEL = 'operator';

type Authentication =
  | { ok: true; claims: AccessClaims }
  | { ok: false; reason: (typeof tokenFaults)[number] };

/** Checks the token of the `Authorization` header; no other place is looked at, a URL least of all. */
export async function authenticate(c: AppContext): Promise<Authentication> {
  const token = readBearer(c);
  if (token === undefined) return { ok: false, reason: 'no_token' };
  const { config, accessKeys } = serviceOf(c);
  const context = {
    issuer: config.issuer,
    audience: config.audience,
    nowSeconds: Math.floor(Date.now() / 1000),
  };
  const access = await readAccessToken(token, accessKeys, context);
  if (!access.ok) return { ok: false, reason: access.reason };
  Object.assign(outcomeOf(c), { accountId: access.claims.sub, sessionId: access.claims.sid });
  return { ok: true, claims: access.claims };
}

/** Without ADMIN_TOKEN there is nothing below /admin, not even another refusal. */
export const hideWithoutOperators: MiddlewareHandler<AppEnv> = async (c, next) =>
  serviceOf(c).config.adminToken === undefined ? refuse(c, 'not_found') : next();

/** Checks the operators' token, and takes the label of whoever has it. */
export const authenticateOperator: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { adminToken } = serviceOf(c).config;
  if (adminToken === undefined) return refuse(c, 'not_found');
  const presented = readBearer(c);
  if (presented === undefined) return refuse(c, 'no_token');
  if (!(await isEqual(presented, adminToken))) return refuse(c, 'bad_admin_token', { isBearer: true });
  const label = c.req.header('X-Operator') ?? DEFAULT_LABEL;
  if (!/^[\w.+-]{1,64}$/.test(label)) {
    return refuse(c, 'invalid_input', {
      errors: [
        {
          field: 'X-Operator',
          code: 'invalid_label',
          message: 'must be 1 to 64 letters, digits, ".", "_", "+" or "-"',
        },
      ],
    });
  }
  outcomeOf(c).operator = label;
  return next();
};

/**
 * What follows the scheme, whole: a token with a space or a comma in it, or two headers that were joined, is a bad token and
 * not a missing one. `undefined` without token, or under another scheme.
 */
export function readBearer(c: AppContext): string | undefined {
  return /^Bearer +([^ ].*)$/is.exec(c.req.header('Authorization') ?? '')?.[1];
}

/** Constant time, over digests of one length: neither the place of the first difference nor the length shows. */
async function isEqual(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b));
}
