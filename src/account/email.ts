// The e-mail address of an account: verified, and changed. Synchronous, like everything that decides; what has to go through the
// directory is in flows/.
import { MAILS_PER_HOUR } from '../domain/limits.ts';
import { fail, type Refusal, type Result, succeed } from '../domain/result.ts';
import type { Caller, EmailChange, PasswordRefusal } from './contract.ts';
import { reauthenticate } from './credentials/reauthenticate.ts';
import type { AccountState } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';

const HOUR_MS = 60 * 60 * 1000;

/** Queues another verification mail. */
export function requestVerification(
  state: AccountState,
  account: AccountRow,
  nowMs: number,
): Result<undefined, 'mail_throttled' | 'email_already_verified'> {
  if (account.emailVerifiedAtMs !== null) return fail('email_already_verified');
  const wait = findMailWait(state, 'verify_email', nowMs);
  if (wait !== undefined) return wait;
  state.mail.enqueue('verify_email', account.email, nowMs);
  return succeed(undefined);
}

/** Completes a verification. A change of address has to go through the directory (flows/change-email.ts). */
export function verifyEmail(
  state: AccountState,
  token: string,
  { actor }: Caller,
  nowMs: number,
): Result<'verified' | 'change_requested', 'invalid_link'> {
  const account = state.accounts.readAccount();
  const link = state.mail.readToken(token, nowMs);
  if (account === undefined || link === undefined) return fail('invalid_link');
  if (account.disabledAtMs !== null || link.purpose === 'reset_password') return fail('invalid_link');
  const isCurrent = link.email === account.email;
  // A second click on a link that did its work: people do that, and so do mail scanners.
  if (isCurrent && account.emailVerifiedAtMs !== null) return succeed('verified');
  if (link.isUsed) return fail('invalid_link');
  if (link.purpose === 'change_email') return succeed('change_requested');
  if (!isCurrent) return fail('invalid_link');
  state.accounts.writeEmailVerified(nowMs);
  state.mail.useToken(token, nowMs);
  state.events.record('email_verified', nowMs, actor);
  return succeed('verified');
}

/**
 * Requests another address: a link to the new one, a notice to the old one. Nothing changes before the link is used. Whether
 * the address is taken is only looked up when the mail is sent, and told in it (outbox.ts).
 */
export function requestEmailChange(
  state: AccountState,
  { email, password }: EmailChange,
  caller: Caller,
  nowMs: number,
): Result<undefined, 'mail_throttled' | PasswordRefusal> {
  const proof = reauthenticate(state, { password }, caller, nowMs);
  if (!proof.ok) return proof;
  const wait = findMailWait(state, 'confirm_new_email', nowMs);
  if (wait !== undefined) return wait;
  // An earlier request is withdrawn, so that only the last address can be confirmed. A link that is being used is read again.
  state.mail.withdrawChange(nowMs);
  state.events.record('email_change_requested', nowMs, caller.actor);
  state.mail.enqueue('email_changing', proof.value.account.email, nowMs);
  state.mail.enqueue('confirm_new_email', email, nowMs);
  return succeed(undefined);
}

/** The refusal of a mail with a link, when there were too many of its kind. */
export function findMailWait(
  state: AccountState,
  kind: 'reset_password' | 'verify_email' | 'confirm_new_email',
  nowMs: number,
): Refusal<'mail_throttled'> | undefined {
  const recent = state.mail.listRecent(kind, nowMs - HOUR_MS);
  const [oldest] = recent;
  if (oldest === undefined || recent.length < MAILS_PER_HOUR) return undefined;
  const retryAfterSeconds = Math.ceil((oldest + HOUR_MS - nowMs) / 1000);
  return { ok: false, reason: 'mail_throttled', retryAfterSeconds };
}
