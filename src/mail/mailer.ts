// Which sender the settings name, and the one over Cloudflare's e-mail binding. (webhook-sender.ts has the other.)
import { withDeadline } from '../domain/deadline.ts';
import type { SendMail } from './mail.ts';
import { createWebhookSender } from './webhook-sender.ts';

/** How mail goes out (`config/` reads it from the settings). */
export type MailSettings =
  | { kind: 'webhook'; from: string; url: string; secret: string }
  | { kind: 'binding'; from: string }
  | { kind: 'none' };

/** The sender of these settings; `undefined` when there is none. */
export function openMailer(settings: MailSettings, binding: EmailBinding | undefined): SendMail | undefined {
  if (settings.kind === 'webhook') return createWebhookSender(settings.url, settings.secret);
  return settings.kind === 'binding' && binding !== undefined ? createBindingSender(binding) : undefined;
}

/** The part of the platform's binding that is used. */
export interface EmailBinding {
  send(message: { from: string; to: string; subject: string; text: string; html: string }): Promise<unknown>;
}

/** The same as that of the webhook. An account sends one mail at a time, so a call that never ends would stop all. */
const SEND_DEADLINE_MS = 10_000;

/**
 * A sender over Cloudflare's e-mail binding (`send_email` in wrangler.toml); `wrangler dev` shows the mail instead of sending it. Rejects
 * when the platform refuses, for instance an address that it may not send from, and when it does not respond.
 */
export function createBindingSender(binding: EmailBinding): SendMail {
  return async ({ from, to, subject, text, html }) => {
    await withDeadline(binding.send({ from, to, subject, text, html }), SEND_DEADLINE_MS);
  };
}
