// Tokens of mailed links: the account's id, a dot, and 32 bytes in base64url: 24 random ones and a MAC over the id and
// those. The account stores the hash of the whole and decides; the MAC lets the Worker refuse made-up tokens without asking
// an account, so that guessing creates no object.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

const LABEL = 'latchkey/mail-token';
const RANDOM_BYTES = 24;
/** Nothing is granted by the MAC, so 64 bits are enough. */
const MAC_BYTES = 8;

/** Makes the second part of a token for an account, under the refresh secret that signs. */
export function mintMailToken(accountId: string, refreshSecret: string): string {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return Buffer.concat([random, macOf(accountId, random, refreshSecret)]).toString('base64url');
}

/** Takes a mailed token apart; `undefined` for one that no refresh secret of ours made. */
export function readMailToken(
  text: string,
  refreshSecrets: readonly string[],
): { accountId: string; token: string } | undefined {
  const [, accountId, token] = /^([\w-]{22})\.([\w-]{43})$/.exec(text) ?? [];
  if (accountId === undefined || token === undefined) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  const random = bytes.subarray(0, RANDOM_BYTES);
  const mac = bytes.subarray(RANDOM_BYTES);
  const isOurs = refreshSecrets.some((secret) => timingSafeEqual(mac, macOf(accountId, random, secret)));
  return isOurs ? { accountId, token } : undefined;
}

function macOf(accountId: string, random: Uint8Array, refreshSecret: string): Uint8Array {
  const key = hkdfSync('sha256', refreshSecret, '', LABEL, 32);
  return createHmac('sha256', new Uint8Array(key))
    .update(accountId)
    .update(random)
    .digest()
    .subarray(0, MAC_BYTES);
}
