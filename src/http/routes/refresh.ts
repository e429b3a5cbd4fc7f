// POST /refresh: the cookie for the next pair. Everything that can be refused at the edge is, then one account call.
import { readDevice } from '../client-info.ts';
import { outcomeOf, serviceOf } from '../context.ts';
import { issueTokens } from '../grant.ts';
import { signOutBrowser } from '../refresh-cookie.ts';
import { route } from '../route.ts';
import { toPolicy } from '../service.ts';
import { callAccountAgain } from '../storage-calls.ts';

const REASONS = { reused: 'session_reused', expired: 'session_expired', ended: 'session_over' } as const;

export const refresh = route({
  method: 'POST',
  path: '/refresh',
  limit: 'REFRESH_LIMIT',
  auth: 'refreshCookie',
  reference: {
    id: 'refresh',
    tag: 'Authentication',
    summary: 'Trade the refresh cookie for the next pair',
    description:
      'The cookie is good once. Used again within `REFRESH_GRACE` it is answered with the same successor; later, it ends the session. A refused cookie is cleared; 403, 429 and 503 leave it alone.',
    status: 200,
    answer: ['Tokens'],
    effect: 'signsIn',
    refusals: ['session_over', 'session_expired', 'session_reused', 'account_unavailable'],
  },
  handler: async (c, { claims: { sub, sid, ctr } }) => {
    const policy = toPolicy(serviceOf(c).config);
    const result = await callAccountAgain(c, sub, (account) =>
      account.refresh(sid, ctr, readDevice(c), policy),
    );
    if (result.outcome !== 'rotated' && result.outcome !== 'replayed')
      return signOutBrowser(c, REASONS[result.outcome]);
    outcomeOf(c).reason = result.outcome;
    return c.json(await issueTokens(c, result));
  },
});
