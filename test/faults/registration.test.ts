import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CLAIM_CHECK_DELAY_MS } from '../../src/account/upkeep.ts';
import { NOTHING, readStored, ringAlarm } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { expectOutage, type Fault, Faults, fails, losesAnswer, readSessions } from '../support/faults.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const faults = new Faults();
const service = new Service(faults.bindings());

beforeEach(() => {
  freezeClock();
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  faults.clear();
  vi.restoreAllMocks();
});

/** The fault meets one kind of call; the others work. */
const at =
  (call: string, fault: Fault): Fault =>
  (pass) =>
    faults.calls.at(-1) === call ? fault(pass) : pass();

function signUp(name: string, password = PASSWORD): Promise<Response> {
  return service.post('/register', { json: { username: name, email: `${name}@example.com`, password } });
}

async function signInStatus(username: string, password = PASSWORD): Promise<number> {
  return (await service.post('/login', { json: { username, password } })).status;
}

/** The account that the last sign-up made, whatever became of it. */
function lastAccountId(): string {
  const id = faults.opened.at(-1);
  if (id === undefined) throw new Error('no account was called');
  return id;
}

/** A quarter of an hour later, the account looks for its claim. */
async function passClaimCheck(id: string): Promise<void> {
  passSeconds(CLAIM_CHECK_DELAY_MS / 1000);
  const { alarmMs } = await readStored(accountOf(id));
  if (alarmMs === null || alarmMs > Date.now()) throw new Error(`the alarm is not due: ${alarmMs}`);
  await ringAlarm(id);
}

describe('a sign-up that ends before the names are claimed', () => {
  const ends: [string, () => void, string[]][] = [
    [
      'the Worker is gone',
      () => (faults.directory = at('INSERT', fails())),
      ['SELECT', 'register', 'INSERT'],
    ],
    ['the account answers in vain', () => (faults.account = losesAnswer()), ['SELECT', 'register']],
  ];

  it.each(ends)(
    'leaves the names free, and nothing after a quarter of an hour: %s',
    async (_, end, calls) => {
      const name = uniqueName();
      end();
      await expectOutage(await signUp(name));
      expect(faults.calls).toEqual(calls);
      const leftover = lastAccountId();
      expect(await readSessions(leftover)).toHaveLength(1);

      faults.clear();
      expect(await signInStatus(name)).toBe(401);
      expect((await signUp(name, 'another password')).status).toBe(201);
      const owner = lastAccountId();
      await passClaimCheck(leftover);
      expect(await readStored(accountOf(leftover))).toEqual(NOTHING);

      // The account that did get the name has its own password, and knows that it has the name.
      expect(await readStored(accountOf(owner))).toMatchObject({
        tables: { account: [{ claim_check_at_ms: null }] },
      });
      expect(await signInStatus(name, 'another password')).toBe(200);
      expect(await signInStatus(name)).toBe(401);
    },
  );
});

describe('a sign-up whose claim was stored, but the answer lost', () => {
  it('answers 503, and the account can be used: now, and after it has looked for its claim', async () => {
    const name = uniqueName();
    faults.directory = at('INSERT', losesAnswer());
    await expectOutage(await signUp(name));
    const id = lastAccountId();
    faults.clear();
    expect((await signUp(name)).status).toBe(409);
    expect(await signInStatus(name)).toBe(200);
    expect(await readStored(accountOf(id))).toMatchObject({
      tables: { account: [{ claim_check_at_ms: expect.any(Number) }] },
    });
    await passClaimCheck(id);
    expect(await readStored(accountOf(id))).toMatchObject({
      tables: { account: [{ claim_check_at_ms: null }] },
    });
    expect(await signInStatus(`${name}@example.com`)).toBe(200);
  });
});

describe('a sign-up that loses its names to another', () => {
  /** Another sign-up for the same name comes in between the look-up and the claim. */
  async function loseNames(name: string): Promise<Response> {
    const rival = new Service();
    faults.directory = at('INSERT', async (call) => {
      const json = { username: name, email: `${name}@example.com`, password: 'another password' };
      expect((await rival.post('/register', { json })).status).toBe(201);
      return call();
    });
    return signUp(name);
  }

  it('answers 409 and is removed at once', async () => {
    const name = uniqueName();
    const response = await loseNames(name);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: 'username_taken' });
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await readStored(accountOf(lastAccountId()))).toEqual(NOTHING);
    expect(await signInStatus(name, 'another password')).toBe(200);
  });

  it('answers 503 when it cannot be removed, and removes itself within a quarter of an hour', async () => {
    const name = uniqueName();
    faults.account = at('destroy', fails());
    await expectOutage(await loseNames(name));
    const loser = lastAccountId();
    expect(await readSessions(loser)).toHaveLength(1);
    faults.clear();
    expect(await signInStatus(name)).toBe(401);
    expect(await signInStatus(name, 'another password')).toBe(200);
    await passClaimCheck(loser);
    expect(await readStored(accountOf(loser))).toEqual(NOTHING);
    expect(await signInStatus(name, 'another password')).toBe(200);
  });

  it('answers 503 when it was removed but the answer lost, and 409 at the next try', async () => {
    const name = uniqueName();
    faults.account = at('destroy', losesAnswer());
    await expectOutage(await loseNames(name));
    expect(await readStored(accountOf(lastAccountId()))).toEqual(NOTHING);
    faults.clear();
    expect((await signUp(name)).status).toBe(409);
  });
});
