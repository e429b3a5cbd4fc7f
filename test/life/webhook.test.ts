// The mail webhook as its receiver sees it: checked by the package of the Standard Webhooks specification.
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { createWebhookSender } from '../../src/mail/webhook-sender.ts';
import { expectAbsent } from '../support/absence.ts';
import { deliveriesTo, receiveMail, WEBHOOK_SECRET, WEBHOOK_URL } from '../support/mailbox.ts';
import { Service } from '../support/service.ts';

/** `whsec_` and so many bytes, of every value: both characters of base64 that base64url lacks occur. */
const makeSecret = (length: number) =>
  `whsec_${Uint8Array.from({ length }, (_, n) => (n * 167 + 251) % 256).toBase64()}`;

async function deliver(secret: string) {
  const to = `${crypto.randomUUID()}@example.com`;
  const texts = { subject: 'Für Zoë', text: 'Hello €', html: '<p>Hello €</p>' };
  const mail = {
    id: crypto.randomUUID(),
    kind: 'verify_email',
    from: 'no-reply@auth.test',
    to,
    ...texts,
  } as const;
  const asked = vi.spyOn(globalThis, 'fetch').mockImplementation(receiveMail);
  onTestFinished(() => asked.mockRestore());
  await createWebhookSender(WEBHOOK_URL, secret)(mail);
  const [delivery] = deliveriesTo(to);
  if (delivery === undefined) throw new Error('nothing was delivered');
  return { mail, body: delivery.body, headers: Object.fromEntries(delivery.headers) };
}

describe('a webhook secret with `whsec_`', () => {
  it.each([24, 32, 64])('is base64 of the key, which has %i bytes', async (length) => {
    const secret = makeSecret(length);
    const { mail, body, headers } = await deliver(secret);
    expect(new Webhook(secret).verify(body, headers)).toEqual(mail);
    expect(() => new Webhook(makeSecret(25)).verify(body, headers)).toThrow('No matching signature');
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow('No matching signature');
  });
});

describe('a webhook secret without it', () => {
  it('is the key as it stands', async () => {
    const { mail, body, headers } = await deliver(WEBHOOK_SECRET);
    expect(new Webhook(WEBHOOK_SECRET, { format: 'raw' }).verify(body, headers)).toEqual(mail);
  });
});

describe('the setting MAIL_WEBHOOK_SECRET', () => {
  const faultsOf = (secret: string) => {
    const settings = { MAIL_WEBHOOK_URL: WEBHOOK_URL, MAIL_WEBHOOK_SECRET: secret };
    const loaded = loadConfig(new Service(settings).env);
    return loaded.ok ? [] : loaded.faults;
  };

  it.each([24, 25, 26, 64])('takes `whsec_` and %i bytes', (length) => {
    expect(faultsOf(makeSecret(length))).toEqual([]);
  });

  it.each([
    ['nothing', 'whsec_'],
    ['base64url', makeSecret(32).replaceAll('+', '-')],
    ['no padding', makeSecret(32).replace('=', '')],
    ['too much padding', `${makeSecret(32)}=`],
    ['a blank', `${makeSecret(32)} `],
    ['bits that no byte has', makeSecret(32).replace(/.=$/, 't=')],
    ['a passphrase', 'whsec_correct horse battery staple of the tests'],
  ])('must be base64 after `whsec_`: %s', (_, secret) => {
    expect(faultsOf(secret)).toEqual([
      expect.stringMatching(
        /^MAIL_WEBHOOK_SECRET (starts with whsec_, but what follows is not base64|is too)/,
      ),
    ]);
  });

  it.each([
    [23, 'MAIL_WEBHOOK_SECRET is too short: 23 bytes after whsec_, 24 to 64 are needed'],
    [65, 'MAIL_WEBHOOK_SECRET is too long: 65 bytes after whsec_, 24 to 64 are needed'],
  ])('must hold 24 to 64 bytes after `whsec_`: %i', (length, fault) => {
    expect(faultsOf(makeSecret(length))).toEqual([fault]);
  });

  it('must have 32 bytes without `whsec_`', () => {
    const secret = 'Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9';
    expect(faultsOf(secret)).toEqual([]);
    expect(faultsOf(secret.slice(1))).toEqual([
      'MAIL_WEBHOOK_SECRET is too short: 31 bytes, at least 32 are needed',
    ]);
  });

  it('is never quoted in a fault', () => {
    const text = 'a-passphrase-that-nobody-should-read';
    expectAbsent(faultsOf(`whsec_${text}`).join(), [text]);
  });
});
