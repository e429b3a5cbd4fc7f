// Mails that somebody can cause: how many, to whom, and what may stand in them. And what delivering costs.
import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { randomId } from '../../src/domain/ids.ts';
import { RECIPIENT_LIMITS } from '../../src/domain/limits.ts';
import { FENCE_MS } from '../../src/domain/name-flow.ts';
import type { MailKind } from '../../src/mail/mail.ts';
import { fireAlarmIfSet, inStore, readAlarmMs, readStored, runInside } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { eventually } from '../support/eventually.ts';
import { captureLogs } from '../support/logs.ts';
import { awaitMail, deliveriesTo, failNext, holdMail, readLinkToken } from '../support/mailbox.ts';
import { expectProblem } from '../support/problem.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const service = new Service();

function askForChange(bearer: string, email: string): Promise<Response> {
  return service.fetch('/email', { method: 'PUT', bearer, json: { email, password: PASSWORD } });
}

/** Waits until nothing is left to be sent at this moment. */
function settle(id: string): Promise<void> {
  return eventually(async () =>
    expect(await inStore(id, ({ mail }) => mail.readNextDue(Date.now()))).toBeUndefined(),
  );
}

function deliveredKinds(address: string): string[] {
  return deliveriesTo(address).map(({ mail }) => mail.kind);
}

describe('one recipient', () => {
  it('is told of a change of an address that nobody confirmed, however often the password was changed', async () => {
    freezeClock();
    const ada = await service.register();
    let password = PASSWORD;
    for (let changed = 0; changed < RECIPIENT_LIMITS.unconfirmed_notice.burst; changed += 1) {
      const json = { currentPassword: password, newPassword: `a new long password ${changed}` };
      const response = await service.fetch('/password', { method: 'PUT', bearer: ada.accessToken, json });
      expect(response.status).toBe(204);
      password = json.newPassword;
      await settle(ada.id);
    }
    passSeconds(360);
    const json = { email: `attacker-${ada.email}`, password };
    const { accessToken: bearer } = await service.login(ada.name, password);
    expect((await service.fetch('/email', { method: 'PUT', bearer, json })).status).toBe(202);
    await settle(ada.id);
    expect(deliveredKinds(ada.email)).toContain('email_changing');
  });

  it('gets so many notices of changes from one that registers with the address and leaves it, again and again', async () => {
    freezeClock();
    const victim = `${uniqueName()}@example.com`;
    const { burst } = RECIPIENT_LIMITS.unconfirmed_change;
    for (let round = 0; round < burst; round += 1) {
      const json = { username: uniqueName(), email: victim, password: PASSWORD };
      const registered = await service.post('/register', { json });
      const { accessToken, user } = await registered.json<{ accessToken: string; user: { id: string } }>();
      const other = `${uniqueName()}@example.com`;
      expect((await askForChange(accessToken, other)).status).toBe(202);
      const token = readLinkToken(await awaitMail(other, 'confirm_new_email'));
      expect((await service.post('/email/verify', { json: { token } })).status).toBe(204);
      await settle(user.id);
      passSeconds(720);
    }
    const notices = deliveredKinds(victim).filter((kind) => kind.startsWith('email_chang'));
    // Two of each round were wanted, and ten rounds take less than the time of one more.
    expect(notices).toHaveLength(burst);
  });

  it('gets so many unsolicited mails a day from all accounts together', async () => {
    freezeClock();
    const victim = `${uniqueName()}@example.com`;
    const { burst, refillSeconds } = RECIPIENT_LIMITS.unsolicited;
    const lines = captureLogs({ withMails: true });
    let last = await service.register();
    for (let index = 0; index < burst + 3; index += 1) {
      last = await service.register();
      expect((await askForChange(last.accessToken, victim)).status).toBe(202);
      await settle(last.id);
    }
    expect(deliveriesTo(victim)).toHaveLength(burst);
    expect(lines.filter(({ text }) => text.includes('"reason":"over_limit"'))).toHaveLength(3);
    // It waits, and goes out once there is room.
    passSeconds(refillSeconds);
    await fireAlarmIfSet(last.id);
    await settle(last.id);
    expect(deliveriesTo(victim)).toHaveLength(burst + 1);
    const { results } = await env.DIRECTORY.prepare('SELECT recipient FROM mail_recipients').all();
    expect(JSON.stringify(results)).not.toContain('@');
  });

  it('gets a bounded number of mails from one that registers and deletes again and again', async () => {
    freezeClock();
    const name = uniqueName();
    const { burst } = RECIPIENT_LIMITS.unconfirmed;
    for (let index = 0; index < burst + 2; index += 1) {
      const ada = await service.register(name);
      await settle(ada.id);
      const gone = await service.fetch('/me', {
        ...{ method: 'DELETE', bearer: ada.accessToken, json: { password: PASSWORD } },
      });
      expect(gone.status).toBe(204);
      // As if the time had passed for which the names stay reserved, which would fill up the limits.
      await env.DIRECTORY.exec("DELETE FROM names WHERE state = 'released'");
    }
    const count = (kind: MailKind) =>
      deliveriesTo(`${name}@example.com`).filter(({ mail }) => mail.kind === kind).length;
    await eventually(() => expect(count('account_deleted')).toBe(burst));
    expect(count('verify_email')).toBe(burst);
  });

  it.each([true, false])(
    'gets the mails of its own account however many other accounts have written to it (confirmed: %s)',
    async (isConfirmed) => {
      freezeClock();
      const ada = await service.register();
      const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
      if (isConfirmed) await service.post('/email/verify', { json: { token } });
      for (let index = 0; index < 14; index += 1) {
        const other = await service.register();
        await askForChange(other.accessToken, ada.email);
        await settle(other.id);
      }
      // Every hour for a day: whoever cannot get a link cannot get in.
      for (let hour = 1; hour <= 24; hour += 1) {
        passSeconds(3600);
        for (let index = 0; index < 6; index += 1)
          await service.post('/password/forgot', { json: { email: ada.email } });
        await settle(ada.id);
        await awaitMail(ada.email, 'reset_password', hour);
      }
      await service.fetch('/password', {
        ...{ method: 'PUT', bearer: (await service.login(ada.name)).accessToken },
        json: { currentPassword: PASSWORD, newPassword: 'a better horse' },
      });
      await awaitMail(ada.email, 'password_changed');
    },
  );
});

describe('one account', () => {
  it('sends at most 20 notices of one kind a day, which hold up no other kind', async () => {
    freezeClock();
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    await service.post('/email/verify', { json: { token } });
    const kinds = ['password_changed', 'username_changed'] as const;
    await inStore(ada.id, ({ mail, limits }) => {
      for (let sent = 0; sent < 19; sent += 1) limits.take('notice', Date.now(), 'password_changed');
      // Of each kind, two wait at most.
      for (const kind of kinds)
        for (let index = 0; index < 3; index += 1) mail.enqueue(kind, ada.email, Date.now());
    });
    passSeconds(900);
    await fireAlarmIfSet(ada.id);
    await settle(ada.id);
    expect(deliveredKinds(ada.email).slice(1)).toEqual([
      'password_changed',
      'username_changed',
      'username_changed',
    ]);
  });

  it('tells a confirmed address of its change, however many notices were sent before', async () => {
    freezeClock();
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    await service.post('/email/verify', { json: { token } });
    await inStore(ada.id, ({ limits }) => {
      for (const kind of ['password_changed', 'email_changed'])
        while (limits.take('notice', Date.now(), kind).allowed);
    });
    const attacker = `attacker-${ada.email}`;
    expect((await askForChange(ada.accessToken, attacker)).status).toBe(202);
    const link = readLinkToken(await awaitMail(attacker, 'confirm_new_email'));
    expect((await service.post('/email/verify', { json: { token: link } })).status).toBe(204);
    await settle(ada.id);
    expect(deliveredKinds(ada.email).slice(1)).toEqual(['email_changing', 'email_changed']);
  });

  it('tells a former address of its change when the account is deleted before that mail went out', async () => {
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    await service.post('/email/verify', { json: { token } });
    const attacker = `attacker-${ada.email}`;
    await askForChange(ada.accessToken, attacker);
    const link = readLinkToken(await awaitMail(attacker, 'confirm_new_email'));
    await settle(ada.id);
    failNext(1);
    await service.post('/email/verify', { json: { token: link } });
    await settle(ada.id);
    expect(deliveredKinds(ada.email)).not.toContain('email_changed');
    const gone = { method: 'DELETE', bearer: ada.accessToken, json: { password: PASSWORD } };
    expect((await service.fetch('/me', gone)).status).toBe(204);
    await awaitMail(attacker, 'account_deleted');
    expect(deliveredKinds(ada.email)).toContain('email_changed');
  });

  it('does not count a notice as told by one that has waited for a day', async () => {
    freezeClock();
    const ada = await service.register();
    const queued = await inStore(ada.id, ({ mail }) => {
      const nowMs = Date.now();
      const ageMs = 86_400_000;
      for (const atMs of [nowMs - ageMs, nowMs - ageMs, nowMs, nowMs, nowMs])
        mail.enqueue('username_changed', 'someone@example.com', atMs);
      return mail.listNoticesToOthers(ada.email);
    });
    expect(queued).toHaveLength(4);
  });

  it('sends a notice whatever was requested before, and lets it wait for a week', async () => {
    freezeClock();
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    await service.post('/email/verify', { json: { token } });
    for (let hour = 0; hour < 8; hour += 1) {
      for (let index = 0; index < 6; index += 1)
        await service.post('/password/forgot', { json: { email: ada.email } });
      await settle(ada.id);
      passSeconds(3600);
    }
    failNext(1);
    const { accessToken } = await service.login(ada.name);
    expect((await askForChange(accessToken, `attacker-${ada.email}`)).status).toBe(202);
    await settle(ada.id);
    passSeconds(3 * 86_400);
    await fireAlarmIfSet(ada.id);
    await settle(ada.id);
    await awaitMail(ada.email, 'email_changing');
    expect(deliveriesTo(`attacker-${ada.email}`)).toHaveLength(1);
  });

  it('counts a mail once, however often the provider refuses it', async () => {
    freezeClock();
    failNext(3);
    const ada = await service.register();
    await settle(ada.id);
    for (const seconds of [60, 240, 960]) {
      passSeconds(seconds);
      await fireAlarmIfSet(ada.id);
      await settle(ada.id);
    }
    await awaitMail(ada.email, 'verify_email');
    const full = await inStore(ada.id, ({ limits }) => limits.peek('confirmation_mail', Date.now()));
    expect(full).toMatchObject({ allowed: true });
    const { limit_use } = (await readStored(accountOf(ada.id))).tables;
    const use = limit_use?.find(({ name }) => name === 'confirmation_mail');
    // One place: whole again an hour after it was counted.
    expect(Number(use?.full_at_ms) - Date.now()).toBeLessThanOrEqual(60 * 60_000);
  });
});

describe('a mail to an address that nobody has confirmed', () => {
  it('holds nothing that a user chose', async () => {
    const name = `buy-at-evil-example-${uniqueName()}`;
    const ada = await service.register(name);
    const other = `${uniqueName()}@example.com`;
    await service.post('/password/forgot', { json: { email: ada.email } });
    await askForChange(ada.accessToken, other);
    await service.fetch('/password', {
      ...{ method: 'PUT', bearer: ada.accessToken },
      json: { currentPassword: PASSWORD, newPassword: 'a better horse' },
    });
    await awaitMail(ada.email, 'password_changed');
    await settle(ada.id);
    const mails = [...deliveriesTo(ada.email), ...deliveriesTo(other)].map(({ mail }) => mail);
    expect(mails.length).toBeGreaterThanOrEqual(4);
    for (const { subject, text, html } of mails)
      expect(`${subject} ${text} ${html}`).not.toContain('buy-at-evil-example');
  });

  it('greets by name once it is', async () => {
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    await service.post('/email/verify', { json: { token } });
    await service.post('/password/forgot', { json: { email: ada.email } });
    expect((await awaitMail(ada.email, 'reset_password')).text).toContain(`Hello ${ada.name},`);
  });
});

describe('a provider that takes its time', () => {
  it('makes no alarm go off without rest', async () => {
    freezeClock();
    const release = holdMail();
    const ada = await service.register();
    // A second mail is due while the first one is under way.
    await service.post('/password/forgot', { json: { email: ada.email } });
    for (let firings = 0; firings < 3; firings += 1) {
      expect((await readAlarmMs(ada.id)) ?? 0).toBeGreaterThanOrEqual(Date.now() + 60_000);
      await fireAlarmIfSet(ada.id);
    }
    release();
    await awaitMail(ada.email, 'reset_password');
  });

  it('and a failure of every kind leave a second between two alarms at least', async () => {
    freezeClock();
    failNext(Number.POSITIVE_INFINITY);
    onTestFinished(() => failNext(0));
    const ada = await service.register();
    await settle(ada.id);
    const delays: number[] = [];
    await runInside(ada.id, (_, { storage }) => {
      const { setAlarm } = storage;
      // Recorded, and put off, so that the platform does not fire it while the clock stands.
      storage.setAlarm = (at) => {
        delays.push(Number(at) - Date.now());
        return setAlarm.call(storage, Date.now() + 3_600_000);
      };
    });
    await inStore(ada.id, ({ intents, mail, throttles }) => {
      // Without a name: the directory refuses it.
      intents.begin({ kind: 'rename', phase: 'adopted', accountId: ada.id }, Date.now() - FENCE_MS - 1);
      mail.enqueue('password_changed', ada.email, Date.now() - 1);
      throttles.write('other_browsers', { failures: 1, lastFailureAtMs: Date.now() - 90_000_000 });
    });
    for (let firings = 0; firings < 3; firings += 1) {
      await service.post('/password/forgot', { json: { email: ada.email } });
      await settle(ada.id);
      await fireAlarmIfSet(ada.id);
    }
    expect(delays.length).toBeGreaterThanOrEqual(3);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1_000);
  });

  it('does not send what was withdrawn meanwhile', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    const release = holdMail();
    // The reset mail is under way; the change of address waits behind it.
    await service.post('/password/forgot', { json: { email: ada.email } });
    const email = `attacker-${ada.name}@example.com`;
    await askForChange(ada.accessToken, email);
    await service.fetch('/sessions', { method: 'DELETE', bearer: ada.accessToken, cookie: ada.cookie });
    release();
    const reset = readLinkToken(await awaitMail(ada.email, 'reset_password'));
    await awaitMail(ada.email, 'email_changing');
    await settle(ada.id);
    expect(deliveriesTo(email)).toEqual([]);
    const late = await service.post('/password/reset', {
      json: { token: reset, newPassword: 'a better horse' },
    });
    await expectProblem(late, 400, 'invalid_link');
  });

  it('nor what was withdrawn while the directory was asked', async () => {
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    await settle(ada.id);
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const email = `attacker-${ada.name}@example.com`;
    await runInside(ada.id, (account) => {
      const { DIRECTORY } = Reflect.get(account, 'env') as Env;
      const slow = new Proxy(DIRECTORY, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (name !== 'prepare') return typeof member === 'function' ? member.bind(target) : member;
          return (sql: string) => {
            const statement = target.prepare(sql);
            if (!sql.startsWith('SELECT account_id AS id')) return statement;
            const first = async () => {
              asked.resolve();
              await gate.promise;
              return null;
            };
            return { bind: () => ({ first }) };
          };
        },
      });
      vi.spyOn(Reflect.get(account, 'env') as Env, 'DIRECTORY', 'get').mockReturnValue(slow);
    });
    await askForChange(ada.accessToken, email);
    await asked.promise;
    await service.fetch('/sessions', { method: 'DELETE', bearer: ada.accessToken, cookie: ada.cookie });
    gate.resolve();
    await awaitMail(ada.email, 'email_changing');
    vi.restoreAllMocks();
    expect(deliveriesTo(email)).toEqual([]);
    expect((await readStored(accountOf(ada.id))).tables.mail_token).toEqual([]);
  });

  it('nor a link to confirm an address that was confirmed meanwhile', async () => {
    freezeClock();
    const ada = await service.register();
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    failNext(1);
    await service.post('/email/verification', { bearer: ada.accessToken });
    await settle(ada.id);
    await service.post('/email/verify', { json: { token } });
    passSeconds(60);
    await fireAlarmIfSet(ada.id);
    await settle(ada.id);
    expect(deliveriesTo(ada.email)).toHaveLength(1);
  });

  it('survives the deletion of the account, which leaves nothing', async () => {
    const ada = await service.register();
    const release = holdMail();
    await service.post('/password/forgot', { json: { email: ada.email } });
    const rejections: unknown[] = [];
    const note = (event: PromiseRejectionEvent) => rejections.push(event.reason);
    addEventListener('unhandledrejection', note);
    const deleted = service.fetch('/me', {
      ...{ method: 'DELETE', bearer: ada.accessToken, json: { password: PASSWORD } },
    });
    await eventually(async () => expect((await readStored(accountOf(ada.id))).tables).toEqual({}));
    release();
    expect((await deleted).status).toBe(204);
    await awaitMail(ada.email, 'account_deleted');
    removeEventListener('unhandledrejection', note);
    expect(rejections).toEqual([]);
    expect(await readStored(accountOf(ada.id))).toEqual({ tables: {}, pairs: [], alarmMs: null });
  });
});

describe('links that nobody mailed', () => {
  it('reach no account: guessing creates no object', async () => {
    const ada = await service.register();
    const before = (await listDurableObjectIds(env.ACCOUNT)).length;
    const token = readLinkToken(await awaitMail(ada.email, 'verify_email'));
    const secret = token.split('.')[1] ?? '';
    for (let index = 0; index < 20; index += 1) {
      for (const made of [
        `${randomId()}.${'A'.repeat(43)}`,
        `${randomId()}.${secret}`,
        `${randomId()}.${randomId()}`,
      ]) {
        for (const [path, json] of [
          ['/email/verify', { token: made }],
          ['/password/reset', { token: made, newPassword: 'a better horse' }],
        ] as const)
          await expectProblem(await service.post(path, { json }), 400, 'invalid_link');
      }
    }
    expect((await listDurableObjectIds(env.ACCOUNT)).length).toBe(before);
  });
});
