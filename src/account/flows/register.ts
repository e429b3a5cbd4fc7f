// Registration: the new account reserves its user name, then its e-mail address, and erases itself when it does not get both.
import { fail, type Result, succeed } from '../../domain/result.ts';
import type { FlowRunner } from './flow-runner.ts';

/**
 * Completes a registration that is stored: right after it was, or at a sign-in when the response to it was lost. Both names are
 * asked for again, which does no harm. Throws when the directory does not respond: then the alarm keeps the account if both names
 * turn out to be its own, and otherwise erases it.
 */
export async function completeRegistration(
  runner: FlowRunner,
): Promise<Result<undefined, 'username_taken' | 'email_taken'>> {
  const { state } = runner.host;
  const intent = state.intents.read();
  if (!state.intents.isRegistering() || intent === undefined)
    return state.accounts.readAccount() === undefined ? fail('username_taken') : succeed(undefined);
  for (const [display, refusal] of [
    [intent.username, 'username_taken'],
    [intent.email, 'email_taken'],
  ] as const) {
    if (display === null || (await runner.reserve(display)) === 'reserved') continue;
    runner.abandonRegistration();
    await runner.settleIfPossible();
    return fail(refusal);
  }
  runner.adoptRegistration();
  await runner.settleIfPossible();
  return succeed(undefined);
}
