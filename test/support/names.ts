// Whether an account, its tokens, the directory and the operators' list agree about its names.
import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { toKey, toKeys } from '../../src/directory/directory.ts';
import { fireAlarmIfSet, inStore, NOTHING, openAccount, readAlarmMs, readStored } from './account.ts';
import { passSeconds } from './clock.ts';
import { eventually } from './eventually.ts';
import { takeValue } from './results.ts';
import { accountOf } from './service.ts';

interface NameRow {
  key: string;
  state: string;
  untilMs: number | null;
}

/** More than any flow takes, when the directory responds. */
const MOST_RINGS = 6;

/** Fires the alarm, at its times, until nothing is pending any more. */
export async function settle(id: string): Promise<void> {
  for (let firings = 0; firings < MOST_RINGS; firings += 1) {
    const { tables } = await readStored(accountOf(id));
    if (tables.intent === undefined || tables.intent.length === 0) return;
    passSeconds(61);
    // One that goes off by itself just now sets the next, or leaves nothing pending.
    const isPending = await eventually(async () => {
      const { tables: now } = await readStored(accountOf(id));
      if (now.intent === undefined || now.intent.length === 0) return false;
      if ((await readAlarmMs(id)) === null) throw new Error('something is pending, and no alarm is set');
      return true;
    });
    if (isPending) await fireAlarmIfSet(id);
  }
  throw new Error(`pending after ${MOST_RINGS} alarms`);
}

/** Checks an account that has settled: it is gone, or it holds exactly its own names and everybody knows it by them. */
export async function expectSettled(id: string): Promise<void> {
  const held = await readRows(id);
  const inUse = held.filter(({ state }) => state !== 'released');
  const stored = await readStored(accountOf(id));
  const listed = await env.DIRECTORY.prepare(
    'SELECT username, email, username_key AS usernameKey, email_key AS emailKey FROM accounts WHERE id = ?',
  )
    .bind(id)
    .first();
  if (stored.tables.account === undefined) {
    expect(stored).toEqual(NOTHING);
    expect(inUse).toEqual([]);
    expect(listed).toBeNull();
    return;
  }
  const account = await inStore(id, ({ accounts }) => accounts.readAccount());
  if (account === undefined) throw new Error('there is no account');
  const { username, email } = account;
  const own = [email, username].map((display) => ({ key: toKey(display), state: 'active', untilMs: null }));
  expect(inUse).toEqual(own.sort((a, b) => (a.key < b.key ? -1 : 1)));
  // A report to the operators' list may wait for the next alarm.
  if ((await inStore(id, ({ reports }) => reports.read())) !== undefined) {
    passSeconds(3600);
    await fireAlarmIfSet(id);
    return expectSettled(id);
  }
  expect(listed).toEqual({
    ...{ username, email },
    ...{
      usernameKey: toKey(username).slice('username:'.length),
      emailKey: toKey(email).slice('email:'.length),
    },
  });
  expect(takeValue(await openAccount(id).inspect()).profile).toMatchObject({ username, email });
}

async function readRows(id: string): Promise<NameRow[]> {
  const { results } = await env.DIRECTORY.prepare(
    'SELECT key, state, until_ms AS untilMs FROM names WHERE account_id = ? ORDER BY key',
  )
    .bind(id)
    .all<NameRow>();
  return results;
}

/** Whether anybody could take a name now. */
export async function isFree(display: string): Promise<boolean> {
  const row = await env.DIRECTORY.prepare(
    "SELECT 1 FROM names WHERE key IN (?, ?, ?) AND NOT (state = 'released' AND until_ms <= ?)",
  )
    .bind(...toKeys(display), Date.now())
    .first();
  return row === null;
}
