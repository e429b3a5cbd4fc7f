// Changing what an account is known by: password, e-mail address, user name. Synchronous, like everything that decides.
import { findPasswordFault } from '../domain/password-rules.ts';
import type { Actor } from './event-store.ts';
import { checkPassword, hashChosenPassword, type Refused } from './password-check.ts';
import type { AccountState, Caller } from './state.ts';
import type { AccountRow } from './store.ts';
import { CLAIM_CHECK_DELAY_MS } from './upkeep.ts';

/** Mails of one purpose in one hour: enough for a lost one, too few to flood somebody's inbox. */
const MAILS_PER_HOUR = 5;
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

/** Changes the password and ends every other session and every other browser's standing. */
export function changePassword(
  state: AccountState,
  { sid, currentPassword, newPassword, minLength }: PasswordChange,
  caller: Caller,
  nowMs: number,
): { outcome: 'changed'; browserEpoch: number } | WeakPassword | Refused {
  const check = checkPassword(state, currentPassword, caller, nowMs);
  if (check.outcome !== 'matched') return check;
  const fault = findPasswordFault(newPassword, check.account, minLength);
  if (fault !== undefined) return { outcome: 'weak_password', message: fault };
  state.rows.writePassword(hashChosenPassword(newPassword));
  state.rows.deleteSessionsExcept(sid);
  // A reset link that was asked for before must not undo this.
  state.mail.consumeTokens('reset_password');
  state.events.record('password_changed', nowMs, caller.actor, sid);
  state.mail.enqueue('password_changed', check.account.email, nowMs);
  return { outcome: 'changed', browserEpoch: state.rows.raiseBrowserEpoch() };
}

/** Queues a reset mail for the owner, unless there were too many; whoever asked learns neither. */
export function requestPasswordReset(state: AccountState, { actor }: Caller, nowMs: number): void {
  const account = state.rows.readAccount();
  if (account === undefined || account.disabledAtMs !== null) return;
  if (findMailWait(state, 'reset_password', nowMs) !== undefined) return;
  state.events.record('password_reset_requested', nowMs, actor);
  state.mail.enqueue('reset_password', account.email, nowMs);
}

/** Sets a new password by a mailed token: ends every session, signs nobody in, and proves the address. */
export function resetPassword(
  state: AccountState,
  { token, newPassword, minLength }: PasswordReset,
  { actor }: Caller,
  nowMs: number,
): { outcome: 'reset' | 'invalid_link' } | WeakPassword {
  const account = state.rows.readAccount();
  const live = state.mail.readToken(token, nowMs);
  if (account === undefined || live?.purpose !== 'reset_password' || live.email !== account.email)
    return { outcome: 'invalid_link' };
  const fault = findPasswordFault(newPassword, account, minLength);
  if (fault !== undefined) return { outcome: 'weak_password', message: fault };
  state.rows.writePassword(hashChosenPassword(newPassword));
  state.rows.writeEmailVerified(account.emailVerifiedAtMs ?? nowMs);
  state.rows.deleteSessionsExcept(undefined);
  state.rows.raiseBrowserEpoch();
  state.throttles.clearAll();
  state.mail.consumeTokens('reset_password', 'verify_email');
  state.events.record('password_reset', nowMs, actor);
  state.mail.enqueue('password_changed', account.email, nowMs);
  return { outcome: 'reset' };
}

/** Queues another verification mail. */
export function requestVerification(state: AccountState, account: AccountRow, nowMs: number): MailRequest {
  if (account.emailVerifiedAtMs !== null) return { outcome: 'requested' };
  const wait = findMailWait(state, 'verify_email', nowMs);
  if (wait !== undefined) return { outcome: 'mail_throttled', retryAfterSeconds: wait };
  state.mail.enqueue('verify_email', account.email, nowMs);
  return { outcome: 'requested' };
}

/** What a mailed token is for. A change of address has to go through the directory before `commitEmail`. */
export function verifyEmail(
  state: AccountState,
  token: string,
  { actor }: Caller,
  nowMs: number,
): { outcome: 'verified' | 'invalid_link' } | { outcome: 'change_pending'; email: string } {
  const account = state.rows.readAccount();
  const live = state.mail.readToken(token, nowMs);
  if (account === undefined || live === undefined) return { outcome: 'invalid_link' };
  if (live.purpose === 'change_email') return { outcome: 'change_pending', email: live.email };
  if (live.purpose !== 'verify_email' || live.email !== account.email) return { outcome: 'invalid_link' };
  state.rows.writeEmailVerified(nowMs);
  state.mail.consumeTokens('verify_email');
  state.events.record('email_verified', nowMs, actor);
  return { outcome: 'verified' };
}

/** Asks for another address: a link to the new one, a word to the old one. Nothing changes before the link is used. */
export function requestEmailChange(
  state: AccountState,
  { email, password }: { email: string; password: string },
  caller: Caller,
  nowMs: number,
): MailRequest | Refused {
  const check = checkPassword(state, password, caller, nowMs);
  if (check.outcome !== 'matched') return check;
  const wait = findMailWait(state, 'confirm_new_email', nowMs);
  if (wait !== undefined) return { outcome: 'mail_throttled', retryAfterSeconds: wait };
  // An earlier wish is withdrawn, so that only the last address can be confirmed.
  state.mail.withdraw('confirm_new_email', 'change_email', nowMs);
  state.events.record('email_change_requested', nowMs, caller.actor);
  state.mail.enqueue('confirm_new_email', email, nowMs);
  state.mail.enqueue('email_changing', check.account.email, nowMs);
  return { outcome: 'requested' };
}

/** Makes the new address the account's own, after the directory has it. */
export function commitEmail(
  state: AccountState,
  token: string,
  { actor }: Caller,
  nowMs: number,
): 'changed' | 'invalid_link' {
  const live = state.mail.readToken(token, nowMs);
  if (live?.purpose !== 'change_email') return 'invalid_link';
  state.rows.writeEmail(live.email, nowMs);
  // Links that were mailed to the old address are worth nothing any more.
  state.mail.consumeTokens('change_email', 'verify_email', 'reset_password');
  state.events.record('email_changed', nowMs, actor);
  return 'changed';
}

/** Takes a user name that the directory has given to this account. */
export function changeUsername(
  state: AccountState,
  { username, sid }: { username: string; sid: string },
  actor: Actor,
  nowMs: number,
): 'changed' {
  state.rows.writeUsername(username);
  state.events.record('username_changed', nowMs, actor, sid);
  return 'changed';
}

/** The owner's password, before anything is deleted. */
export function prepareDeletion(
  state: AccountState,
  password: string,
  caller: Caller,
  nowMs: number,
): { outcome: 'prepared' } | Refused {
  const check = checkPassword(state, password, caller, nowMs);
  if (check.outcome !== 'matched') return check;
  expectErasure(state, nowMs);
  return { outcome: 'prepared' };
}

/** A deletion that dies between its two steps is settled by the alarm, which looks for the claim. */
export function expectErasure(state: AccountState, nowMs: number): void {
  state.rows.writeClaimCheck(nowMs + CLAIM_CHECK_DELAY_MS);
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
