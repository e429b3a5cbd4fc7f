// POST /logout: ends the session of the cookie, whatever state the cookie is in.
import { answerEmpty } from './answer.ts';
import { clearRefreshCookie } from './cookie.ts';
import { endPresentedSessions } from './grant.ts';
import type { AppContext } from './service.ts';

export async function logout(c: AppContext): Promise<Response> {
  // An outage is thrown from here and keeps the cookie: a sign-out that did not happen must not look like one.
  await endPresentedSessions(c);
  clearRefreshCookie(c);
  return answerEmpty(c, 204);
}
