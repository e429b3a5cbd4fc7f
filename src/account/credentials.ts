// Changing what an account is known by: password, e-mail address. Synchronous, like everything that decides: each function hashes
// at most once, and those that do are called in a turn of the hash queue. What has to go through the directory is in flows/.
import { MAILS_PER_HOUR } from '../domain/limits.ts';
import { findPasswordFault } from '../domain/password-rules.ts';
import { fail, type Refusal, type Result, succeed } from '../domain/result.ts';
import type {
  BrowserRenewal,
  Caller,
  EmailChange,
  PasswordChange,
  PasswordRefusal,
  PasswordReset,
} from './contract.ts';
import { hashChosenPassword, proveOwner, throttledUntil } from './password-check.ts';
import { revokeEverything } from './recovery.ts';
import type { AccountState } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';

const HOUR_MS = 60 * 60 * 1000;

export type MailRefusal = Refusal<'mail_throttled'>;

/** The first hash of a change: the current password. `provenHash` is what it fits. */
export function prepareChange(
  state: AccountState,
  { currentPassword, newPassword, minLength }: PasswordChange,
  caller: Caller,
  nowMs: number,
): Result<{ provenHash: string }, 'weak_password' | PasswordRefusal> {
  const check = proveOwner(state, currentPassword, caller, nowMs);
  if (!check.ok) return check;
  const { account } = check.value;
  return findWeakness(newPassword, account, minLength) ?? succeed({ provenHash: account.passwordHash });
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
): Result<BrowserRenewal, 'weak_password'> {
  // Again: a change of the user name may have come between.
  const weakness = findWeakness(newPassword, account, minLength);
  if (weakness !== undefined) return weakness;
  state.rows.writePassword(hashChosenPassword(newPassword));
  const epoch = revokeEverything(state, nowMs, { exceptSid: sid });
  // What somebody else used up with the old password must not keep the owner out.
  state.limits.clear('sign_in');
  state.events.record('password_changed', nowMs, caller.actor, sid);
  state.mail.enqueue('password_changed', account.email, nowMs);
  const browserId = state.sessions.readSession(sid)?.browserId ?? undefined;
  return succeed({ browser: browserId === undefined ? undefined : { browserId, epoch } });
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
): Refusal<'invalid_link' | 'weak_password'> | undefined {
  const account = state.rows.readAccount();
  const link = state.mail.readToken(token, nowMs);
  if (account === undefined || account.disabledAtMs !== null) return fail('invalid_link');
  // A used one is gone: `revokeEverything` below is its single use as well.
  if (link?.purpose !== 'reset_password' || link.email !== account.email) return fail('invalid_link');
  return findWeakness(newPassword, account, minLength);
}

/** Sets a new password by a mailed token: ends every session, signs nobody in, and proves the address. */
export function resetPassword(
  state: AccountState,
  reset: PasswordReset,
  { actor }: Caller,
  nowMs: number,
): Result<undefined, 'invalid_link' | 'weak_password'> {
  const fault = findResetFault(state, reset, nowMs);
  if (fault !== undefined) return fault;
  const account = state.rows.readAccount();
  if (account === undefined) return fail('invalid_link');
  state.rows.writePassword(hashChosenPassword(reset.newPassword));
  state.rows.writeEmailVerified(account.emailVerifiedAtMs ?? nowMs);
  revokeEverything(state, nowMs);
  state.throttles.clearAll();
  for (const limit of ['sign_in', 'password_proof'] as const) state.limits.clear(limit);
  state.events.record('password_reset', nowMs, actor);
  state.mail.enqueue('password_changed', account.email, nowMs);
  return succeed(undefined);
}

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
  const account = state.rows.readAccount();
  const link = state.mail.readToken(token, nowMs);
  if (account === undefined || link === undefined) return fail('invalid_link');
  if (account.disabledAtMs !== null || link.purpose === 'reset_password') return fail('invalid_link');
  const isCurrent = link.email === account.email;
  // A second click on a link that did its work: people do that, and so do mail scanners.
  if (isCurrent && account.emailVerifiedAtMs !== null) return succeed('verified');
  if (link.isUsed) return fail('invalid_link');
  if (link.purpose === 'change_email') return succeed('change_requested');
  if (!isCurrent) return fail('invalid_link');
  state.rows.writeEmailVerified(nowMs);
  state.mail.useToken(token, nowMs);
  state.events.record('email_verified', nowMs, actor);
  return succeed('verified');
}

/**
 * Requests another address: a link to the new one, a notice to the old one. Nothing changes before the link is used. Whether
 * the address is taken is only looked up when the mail is sent, and told in it (delivery.ts).
 */
export function requestEmailChange(
  state: AccountState,
  { email, password }: EmailChange,
  caller: Caller,
  nowMs: number,
): Result<undefined, 'mail_throttled' | PasswordRefusal> {
  const check = proveOwner(state, password, caller, nowMs);
  if (!check.ok) return check;
  const wait = findMailWait(state, 'confirm_new_email', nowMs);
  if (wait !== undefined) return wait;
  // An earlier request is withdrawn, so that only the last address can be confirmed. A link that is being used is read again.
  state.mail.withdrawChange(nowMs);
  state.events.record('email_change_requested', nowMs, caller.actor);
  state.mail.enqueue('email_changing', check.value.account.email, nowMs);
  state.mail.enqueue('confirm_new_email', email, nowMs);
  return succeed(undefined);
}

/** Counts one use of a limit of the account. Returns the refusal when there were too many. */
export function takeLimit(
  state: AccountState,
  limit: 'rename' | 'export',
  nowMs: number,
): Refusal<'account_throttled'> | undefined {
  const decision = state.limits.take(limit, nowMs);
  return decision.allowed ? undefined : throttledUntil(decision.retryAtMs, nowMs);
}

/** Why a new password is refused, if it is. */
function findWeakness(
  password: string,
  names: Pick<AccountRow, 'username' | 'email'>,
  minLength: number,
): Refusal<'weak_password'> | undefined {
  const message = findPasswordFault(password, names, minLength);
  return message === undefined ? undefined : { ok: false, reason: 'weak_password', message };
}

function findMailWait(
  state: AccountState,
  kind: 'reset_password' | 'verify_email' | 'confirm_new_email',
  nowMs: number,
): MailRefusal | undefined {
  const recent = state.mail.listRecent(kind, nowMs - HOUR_MS);
  const [oldest] = recent;
  if (oldest === undefined || recent.length < MAILS_PER_HOUR) return undefined;
  const retryAfterSeconds = Math.ceil((oldest + HOUR_MS - nowMs) / 1000);
  return { ok: false, reason: 'mail_throttled', retryAfterSeconds };
}
