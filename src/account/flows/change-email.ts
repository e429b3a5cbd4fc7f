// Another e-mail address, once the link that was mailed to it is used: reserved, adopted by the account, and only then is the
// former one released.
import { toNameHoldMs } from '../../domain/name-flow.ts';
import { parseEmail } from '../../domain/names.ts';
import { fail, type Result, succeed } from '../../domain/result.ts';
import type { Caller, LinkUse } from '../contract.ts';
import type { AccountRow } from '../storage/account-store.ts';
import type { FlowRunner } from './flow-runner.ts';

/**
 * Makes the address of a link the account's own. The link stays good until then, so that one whose response was lost can be used
 * again, and completes the change. A recovery, or another request of the owner, takes it back at any time before.
 */
export async function changeEmail(
  runner: FlowRunner,
  { token, accessTtlSeconds }: LinkUse,
  { actor }: Caller,
): Promise<Result<undefined, 'invalid_link' | 'email_taken'>> {
  const { host } = runner;
  const { state } = host;
  const wanted = readWanted(runner, token);
  if (wanted === undefined) return fail('invalid_link');
  const { account: before, email, isDone } = wanted;
  if (isDone) return succeed(undefined);
  const intent = await runner.start({
    ...{ kind: 'change_email', phase: 'reserving', accountId: before.id },
    ...{ email, former: before.email },
  });
  if ((await runner.reserve(email)) === 'taken') {
    await runner.giveUp(false);
    return fail('email_taken');
  }
  const stillWanted = readWanted(runner, token);
  if (stillWanted === undefined || !runner.mayAdopt(intent)) {
    await runner.giveUp(true);
    return fail('invalid_link');
  }
  const { account } = stillWanted;
  const nowMs = Date.now();
  host.storeAll(() => {
    state.accounts.writeEmail(email, nowMs);
    state.mail.useToken(token, nowMs);
    // Links that were mailed to the former address must not come back with it.
    state.mail.revokeLinks(token);
    state.events.record('email_changed', nowMs, actor);
    // To a mailbox that was proven the owner's, and must be told whatever else was sent; as rare as the links that lead here.
    state.mail.enqueue('email_changed', account.email, nowMs, account.emailVerifiedAtMs !== null);
    state.intents.adopt(nowMs + toNameHoldMs(accessTtlSeconds));
  });
  await runner.settleIfPossible();
  return succeed(undefined);
}

interface Wanted {
  account: AccountRow;
  email: string;
  /** Two uses of one link at once: the other one was faster. */
  isDone: boolean;
}

/** The address that a link may give to the account: read before and after the directory was asked. */
function readWanted({ host }: FlowRunner, token: string): Wanted | undefined {
  if (!host.isStored() || host.state.intents.isDeleting()) return undefined;
  const account = host.state.accounts.readAccount();
  const link = host.state.mail.readToken(token, Date.now());
  if (account === undefined || account.disabledAtMs !== null || link?.purpose !== 'change_email')
    return undefined;
  const { email, isUsed } = link;
  const isGood = isUsed ? email === account.email : parseEmail(email).ok;
  return isGood ? { account, email, isDone: isUsed } : undefined;
}
