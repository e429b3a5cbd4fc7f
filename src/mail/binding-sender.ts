// Mail through Cloudflare's e-mail binding (`send_email` in wrangler.toml). Locally, `wrangler dev` shows it instead.
import type { SendMail } from './mail.ts';

/** The part of the platform's binding that is used. */
export interface EmailBinding {
  send(message: { from: string; to: string; subject: string; text: string; html: string }): Promise<unknown>;
}

/** A sender over the binding. Rejects when the platform refuses, for instance an address that it may not send from. */
export function createBindingSender(binding: EmailBinding): SendMail {
  return async ({ from, to, subject, text, html }) => {
    await binding.send({ from, to, subject, text, html });
  };
}
