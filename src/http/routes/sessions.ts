// GET /sessions, DELETE /sessions and DELETE /sessions/{id}: what the owner sees of the account's sessions, and ends.

import { endSessionsQuery, type SessionsResponse } from '../../api/wire.ts';
import { isId } from '../../domain/ids.ts';
import { readClientInfo } from '../client-info.ts';
import { readPathId } from '../context.ts';
import { toSessionInfo } from '../grant.ts';
import { rememberBrowser } from '../known-browser.ts';
import { refuse, respondRefusal } from '../problem.ts';
import { presentsSession } from '../refresh-cookie.ts';
import { type Route, route } from '../route.ts';
import { callAccount } from '../storage-calls.ts';

const listSessions = route({
  method: 'GET',
  path: '/sessions',
  auth: 'bearer',
  reference: {
    id: 'listSessions',
    tag: 'Sessions',
    summary: 'Every session of the account',
    status: 200,
    response: ['Sessions'],
  },
  handler: async (c, { claims: { sub, sid } }) => {
    const sessions = await callAccount(c, sub, (account) => account.listSessions(sid), {
      isRepeatable: true,
    });
    if (!sessions.ok) return respondRefusal(c, sessions);
    const shown = sessions.value.map((session) => toSessionInfo(session, sid));
    return c.json({ sessions: shown } satisfies SessionsResponse);
  },
});

const endSessions = route({
  method: 'DELETE',
  path: '/sessions',
  limit: 'REFRESH_LIMIT',
  auth: 'bearer',
  query: endSessionsQuery,
  reference: {
    id: 'endSessions',
    tag: 'Sessions',
    summary: 'End every session, or every other one',
    description:
      'Mailed links and a requested change of address are revoked too; known browsers only if the refresh cookie comes along.',
    status: 204,
    effect: 'remembers',
  },
  handler: async (c, { claims, query }) => {
    const { sub, sid } = claims;
    const keepsCurrent = query.keep === 'current';
    const hasCookie = await presentsSession(c, claims);
    const result = await callAccount(c, sub, (account) =>
      account.endSessions(sid, keepsCurrent, readClientInfo(c), hasCookie),
    );
    if (!result.ok) return respondRefusal(c, result);
    // Every device cookie was revoked; the browser that stays signed in gets a new one.
    if (result.value.browser !== undefined) await rememberBrowser(c, sub, result.value.browser);
    return c.body(null, 204);
  },
});

const endSession = route({
  method: 'DELETE',
  path: '/sessions/:id',
  limit: 'REFRESH_LIMIT',
  auth: 'bearer',
  reference: {
    id: 'endSession',
    tag: 'Sessions',
    summary: 'End one session',
    status: 204,
    refusals: ['unknown_session'],
  },
  handler: async (c, { claims }) => {
    const { sub, sid } = claims;
    const target = readPathId(c);
    if (!isId(target)) return refuse(c, 'unknown_session');
    const hasCookie = await presentsSession(c, claims);
    const result = await callAccount(c, sub, (account) =>
      account.endSession(sid, target, readClientInfo(c), hasCookie),
    );
    return result.ok ? c.body(null, 204) : respondRefusal(c, result);
  },
});

export const sessions: Route[] = [listSessions, endSessions, endSession];
