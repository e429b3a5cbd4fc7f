// The device cookie of requests: which account this browser signed in to before. It holds the account's id, a random
// number for the browser and nothing of the person.
import { setCookie } from 'hono/cookie';
import type { KnownBrowser } from '../account/contract.ts';
import { DEVICE_COOKIE } from '../config/settings.ts';
import { LONGEST_LIFETIME_SECONDS } from '../tokens/claims.ts';
import { mintDeviceToken, readDeviceToken } from '../tokens/device-token.ts';
import { type AppContext, serviceOf } from './context.ts';
import { cookieAttributes, MOST_COOKIES, readCookies } from './cookies.ts';

/**
 * The browser's standing with an account, if it has one: of several cookies, the first that is genuine and names the account.
 * Whether it was revoked, the account knows.
 */
export async function readKnownBrowser(c: AppContext, accountId: string): Promise<KnownBrowser | undefined> {
  for (const token of readCookies(c, DEVICE_COOKIE).slice(0, MOST_COOKIES)) {
    const claims = await readDeviceToken(token, serviceOf(c).refreshKeys, deviceContext(c));
    if (claims?.sub === accountId)
      return { browserId: claims.bid, epoch: claims.epoch, sinceMs: claims.since * 1000 };
  }
  return undefined;
}

/** Sets the device cookie as the account says. A browser that comes with one of the same epoch stays known since the same time. */
export async function rememberBrowser(
  c: AppContext,
  accountId: string,
  { browserId, epoch }: KnownBrowser,
): Promise<void> {
  const before = await readKnownBrowser(c, accountId);
  const isSame = before?.browserId === browserId && before.epoch === epoch;
  const sinceMs = (isSame ? before.sinceMs : undefined) ?? Date.now();
  const claims = { sub: accountId, bid: browserId, epoch, since: Math.floor(sinceMs / 1000) };
  const token = await mintDeviceToken(claims, serviceOf(c).refreshKeys, deviceContext(c));
  setCookie(c, DEVICE_COOKIE, token, { ...cookieAttributes(c), maxAge: LONGEST_LIFETIME_SECONDS });
}

function deviceContext(c: AppContext) {
  const { issuer, deviceAudience } = serviceOf(c).config;
  return { issuer, audience: deviceAudience, nowSeconds: Math.floor(Date.now() / 1000) };
}
