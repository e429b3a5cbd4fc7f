// What an account does when nobody asks: when its alarm has to ring, and what it clears then. Decides and deletes rows; the
// account object sets the alarm and removes itself.
import type { AccountState } from './state.ts';

/** How long the alarm waits after a failure of its own. */
export const ALARM_RETRY_MS = 60 * 1000;
/** How long a finished mail is remembered, for the limit per hour. */
const OUTBOX_MEMORY_MS = 60 * 60 * 1000;

/** The earliest end of anything; `undefined` when nothing ends. */
export function findNextEndMs({ rows, throttles, mail, reports, intents }: AccountState): number | undefined {
  const isRegistering = intents.isRegistering();
  const ends = [
    rows.readNextExpiryMs(),
    throttles.readNextForgottenMs(),
    mail.readNextExpiryMs(),
    intents.read()?.nextTryAtMs,
    // Neither happens before the account has its names.
    isRegistering ? undefined : mail.readNextTryMs(),
    isRegistering ? undefined : reports.readNextTryMs(),
  ].filter((end) => end !== undefined);
  return ends.length > 0 ? Math.min(...ends) : undefined;
}

/** Whether nothing is left in an object without account: what stood in for a name that nobody has, with its failures forgotten. */
export function isOver({ rows, throttles, intents }: AccountState): boolean {
  const isEmpty = rows.readAccount() === undefined && intents.read() === undefined;
  return isEmpty && throttles.readNextForgottenMs() === undefined;
}

/** Deletes what has run out: sessions, failures, links, finished mails. */
export function clearExpired({ rows, throttles, limits, mail }: AccountState, nowMs: number): void {
  rows.deleteExpiredSessions(nowMs);
  throttles.deleteForgotten(nowMs);
  limits.deleteWhole(nowMs);
  mail.deleteExpiredTokens(nowMs);
  mail.deleteDone(nowMs - OUTBOX_MEMORY_MS);
}
