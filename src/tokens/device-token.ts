// Device cookies: say that a browser signed in to an account before. They open nothing; they only choose the bucket that
// failures are counted in. HS256 under the refresh secrets, with an audience of their own.
import * as v from 'valibot';
import {
  type ClaimsContext,
  findClaimsFault,
  identifier,
  LONGEST_LIFETIME_SECONDS,
  registeredClaims,
  seconds,
} from './claims.ts';
import { signJws, verifyJws } from './jws.ts';
import type { KeySet } from './key-set.ts';

const { sid: _, ...common } = registeredClaims;
const deviceClaims = v.object({ ...common, bid: identifier, epoch: seconds, since: v.optional(seconds) });

/**
 * `sub` is the account, `bid` the browser, `epoch` what the account raises to revoke them all, `since` when the browser
 * first got a cookie of this epoch, in seconds.
 */
export interface DeviceClaims {
  sub: string;
  bid: string;
  epoch: number;
  since: number;
}

/** Signs a device cookie for as long as browsers keep one (400 days). */
export function mintDeviceToken(
  { sub, bid, epoch, since }: DeviceClaims,
  keySet: KeySet,
  { issuer, audience, nowSeconds }: ClaimsContext,
): Promise<string> {
  const exp = nowSeconds + LONGEST_LIFETIME_SECONDS;
  return signJws({ iss: issuer, aud: audience, sub, bid, epoch, since, iat: nowSeconds, exp }, keySet);
}

/** The claims of a genuine device cookie; `undefined` for anything else, which then counts for nothing. */
export async function readDeviceToken(
  token: string,
  keySet: KeySet,
  context: ClaimsContext,
): Promise<DeviceClaims | undefined> {
  const jws = await verifyJws(token, keySet);
  const claims = jws.ok ? v.safeParse(deviceClaims, jws.payload) : undefined;
  if (claims?.success !== true || findClaimsFault(claims.output, context) !== undefined) return undefined;
  const { sub, bid, epoch, iat, since = iat } = claims.output; // cookies from before this claim have none
  return { sub, bid, epoch, since };
}
