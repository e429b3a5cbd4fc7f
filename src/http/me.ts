// GET /me: the caller's account and session, read from the account, so that a revoked session is refused at once.
import type { MeResponse } from '../wire.ts';
import { authenticate } from './bearer.ts';
import { toSessionInfo, toUser } from './grant.ts';
import { refuse } from './refusal.ts';
import type { AppContext } from './service.ts';
import { callAccountAgain } from './storage-calls.ts';

export async function me(c: AppContext): Promise<Response> {
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const found = await callAccountAgain(c, sub, (account) => account.describe(sid));
  if (found === undefined) return refuse(c, 'session_over', { isBearer: true });
  const answer: MeResponse = { user: toUser(found.profile), session: toSessionInfo(found.session, sid) };
  return c.json(answer);
}
