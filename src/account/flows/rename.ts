// Another user name: reserved, adopted by the account, and only then is the former one released.
import { toRenameHoldMs } from '../../domain/name-flow.ts';
import { fail, type Result, succeed } from '../../domain/result.ts';
import type { Actor, Profile, Rename } from '../contract.ts';
import { readLiveSession, toProfile } from '../sessions.ts';
import type { AccountState } from '../state.ts';
import type { FlowRunner } from './flow-runner.ts';

export async function rename(
  runner: FlowRunner,
  { sid, username, accessTtlSeconds }: Rename,
  actor: Actor,
): Promise<Result<Profile, 'session_over' | 'username_taken'>> {
  const { host } = runner;
  const { state } = host;
  const before = readCaller(runner, sid);
  if (before === undefined) return fail('session_over');
  const intent = await runner.start({
    ...{ kind: 'rename', phase: 'reserving', accountId: before.id },
    ...{ username, former: before.username },
  });
  if ((await runner.reserve(username)) === 'taken') {
    await runner.giveUp(false);
    return fail('username_taken');
  }
  const account = readCaller(runner, sid);
  // Whoever asked may have been signed out meanwhile, or a recovery has taken the change back.
  if (account === undefined || !runner.mayAdopt(intent)) {
    await runner.giveUp(true);
    return fail('session_over');
  }
  const nowMs = Date.now();
  host.storeAll(() => {
    state.accounts.writeUsername(username);
    state.events.record('username_changed', nowMs, actor, sid);
    state.mail.enqueue('username_changed', account.email, nowMs);
    state.intents.adopt(nowMs + toRenameHoldMs(accessTtlSeconds));
  });
  await runner.settleIfPossible();
  return succeed(toProfile({ ...account, username }));
}

/** The account, if the session of whoever asked is live. */
function readCaller({ host }: FlowRunner, sid: string): ReturnType<AccountState['accounts']['readAccount']> {
  if (!host.isStored() || host.state.intents.isDeleting()) return undefined;
  return readLiveSession(host.state, sid, Date.now()) && host.state.accounts.readAccount();
}
