// How a model run reaches the service: straight into the account object, or through the Worker's fetch.

import type { SessionStore } from '../../src/account/storage/session-store.ts';
import { authenticateByPassword } from '../../src/domain/authentication.ts';
import { randomId } from '../../src/domain/ids.ts';
import { openSession, type Session, type SessionPolicy } from '../../src/domain/session.ts';
import { MOST_SESSIONS, type ModelSession } from './rotation-model.ts';

/** A refresh token that was handed out: its bytes (or what they are minted from), and its claims. */
export interface IssuedToken {
  bytes: string;
  counter: number;
  iat: number;
  exp: number;
}

export interface RefreshResponse {
  outcome: string;
  token?: IssuedToken;
}

export interface Driver {
  /** With the token of a session that the new one replaces, if there is one. */
  signIn(replaced?: { sid: string; counter: number }): Promise<{ sid: string; token: IssuedToken }>;
  refresh(sid: string, counter: number): Promise<RefreshResponse>;
  signOut(sid: string, counter: number): Promise<string>;
  endOne(by: string, target: string): Promise<string>;
  endAll(by: string, keepsCurrent: boolean): Promise<string>;
  describe(by: string): Promise<string>;
  /** The account's alarm, and the loss of all that its object holds in memory. */
  alarm(): Promise<void>;
  restart(): Promise<void>;
  rows(): Promise<StoredSession[]>;

  /** When the edge stops taking a token, in seconds; `Infinity` where there is no edge. */
  refreshTokenEnd(sid: string, counter: number): number;
  accessTokenEnd(by: string): number;
  /** What is seen, from here, of an outcome: the wire tells less than the account. */
  publicOutcome(outcome: string): string;
}

export type StoredSession = [sid: string, session: ModelSession & { lastUsedAtMs: number }];

export const NO_DEVICE = { userAgent: null, ip: null, country: null };

/** Every stored session, by id. */
export function readRows(sessions: SessionStore): StoredSession[] {
  return sessions
    .listSessions()
    .map(({ sid, counter, rotatedAtMs, iat, exp, expiresAtMs, lastUsedAtMs }): StoredSession => {
      return [sid, { counter, rotatedAtMs, iat, exp, end: expiresAtMs / 1000, lastUsedAtMs }];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Opens a session as the account does once a password fits, without the 0.15 s that a password costs. */
export function openRow(sessions: SessionStore, policy: SessionPolicy): Session {
  const session = openSession(randomId(), NO_DEVICE, Date.now(), policy, authenticateByPassword(Date.now()));
  sessions.deleteExpiredSessions(Date.now());
  sessions.evictSessions(MOST_SESSIONS, 0);
  sessions.insertSession(session);
  return session;
}
