// Checks that both kinds of token share: registered claims present, of the right type, and in their bounds.
import * as v from 'valibot';

/** Clocks of two edge locations differ by less than this. Applies to `iat` and `nbf`, never to `exp`. */
export const CLOCK_SKEW_SECONDS = 60;

/** No token of ours lives longer (the cookie limit of RFC 6265bis, 400 days). A bound against forged or corrupt `exp`. */
export const LONGEST_LIFETIME_SECONDS = 400 * 24 * 60 * 60;

export type ClaimsFault = 'token_claims' | 'token_expired';

export interface ClaimsContext {
  issuer: string;
  audience: string;
  nowSeconds: number;
}

export const seconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const identifier = v.pipe(v.string(), v.regex(/^[\w-]{22}$/));

/** The claims that both kinds carry (RFC 7519 section 4.1). */
export const registeredClaims = {
  iss: v.string(),
  aud: v.string(),
  sub: identifier,
  sid: identifier,
  iat: seconds,
  exp: seconds,
  nbf: v.optional(seconds),
};

interface RegisteredClaims {
  iss: string;
  aud: string;
  iat: number;
  exp: number;
  nbf?: number | undefined;
}

/** What is wrong with claims of the right form, if anything. Expiry is asked last: a foreign token stays foreign. */
export function findClaimsFault(claims: RegisteredClaims, context: ClaimsContext): ClaimsFault | undefined {
  const latestStart = context.nowSeconds + CLOCK_SKEW_SECONDS;
  const isOurs = claims.iss === context.issuer && claims.aud === context.audience;
  const hasStarted = claims.iat <= latestStart && (claims.nbf === undefined || claims.nbf <= latestStart);
  const isBounded = claims.exp > claims.iat && claims.exp - claims.iat <= LONGEST_LIFETIME_SECONDS;
  if (!isOurs || !hasStarted || !isBounded) return 'token_claims';
  return claims.exp <= context.nowSeconds ? 'token_expired' : undefined;
}
