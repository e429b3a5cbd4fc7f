// Recovery: whoever had access before it has none after it. The one function that revokes, and the only one that deletes
// what others may still use; elsewhere such rows go by single use, by expiry, or by withdrawal of their owner.
import type { AccountState } from './state.ts';

export interface Revocation {
  /** The session that stays: the one that recovers the account. */
  exceptSid?: string | undefined;
  /** Device cookies stay good: what the caller proved is not enough to take them from everybody. */
  keepsBrowsers?: boolean;
  /**
   * Links that were mailed to the account's own address stay good. Whoever reads that mailbox proves more than a session does, so
   * a session alone must not end such a link again and again.
   */
  keepsOwnLinks?: boolean;
}

/**
 * Revokes everything that was issued or is pending: sessions, device cookies, links that were mailed, queued mails that
 * carry one, with its link a requested change of address, and a change of name or address that waits for the directory: what it
 * has reserved is released by itself, or by the alarm. Returns the epoch that new device cookies carry.
 */
export function revokeEverything(
  { accounts, sessions, mail, intents }: AccountState,
  nowMs: number,
  { exceptSid, keepsBrowsers = false, keepsOwnLinks = false }: Revocation = {},
): number {
  sessions.deleteSessionsExcept(exceptSid);
  if (keepsOwnLinks) mail.withdrawChange(nowMs);
  else mail.revokeLinks();
  intents.cancel();
  return keepsBrowsers ? accounts.readBrowserEpoch() : accounts.raiseBrowserEpoch();
}
