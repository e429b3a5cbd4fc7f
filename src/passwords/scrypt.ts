// Password hashes: format, parameters, hashing and verification. It chooses no policy and touches no storage.
// scrypt (RFC 7914) from node:crypto, native in workerd; stored as a PHC string: $scrypt$ln=14,r=8,p=5$salt$hash.
import { scryptSync, timingSafeEqual } from 'node:crypto';

export interface ScryptParameters {
  /** log2 of the cost N. */
  ln: number;
  r: number;
  p: number;
}

/** OWASP Password Storage Cheat Sheet, 2025: N=2^14, r=8, p=5 (16 MiB). */
export const TODAYS_PARAMETERS: Readonly<ScryptParameters> = Object.freeze({ ln: 14, r: 8, p: 5 });

/** The platform refuses more (N·r·p). Said here in words, so that nobody has to find it in a stack trace. */
const PLATFORM_COST_LIMIT = 2 ** 20;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** scrypt works in 128·(N·r + r·p + 2r) bytes, which the limit above keeps below this; node:crypto's default is 32 MiB. */
const MAX_MEMORY_BYTES = 256 * 2 ** 20;

/** The parameters are positive and without leading zeros: workerd would take r=0, and hash nothing. */
const PHC =
  /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d{0,2}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Hashes a password under today's parameters and a fresh salt. Takes 0.1 to 0.2 s of CPU, on purpose. */
export function hashPassword(password: string, parameters: ScryptParameters = TODAYS_PARAMETERS): string {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const key = deriveKey(password, salt, KEY_BYTES, parameters);
  const { ln, r, p } = parameters;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${toBase64(salt)}$${toBase64(key)}`;
}

/** Checks a password against a stored hash, under the parameters stored with it. Throws when the hash is not one of ours. */
export function verifyPassword(password: string, passwordHash: string): boolean {
  const stored = parseHash(passwordHash);
  return timingSafeEqual(deriveKey(password, stored.salt, stored.key.length, stored), stored.key);
}

/** Whether a stored hash is weaker than today's parameters, so that the next sign-in should replace it. */
export function isOutdatedHash(passwordHash: string): boolean {
  const { ln, r, p } = parseHash(passwordHash);
  const today = TODAYS_PARAMETERS;
  return 2 ** ln * r * p < 2 ** today.ln * today.r * today.p || 2 ** ln * r < 2 ** today.ln * today.r;
}

/** A hash that no password fits, at today's cost: what an unknown name is checked against. */
export const DECOY_HASH = `$scrypt$ln=${TODAYS_PARAMETERS.ln},r=${TODAYS_PARAMETERS.r},p=${TODAYS_PARAMETERS.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

function parseHash(passwordHash: string): ScryptParameters & { salt: Uint8Array; key: Uint8Array } {
  const [, ln, r, p, salt, key] = PHC.exec(passwordHash) ?? [];
  const isComplete = ln !== undefined && r !== undefined && p !== undefined;
  if (!isComplete || !isBase64(salt) || !isBase64(key)) {
    // The hash itself stays out of the message: messages are logged.
    throw new Error('stored password hash is not a PHC string of scrypt');
  }
  return { ln: Number(ln), r: Number(r), p: Number(p), salt: fromBase64(salt), key: fromBase64(key) };
}

function deriveKey(
  password: string,
  salt: Uint8Array,
  keyBytes: number,
  { ln, r, p }: ScryptParameters,
): Uint8Array {
  if (2 ** ln * r * p > PLATFORM_COST_LIMIT) {
    throw new RangeError(
      `scrypt ln=${ln},r=${r},p=${p} is over the platform's limit: N*r*p must be at most 2^20`,
    );
  }
  const passwordBytes = new TextEncoder().encode(password);
  return scryptSync(passwordBytes, salt, keyBytes, { N: 2 ** ln, r, p, maxmem: MAX_MEMORY_BYTES });
}

/** The PHC string format's base64: the standard alphabet, without padding. */
function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('=', '');
}

/** The alphabet was checked; one character more than a multiple of four stands for no whole byte. */
function isBase64(text: string | undefined): text is string {
  return text !== undefined && text.length % 4 !== 1;
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
