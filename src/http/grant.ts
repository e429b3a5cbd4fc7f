// A grant of the account as a response: both tokens minted, the cookie set. And rows of the account as the wire shows them.
import { setCookie } from 'hono/cookie';
import type { EventRow, Mintable, Profile } from '../account/contract.ts';
import type { SecurityEvent, SessionInfo, TokenResponse, User } from '../api/wire.ts';
import type { Session } from '../domain/session.ts';
import { mintAccessToken } from '../tokens/access-token.ts';
import { mintRefreshToken } from '../tokens/refresh-token.ts';
import { type AppContext, outcomeOf, serviceOf } from './context.ts';
import { cookieAttributes } from './cookies.ts';

/** Mints the pair, sets the refresh cookie and notes the session for the log. Returns the token body. */
export async function issueTokens(
  c: AppContext,
  { session, profile, nowMs }: Mintable,
): Promise<TokenResponse> {
  const { config, accessKeys, refreshKeys } = serviceOf(c);
  const iss = config.issuer;
  const { id: sub, username, email } = profile;
  const { sid, counter: ctr, iat, exp, amr, acr } = session;
  const nowSeconds = Math.floor(nowMs / 1000);
  // No access token outlives its session, which ends with its refresh token: `exp` never passes the absolute end.
  const accessExp = Math.min(nowSeconds + config.accessTtlSeconds, exp);
  const authTime = Math.floor(session.authenticatedAtMs / 1000);
  const accessClaims = {
    iss,
    aud: config.audience,
    sub,
    sid,
    iat: nowSeconds,
    exp: accessExp,
    auth_time: authTime,
    amr,
    acr,
    username,
    email,
  };
  const [accessToken, refreshToken] = await Promise.all([
    mintAccessToken(accessClaims, accessKeys),
    mintRefreshToken({ iss, aud: config.refreshAudience, sub, sid, ctr, iat, exp }, refreshKeys),
  ]);
  setCookie(c, config.cookieName, refreshToken, { ...cookieAttributes(c), maxAge: exp - nowSeconds });
  Object.assign(outcomeOf(c), { accountId: sub, sessionId: sid });
  return { accessToken, tokenType: 'Bearer', expiresIn: accessExp - nowSeconds };
}

/** An account as its owner sees it. */
export function toUser({ id, username, email, createdAtMs }: Profile): User {
  return { id, username, email, createdAt: toRfc3339(createdAtMs) };
}

/** A session as its owner sees it. It ends at the earlier of its two lifetimes. */
export function toSessionInfo(session: Session, currentSid: string): SessionInfo {
  return {
    id: session.sid,
    createdAt: toRfc3339(session.createdAtMs),
    lastUsedAt: toRfc3339(session.lastUsedAtMs),
    expiresAt: toRfc3339(Math.min(session.exp * 1000, session.expiresAtMs)),
    userAgent: session.userAgent,
    ip: session.ip,
    country: session.country,
    current: session.sid === currentSid,
  };
}

/** A security event as the owner or an operator sees it. */
export function toSecurityEvent({
  atMs,
  lastAtMs,
  count,
  kind,
  sid,
  userAgent,
  ip,
  country,
  operator,
}: EventRow): SecurityEvent {
  const [at, lastAt] = [toRfc3339(atMs), toRfc3339(lastAtMs)];
  return { at, lastAt, count, kind, sessionId: sid, userAgent, ip, country, operator };
}

/** An event for the owner of the account: of an operator it has the label, and not the address or user agent. */
export function toOwnEvent(row: EventRow): SecurityEvent {
  const hidden = row.operator === null ? {} : { userAgent: null, ip: null, country: null };
  return toSecurityEvent({ ...row, ...hidden });
}

/** RFC 3339 in UTC, with milliseconds. */
export function toRfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
