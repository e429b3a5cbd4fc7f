// Mail through an HTTPS webhook, for any other provider: the mail as JSON, signed as in Standard Webhooks 1.0.
import type { Mail, SendMail } from './mail.ts';
import { toWebhookKey } from './webhook-secret.ts';

/** A receiver that takes longer is asked again later. */
const TIMEOUT_MS = 10_000;

/**
 * A sender that POSTs each mail. The receiver checks `webhook-signature`: `v1,` and the base64 of HMAC-SHA-256 under the
 * key of the secret (webhook-secret.ts) over `<webhook-id>.<webhook-timestamp>.<body>`. Rejects on any response but 2xx.
 */
export function createWebhookSender(url: string, secret: string): SendMail {
  return async (mail) => {
    const body = JSON.stringify(mail);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = await signBody(secret, mail, timestamp, body);
    // Not AbortSignal.timeout: that timer runs on after the response, and keeps the account's object in memory with it.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          'webhook-id': mail.id,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${signature}`,
        },
        body,
        // A redirect would carry the mail, and the link in it, to a place that nobody named.
        redirect: 'manual',
        signal: deadline.signal,
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`mail webhook responded ${response.status}`);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function signBody(secret: string, { id }: Mail, timestamp: string, body: string): Promise<string> {
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey(
    'raw',
    toWebhookKey(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(`${id}.${timestamp}.${body}`));
  return new Uint8Array(mac).toBase64();
}
