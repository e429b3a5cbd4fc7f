// The two ways to a first session: registering and signing in. Synchronous, like everything that decides: signing in hashes once,
// in its turn of the hash queue.

import { findSecondFactors } from '../domain/authentication.ts';
import { fail, type Result, succeed } from '../domain/result.ts';
import type { SessionPolicy } from '../domain/session.ts';
import type { Caller, Registered, Registration, SignedIn, SignInRefusal } from './contract.ts';
import { countFailedTry, countSignIn, trySignIn } from './credentials/password-attempt.ts';
import { grantSession } from './sessions.ts';
import type { AccountState } from './state.ts';
import type { AccountRow } from './storage/account-store.ts';

/**
 * Stores a new account with the intent to reserve its names, and signs it in when a policy is given. Its first mail waits until it
 * has them (outbox.ts): nobody is written to for a registration that fails.
 */
export function storeRegistration(
  state: AccountState,
  { id, username, email, client, policy }: Registration,
  passwordHash: string | undefined,
  nowMs: number,
): Registered {
  const { accounts, credentials, events, mail, intents } = state;
  accounts.insertAccount({ id, username, email, createdAtMs: nowMs });
  if (passwordHash === undefined) accounts.writeMustResetPassword(true);
  else credentials.replacePassword(passwordHash, nowMs);
  intents.begin({ kind: 'register', phase: 'reserving', accountId: id, username, email }, nowMs);
  events.record('registered', nowMs, client);
  mail.enqueue(passwordHash === undefined ? 'reset_password' : 'verify_email', email, nowMs);
  if (policy !== undefined) {
    credentials.notePasswordUse(nowMs);
    return grantSession(state, client, policy, { nowMs });
  }
  return {
    session: undefined,
    profile: { id, username, email, createdAtMs: nowMs },
    nowMs,
  };
}

/** Checks a password and opens a session, unless something stands in the way that only the owner may learn of. */
export function signIn(
  state: AccountState,
  password: string,
  caller: Caller,
  { policy, requiresVerifiedEmail }: { policy: SessionPolicy; requiresVerifiedEmail: boolean },
): Result<SignedIn, SignInRefusal> {
  const nowMs = Date.now();
  const check = trySignIn(state, password, caller, nowMs);
  if (!check.ok) return check;
  const { account, knownBrowserId, isEstablished } = check.value;
  const refusal = findRefusal(account, requiresVerifiedEmail);
  const methods = findSecondFactors(state.credentials.list().map(({ kind }) => kind));
  if (refusal === undefined && methods.length > 0) {
    // The right password is not told apart for nothing: the try stays counted until the second factor is met.
    countFailedTry(state, knownBrowserId, nowMs);
    return succeed({ status: 'factor_required', methods });
  }
  countSignIn(state, check.value, nowMs);
  if (refusal !== undefined) return fail(refusal);
  state.credentials.notePasswordUse(nowMs);
  const grant = grantSession(state, caller.actor, policy, { nowMs, knownBrowserId, isEstablished });
  return succeed({ status: 'signed_in', ...grant });
}

function findRefusal(account: AccountRow, requiresVerifiedEmail: boolean) {
  if (account.disabledAtMs !== null) return 'account_disabled';
  if (account.mustResetPassword) return 'password_reset_required';
  return requiresVerifiedEmail && account.emailVerifiedAtMs === null ? 'email_not_verified' : undefined;
}
