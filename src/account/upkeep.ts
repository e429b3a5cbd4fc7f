// What an account does when nobody asks: when its alarm has to ring, and what it clears then. Decides and deletes rows; the
// account object sets the alarm and removes itself.
import { hasClaim } from '../directory/directory.ts';
import type { AccountState } from './state.ts';

/** How long a registration or a deletion may take between its two steps before the account looks for its claim. */
export const CLAIM_CHECK_DELAY_MS = 15 * 60 * 1000;
/** How long the alarm waits after a failure of its own. */
export const ALARM_RETRY_MS = 60 * 1000;
/** How long a finished mail is remembered, for the limit per hour. */
const OUTBOX_MEMORY_MS = 60 * 60 * 1000;

/** The earliest end of anything; `undefined` when nothing ends. */
export function findNextEndMs({ rows, throttles, mail, reports }: AccountState): number | undefined {
  const account = rows.readAccount();
  const ends = [
    rows.readNextExpiryMs(),
    throttles.readNextForgottenMs(),
    mail.readNextExpiryMs(),
    mail.readNextTryMs(),
    account?.claimCheckAtMs ?? undefined,
    // Before that, there may be no row to report to.
    account?.claimCheckAtMs === null ? reports.readNextTryMs() : undefined,
  ].filter((end) => end !== undefined);
  return ends.length > 0 ? Math.min(...ends) : undefined;
}

/**
 * The work of the alarm. `over`: nothing is left that anybody could reach, and the account is to be removed: what stood in
 * for a name that nobody has and whose failures are forgotten, or an account whose registration or deletion died between
 * its two steps. Throws when the directory does not answer.
 */
export async function keepUp(state: AccountState, directory: D1Database): Promise<'kept' | 'over'> {
  const nowMs = Date.now();
  // First, since it needs nobody: a directory that does not answer keeps no expired session.
  clearExpired(state, nowMs);
  const account = state.rows.readAccount();
  if (account === undefined) return state.throttles.readNextForgottenMs() === undefined ? 'over' : 'kept';
  if (account.claimCheckAtMs === null || nowMs < account.claimCheckAtMs) return 'kept';
  if (!(await hasClaim(directory, account.id))) return 'over';
  state.rows.writeClaimCheck(null);
  return 'kept';
}

/** Deletes what has run out: sessions, failures, links, finished mails. */
function clearExpired({ rows, throttles, limits, mail }: AccountState, nowMs: number): void {
  rows.deleteExpiredSessions(nowMs);
  throttles.deleteForgotten(nowMs);
  limits.deleteWhole(nowMs);
  mail.deleteExpiredTokens(nowMs);
  mail.deleteDone(nowMs - OUTBOX_MEMORY_MS);
}
