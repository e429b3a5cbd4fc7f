// GET, PATCH and DELETE /me, GET /me/history, GET /me/export: the caller's own account, read from the account itself, so that a revoked
// session is refused at once.

import {
  accountDeletionRequest,
  type ExportResponse,
  type HistoryResponse,
  type MeResponse,
  profileChangeRequest,
} from '../../api/wire.ts';
import { parseUsername } from '../../domain/names.ts';
import { readClientInfo } from '../client-info.ts';
import { serviceOf } from '../context.ts';
import { toOwnEvent, toRfc3339, toSessionInfo, toUser } from '../grant.ts';
import { readKnownBrowser } from '../known-browser.ts';
import { refuse, respondRefusal } from '../problem.ts';
import { type Route, route } from '../route.ts';
import { callAccount } from '../storage-calls.ts';

const showMe = route({
  method: 'GET',
  path: '/me',
  auth: 'bearer',
  reference: {
    id: 'showMe',
    tag: 'Account',
    summary: 'The account and the session of this token',
    description: 'Read from the account: an ended session is refused at once.',
    status: 200,
    response: ['Me'],
  },
  handler: async (c, { claims: { sub, sid } }) => {
    const found = await callAccount(c, sub, (account) => account.describe(sid), { isRepeatable: true });
    if (!found.ok) return respondRefusal(c, found);
    const { profile, session } = found.value;
    return c.json({ user: toUser(profile), session: toSessionInfo(session, sid) } satisfies MeResponse);
  },
});

/** Another user name: claimed in the directory first, then taken over by the account. Repeating it mends an interruption. */
const changeProfile = route({
  method: 'PATCH',
  path: '/me',
  limit: 'SIGN_IN_LIMIT',
  auth: 'bearer',
  body: profileChangeRequest,
  reference: {
    id: 'changeProfile',
    tag: 'Account',
    summary: 'Change the user name',
    description: 'Access tokens show the new name from the next refresh on.',
    status: 200,
    response: ['Profile'],
    refusals: ['account_throttled', 'username_taken', 'directory_unavailable'],
  },
  handler: async (c, { body, claims: { sub, sid } }) => {
    const username = parseUsername(body.username);
    if (!username.ok)
      return refuse(c, 'invalid_input', { errors: [{ field: 'username', ...username.fault }] });
    const { accessTtlSeconds } = serviceOf(c).config;
    const change = { sid, username: username.value.display, accessTtlSeconds };
    const result = await callAccount(c, sub, (account) => account.rename(change, readClientInfo(c)));
    return result.ok ? c.json({ user: toUser(result.value) }) : respondRefusal(c, result);
  },
});

/** The account is gone, and nobody can use it from here on (account/flows/delete.ts). */
const deleteAccount = route({
  method: 'DELETE',
  path: '/me',
  limit: 'SIGN_IN_LIMIT',
  auth: 'bearer',
  body: accountDeletionRequest,
  reference: {
    id: 'deleteAccount',
    tag: 'Account',
    summary: 'Delete the account, for good',
    status: 204,
    refusals: ['wrong_password', 'unknown_account', 'account_throttled', 'too_busy', 'directory_unavailable'],
  },
  handler: async (c, { body, claims: { sub, sid } }) => {
    const browser = await readKnownBrowser(c, sub);
    const { accessTtlSeconds } = serviceOf(c).config;
    const deletion = { sid, password: body.password, accessTtlSeconds };
    const result = await callAccount(c, sub, (account) =>
      account.deleteByOwner(deletion, { actor: readClientInfo(c), browser }),
    );
    return result.ok ? c.body(null, 204) : respondRefusal(c, result);
  },
});

const showHistory = route({
  method: 'GET',
  path: '/me/history',
  auth: 'bearer',
  reference: {
    id: 'showHistory',
    tag: 'Account',
    summary: 'The security events, newest first',
    description:
      'The last 20 or 50 of each kind. The same kind by the same actor within an hour of the last time is one event: `count` times from `at` to `lastAt`.',
    status: 200,
    response: ['History'],
  },
  handler: async (c, { claims: { sub, sid } }) => {
    const events = await callAccount(c, sub, (account) => account.listEvents(sid), { isRepeatable: true });
    if (!events.ok) return respondRefusal(c, events);
    return c.json({ events: events.value.map(toOwnEvent) } satisfies HistoryResponse);
  },
});

const exportData = route({
  method: 'GET',
  path: '/me/export',
  limit: 'REFRESH_LIMIT',
  auth: 'bearer',
  reference: {
    id: 'exportData',
    tag: 'Account',
    summary: 'All data of the account',
    description: 'User, sessions, security events, and the kind and date of each credential; no secrets.',
    status: 200,
    response: ['Export'],
    refusals: ['account_throttled'],
  },
  handler: async (c, { claims: { sub, sid } }) => {
    const result = await callAccount(c, sub, (account) => account.exportData(sid));
    if (!result.ok) return respondRefusal(c, result);
    const data = result.value;
    return c.json({
      user: toUser(data.profile),
      emailVerified: data.isEmailVerified,
      requestedEmail: data.requestedEmail,
      sessions: data.sessions.map((session) => toSessionInfo(session, sid)),
      history: data.events.map(toOwnEvent),
      credentials: data.credentials.map(({ kind, createdAtMs, lastUsedAtMs }) => ({
        kind,
        createdAt: toRfc3339(createdAtMs),
        lastUsedAt: lastUsedAtMs === null ? null : toRfc3339(lastUsedAtMs),
      })),
    } satisfies ExportResponse);
  },
});

export const me: Route[] = [showMe, changeProfile, deleteAccount, showHistory, exportData];
