// Which sender the settings name. The one place that knows them all.
import { createBindingSender, type EmailBinding } from './binding-sender.ts';
import type { SendMail } from './mail.ts';
import { createWebhookSender } from './webhook-sender.ts';

/** How mail goes out (`config.ts` reads it from the settings). */
export type MailSettings =
  | { kind: 'webhook'; from: string; url: string; secret: string }
  | { kind: 'binding'; from: string }
  | { kind: 'none' };

/** The sender of these settings; `undefined` when there is none. */
export function openMailer(settings: MailSettings, binding: EmailBinding | undefined): SendMail | undefined {
  if (settings.kind === 'webhook') return createWebhookSender(settings.url, settings.secret);
  return settings.kind === 'binding' && binding !== undefined ? createBindingSender(binding) : undefined;
}
