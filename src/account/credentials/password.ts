// The password of an account: changed and reset. Synchronous, like everything that decides: each function hashes at most once, and
// those that do are called in a turn of the hash queue.
import { findPasswordFault } from '../../domain/password-rules.ts';
import { fail, type Refusal, type Result, succeed } from '../../domain/result.ts';
import type { BrowserRenewal, Caller, PasswordChange, PasswordRefusal, PasswordReset } from '../contract.ts';
import { findMailWait } from '../email.ts';
import { revokeEverything } from '../recovery.ts';
import type { AccountState } from '../state.ts';
import type { AccountRow } from '../storage/account-store.ts';
import { hashChosenPassword } from './password-attempt.ts';
import { reauthenticate } from './reauthenticate.ts';

/** The first hash of a change: the current password. `provenHash` is what it fits. */
export function prepareChange(
  state: AccountState,
  { currentPassword, newPassword, minLength }: PasswordChange,
  caller: Caller,
  nowMs: number,
): Result<{ provenHash: string }, 'weak_password' | PasswordRefusal> {
  const proof = reauthenticate(state, { password: currentPassword }, caller, nowMs);
  if (!proof.ok) return proof;
  const { account, hash } = proof.value;
  return findWeakness(newPassword, account, minLength) ?? succeed({ provenHash: hash });
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
  setPassword(state, newPassword, nowMs);
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
  const account = state.accounts.readAccount();
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
  const account = state.accounts.readAccount();
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
  const account = state.accounts.readAccount();
  if (account === undefined) return fail('invalid_link');
  setPassword(state, reset.newPassword, nowMs);
  state.accounts.writeEmailVerified(account.emailVerifiedAtMs ?? nowMs);
  revokeEverything(state, nowMs);
  state.throttles.clearAll();
  for (const limit of ['sign_in', 'password_proof'] as const) state.limits.clear(limit);
  state.events.record('password_reset', nowMs, actor);
  state.mail.enqueue('password_changed', account.email, nowMs);
  return succeed(undefined);
}

/** A new password, chosen by the owner: what an operator demanded is done. */
function setPassword({ accounts, credentials }: AccountState, password: string, nowMs: number): void {
  credentials.replacePassword(hashChosenPassword(password), nowMs);
  accounts.writeMustResetPassword(false);
}

/** Why a new password is refused, if it is. */
function findWeakness(
  password: string,
  names: Pick<AccountRow, 'username' | 'email'>,
  minLength: number,
): Refusal<'weak_password'> | undefined {
  const fault = findPasswordFault(password, names, minLength);
  return fault && { ok: false, reason: 'weak_password', fault };
}
