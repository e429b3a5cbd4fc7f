// POST /refresh: the cookie for the next pair. One hop: everything that can be refused at the edge is, then one call.
import type { FailureReason } from '../errors.ts';
import { answerJson } from './answer.ts';
import { readDevice } from './client-address.ts';
import { clearRefreshCookie } from './cookie.ts';
import { refuseOverLimit } from './entrance.ts';
import { findPresentedToken, issueTokens } from './grant.ts';
import { refuse } from './refusal.ts';
import { type AppContext, outcomeOf, serviceOf, toPolicy } from './service.ts';
import { callAccountAgain } from './storage-calls.ts';

const REASONS = { reused: 'session_reused', expired: 'session_expired', ended: 'session_over' } as const;

export async function refresh(c: AppContext): Promise<Response> {
  const limited = await refuseOverLimit(c, 'POST /refresh');
  if (limited) return limited;
  const presented = await findPresentedToken(c);
  if (!presented.ok) return signOutBrowser(c, presented.reason);

  const { sub, sid, ctr } = presented.claims;
  Object.assign(outcomeOf(c), { accountId: sub, sessionId: sid });
  const policy = toPolicy(serviceOf(c).config);
  const result = await callAccountAgain(c, sub, (account) =>
    account.refresh(sid, ctr, readDevice(c), policy),
  );
  if (result.outcome !== 'rotated' && result.outcome !== 'replayed')
    return signOutBrowser(c, REASONS[result.outcome]);
  outcomeOf(c).reason = result.outcome;
  return answerJson(c, await issueTokens(c, result));
}

/** The one refusal that clears the cookie: it is worth nothing any more, and a page should not keep offering it. */
function signOutBrowser(c: AppContext, reason: FailureReason): Response {
  clearRefreshCookie(c);
  return refuse(c, reason);
}
