// POST /logout: ends the session of the cookie, whatever state the cookie is in.
import { answerEmpty } from './answer.ts';
import { clearRefreshCookie } from './cookie.ts';
import { endPresentedSessions } from './grant.ts';
import { isOriginAllowed } from './origin.ts';
import { refuse } from './refusal.ts';
import type { AppContext } from './service.ts';

export async function logout(c: AppContext): Promise<Response> {
  if (!isOriginAllowed(c)) return refuse(c, 'origin_not_allowed');
  // An outage is thrown from here and keeps the cookie: a sign-out that did not happen must not look like one.
  await endPresentedSessions(c);
  clearRefreshCookie(c);
  return answerEmpty(c, 204);
}
