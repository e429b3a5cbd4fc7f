// POST /refresh: the cookie for the next pair. Everything that can be refused at the edge is, then one account call.
import { readClientInfo } from '../client-info.ts';
import { outcomeOf, serviceOf } from '../context.ts';
import { issueTokens } from '../grant.ts';
import { signOutBrowser } from '../refresh-cookie.ts';
import { route } from '../route.ts';
import { toPolicy } from '../service.ts';
import { callAccount } from '../storage-calls.ts';

export const refresh = route({
  method: 'POST',
  path: '/refresh',
  limit: 'REFRESH_LIMIT',
  auth: 'refreshCookie',
  reference: {
    id: 'refresh',
    tag: 'Authentication',
    summary: 'Exchange the refresh cookie for the next pair',
    description:
      'The cookie can be exchanged once. Used again within `REFRESH_GRACE` it returns the same successor; later, it ends the session. A refused cookie is cleared; 403, 429 and 503 leave it alone.',
    status: 200,
    response: ['Tokens'],
    effect: 'signsIn',
    refusals: ['session_over', 'session_expired', 'refresh_token_reuse', 'account_unavailable'],
  },
  handler: async (c, { claims: { sub, sid, ctr } }) => {
    const policy = toPolicy(serviceOf(c).config);
    const result = await callAccount(
      c,
      sub,
      (account) => account.refresh(sid, ctr, readClientInfo(c), policy),
      { isRepeatable: true },
    );
    if (!result.ok) return signOutBrowser(c, result.reason);
    outcomeOf(c).reason = result.value.rotation;
    return c.json(await issueTokens(c, result.value));
  },
});
