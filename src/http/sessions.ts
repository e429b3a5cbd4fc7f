// GET /sessions, DELETE /sessions and DELETE /sessions/{id}: what the owner sees of the account's sessions, and ends.
import * as v from 'valibot';
import { isId } from '../account/id.ts';
import { endSessionsQuery, type SessionsResponse } from '../wire.ts';
import { answerEmpty, answerJson } from './answer.ts';
import { authenticate } from './bearer.ts';
import { toFieldErrors } from './body.ts';
import { readDevice } from './client-address.ts';
import { presentsSession, toSessionInfo } from './grant.ts';
import { rememberBrowser } from './known-browser.ts';
import { readPathId } from './path-id.ts';
import { refuse } from './refusal.ts';
import type { AppContext } from './service.ts';
import { callAccount, callAccountAgain } from './storage-calls.ts';

export async function listSessions(c: AppContext): Promise<Response> {
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const sessions = await callAccountAgain(c, sub, (account) => account.listSessions(sid));
  if (sessions === undefined) return refuse(c, 'session_over', { isBearer: true });
  const answer: SessionsResponse = { sessions: sessions.map((session) => toSessionInfo(session, sid)) };
  return answerJson(c, answer);
}

export async function endSession(c: AppContext): Promise<Response> {
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const target = readPathId(c);
  if (!isId(target)) return refuse(c, 'unknown_session');
  const hasCookie = await presentsSession(c, caller.claims);
  const outcome = await callAccount(c, sub, (account) =>
    account.endSession(sid, target, readDevice(c), hasCookie),
  );
  if (outcome === 'session_over') return refuse(c, outcome, { isBearer: true });
  return outcome === 'ended' ? answerEmpty(c, 204) : refuse(c, outcome);
}

export async function endSessions(c: AppContext): Promise<Response> {
  const caller = await authenticate(c);
  if (!caller.ok) return refuse(c, caller.reason, caller);
  const { sub, sid } = caller.claims;
  const keep = c.req.queries('keep');
  const query = v.safeParse(endSessionsQuery, { keep: keep?.length === 1 ? keep[0] : keep });
  if (!query.success) return refuse(c, 'invalid_input', { errors: toFieldErrors(query.issues) });
  const keepsCurrent = query.output.keep === 'current';
  const hasCookie = await presentsSession(c, caller.claims);
  const result = await callAccount(c, sub, (account) =>
    account.endSessions(sid, keepsCurrent, readDevice(c), hasCookie),
  );
  if (result.outcome !== 'ended') return refuse(c, 'session_over', { isBearer: true });
  // Every device cookie was revoked; the browser that stays signed in gets a new one.
  if (result.browser !== undefined) await rememberBrowser(c, sub, result.browser);
  return answerEmpty(c, 204);
}
