// Who may come in: what an endpoint with a body asks before it does anything, in the one order that costs least and tells
// least. Who asks (or how often) first, and the body last; the origin was checked before (origin.ts).
import type * as v from 'valibot';
import type { AccessClaims } from '../tokens/access-token.ts';
import { authenticate } from './bearer.ts';
import { readBody } from './body.ts';
import { isOverAddressLimit, LIMIT_PERIOD_SECONDS } from './client-address.ts';
import type { LimitedEndpoint } from './limits.ts';
import { refuse } from './refusal.ts';
import type { AppContext } from './service.ts';

type Refused = { ok: false; response: Response };
type Schema<T> = v.GenericSchema<unknown, T>;

/** Lets in whoever is under a limit per address, with a body that fits. */
export async function admitAnyone<T>(
  c: AppContext,
  endpoint: LimitedEndpoint,
  schema: Schema<T>,
): Promise<{ ok: true; body: T } | Refused> {
  const limited = await refuseOverLimit(c, endpoint);
  return limited ? { ok: false, response: limited } : admitBody(c, schema);
}

/** Lets in an account's owner, by a bearer token and under a limit per address, with a body that fits. */
export async function admitOwner<T>(
  c: AppContext,
  endpoint: LimitedEndpoint,
  schema: Schema<T>,
): Promise<{ ok: true; claims: AccessClaims; body: T } | Refused> {
  const limited = await refuseOverLimit(c, endpoint);
  if (limited) return { ok: false, response: limited };
  const caller = await authenticate(c);
  if (!caller.ok) return { ok: false, response: refuse(c, caller.reason, caller) };
  const admitted = await admitBody(c, schema);
  return admitted.ok ? { ...admitted, claims: caller.claims } : admitted;
}

/** Counts the request against its client's address, and refuses it when there were too many. */
export async function refuseOverLimit(
  c: AppContext,
  endpoint: LimitedEndpoint,
): Promise<Response | undefined> {
  if (!(await isOverAddressLimit(c, endpoint))) return undefined;
  return refuse(c, 'address_throttled', { retryAfterSeconds: LIMIT_PERIOD_SECONDS });
}

async function admitBody<T>(c: AppContext, schema: Schema<T>): Promise<{ ok: true; body: T } | Refused> {
  const read = await readBody(c, schema);
  return read.ok ? { ok: true, body: read.value } : { ok: false, response: refuse(c, read.reason, read) };
}
