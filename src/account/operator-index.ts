// The account's report to the operators' index in D1: its state, and when to try again. Called by the alarm, and never in the
// way of anything else.
import { type AccountStatus, writeStatus } from '../directory/account-list.ts';
import type { AccountState } from './state.ts';

/** Longer than any honest response of D1. */
const REPORT_DEADLINE_MS = 15_000;
const FIRST_RETRY_MS = 60 * 1000;
const LONGEST_RETRY_MS = 60 * 60 * 1000;

/** The state that the index is to show; `undefined` for an object without account. */
export function readStatus({ rows, reports }: AccountState): AccountStatus | undefined {
  const account = rows.readAccount();
  return (
    account && {
      id: account.id,
      version: reports.readVersion(),
      isEmailVerified: account.emailVerifiedAtMs !== null,
      isDisabled: account.disabledAtMs !== null,
      mustResetPassword: account.mustResetPassword,
    }
  );
}

/**
 * Makes the report that is due, if one is. A failure is logged and waits for its next try, so that an outage of D1 holds up
 * nothing else. While the directory may not hold the account's names yet, or no longer, there is no row to write to.
 */
export async function reportWhenDue(
  state: AccountState,
  directory: D1Database,
  isStored: () => boolean,
): Promise<void> {
  const nowMs = Date.now();
  const report = state.reports.read();
  const isClaimed = state.rows.readAccount()?.claimCheckAtMs === null;
  const status = readStatus(state);
  if (report === undefined || report.dueAtMs > nowMs || !isClaimed || status === undefined) return;
  // First, so that a try that never ends is followed by another.
  state.reports.postpone(nowMs + findRetryDelayMs(report.attempts, randomFraction()));
  try {
    await withDeadline(writeStatus(directory, status));
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

/** A minute, doubling up to an hour; spread over the upper half, so that accounts do not all come back at once. */
export function findRetryDelayMs(attempts: number, fraction: number): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** attempts, LONGEST_RETRY_MS);
  return Math.round(longest * (0.5 + fraction / 2));
}

function randomFraction(): number {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value / 2 ** 32;
}

async function withDeadline(call: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('deadline exceeded')), REPORT_DEADLINE_MS);
  });
  try {
    await Promise.race([call, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
