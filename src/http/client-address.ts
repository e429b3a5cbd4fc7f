// Who is asking: the client's address and device, and the limits per address.
import type { Actor } from '../account/event-store.ts';
import { ADDRESS_LIMITS, type LimitedEndpoint } from './limits.ts';
import { type AppContext, outcomeOf, serviceOf } from './service.ts';

/** The `period` of the limits in wrangler.toml: what a client waits at most. */
export const LIMIT_PERIOD_SECONDS = 60;
const USER_AGENT_MAX_LENGTH = 256;

/** What the owner will recognise a session or an event by; on `/admin`, with the operator's label. */
export function readDevice(c: AppContext): Actor {
  const { operator } = outcomeOf(c);
  return {
    ...(operator !== undefined && { operator }),
    userAgent: c.req.header('User-Agent')?.slice(0, USER_AGENT_MAX_LENGTH) ?? null,
    ip: readAddress(c) ?? null,
    country: readCountry(c.req.raw),
  };
}

/** Counts the request against its client's address. A limiter that does not answer lets pass: it must not be an outage. */
export async function isOverAddressLimit(c: AppContext, endpoint: LimitedEndpoint): Promise<boolean> {
  if (!serviceOf(c).config.hasAddressLimits) return false;
  try {
    const { success } = await c.env[ADDRESS_LIMITS[endpoint]].limit({ key: limitKey(readAddress(c)) });
    return !success;
  } catch {
    return false;
  }
}

/** CF-Connecting-IP alone: the edge overwrites it. X-Forwarded-For and the like are whatever the client says. */
function readAddress(c: AppContext): string | undefined {
  return c.req.header('CF-Connecting-IP');
}

/** An IPv6 client owns a /64 at least, so its addresses are counted together. Without an address, all share one count. */
export function limitKey(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::', 2);
  const headGroups = head === '' ? [] : head.split(':');
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - headGroups.length - tailGroups.length);
  const groups = [...headGroups, ...Array<string>(zeros).fill('0'), ...tailGroups];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

function readCountry(request: Request): string | null {
  const country: unknown = request.cf?.country;
  return typeof country === 'string' ? country : null;
}
