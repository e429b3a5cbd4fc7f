// Changing what an account is known by: password, e-mail address. Synchronous, like everything that decides: each function hashes
// at most once, and those that do are called in a turn of the hash queue. What has to go through the directory is in flows/.
import { MAILS_PER_HOUR } from '../domain/limits.ts';
import { findPasswordFault } from '../domain/password-rules.ts';
import { hashChosenPassword, proveOwner, type Refused, type Throttled } from './password-check.ts';
import { revokeEverything } from './recovery.ts';
import type { AccountState, Caller, KnownBrowser } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';

const HOUR_MS = 60 * 60 * 1000;

export interface PasswordChange {
  sid: string;
  currentPassword: string;
  newPassword: string;
  minLength: number;
}

export interface PasswordReset {
  token: string;
  newPassword: string;
  minLength: number;
}

export type WeakPassword = { outcome: 'weak_password'; message: string };
export type MailRequest = { outcome: 'requested' } | { outcome: 'mail_throttled'; retryAfterSeconds: number };

/** The first hash of a change: the current password. `provenHash` is what it fits. */
export function prepareChange(
  state: AccountState,
  { currentPassword, newPassword, minLength }: PasswordChange,
  caller: Caller,
  nowMs: number,
): { outcome: 'prepared'; provenHash: string } | WeakPassword | Refused {
  const check = proveOwner(state, currentPassword, caller, nowMs);
  if (check.outcome !== 'matched') return check;
  const fault = findPasswordFault(newPassword, check.account, minLength);
  if (fault !== undefined) return { outcome: 'weak_password', message: fault };
  return { outcome: 'prepared', provenHash: check.account.passwordHash };
}

/**
 * The second hash: changes the password, and revokes everything but the caller's session. For an account whose password was
 * proven, under the hash that it still has.
 */
export function changePassword(
  state: AccountState,
  account: AccountRow,
  { sid, newPassword, minLength }: PasswordChange,
  caller: Caller,
  nowMs: number,
): { outcome: 'changed'; browser: KnownBrowser | undefined } | WeakPassword {
  // Again: a change of the user name may have come between.
  const fault = findPasswordFault(newPassword, account, minLength);
  if (fault !== undefined) return { outcome: 'weak_password', message: fault };
  state.rows.writePassword(hashChosenPassword(newPassword));
  const epoch = revokeEverything(state, nowMs, { exceptSid: sid });
  // What somebody else used up with the old password must not keep the owner out.
  state.limits.clear('sign_in');
  state.events.record('password_changed', nowMs, caller.actor, sid);
  state.mail.enqueue('password_changed', account.email, nowMs);
  const browserId = state.sessions.readSession(sid)?.browserId ?? undefined;
  return { outcome: 'changed', browser: browserId === undefined ? undefined : { browserId, epoch } };
}

/** Queues a reset mail for the owner, unless there were too many; whoever asked learns neither. */
export function requestPasswordReset(state: AccountState, { actor }: Caller, nowMs: number): void {
  const account = state.rows.readAccount();
  if (account === undefined || account.disabledAtMs !== null) return;
  if (findMailWait(state, 'reset_password', nowMs) !== undefined) return;
  state.events.record('password_reset_requested', nowMs, actor);
  state.mail.enqueue('reset_password', account.email, nowMs);
}

/** Why a reset is refused; `undefined` for one that may wait for its hash, or has come to it. */
export function findResetFault(
  state: AccountState,
  { token, newPassword, minLength }: PasswordReset,
  nowMs: number,
): { outcome: 'invalid_link' } | WeakPassword | undefined {
  const account = state.rows.readAccount();
  const link = state.mail.readToken(token, nowMs);
  if (account === undefined || account.disabledAtMs !== null) return { outcome: 'invalid_link' };
  // A used one is gone: `revokeEverything` below is its single use as well.
  if (link?.purpose !== 'reset_password' || link.email !== account.email) return { outcome: 'invalid_link' };
  const fault = findPasswordFault(newPassword, account, minLength);
  return fault === undefined ? undefined : { outcome: 'weak_password', message: fault };
}

/** Sets a new password by a mailed token: ends every session, signs nobody in, and proves the address. */
export function resetPassword(
  state: AccountState,
  reset: PasswordReset,
  { actor }: Caller,
  nowMs: number,
): { outcome: 'reset' | 'invalid_link' } | WeakPassword {
  const fault = findResetFault(state, reset, nowMs);
  if (fault !== undefined) return fault;
  const account = state.rows.readAccount();
  if (account === undefined) return { outcome: 'invalid_link' };
  state.rows.writePassword(hashChosenPassword(reset.newPassword));
  state.rows.writeEmailVerified(account.emailVerifiedAtMs ?? nowMs);
  revokeEverything(state, nowMs);
  state.throttles.clearAll();
  for (const limit of ['sign_in', 'password_proof'] as const) state.limits.clear(limit);
  state.events.record('password_reset', nowMs, actor);
  state.mail.enqueue('password_changed', account.email, nowMs);
  return { outcome: 'reset' };
}

/** Queues another verification mail. */
export function requestVerification(
  state: AccountState,
  account: AccountRow,
  nowMs: number,
): MailRequest | { outcome: 'email_already_verified' } {
  if (account.emailVerifiedAtMs !== null) return { outcome: 'email_already_verified' };
  const wait = findMailWait(state, 'verify_email', nowMs);
  if (wait !== undefined) return { outcome: 'mail_throttled', retryAfterSeconds: wait };
  state.mail.enqueue('verify_email', account.email, nowMs);
  return { outcome: 'requested' };
}

/** Completes a verification. A change of address has to go through the directory (flows/change-email.ts). */
export function verifyEmail(
  state: AccountState,
  token: string,
  { actor }: Caller,
  nowMs: number,
): { outcome: 'verified' | 'invalid_link' | 'change_requested' } {
  const account = state.rows.readAccount();
  const link = state.mail.readToken(token, nowMs);
  if (account === undefined || link === undefined) return { outcome: 'invalid_link' };
  if (account.disabledAtMs !== null || link.purpose === 'reset_password') return { outcome: 'invalid_link' };
  const isCurrent = link.email === account.email;
  // A second click on a link that did its work: people do that, and so do mail scanners.
  if (isCurrent && account.emailVerifiedAtMs !== null) return { outcome: 'verified' };
  if (link.isUsed) return { outcome: 'invalid_link' };
  if (link.purpose === 'change_email') return { outcome: 'change_requested' };
  if (!isCurrent) return { outcome: 'invalid_link' };
  state.rows.writeEmailVerified(nowMs);
  state.mail.useToken(token, nowMs);
  state.events.record('email_verified', nowMs, actor);
  return { outcome: 'verified' };
}

/**
 * Requests another address: a link to the new one, a notice to the old one. Nothing changes before the link is used. Whether
 * the address is taken is only looked up when the mail is sent, and told in it (delivery.ts).
 */
export function requestEmailChange(
  state: AccountState,
  { email, password }: { email: string; password: string },
  caller: Caller,
  nowMs: number,
): MailRequest | Refused {
  const check = proveOwner(state, password, caller, nowMs);
  if (check.outcome !== 'matched') return check;
  const wait = findMailWait(state, 'confirm_new_email', nowMs);
  if (wait !== undefined) return { outcome: 'mail_throttled', retryAfterSeconds: wait };
  // An earlier request is withdrawn, so that only the last address can be confirmed. A link that is being used is read again.
  state.mail.withdrawChange(nowMs);
  state.events.record('email_change_requested', nowMs, caller.actor);
  state.mail.enqueue('email_changing', check.account.email, nowMs);
  state.mail.enqueue('confirm_new_email', email, nowMs);
  return { outcome: 'requested' };
}

/** Counts a change of the user name. Refused names count too: each is a question. Returns the refusal when there were too many. */
export function takeRename(state: AccountState, nowMs: number): Throttled | undefined {
  const decision = state.limits.take('rename', nowMs);
  if (decision.allowed) return undefined;
  return { outcome: 'throttled', retryAfterSeconds: Math.ceil((decision.retryAtMs - nowMs) / 1000) };
}

function findMailWait(
  state: AccountState,
  kind: 'reset_password' | 'verify_email' | 'confirm_new_email',
  nowMs: number,
): number | undefined {
  const recent = state.mail.listRecent(kind, nowMs - HOUR_MS);
  const [oldest] = recent;
  if (oldest === undefined || recent.length < MAILS_PER_HOUR) return undefined;
  return Math.ceil((oldest + HOUR_MS - nowMs) / 1000);
}
