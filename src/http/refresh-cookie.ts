// The refresh cookie of a request: the token that it presents, and the session that this token stands for.
import type { FailureReason } from '../api/errors.ts';
import type { AccessClaims } from '../tokens/access-token.ts';
import type { ClaimsContext } from '../tokens/claims.ts';
import { readRefreshToken } from '../tokens/refresh-token.ts';
import { tokenFaults } from './bearer.ts';
import { readClientInfo } from './client-info.ts';
import { type AppContext, inputOf, outcomeOf, serviceOf } from './context.ts';
import { clearRefreshCookie, MOST_COOKIES, readCookies } from './cookies.ts';
import type { Guard } from './guards.ts';
import { refuse } from './problem.ts';
import { callAccount } from './storage-calls.ts';

/**
 * A genuine refresh token, checked at the edge: one that is forged, foreign or expired never reaches storage. Cookies of its name
 * that do not verify are ignored: anybody on a sibling domain can plant them where the name has no prefix, and which comes first
 * is up to the browser (RFC 6265 section 5.4). Two genuine ones, equal or not, are refused, since nothing tells which the
 * owner's is; so are more cookies than are looked at.
 */
export const requireRefreshToken: Guard = {
  refusals: [...tokenFaults, 'two_cookies'],
  check: async (c, next) => {
    const { config, refreshKeys } = serviceOf(c);
    const tokens = readCookies(c, config.cookieName);
    if (tokens.length > MOST_COOKIES) return signOutBrowser(c, 'two_cookies');
    const context = claimsContext(c);
    const read = await Promise.all(tokens.map((token) => readRefreshToken(token, refreshKeys, context)));
    const [genuine, another] = read.filter((one) => one.ok);
    if (another !== undefined) return signOutBrowser(c, 'two_cookies');
    if (genuine === undefined) return signOutBrowser(c, read[0]?.ok === false ? read[0].reason : 'no_token');
    const { sub, sid } = genuine.claims;
    Object.assign(outcomeOf(c), { accountId: sub, sessionId: sid });
    inputOf(c).claims = genuine.claims;
    return next();
  },
};

/** The one refusal that clears the cookie: it is worth nothing any more, and a page should not keep offering it. */
export function signOutBrowser(c: AppContext, reason: FailureReason): Response {
  clearRefreshCookie(c);
  return refuse(c, reason);
}

/**
 * Whether the request carries, beside its access token, a refresh token of the same session. An access token is sent to
 * resource servers and may be stolen there; the cookie is sent here alone.
 */
export async function presentsSession(
  c: AppContext,
  { sub, sid }: Pick<AccessClaims, 'sub' | 'sid'>,
): Promise<boolean> {
  for (const token of readRefreshCookies(c)) {
    const presented = await readRefreshToken(token, serviceOf(c).refreshKeys, claimsContext(c));
    if (presented.ok && presented.claims.sub === sub && presented.claims.sid === sid) return true;
  }
  return false;
}

/**
 * Ends every session that the request's genuine refresh cookies stand for, of as many as are looked at. Throws an OutageError
 * when storage does not respond.
 */
export async function endPresentedSessions(c: AppContext): Promise<void> {
  for (const token of readRefreshCookies(c)) {
    const presented = await readRefreshToken(token, serviceOf(c).refreshKeys, claimsContext(c));
    if (!presented.ok) continue;
    const { sub, sid } = presented.claims;
    outcomeOf(c).accountId ??= sub;
    outcomeOf(c).sessionId ??= sid;
    await callAccount(c, sub, (account) => account.signOut(sid, readClientInfo(c)));
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

function readRefreshCookies(c: AppContext): string[] {
  return readCookies(c, serviceOf(c).config.cookieName).slice(0, MOST_COOKIES);
}

/** What a token is judged by, beside its keys. */
function claimsContext(c: AppContext): ClaimsContext {
  const { issuer, refreshAudience } = serviceOf(c).config;
  return { issuer, audience: refreshAudience, nowSeconds: Math.floor(Date.now() / 1000) };
}
