// What a session is, and the one decision that rotation rests on. Pure: no clock, no storage, no platform.
// The row is the token: the refresh token is minted from `counter`, `iat` and `exp`, and nothing else of it is kept.

import type { Authentication } from './authentication.ts';

/** Lifetimes that the settings give to a session. */
export interface SessionPolicy {
  /** Idle lifetime: unused this long, the session is over (`REFRESH_TOKEN_TTL`). */
  refreshTtlSeconds: number;
  /** Absolute lifetime (`SESSION_TTL`). */
  sessionTtlSeconds: number;
  /** How long the predecessor still returns the same successor (`REFRESH_GRACE`). */
  graceSeconds: number;
}

/** The part of a session that a rotation replaces. `iat` and `exp` are the current token's, in seconds. */
export interface Rotation {
  counter: number;
  rotatedAtMs: number;
  iat: number;
  exp: number;
}

/** Where a session was opened from, as its owner will recognise it. */
export interface ClientInfo {
  userAgent: string | null;
  ip: string | null;
  country: string | null;
}

/** One sign-in on one device. `expiresAtMs` is the absolute end, a whole second. */
export interface Session extends Rotation, ClientInfo, Authentication {
  sid: string;
  createdAtMs: number;
  expiresAtMs: number;
  lastUsedAtMs: number;
  /** The number in the device cookie of its browser; `null` for a session older than this column. */
  browserId: string | null;
}

export type RefreshDecision =
  | { outcome: 'rotated'; next: Rotation }
  | { outcome: 'repeated' }
  | { outcome: 'reused' }
  | { outcome: 'expired' }
  | { outcome: 'ended' };

/**
 * Decides what a genuine refresh token is worth. `presentedCounter` is the token's `ctr`.
 *
 * The window for the predecessor is anchored at the rotation and never slides: otherwise somebody who kept presenting
 * would keep it open. A counter ahead of the row cannot come from this row's history, so it ends the session too.
 * RFC 9700 section 4.14.2 (refresh token rotation).
 */
export function decideRefresh(
  session: Session | undefined,
  presentedCounter: number,
  nowMs: number,
  policy: SessionPolicy,
): RefreshDecision {
  if (session === undefined) return { outcome: 'ended' };
  if (isExpired(session, nowMs)) return { outcome: 'expired' };
  if (presentedCounter === session.counter) {
    return { outcome: 'rotated', next: rotate(session.counter + 1, session.expiresAtMs, nowMs, policy) };
  }
  const isPredecessor = presentedCounter === session.counter - 1;
  if (isPredecessor && nowMs - session.rotatedAtMs < policy.graceSeconds * 1000)
    return { outcome: 'repeated' };
  return { outcome: 'reused' };
}

/** Opens a session: the first token, and the absolute end. */
export function openSession(
  sid: string,
  { browserId = null, ...client }: ClientInfo & { browserId?: string | null },
  nowMs: number,
  policy: SessionPolicy,
  authentication: Authentication,
): Session {
  // A whole second, so that `exp` of the last token is always at least one second after its `iat`.
  const expiresAtMs = (Math.floor(nowMs / 1000) + policy.sessionTtlSeconds) * 1000;
  return {
    sid,
    ...rotate(1, expiresAtMs, nowMs, policy),
    createdAtMs: nowMs,
    expiresAtMs,
    lastUsedAtMs: nowMs,
    ...authentication,
    ...client,
    browserId,
  };
}

/** Whether idle or absolute lifetime has run out. */
export function isExpired(session: Pick<Session, 'exp' | 'expiresAtMs'>, nowMs: number): boolean {
  return nowMs >= session.exp * 1000 || nowMs >= session.expiresAtMs;
}

function rotate(counter: number, expiresAtMs: number, nowMs: number, policy: SessionPolicy): Rotation {
  const iat = Math.floor(nowMs / 1000);
  const exp = Math.min(iat + policy.refreshTtlSeconds, expiresAtMs / 1000);
  return { counter, rotatedAtMs: nowMs, iat, exp };
}
