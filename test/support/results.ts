// What a method of the account came to, as tests look at it.
import type { Grant, SignedIn } from '../../src/account/contract.ts';

type AnyResult<T> = { ok: true; value: T } | { ok: false; reason: string };

/** The value of a result. Fails for a refusal. */
export function takeValue<T>(result: AnyResult<T>): T {
  if (!result.ok) throw new Error(`refused: ${result.reason}`);
  return result.value;
}

/** The session that a sign-in opened. Fails for everything else. */
export function grantOf(result: AnyResult<SignedIn>): Grant {
  const signedIn = takeValue(result);
  if (signedIn.status !== 'signed_in') throw new Error(`asked for ${signedIn.methods}`);
  return signedIn;
}

/** `done`, or why not. */
export function outcomeOf(result: AnyResult<unknown>): string {
  return result.ok ? 'done' : result.reason;
}
