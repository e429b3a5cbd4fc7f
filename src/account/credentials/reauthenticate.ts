// The proof that whoever has a session is the owner, asked for before something that a stolen access token alone must not do.
import type { Caller } from '../contract.ts';
import type { AccountState } from '../state.ts';
import { checkPassword, findBrowser, type PasswordCheck, toBucket, toLimitPart } from './password-attempt.ts';

/** What is offered as a proof. */
interface Proof {
  password: string;
}

/**
 * Checks a proof. The only function that does: the account's operations do not know which credentials there are. Every try that
 * costs a hash counts. Called in a turn of the hash queue (`tryInTurn`).
 */
export function reauthenticate(
  state: AccountState,
  { password }: Proof,
  caller: Caller,
  nowMs: number,
): PasswordCheck {
  const part = toLimitPart(findBrowser(state, caller, nowMs));
  const check = checkPassword(state, password, caller, nowMs, () =>
    state.limits.take('password_proof', nowMs, part),
  );
  if (check.ok && check.value.knownBrowserId !== undefined)
    state.throttles.clear(toBucket(check.value.knownBrowserId));
  return check;
}
