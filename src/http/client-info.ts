// Who is asking: the client's address and device, and the limits per address.
import type { Actor } from '../account/contract.ts';
import { formatIpAddress, type IpAddress, parseIpAddress, toLimitKey } from '../domain/ip-address.ts';
import { type AppContext, outcomeOf, serviceOf } from './context.ts';

/**
 * Rate limit bindings of wrangler.toml, per client address: for everything that hashes a password, sends mail, or says whether a name
 * is taken. What one account may do on top is in domain/limits.ts. docs/reference/limits.md shows both.
 */
export type LimitBinding = 'SIGN_IN_LIMIT' | 'REGISTRATION_LIMIT' | 'REFRESH_LIMIT';

/** The `period` of the limits in wrangler.toml: what a client waits at most. */
export const LIMIT_PERIOD_SECONDS = 60;
const USER_AGENT_MAX_LENGTH = 256;

/** What the owner will recognise a session or an event by; on `/admin`, with the operator's label. */
export function readClientInfo(c: AppContext): Actor {
  const { operator } = outcomeOf(c);
  const address = readAddress(c);
  return {
    ...(operator !== undefined && { operator }),
    userAgent: c.req.header('User-Agent')?.slice(0, USER_AGENT_MAX_LENGTH) ?? null,
    ip: address === undefined ? null : formatIpAddress(address),
    country: readCountry(c.req.raw),
  };
}

/** Counts the request against its client's address. When the limiter does not respond, the request passes: a failing limiter must not be an outage. */
export async function isOverAddressLimit(c: AppContext, binding: LimitBinding): Promise<boolean> {
  if (!serviceOf(c).config.hasAddressLimits) return false;
  try {
    const { success } = await c.env[binding].limit({ key: limitKey(readAddress(c)) });
    return !success;
  } catch {
    return false;
  }
}

/**
 * CF-Connecting-IP alone: the edge overwrites it. X-Forwarded-For and the like are whatever the client says. Where no edge is
 * in front, it is too: what is no address is unknown.
 */
function readAddress(c: AppContext): IpAddress | undefined {
  const text = c.req.header('CF-Connecting-IP');
  return text === undefined ? undefined : parseIpAddress(text);
}

/** Without an address, all share one count. */
function limitKey(address: IpAddress | undefined): string {
  return address === undefined ? 'unknown' : toLimitKey(address);
}

function readCountry(request: Request): string | null {
  const country: unknown = request.cf?.country;
  return typeof country === 'string' ? country : null;
}
