// The mail provider of the tests: the webhook that accounts send to, outside the service and so the one thing that is faked.

import { onTestFinished } from 'vitest';
import { toMailAddress } from '../../src/domain/names.ts';
import type { Mail, MailKind } from '../../src/mail/mail.ts';
import { eventually } from './eventually.ts';

export const WEBHOOK_URL = 'https://mail.test/hook';
export const WEBHOOK_SECRET = 'mail-webhook-secret-of-the-tests-0123456789';

export interface Delivery {
  mail: Mail;
  headers: Headers;
  body: string;
}

const deliveries: Delivery[] = [];
let failures = 0;
let held: Promise<void> | undefined;

/** Stands in for `fetch`: takes the mail, or responds 500 as often as `failNext` said. Every other address is refused. */
export async function receiveMail(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  if (request.url !== WEBHOOK_URL)
    throw new TypeError(`the tests have no network: ${new URL(request.url).origin}`);
  const body = await request.text();
  await held;
  if (failures > 0) {
    failures -= 1;
    return new Response(null, { status: 500 });
  }
  deliveries.push({ mail: JSON.parse(body) as Mail, headers: request.headers, body });
  return new Response(null, { status: 204 });
}

/** Lets the next deliveries fail, until the test ends. */
export function failNext(count: number): void {
  failures = count;
  onTestFinished(() => {
    failures = 0;
  });
}

/** Holds every delivery up until the returned function is called: a provider that takes its time. */
export function holdMail(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  return () => {
    held = undefined;
    resolve();
  };
}

/** What was delivered to an address, oldest first. */
export function deliveriesTo(address: string): Delivery[] {
  return deliveries.filter(({ mail }) => mail.to === toMailAddress(address));
}

/** Waits for the newest mail of a kind to an address: it is sent after the response that caused it. */
export function awaitMail(address: string, kind: MailKind, count = 1): Promise<Mail> {
  return eventually(() => {
    const mails = deliveriesTo(address).filter(({ mail }) => mail.kind === kind);
    const newest = mails.at(-1);
    if (newest === undefined || mails.length < count)
      throw new Error(`${mails.length} mails of kind ${kind}`);
    return newest.mail;
  });
}

/** The token that the link of a mail carries in its fragment. */
export function readLinkToken({ text }: Mail): string {
  const token = /#[a-z-]+=(\S+)/.exec(text)?.[1];
  if (token === undefined) throw new Error('the mail has no link');
  return token;
}
