// Deletion: from its intent on, nobody can use the account and no token is issued. Its names are released, and then it is erased.
import { toNameHoldMs } from '../../domain/name-flow.ts';
import { type Result, succeed } from '../../domain/result.ts';
import type { Intent } from '../storage/intent-store.ts';
import type { FlowRunner } from './flow-runner.ts';

/** Deletes the account, or goes on with its deletion. Throws when the directory does not respond: the alarm completes it. */
export async function deleteAccount(
  runner: FlowRunner,
  accessTtlSeconds: number,
): Promise<Result<undefined>> {
  const { host } = runner;
  const { state } = host;
  const account = host.isStored() ? state.accounts.readAccount() : undefined;
  // Two deletions at once: the other one was faster.
  if (account === undefined) return succeed(undefined);
  const pending = state.intents.read();
  if (pending?.kind !== 'delete') {
    const nowMs = Date.now();
    state.intents.begin(
      {
        ...{ kind: 'delete', phase: 'releasing', accountId: account.id },
        ...{ username: account.username, email: account.email, former: findThirdName(pending) },
        // A rename that the directory has not carried out yet holds its former name for longer.
        untilMs: Math.max(nowMs + toNameHoldMs(accessTtlSeconds), pending?.untilMs ?? 0),
        // What was sent for the change that ends here can still take effect.
        fenceMs: pending?.fenceMs ?? 0,
      },
      nowMs,
    );
  }
  await runner.settle();
  return succeed(undefined);
}

/** The name that a pending change holds beside the account's own: the new one, or once that is adopted, the former one. */
function findThirdName(pending: Intent | undefined): string | null {
  if (pending === undefined || pending.kind === 'register') return null;
  return pending.phase === 'adopted' ? pending.former : (pending.username ?? pending.email);
}
