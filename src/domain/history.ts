// The retention rules of an account's history: which events are kept, and which are one event that happened again. Pure.
import { type EventKind, eventKinds } from '../api/wire.ts';

/**
 * Rows kept of one kind, by what it takes to cause such an event. Each kind has rows of its own, so that no number of
 * one kind removes another.
 *
 * `unproven`: no password. Anyone, or the holder of an access or a refresh token alone, can cause any number of them.
 * `proven`: the password, a mailed link, or the operator's token. What happened to the account itself is here.
 */
const ROWS_PER_KIND = { unproven: 20, proven: 50 } as const;

const CLASSES: Record<EventKind, keyof typeof ROWS_PER_KIND> = {
  registered: 'proven',
  signed_in: 'proven',
  sign_in_failed: 'unproven',
  signed_out: 'unproven',
  session_ended: 'unproven',
  session_evicted: 'proven',
  refresh_token_reuse: 'unproven',
  password_changed: 'proven',
  password_reset_requested: 'unproven',
  password_reset: 'proven',
  email_verified: 'proven',
  email_change_requested: 'proven',
  email_changed: 'proven',
  username_changed: 'unproven',
  disabled: 'proven',
  enabled: 'proven',
  password_reset_forced: 'proven',
  sessions_ended_by_operator: 'proven',
};

/**
 * The same kind of event by the same actor, less than this long after the last time, counts up the row that there is.
 * Measured from the last time, so that a series of any length is one row, which shows when it began.
 */
export const REPEAT_WINDOW_MS = 60 * 60 * 1000;

/** Rows of a kind that are kept: the last ones. */
export function countKept(kind: EventKind): number {
  return ROWS_PER_KIND[CLASSES[kind]];
}

/** Rows that one account keeps at most. */
export const MAX_EVENTS = eventKinds.reduce((sum, kind) => sum + countKept(kind), 0);
