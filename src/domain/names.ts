// User names and e-mail addresses: what they may hold, and the key under which two of them are the same. Pure.
import { EMAIL_MAX_LENGTH, USERNAME_MAX_LENGTH } from '../wire.ts';

/** A name that will do, or why it will not, in words for whoever typed it. */
export type ParsedName = { ok: true; value: Name } | { ok: false; message: string };

/** A name as typed, for display, and the key that it is compared by. */
export interface Name {
  display: string;
  key: string;
}

/**
 * Letters, marks, numbers, punctuation and symbols, without blanks and without `@`: a user name that looks like an
 * e-mail address could answer for somebody else's at sign-in. Control, format (among them the direction marks),
 * private-use and unassigned characters, lone surrogates and everything that shows as nothing (fillers, variation
 * selectors, the blank Braille pattern) are out: they make two different names look alike.
 */
const USERNAME = /^(?:(?![\p{Default_Ignorable_Code_Point}\u2800])[\p{L}\p{M}\p{N}\p{P}\p{S}])+$/u;

/** Deliverable addresses, not all of RFC 5322: no quoted local part, no comment, no address literal. RFC 6531 for Unicode. */
const EMAIL =
  /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]{1,64}@(?=.{1,253}$)(?:[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])$/u;

/** Reads a user name: 1 to 64 code points. */
export function parseUsername(text: string): ParsedName {
  const key = toNameKey(text);
  if (key === '') return { ok: false, message: 'must not be empty' };
  if (!text.isWellFormed() || !USERNAME.test(text) || !USERNAME.test(key) || key.includes('@')) {
    return {
      ok: false,
      message: 'must consist of letters, digits, punctuation and symbols, without spaces and without @',
    };
  }
  if (longer(text, USERNAME_MAX_LENGTH) || longer(key, USERNAME_MAX_LENGTH)) {
    return { ok: false, message: `must be at most ${USERNAME_MAX_LENGTH} characters long` };
  }
  return { ok: true, value: { display: text, key } };
}

/** Reads an e-mail address. Whether it exists is for a verification mail to find out. */
export function parseEmail(text: string): ParsedName {
  const key = toNameKey(text);
  if (key === '') return { ok: false, message: 'must not be empty' };
  if (text.length > EMAIL_MAX_LENGTH || key.length > EMAIL_MAX_LENGTH) {
    return { ok: false, message: `must be at most ${EMAIL_MAX_LENGTH} characters long` };
  }
  const hasEmptyLabel = key.includes('..') || key.startsWith('.') || key.includes('.@');
  if (!text.isWellFormed() || !EMAIL.test(text) || !EMAIL.test(key) || hasEmptyLabel) {
    return { ok: false, message: 'must be an e-mail address' };
  }
  return { ok: true, value: { display: text, key } };
}

/** The key that names and addresses are compared by: NFKC, then lower case, then NFKC again (lower-casing can undo it). */
export function toNameKey(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/** Whether what was typed at sign-in is an e-mail address. User names cannot contain an at sign. */
export function isEmailKey(key: string): boolean {
  return key.includes('@');
}

function longer(text: string, max: number): boolean {
  return [...text].length > max;
}
