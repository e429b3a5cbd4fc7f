// The sessions of an account: how they are opened, refreshed, listed and ended. Synchronous, like everything that decides.

import { authenticateByPassword } from '../domain/authentication.ts';
import { randomId } from '../domain/ids.ts';
import { fail, type Result, succeed } from '../domain/result.ts';
import {
  decideRefresh,
  isExpired,
  openSession,
  type Rotation,
  type Session,
  type SessionPolicy,
} from '../domain/session.ts';
import type { Actor, Grant, Mintable, Profile, Refreshed } from './contract.ts';
import { revokeEverything } from './recovery.ts';
import type { AccountState } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';

/** The next sign-in ends another session (`evictSessions`). Bounds what one account can store. */
export const MAX_SESSIONS = 100;
/** A session this old is not evicted before younger ones. */
const ESTABLISHED_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * Opens a session, and makes room for it. `knownBrowserId`: the browser's number, if it is known; `isEstablished`: and has been
 * for a day. Throws without an account.
 */
export function grantSession(
  { accounts, sessions, events }: AccountState,
  client: Actor,
  policy: SessionPolicy,
  {
    nowMs,
    knownBrowserId,
    isEstablished = false,
  }: { nowMs: number; knownBrowserId?: string | undefined; isEstablished?: boolean },
): Grant {
  const { userAgent, ip, country } = client;
  const browserId = knownBrowserId ?? randomId();
  const session = openSession(
    randomId(),
    { userAgent, ip, country, browserId },
    nowMs,
    policy,
    authenticateByPassword(nowMs),
  );
  sessions.deleteExpiredSessions(nowMs);
  for (const sid of sessions.evictSessions(MAX_SESSIONS, nowMs - ESTABLISHED_AFTER_MS))
    events.record('session_evicted', nowMs, client, sid);
  sessions.insertSession(session, isEstablished);
  events.record('signed_in', nowMs, client, session.sid);
  const account = accounts.readAccount();
  if (account === undefined) throw new Error('a session was opened without an account');
  const browser = { browserId, epoch: account.browserEpoch };
  return { session, profile: toProfile(account), browser, nowMs };
}

/** Exchanges a counter for the session's current token: rotates, repeats, or ends the session (`decideRefresh`). */
export function refreshSession(
  { accounts, sessions, events }: AccountState,
  profile: Profile,
  { sid, counter }: { sid: string; counter: number },
  client: Actor,
  policy: SessionPolicy,
  storeAll: (decide: () => void) => void,
): Result<Refreshed, 'refresh_token_reuse' | 'session_expired' | 'session_over'> {
  const nowMs = Date.now();
  const session = sessions.readSession(sid);
  const decision = decideRefresh(session, counter, nowMs, policy);
  // Narrows the types: without a session the decision is `ended`.
  if (session === undefined) return fail('session_over');
  switch (decision.outcome) {
    case 'rotated':
      sessions.writeRotation(sid, decision.next);
      return succeed({ rotation: 'rotated', session: toMintable(session, decision.next), profile, nowMs });
    case 'repeated':
      return succeed({ rotation: 'repeated', session: toMintable(session, session), profile, nowMs });
    case 'reused':
      storeAll(() => {
        sessions.deleteSession(sid);
        // Whoever has the refresh cookie of this browser may have its device cookie too.
        if (session.browserId !== null) accounts.revokeBrowser(session.browserId, nowMs);
        events.record('refresh_token_reuse', nowMs, client, sid);
      });
      return fail('refresh_token_reuse');
    case 'expired':
      return fail('session_expired');
    case 'ended':
      return fail('session_over');
  }
}

function toMintable(
  { sid, amr, acr, authenticatedAtMs }: Session,
  { counter, iat, exp }: Pick<Rotation, 'counter' | 'iat' | 'exp'>,
): Mintable['session'] {
  return { sid, counter, iat, exp, amr, acr, authenticatedAtMs };
}

/** A session that has not run out. */
export function readLiveSession({ sessions }: AccountState, sid: string, nowMs: number): Session | undefined {
  const session = sessions.readSession(sid);
  return session !== undefined && !isExpired(session, nowMs) ? session : undefined;
}

/** Every session that has not run out, most recently used first. */
export function listLiveSessions({ sessions }: AccountState, nowMs: number): Session[] {
  return sessions.listSessions().filter((session) => !isExpired(session, nowMs));
}

/** Ends one session of the account by another, and records it. */
export function endOtherSession(
  state: AccountState,
  sid: string,
  client: Actor,
  { revokesBrowser }: { revokesBrowser: boolean },
): Result<undefined, 'unknown_session'> {
  const browserId = state.sessions.readSession(sid)?.browserId;
  const ended = endSession(state, 'session_ended', sid, client);
  if (!ended.ok) return ended;
  if (revokesBrowser && typeof browserId === 'string') state.accounts.revokeBrowser(browserId, Date.now());
  return ended;
}

/** Ends one session, and records how. */
export function endSession(
  { sessions, events }: AccountState,
  kind: 'signed_out' | 'session_ended',
  sid: string,
  client: Actor,
): Result<undefined, 'unknown_session'> {
  if (!sessions.deleteSession(sid)) return fail('unknown_session');
  events.record(kind, Date.now(), client, sid);
  return succeed(undefined);
}

/** Ends every session but one, if one is named, and with them everything pending. Returns the epoch of device cookies. */
export function endSessionsExcept(
  state: AccountState,
  exceptSid: string | undefined,
  client: Actor,
  { hasCookie }: { hasCookie: boolean },
): number {
  const nowMs = Date.now();
  state.events.record('session_ended', nowMs, client);
  const keepsOwnLinks = !state.limits.take('link_revocation', nowMs).allowed;
  return revokeEverything(state, nowMs, { exceptSid, keepsBrowsers: !hasCookie, keepsOwnLinks });
}

/** The part of an account's row that the outside may know. */
export function toProfile({ id, username, email, createdAtMs }: AccountRow): Profile {
  return { id, username, email, createdAtMs };
}

/** The account as the outside may know it; `undefined` for an object without account. */
export function readProfile({ accounts }: AccountState): Profile | undefined {
  const account = accounts.readAccount();
  return account && toProfile(account);
}
