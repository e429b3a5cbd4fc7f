// Access tokens: short-lived, checked offline by anybody with the JWKS. Claims as in the contract; `auth_time`,
// `amr` (RFC 8176) and `acr` are OpenID Connect's, the rest RFC 7519 and RFC 9068 (whose `typ: at+jwt` `hono/jwt` cannot write).
import * as v from 'valibot';
import {
  type ClaimsContext,
  type ClaimsFault,
  findClaimsFault,
  registeredClaims,
  seconds,
} from './claims.ts';
import { type JwsFault, signJws, verifyJws } from './jws.ts';
import type { KeySet } from './key-set.ts';

const accessClaims = v.object({
  ...registeredClaims,
  jti: v.string(),
  auth_time: seconds,
  // Tokens from before these claims lack them.
  amr: v.optional(v.array(v.string())),
  acr: v.optional(v.string()),
  username: v.string(),
  email: v.string(),
});

export type AccessClaims = Omit<v.InferOutput<typeof accessClaims>, 'nbf'>;
export type AccessTokenFault = JwsFault | ClaimsFault;
export type ReadAccessToken = { ok: true; claims: AccessClaims } | { ok: false; reason: AccessTokenFault };

/** Signs an access token. `jti` is made here. */
export function mintAccessToken(claims: Omit<AccessClaims, 'jti'>, keySet: KeySet): Promise<string> {
  return signJws({ ...claims, jti: crypto.randomUUID() }, keySet);
}

/** Checks signature first, claims second. Says nothing about the session: it may have ended since. */
export async function readAccessToken(
  token: string,
  keySet: KeySet,
  context: ClaimsContext,
): Promise<ReadAccessToken> {
  const jws = await verifyJws(token, keySet);
  if (!jws.ok) return jws;
  const claims = v.safeParse(accessClaims, jws.payload);
  if (!claims.success) return { ok: false, reason: 'token_claims' };
  const fault = findClaimsFault(claims.output, context);
  return fault === undefined ? { ok: true, claims: claims.output } : { ok: false, reason: fault };
}
