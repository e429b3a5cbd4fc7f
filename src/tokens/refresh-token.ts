// Refresh tokens: HS256 under a key of their own, with exactly the claims that find and check a session row.
// HS256 is deterministic (RFC 2104), so one row always mints the same bytes: nothing of a token has to be stored.
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

const refreshClaims = v.object({ ...registeredClaims, ctr: seconds });

export type RefreshClaims = Omit<v.InferOutput<typeof refreshClaims>, 'nbf'>;
export type RefreshTokenFault = JwsFault | ClaimsFault;
export type ReadRefreshToken = { ok: true; claims: RefreshClaims } | { ok: false; reason: RefreshTokenFault };

/** Mints the token of a session row. The order of the members is part of the bytes: never change it lightly. */
export function mintRefreshToken(
  { iss, aud, sub, sid, ctr, iat, exp }: RefreshClaims,
  keySet: KeySet,
): Promise<string> {
  return signJws({ iss, aud, sub, sid, ctr, iat, exp }, keySet);
}

/** Checks signature first, claims second. Whether the counter is current, the account decides. */
export async function readRefreshToken(
  token: string,
  keySet: KeySet,
  context: ClaimsContext,
): Promise<ReadRefreshToken> {
  const jws = await verifyJws(token, keySet);
  if (!jws.ok) return jws;
  const claims = v.safeParse(refreshClaims, jws.payload);
  if (!claims.success) return { ok: false, reason: 'token_claims' };
  const fault = findClaimsFault(claims.output, context);
  return fault === undefined ? { ok: true, claims: claims.output } : { ok: false, reason: fault };
}
