// POST /logout: ends the session of the cookie, whatever state the cookie is in.
import { clearRefreshCookie } from '../cookies.ts';
import { endPresentedSessions } from '../refresh-cookie.ts';
import { route } from '../route.ts';

export const logout = route({
  method: 'POST',
  path: '/logout',
  auth: 'anyRefreshCookie',
  reference: {
    id: 'logout',
    tag: 'Authentication',
    summary: 'End the session of the refresh cookie',
    description: 'Whatever state the cookie is in, and without one too.',
    status: 204,
    effect: 'clears',
    refusals: ['account_unavailable'],
  },
  handler: async (c) => {
    // An outage is thrown from here and keeps the cookie: a sign-out that did not happen must not look like one.
    await endPresentedSessions(c);
    clearRefreshCookie(c);
    return c.body(null, 204);
  },
});
