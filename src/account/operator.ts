// What an operator may see and do of one account. Everything is recorded with the operator's label.
import { fail, type Result, succeed } from '../domain/result.ts';
import type { Actor, Inspection, OperatorAction } from './contract.ts';
import { revokeEverything } from './recovery.ts';
import { listLiveSessions, toProfile } from './sessions.ts';
import type { AccountState } from './state.ts';

/** The account as it stands. */
export function inspect(state: AccountState, nowMs: number): Result<Inspection, 'unknown_account'> {
  const account = state.accounts.readAccount();
  if (account === undefined) return fail('unknown_account');
  return succeed({
    profile: toProfile(account),
    isEmailVerified: account.emailVerifiedAtMs !== null,
    requestedEmail: state.mail.readRequestedEmail(nowMs) ?? null,
    isDisabled: account.disabledAtMs !== null,
    mustResetPassword: account.mustResetPassword,
    sessions: listLiveSessions(state, nowMs),
    credentials: state.credentials
      .list()
      .map(({ kind, createdAtMs, lastUsedAtMs }) => ({ kind, createdAtMs, lastUsedAtMs })),
    events: state.events.list(),
  });
}

/** Does it, once or again: each action only ever leads to the state that it names. */
export function act(
  state: AccountState,
  action: OperatorAction,
  actor: Actor,
  nowMs: number,
): Result<undefined, 'unknown_account'> {
  const account = state.accounts.readAccount();
  if (account === undefined) return fail('unknown_account');
  switch (action) {
    case 'disable':
      state.accounts.writeDisabled(account.disabledAtMs ?? nowMs);
      revokeEverything(state, nowMs);
      state.events.record('disabled', nowMs, actor);
      break;
    case 'enable':
      state.accounts.writeDisabled(null);
      state.events.record('enabled', nowMs, actor);
      break;
    case 'end_sessions':
      revokeEverything(state, nowMs);
      state.events.record('sessions_ended_by_operator', nowMs, actor);
      break;
    case 'force_password_reset':
      state.accounts.writeMustResetPassword(true);
      revokeEverything(state, nowMs);
      state.events.record('password_reset_forced', nowMs, actor);
      state.mail.enqueue('reset_password', account.email, nowMs);
      break;
  }
  return succeed(undefined);
}
