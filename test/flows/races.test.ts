// What comes while the directory is being asked: a sign-out, another request of the owner, a recovery, a deletion, another account.
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { findAccountId } from '../../src/directory/directory.ts';
import { DEVICE, inStore, NOTHING, openAccount, plantPending, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { holdCalls, interceptNames } from '../support/directory-faults.ts';
import { expectOutage } from '../support/faults.ts';
import { awaitMail, deliveriesTo, readLinkToken } from '../support/mailbox.ts';
import { expectSettled, isFree, settle } from '../support/names.ts';
import { expectProblem, INVALID_TOKEN } from '../support/problem.ts';
import { accountOf, decodePayload, PASSWORD, type Person, Service, uniqueName } from '../support/service.ts';

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';
const service = new Service({ ADMIN_TOKEN });
/** As long as any released name is kept: a user name for a week. */
const HOLD_SECONDS = 7 * 24 * 3600;

beforeEach(() => {
  freezeClock();
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

function rename({ accessToken }: { accessToken: string }, username: string): Promise<Response> {
  return service.fetch('/me', { method: 'PATCH', bearer: accessToken, json: { username } });
}

function askForChange({ accessToken }: Person, email: string): Promise<Response> {
  return service.fetch('/email', { method: 'PUT', bearer: accessToken, json: { email, password: PASSWORD } });
}

async function mailLink(ada: Person, email: string): Promise<string> {
  expect((await askForChange(ada, email)).status).toBe(202);
  return readLinkToken(await awaitMail(email, 'confirm_new_email'));
}

const verify = (token: string) => service.post('/email/verify', { json: { token } });

/** Does something while the directory is about to give an account a name, or just has. */
async function during<T>(
  id: string,
  request: () => Promise<T>,
  meanwhile: () => Promise<unknown>,
  when: 'before' | 'after' = 'after',
): Promise<T> {
  const held = holdCalls();
  let isFirst = true;
  await interceptNames(id, async (call, send) => {
    if (call !== 'reserve' || !isFirst) return send();
    isFirst = false;
    if (when === 'before') await held.wait();
    const result = await send();
    if (when === 'after') await held.wait();
    return result;
  });
  const running = request();
  await held.reached();
  await meanwhile();
  held.release();
  return running;
}

async function readNames(id: string): Promise<{ username: unknown; email: unknown }> {
  const account = await inStore(id, ({ accounts }) => accounts.readAccount());
  return { username: account?.username, email: account?.email };
}

/** The account is as it was, the new name is free, and so it stays. */
async function expectUnchanged(ada: Person, next: string): Promise<void> {
  for (const _ of ['now', 'after the alarm']) {
    expect(await readNames(ada.id)).toEqual({ username: ada.name, email: ada.email });
    expect(await isFree(next)).toBe(true);
    await settle(ada.id);
    await expectSettled(ada.id);
  }
}

describe.each(['before', 'after'] as const)('%s the directory has reserved a name', (when) => {
  it('a sign-out ends the change of the user name', async () => {
    const ada = await service.register();
    const next = uniqueName();
    const logout = () => service.post('/logout', { cookie: ada.cookie });
    const response = await during(ada.id, () => rename(ada, next), logout, when);
    await expectProblem(response, 401, 'session_ended', { challenge: INVALID_TOKEN });
    await expectUnchanged(ada, next);
  });

  it('another request for an address ends the change to the first one', async () => {
    const ada = await service.register();
    const next = `first-${ada.email}`;
    const token = await mailLink(ada, next);
    const response = await during(
      ada.id,
      () => verify(token),
      () => askForChange(ada, `second-${ada.email}`),
      when,
    );
    await expectProblem(response, 400, 'invalid_link');
    await expectUnchanged(ada, next);
    const second = readLinkToken(await awaitMail(`second-${ada.email}`, 'confirm_new_email'));
    expect((await verify(second)).status).toBe(204);
    await expectSettled(ada.id);
  });

  const recoveries: [string, (ada: Person) => Promise<unknown>][] = [
    [
      'the end of all sessions',
      (ada) => service.fetch('/sessions', { method: 'DELETE', bearer: ada.accessToken }),
    ],
    [
      'the end of the other sessions',
      (ada) => service.fetch('/sessions?keep=current', { method: 'DELETE', bearer: ada.accessToken }),
    ],
    [
      'a new password',
      (ada) =>
        service.fetch('/password', {
          ...{ method: 'PUT', bearer: ada.accessToken },
          json: { currentPassword: PASSWORD, newPassword: 'a better horse, with a battery' },
        }),
    ],
    [
      'an operator who disables the account',
      ({ id }) => service.post(`/admin/accounts/${id}/disable`, { bearer: ADMIN_TOKEN }),
    ],
  ];

  it.each(recoveries)('%s takes back a change of the address', async (_, recover) => {
    const ada = await service.register();
    const next = `attacker-${ada.email}`;
    const token = await mailLink(ada, next);
    const response = await during(
      ada.id,
      () => verify(token),
      () => recover(ada),
      when,
    );
    await expectProblem(response, 400, 'invalid_link');
    await expectUnchanged(ada, next);
    expect(deliveriesTo(ada.email).map(({ mail }) => mail.kind)).not.toContain('email_changed');
  });

  it.each(recoveries)('%s takes back a change of the user name', async (_, recover) => {
    const ada = await service.register();
    const next = uniqueName();
    // The caller's session lives on in some of them, and the change does not.
    const response = await during(
      ada.id,
      () => rename(ada, next),
      () => recover(ada),
      when,
    );
    expect(response.status).toBe(401);
    await expectUnchanged(ada, next);
  });

  it('a deletion waits for the change, and releases the old and the new name', async () => {
    const ada = await service.register();
    const next = uniqueName();
    const deleted: Promise<Response>[] = [];
    const json = { password: PASSWORD };
    const remove = async () =>
      deleted.push(service.fetch('/me', { method: 'DELETE', bearer: ada.accessToken, json }));
    expect((await during(ada.id, () => rename(ada, next), remove, when)).status).toBe(200);
    expect((await deleted[0])?.status).toBe(204);
    await settle(ada.id);
    await expectSettled(ada.id);
    for (const name of [ada.name, next, ada.email]) expect(await isFree(name)).toBe(false);
    passSeconds(HOLD_SECONDS);
    for (const name of [ada.name, next, ada.email]) expect(await isFree(name)).toBe(true);
  });

  it('another change waits for the first, and both are made', async () => {
    const ada = await service.register();
    const [first, second] = [uniqueName(), uniqueName()];
    const later: Promise<Response>[] = [];
    const again = async () => later.push(rename(ada, second));
    expect((await during(ada.id, () => rename(ada, first), again, when)).status).toBe(200);
    expect((await later[0])?.status).toBe(200);
    expect((await readNames(ada.id)).username).toBe(second);
    await expectSettled(ada.id);
    for (const former of [ada.name, first]) expect(await isFree(former)).toBe(false);
  });
});

describe('another account that wants the name', () => {
  it('does not get it while it is being reserved, nor while a token can carry it', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const next = uniqueName();
    const attempt = async () => expectProblem(await rename(bob, next), 409, 'username_taken');
    expect((await during(ada.id, () => rename(ada, next), attempt)).status).toBe(200);
    const former = decodePayload(ada.accessToken).username;
    expect(former).toBe(ada.name);
    passSeconds(599);
    // The last second in which the token of before is valid.
    await expectProblem(await rename(bob, ada.name), 409, 'username_taken');
    // An access token alone may have renamed it: the owner has a week to take the name back.
    passSeconds(HOLD_SECONDS - 600);
    await expectProblem(await rename(await login(bob), ada.name), 409, 'username_taken');
    passSeconds(1);
    expect((await rename(await login(bob), ada.name)).status).toBe(200);
    for (const person of [ada, bob]) await expectSettled(person.id);
  });

  it('does not get it when its holder was deleted since it was seen to have it', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const attempt = () => rename(bob, ada.name);
    const deletion = () => openAccount(ada.id).deleteByOperator(600);
    await expectProblem(await during(bob.id, attempt, deletion), 409, 'username_taken');
    await expectProblem(await during(bob.id, attempt, async () => undefined), 409, 'username_taken');
    expect(await isFree(ada.name)).toBe(false);
    await expectSettled(bob.id);
  });

  it('does not get the former name sooner because the account is deleted', async () => {
    const ada = await service.register();
    let isDown = true;
    await interceptNames(ada.id, (call, send) => {
      if (isDown && call === 'activate') throw new Error('the directory is down');
      return send();
    });
    expect((await rename(ada, uniqueName())).status).toBe(200);
    isDown = false;
    expect(await openAccount(ada.id).deleteByOperator(600)).toEqual({ ok: true });
    passSeconds(HOLD_SECONDS - 1);
    expect(await isFree(ada.name)).toBe(false);
    passSeconds(1);
    expect(await isFree(ada.name)).toBe(true);
  });

  it('does not get the name of a longer-lived token before that has expired', async () => {
    const slow = new Service({ ACCESS_TOKEN_TTL: '1h' });
    const [ada, bob] = [await slow.register(), await slow.register()];
    const json = { password: PASSWORD };
    expect((await slow.fetch('/me', { method: 'DELETE', bearer: ada.accessToken, json })).status).toBe(204);
    passSeconds(3600 + 59);
    const { accessToken } = await login(bob);
    await expectProblem(await rename({ accessToken }, ada.name), 409, 'username_taken');
    passSeconds(1);
    expect((await rename({ accessToken }, ada.name)).status).toBe(200);
  });

  it('does not get a name that its holder takes back within that time', async () => {
    const [ada, bob] = [await service.register(), await service.register()];
    const next = uniqueName();
    expect((await rename(ada, next)).status).toBe(200);
    passSeconds(60);
    expect((await rename(ada, ada.name)).status).toBe(200);
    passSeconds(HOLD_SECONDS);
    const { accessToken } = await login(bob);
    await expectProblem(await rename({ accessToken }, ada.name), 409, 'username_taken');
    expect(await findAccountId(env.DIRECTORY, ada.name)).toBe(ada.id);
    expect((await rename({ accessToken }, next)).status).toBe(200);
    for (const person of [ada, bob]) await expectSettled(person.id);
  });

  it('gets nothing from a change of case', async () => {
    const ada = await service.register();
    expect((await rename(ada, ada.name.toUpperCase())).status).toBe(200);
    await expectSettled(ada.id);
    passSeconds(HOLD_SECONDS);
    expect(await isFree(ada.name)).toBe(false);
    expect(await findAccountId(env.DIRECTORY, ada.name)).toBe(ada.id);
  });

  it('of six changes at once to one address gets it for one, and the others keep theirs', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => service.register()));
    const email = `${uniqueName()}@example.com`;
    const tokens: string[] = [];
    for (const [index, person] of people.entries()) {
      await askForChange(person, email);
      tokens.push(readLinkToken(await awaitMail(email, 'confirm_new_email', index + 1)));
    }
    const statuses = await Promise.all(tokens.map(async (token) => (await verify(token)).status));
    expect(statuses.sort()).toEqual([204, 409, 409, 409, 409, 409]);
    for (const { id } of people) await expectSettled(id);
  });
});

describe('an operator who deletes an account while the directory is down', () => {
  it('is told so, completes it by asking again, and has no refusal on record', async () => {
    const ada = await service.register();
    let isDown = true;
    await interceptNames(ada.id, (_, send) => (isDown ? Promise.reject(new Error('D1_ERROR')) : send()));
    const path = `/admin/accounts/${ada.id}`;
    const remove = () => service.fetch(path, { method: 'DELETE', bearer: ADMIN_TOKEN });
    await expectOutage(await remove());
    expect((await service.fetch(path, { bearer: ADMIN_TOKEN })).status).toBe(404);
    isDown = false;
    expect((await remove()).status).toBe(204);
    await settle(ada.id);
    await expectSettled(ada.id);
    const { results } = await env.DIRECTORY.prepare(
      'SELECT action, outcome FROM audit WHERE account_id = ? ORDER BY id',
    )
      .bind(ada.id)
      .all();
    expect(results).toEqual([
      { action: 'delete', outcome: 'requested' },
      { action: 'delete', outcome: 'done' },
    ]);
  });
});

describe('a change of an account whose registration turns out to have failed', () => {
  it('is refused, and nothing is left', async () => {
    const ada = await service.register();
    await plantPending(ada.id);
    const change = { sid: ada.sid, username: uniqueName(), accessTtlSeconds: 600 };
    expect(await openAccount(ada.id).rename(change, DEVICE)).toEqual({
      ok: false,
      reason: 'directory_unavailable',
    });
    expect(await readStored(accountOf(ada.id))).toEqual(NOTHING);
    expect(await isFree(change.username)).toBe(true);
  });
});

/** Another access token: the one of before may have expired. */
function login({ name }: Person) {
  return service.login(name);
}
