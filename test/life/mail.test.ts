import { env } from 'cloudflare:workers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { sendFarewell } from '../../src/account/outbox.ts';
import { mailKinds } from '../../src/mail/mail.ts';
import { createBindingSender } from '../../src/mail/mailer.ts';
import { writeMail } from '../../src/mail/templates.ts';
import { createWebhookSender } from '../../src/mail/webhook-sender.ts';
import { expectAbsent } from '../support/absence.ts';
import { fireAlarmIfSet, inStore, openAccount, readStored } from '../support/account.ts';
import { freezeClock, passSeconds } from '../support/clock.ts';
import { interceptNames } from '../support/directory-faults.ts';
import { eventually } from '../support/eventually.ts';
import { captureLogs, type LogLine, parseLine } from '../support/logs.ts';
import {
  awaitMail,
  deliveriesTo,
  failNext,
  readLinkToken,
  WEBHOOK_SECRET,
  WEBHOOK_URL,
} from '../support/mailbox.ts';
import { accountOf, PASSWORD, Service, uniqueName } from '../support/service.ts';

const service = new Service();
const MAIL = {
  id: '1',
  kind: 'verify_email',
  from: 'a@b',
  to: 'c@d',
  subject: '',
  text: '',
  html: '',
} as const;
const CONTEXT = { username: 'ada', service: 'auth.test', appUrl: 'https://auth.test/account', token: 'a.b' };

/** How deliveries ended so far. */
function readReasons(lines: LogLine[]): unknown[] {
  return lines.map((line) => parseLine(line).reason);
}

describe('a mail', () => {
  it.each(mailKinds)('of kind %s says the same in plain text and in HTML', (kind) => {
    const { subject, text, html } = writeMail(kind, CONTEXT);
    expect(subject).toContain('auth.test');
    expect(text).toContain('Hello ada,');
    expect(html).toContain('<p>Hello ada,</p>');
    for (const line of text.trim().split('\n\n')) {
      if (line.startsWith('https://')) expect(html).toContain(`href="${line}"`);
      else expect(html).toContain(line);
    }
  });

  it('shows a user name as text, whatever is in it', () => {
    const { html } = writeMail('password_changed', { ...CONTEXT, username: '<b>"&\'' });
    expect(html).toContain('Hello &lt;b&gt;&quot;&amp;&#39;,');
  });
});

describe('the webhook', () => {
  it('gets the mail with a signature over its id, its time and its body', async () => {
    const nowMs = freezeClock();
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    const [delivery] = deliveriesTo(ada.email);
    const { headers, body, mail } = delivery ?? { headers: new Headers(), body: '', mail: undefined };
    const id = headers.get('webhook-id') ?? '';
    const timestamp = headers.get('webhook-timestamp') ?? '';
    expect(Number(timestamp)).toBe(Math.floor(nowMs / 1000));
    const encoder = new TextEncoder();
    const key = await crypto.subtle.importKey(
      'raw',
      encoder.encode(WEBHOOK_SECRET),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['verify'],
    );
    const [version, signature = ''] = (headers.get('webhook-signature') ?? '').split(',');
    expect(version).toBe('v1');
    const bytes = Uint8Array.fromBase64(signature);
    expect(await crypto.subtle.verify('HMAC', key, bytes, encoder.encode(`${id}.${timestamp}.${body}`))).toBe(
      true,
    );
    expect(mail).toMatchObject({ id, kind: 'verify_email', from: 'no-reply@auth.test', to: ada.email });
  });

  it('is not followed elsewhere, since a redirect would carry the link along', async () => {
    const asked = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(null, { status: 307 }));
    const send = createWebhookSender(WEBHOOK_URL, WEBHOOK_SECRET);
    await expect(send(MAIL)).rejects.toThrow('mail webhook responded 307');
    expect(asked.mock.calls[0]?.[1]).toMatchObject({ redirect: 'manual' });
    asked.mockRestore();
  });

  it('that does not respond is given up after ten seconds, and one that does leaves no timer behind', async () => {
    vi.useFakeTimers();
    const asked = vi.spyOn(globalThis, 'fetch').mockImplementationOnce(
      (_, init) =>
        new Promise((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(new Error('given up')));
        }),
    );
    const send = createWebhookSender(WEBHOOK_URL, WEBHOOK_SECRET);
    const sent = expect(send(MAIL)).rejects.toThrow('given up');
    await eventually(() => expect(asked).toHaveBeenCalledOnce());
    await vi.advanceTimersByTimeAsync(10_000);
    await sent;
    await send(MAIL);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    asked.mockRestore();
  });

  it('that refuses is a failure', async () => {
    failNext(1);
    const send = createWebhookSender(WEBHOOK_URL, WEBHOOK_SECRET);
    await expect(send(MAIL)).rejects.toThrow('mail webhook responded 500');
  });
});

describe("Cloudflare's binding", () => {
  it('takes a mail', async () => {
    const mail = { id: '1', kind: 'verify_email', from: 'a@auth.test', to: 'c@example.com' } as const;
    await createBindingSender(env.EMAIL)({ ...mail, ...writeMail('verify_email', CONTEXT) });
  });

  it('is given up after ten seconds without a response', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let outcome = 'pending';
    void createBindingSender({ send: () => new Promise(() => undefined) })(MAIL).catch((error: Error) => {
      outcome = error.message;
    });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(outcome).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(outcome).toBe('deadline exceeded');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a service without a way to send mail', () => {
  it('logs every mail that it loses as an error', async () => {
    const ada = await service.register();
    const account = await inStore(ada.id, (state) => state.accounts.readAccount());
    if (account === undefined) throw new Error('the account is gone');
    const lines = captureLogs({ withMails: true });
    const settings = { MAIL_WEBHOOK_URL: '', MAIL_WEBHOOK_SECRET: '', EMAIL: undefined };
    // A deployment without the binding; `Env` says that there is one.
    await sendFarewell(account, [], { ...env, ...settings } as unknown as Env);
    expect(lines.map(({ level }) => level)).toEqual(['error']);
    expect(parseLine(lines[0])).toEqual({
      event: 'mail',
      code: 'unavailable',
      reason: 'no_sender',
      kind: 'account_deleted',
      accountId: ada.id,
      attempts: 1,
    });
  });
});

describe('a delivery that fails', () => {
  it('neither fails nor delays the request, and is tried again by the alarm, with a link of its own', async () => {
    freezeClock();
    failNext(2);
    const lines = captureLogs({ withMails: true });
    const ada = await service.register();
    await eventually(() => expect(readReasons(lines)).toContain('failed'));
    expect(deliveriesTo(ada.email)).toEqual([]);
    passSeconds(60);
    await fireAlarmIfSet(ada.id);
    await eventually(() =>
      expect(readReasons(lines).filter((reason) => reason === 'failed')).toHaveLength(2),
    );
    passSeconds(240);
    await fireAlarmIfSet(ada.id);
    const mail = await awaitMail(ada.email, 'verify_email');
    const verified = await service.post('/email/verify', { json: { token: readLinkToken(mail) } });
    expect(verified.status).toBe(204);
    const { outbox } = (await readStored(accountOf(ada.id))).tables;
    expect(outbox).toEqual([
      expect.objectContaining({ kind: 'verify_email', attempts: 3, done_at_ms: expect.any(Number) }),
    ]);
  });

  it.each([
    ['verify_email', '/email/verification'],
    ['reset_password', '/password/forgot'],
  ] as const)('is not made up for once its address was given up: %s', async (kind, ask) => {
    freezeClock();
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    const next = `${uniqueName()}@example.com`;
    const change = { email: next, password: PASSWORD };
    await service.fetch('/email', { method: 'PUT', bearer: ada.accessToken, json: change });
    const link = readLinkToken(await awaitMail(next, 'confirm_new_email'));
    await awaitMail(ada.email, 'email_changing');
    const lines = captureLogs({ withMails: true });
    failNext(1);
    await service.post(ask, { bearer: ada.accessToken, json: { email: ada.email } });
    await eventually(() => expect(readReasons(lines)).toContain('failed'));
    const before = deliveriesTo(ada.email).filter(({ mail }) => mail.kind === kind).length;
    expect((await service.post('/email/verify', { json: { token: link } })).status).toBe(204);
    await awaitMail(ada.email, 'email_changed');
    passSeconds(60);
    await fireAlarmIfSet(ada.id); // Perhaps it has rung: the clock stands, the platform's does not.
    await service.post('/password/forgot', { json: { email: next } });
    await awaitMail(next, 'reset_password');
    expect(deliveriesTo(ada.email).filter(({ mail }) => mail.kind === kind)).toHaveLength(before);
    expect((await readStored(accountOf(ada.id))).tables.mail_token).not.toContainEqual(
      expect.objectContaining({ email: ada.email }),
    );
  });

  it('is not made up for when another address was asked for meanwhile', async () => {
    freezeClock();
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    const [first, second] = [`${uniqueName()}@example.com`, `${uniqueName()}@example.com`];
    const ask = (email: string) => {
      const json = { email, password: PASSWORD };
      return service.fetch('/email', { method: 'PUT', bearer: ada.accessToken, json });
    };
    failNext(2);
    await ask(first);
    // Both mails of it.
    await eventually(async () =>
      expect(await inStore(ada.id, ({ mail }) => mail.readNextDue(Date.now()))).toBeUndefined(),
    );
    await ask(second);
    await awaitMail(ada.email, 'email_changing');
    await awaitMail(second, 'confirm_new_email');
    passSeconds(60);
    await fireAlarmIfSet(ada.id);
    await service.post('/email/verification', { bearer: ada.accessToken });
    await awaitMail(ada.email, 'verify_email', 2);
    expect(deliveriesTo(first)).toEqual([]);
  });

  it('is given up after a day, and said so', async () => {
    freezeClock();
    failNext(Number.POSITIVE_INFINITY);
    const lines = captureLogs({ withMails: true });
    const ada = await service.register();
    await eventually(() => expect(readReasons(lines)).toContain('failed'));
    passSeconds(24 * 3600);
    await fireAlarmIfSet(ada.id);
    await eventually(() => expect(readReasons(lines)).toContain('given_up'));
    failNext(0);
    passSeconds(24 * 3600);
    await fireAlarmIfSet(ada.id);
    expect(deliveriesTo(ada.email)).toEqual([]);
  });

  it('logs neither the address nor the link', async () => {
    failNext(1);
    const lines = captureLogs({ withMails: true });
    const ada = await service.register();
    await eventually(() => expect(readReasons(lines)).toContain('failed'));
    const log = lines.map(({ text }) => text).join('\n');
    expectAbsent(log, [ada.email, 'verify-email=', 'mail.test']);
  });
});

describe('an account that is being deleted', () => {
  it('gets no link any more, which could only be refused', async () => {
    freezeClock();
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const ada = await service.register();
    await awaitMail(ada.email, 'verify_email');
    let isDown = true;
    await interceptNames(ada.id, (_, send) => {
      if (isDown) throw new Error('the directory is down');
      return send();
    });
    expect(await openAccount(ada.id).deleteByOperator(600)).toEqual({
      ok: false,
      reason: 'directory_unavailable',
    });
    await inStore(ada.id, ({ mail, accounts }) => {
      mail.enqueue('reset_password', accounts.readAccount()?.email ?? '', Date.now());
    });
    const lines = captureLogs({ withMails: true });
    passSeconds(120);
    await fireAlarmIfSet(ada.id);
    await eventually(() => expect(readReasons(lines)).toContain('withdrawn'));
    expect(deliveriesTo(ada.email).map(({ mail }) => mail.kind)).toEqual(['verify_email']);
    isDown = false;
  });
});
