// The account's report to the operators' index in D1: its state, and when to try again. Called by the alarm, and never in the
// way of anything else.
import { type AccountStatus, writeStatus } from '../directory/account-list.ts';
import { withDeadline } from '../domain/deadline.ts';
import { findRetryDelayMs, randomFraction } from './retry.ts';
import type { AccountState } from './state.ts';

/** Longer than any honest response of D1. */
const REPORT_DEADLINE_MS = 15_000;

/** The state that the index is to show; `undefined` for an object without account. */
export function readStatus({ accounts, reports }: AccountState): AccountStatus | undefined {
  const account = accounts.readAccount();
  return (
    account && {
      id: account.id,
      version: reports.readVersion(),
      username: account.username,
      email: account.email,
      createdAtMs: account.createdAtMs,
      isEmailVerified: account.emailVerifiedAtMs !== null,
      isDisabled: account.disabledAtMs !== null,
      mustResetPassword: account.mustResetPassword,
    }
  );
}

/** Whether a report may be made: an account that does not have its names yet, or is being deleted, is none for operators. */
export function mayReport({ accounts, intents }: AccountState): boolean {
  return accounts.readAccount() !== undefined && !intents.isRegistering() && !intents.isDeleting();
}

/**
 * Makes the report that is due, if one is. A failure is logged and waits for its next try, so that an outage of D1 holds up
 * nothing else.
 */
export async function reportWhenDue(
  state: AccountState,
  directory: D1Database,
  isStored: () => boolean,
  deadlineMs = REPORT_DEADLINE_MS,
): Promise<void> {
  if (!isStored() || !mayReport(state)) return;
  const nowMs = Date.now();
  const report = state.reports.read();
  const status = readStatus(state);
  if (report === undefined || report.dueAtMs > nowMs || status === undefined) return;
  // First, so that a try that never ends is followed by another.
  state.reports.postpone(nowMs + findRetryDelayMs(report.attempts, randomFraction()));
  try {
    await withDeadline(writeStatus(directory, status), deadlineMs);
  } catch {
    // No detail: it could quote a row.
    const line = {
      event: 'account_index',
      code: 'unavailable',
      accountId: status.id,
      attempts: report.attempts + 1,
    };
    console.error(JSON.stringify(line));
    return;
  }
  if (isStored()) state.reports.finish(status.version);
}
