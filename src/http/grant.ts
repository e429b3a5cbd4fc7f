// A grant of the account as an answer: both tokens minted, the cookie set. And the end of the session it replaces.

import type { EventRow } from '../account/event-store.ts';
import type { Mintable, Profile } from '../account/grant.ts';
import type { Session } from '../domain/session.ts';
import { type AccessClaims, mintAccessToken } from '../tokens/access-token.ts';
import {
  mintRefreshToken,
  type ReadRefreshToken,
  type RefreshClaims,
  type RefreshTokenFault,
  readRefreshToken,
} from '../tokens/refresh-token.ts';
import type { SecurityEvent, SessionInfo, TokenResponse, User } from '../wire.ts';
import { readDevice } from './client-address.ts';
import { MOST_COOKIES, readRefreshCookies, setRefreshCookie } from './cookie.ts';
import { type AppContext, outcomeOf, serviceOf } from './service.ts';
import { callAccount } from './storage-calls.ts';

/** Mints the pair, sets the refresh cookie and notes the session for the log. Returns the token body. */
export async function issueTokens(
  c: AppContext,
  { session, profile, nowMs }: Mintable,
): Promise<TokenResponse> {
  const { config, accessKeys, refreshKeys } = serviceOf(c);
  const iss = config.issuer;
  const { id: sub, username, email } = profile;
  const { sid, counter: ctr, iat, exp } = session;
  const nowSeconds = Math.floor(nowMs / 1000);
  // No access token outlives its session, which ends with its refresh token: `exp` never passes the absolute end.
  const accessExp = Math.min(nowSeconds + config.accessTtlSeconds, exp);
  const authTime = Math.floor(session.createdAtMs / 1000);
  const accessClaims = {
    iss,
    aud: config.audience,
    sub,
    sid,
    iat: nowSeconds,
    exp: accessExp,
    auth_time: authTime,
    username,
    email,
  };
  const [accessToken, refreshToken] = await Promise.all([
    mintAccessToken(accessClaims, accessKeys),
    mintRefreshToken({ iss, aud: config.refreshAudience, sub, sid, ctr, iat, exp }, refreshKeys),
  ]);
  setRefreshCookie(c, refreshToken, exp - nowSeconds);
  Object.assign(outcomeOf(c), { accountId: sub, sessionId: sid });
  return { accessToken, tokenType: 'Bearer', expiresIn: accessExp - nowSeconds };
}

export type PresentedToken =
  | { ok: true; claims: RefreshClaims }
  | { ok: false; reason: 'no_token' | 'two_cookies' | RefreshTokenFault };

/**
 * The refresh token of a request. Cookies of its name that do not verify are ignored: anybody on a sibling domain can plant
 * them where the name has no prefix, and which comes first is up to the browser (RFC 6265 section 5.4). Two genuine ones,
 * equal or not, are refused, since nothing tells which the owner's is; so are more cookies than are looked at.
 */
export async function findPresentedToken(c: AppContext): Promise<PresentedToken> {
  const tokens = readRefreshCookies(c);
  const [first] = tokens;
  if (first === undefined) return { ok: false, reason: 'no_token' };
  if (tokens.length === 1) return readPresentedToken(c, first);
  if (tokens.length > MOST_COOKIES) return { ok: false, reason: 'two_cookies' };
  const read = await Promise.all(tokens.map((token) => readPresentedToken(c, token)));
  const [genuine, another] = read.filter(({ ok }) => ok);
  if (another !== undefined) return { ok: false, reason: 'two_cookies' };
  return genuine ?? read[0] ?? { ok: false, reason: 'no_token' };
}

/** Checks a refresh token at the edge: storage never hears of one that is forged, foreign or expired. */
function readPresentedToken(c: AppContext, token: string): Promise<ReadRefreshToken> {
  const { config, refreshKeys } = serviceOf(c);
  const context = {
    issuer: config.issuer,
    audience: config.refreshAudience,
    nowSeconds: Math.floor(Date.now() / 1000),
  };
  return readRefreshToken(token, refreshKeys, context);
}

/**
 * Whether the request carries, beside its access token, a refresh token of the same session. An access token is sent to
 * resource servers and may be stolen there; the cookie is sent here alone.
 */
export async function presentsSession(
  c: AppContext,
  { sub, sid }: Pick<AccessClaims, 'sub' | 'sid'>,
): Promise<boolean> {
  for (const token of readRefreshCookies(c).slice(0, MOST_COOKIES)) {
    const presented = await readPresentedToken(c, token);
    if (presented.ok && presented.claims.sub === sub && presented.claims.sid === sid) return true;
  }
  return false;
}

/**
 * Ends every session that the request's genuine refresh cookies stand for, of as many as are looked at. Throws an OutageError
 * when storage does not answer.
 */
export async function endPresentedSessions(c: AppContext): Promise<void> {
  for (const token of readRefreshCookies(c).slice(0, MOST_COOKIES)) {
    const presented = await readPresentedToken(c, token);
    if (!presented.ok) continue;
    const { sub, sid } = presented.claims;
    outcomeOf(c).accountId ??= sub;
    outcomeOf(c).sessionId ??= sid;
    await callAccount(c, sub, (account) => account.signOut(sid, readDevice(c)));
  }
}

/** After a sign-in: the session of the cookie that is being overwritten ends. The sign-in stands even if that fails. */
export async function endReplacedSessions(c: AppContext): Promise<void> {
  try {
    await endPresentedSessions(c);
  } catch {
    // The browser holds the new cookie already, and the old session runs out by itself.
  }
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

/** RFC 3339 in UTC, with milliseconds. */
export function toRfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
