// The key of the mail webhook, as operators write it: `whsec_` and base64, as in Standard Webhooks 1.0, or any long text.

const PREFIX = 'whsec_';
/** What the specification asks of a key, in bytes ("Signature scheme", symmetric). */
const KEY_BYTES = { min: 24, max: 64 };

/** Whether a secret is written as in Standard Webhooks. Any other is taken as it stands. */
export function isStandardSecret(secret: string): boolean {
  return secret.startsWith(PREFIX);
}

/** What is wrong with a secret that starts with `whsec_`, if anything. Never quotes it. */
export function findStandardSecretFault(secret: string): string | undefined {
  const key = decode(secret.slice(PREFIX.length));
  if (key === undefined) return `starts with ${PREFIX}, but what follows is not base64`;
  const { length } = key;
  if (length >= KEY_BYTES.min && length <= KEY_BYTES.max) return undefined;
  const fault = length < KEY_BYTES.min ? 'short' : 'long';
  return `is too ${fault}: ${length} bytes after ${PREFIX}, ${KEY_BYTES.min} to ${KEY_BYTES.max} are needed`;
}

/** The bytes to sign with. Throws when a secret that starts with `whsec_` is faulty, which the settings' check has ruled out. */
export function toWebhookKey(secret: string): Uint8Array {
  if (!isStandardSecret(secret)) return new TextEncoder().encode(secret);
  const key = decode(secret.slice(PREFIX.length));
  if (key === undefined) throw new RangeError('the webhook secret is not base64');
  return key;
}

/** Strictly: padded, without blanks, and spelt in the one way. `atob` alone forgives all three; receivers may not. */
function decode(base64: string): Uint8Array | undefined {
  try {
    const text = atob(base64);
    return btoa(text) === base64 ? Uint8Array.from(text, (char) => char.charCodeAt(0)) : undefined;
  } catch {
    return undefined;
  }
}
