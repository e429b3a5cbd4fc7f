// What an operator may see and do of one account. Everything is recorded with the operator's label.
import type { Session } from '../domain/session.ts';
import type { Profile } from './contract.ts';
import { revokeEverything } from './recovery.ts';
import { listLiveSessions, toProfile } from './sessions.ts';
import type { AccountState } from './state.ts';
import type { Actor, EventRow } from './storage/event-store.ts';

/** What an operator sees: no secret, no hash. */
export interface Inspection {
  profile: Profile;
  isEmailVerified: boolean;
  isDisabled: boolean;
  mustResetPassword: boolean;
  sessions: Session[];
  events: EventRow[];
}

export type OperatorAction = 'disable' | 'enable' | 'end_sessions' | 'force_password_reset';

/** The account as it stands; `undefined` for an object without account. */
export function inspect(state: AccountState, nowMs: number): Inspection | undefined {
  const account = state.rows.readAccount();
  if (account === undefined) return undefined;
  return {
    profile: toProfile(account),
    isEmailVerified: account.emailVerifiedAtMs !== null,
    isDisabled: account.disabledAtMs !== null,
    mustResetPassword: account.mustResetPassword,
    sessions: listLiveSessions(state, nowMs),
    events: state.events.list(),
  };
}

/** Does it, once or again: each action only ever leads to the state that it names. */
export function act(
  state: AccountState,
  action: OperatorAction,
  actor: Actor,
  nowMs: number,
): 'done' | 'unknown_account' {
  const account = state.rows.readAccount();
  if (account === undefined) return 'unknown_account';
  switch (action) {
    case 'disable':
      state.rows.writeDisabled(account.disabledAtMs ?? nowMs);
      revokeEverything(state, nowMs);
      state.events.record('disabled', nowMs, actor);
      break;
    case 'enable':
      state.rows.writeDisabled(null);
      state.events.record('enabled', nowMs, actor);
      break;
    case 'end_sessions':
      revokeEverything(state, nowMs);
      state.events.record('sessions_ended_by_operator', nowMs, actor);
      break;
    case 'force_password_reset':
      state.rows.writeMustResetPassword();
      revokeEverything(state, nowMs);
      state.events.record('password_reset_forced', nowMs, actor);
      state.mail.enqueue('reset_password', account.email, nowMs);
      break;
  }
  return 'done';
}
