// Which passwords may be chosen. Pure. NIST SP 800-63B-4 section 3.1.1.2: length and a blocklist, no composition rule.
import type { FieldFault } from '../api/error-codes.ts';
import { PASSWORD_MAX_LENGTH } from '../api/wire.ts';
import { isCommonPassword } from './common-passwords.ts';
import { toLookupKeys, toNameKey } from './names.ts';

/** A name this short is a syllable, not a giveaway: passwords that hold it are not refused for it. */
const MIN_REVEALING_NAME_LENGTH = 4;

/**
 * The form of a password that is hashed: NFKC, so that the same keys typed on another system still fit
 * (SP 800-63B-4 section 3.1.1.2). `undefined` for a lone surrogate: UTF-8 has no form for it, and all would collide.
 */
export function normalizePassword(password: string): string | undefined {
  return password.isWellFormed() ? password.normalize('NFKC') : undefined;
}

/** What is wrong with a password that somebody wants to set, if anything. */
export function findPasswordFault(
  password: string,
  owner: { username: string; email: string },
  minLength: number,
): FieldFault | undefined {
  const normalized = normalizePassword(password);
  if (normalized === undefined) return { code: 'invalid_unicode', message: 'must be valid Unicode text' };
  const length = [...normalized].length;
  if (length < minLength) {
    const message = `must be at least ${minLength} characters long`;
    return { code: 'too_short', message, params: { min: minLength } };
  }
  if (length > PASSWORD_MAX_LENGTH) {
    const message = `must be at most ${PASSWORD_MAX_LENGTH} characters long`;
    return { code: 'too_long', message, params: { max: PASSWORD_MAX_LENGTH } };
  }
  const key = toNameKey(normalized);
  if (isCommonPassword(key)) {
    const message = 'is one of the most common passwords; choose one that others would not guess';
    return { code: 'common_password', message };
  }
  if (revealsName(key, toLookupKeys(owner.username).canonical))
    return { code: 'contains_username', message: 'must not be your user name' };
  const addresses = toLookupKeys(owner.email).stored.flatMap((email) => [
    email,
    email.slice(0, email.lastIndexOf('@')),
  ]);
  if (addresses.some((name) => revealsName(key, name)))
    return { code: 'contains_email', message: 'must not be your e-mail address' };
  return undefined;
}

/** The name itself, its reverse, or the name with up to three characters around it ("ada.lovelace1", "!ada.lovelace"). */
function revealsName(key: string, name: string): boolean {
  if (key === name || key === [...name].reverse().join('')) return true;
  return name.length >= MIN_REVEALING_NAME_LENGTH && key.includes(name) && key.length - name.length <= 3;
}
