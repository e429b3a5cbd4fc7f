// User names and e-mail addresses: what they may hold, and the key under which two of them are the same. Pure.
import { domainToASCII, domainToUnicode } from 'node:url';
import type { FieldErrorCode, FieldFault } from '../api/error-codes.ts';
import { EMAIL_MAX_LENGTH, USERNAME_MAX_LENGTH } from '../api/wire.ts';
import { isOneScript } from './scripts.ts';

/** A name that will do, or what is wrong with it. */
export type ParsedName = { ok: true; value: Name } | { ok: false; fault: FieldFault };

/** A name as it is shown, in NFKC and without blanks around it, and the key that it is compared by. */
export interface Name {
  display: string;
  key: string;
}

/** The keys that a typed name can stand under in the directory. */
export interface LookupKeys {
  /** What `parseUsername` and `parseEmail` make of it: one for all spellings. */
  canonical: string;
  /**
   * Where to look, best first. Always three, so that every lookup is the same work. Older accounts keep the key
   * of their address as it was typed, with a domain in Unicode or in Punycode.
   */
  stored: readonly [asTyped: string, canonical: string, inUnicode: string];
}

/** Shows as nothing: two names would look alike. */
const HIDDEN = /\p{Default_Ignorable_Code_Point}/u;

/** Letters and digits with the marks that belong to them, and the punctuation of names. U+3007 is the zero of Chinese. */
const USERNAME = /^(?:[\p{L}\p{Nd}\u3007][\p{Mn}\p{Mc}]*|[._'+-])+$/u;

/**
 * Not at either end: a full stop or an apostrophe is lost in a sentence, a leading hyphen is an option to a command, a
 * leading `+` or `-` a formula to a spreadsheet. And `_` alone is no name.
 */
const LOOSE_PUNCTUATION = /^[.'+-]|[.'+-]$|^[^\p{L}\p{Nd}\u3007]+$/u;

/**
 * What mail programs turn into a link without being asked: names end up in subjects and lists. Other endings are left
 * alone, since there are families called Ng, Li or Rio: mails must not show a name to somebody who never asked for them.
 */
const WEB_ADDRESS = /(?:^|['+])www\.|\.(?:com|net|org|info|biz|xyz|top|shop|site|online|app|dev)(?:$|['+])/;

/** Deliverable addresses, not all of RFC 5322: no quoted local part, no comment, no address literal. RFC 6531 for Unicode. */
const EMAIL =
  /^(?=.{1,64}@)[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*@[\p{L}\p{M}\p{N}.-]+$/u;

/**
 * What software on the way of a mail acts on: a route, an option or a file (`a%b@relay`, `host!user`, `-f`, `/dev/null`); an encoded word of RFC
 * 2047, which libraries decode into another address (`=?utf-8?q?ada=40example.net?=@example.com`); a command of a shell, or a
 * placeholder of a template (`|sh`, `` `id` ``, `${x}`, `{{x}}`).
 */
const ACTED_ON = /^[-/]|[%!?|`${}]/;

/** A host name of two labels or more, and no IPv4 address: the last label holds a letter. */
const HOST_NAME = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+(?=[^.]*[a-z])[a-z\d][a-z\d-]{0,61}[a-z\d]$/;

const BLANK = /[\p{White_Space}\ufeff]/u;

/** Reads a user name: 1 to 64 code points. */
export function parseUsername(text: string): ParsedName {
  const display = trimBlanks(text).normalize('NFKC');
  const key = toNameKey(display);
  if (key === '') return refuse('empty', 'must not be empty');
  if (!USERNAME.test(display) || HIDDEN.test(display))
    return refuse(
      'invalid_characters',
      "must consist of letters, digits and . _ - ' +, without spaces and without @",
    );
  if (longer(display, USERNAME_MAX_LENGTH) || longer(key, USERNAME_MAX_LENGTH))
    return refuseLong(USERNAME_MAX_LENGTH);
  if (LOOSE_PUNCTUATION.test(key))
    return refuse('loose_punctuation', 'must begin and end with a letter, a digit or _, and not be _ alone');
  if (!isOneScript(display))
    return refuse('mixed_scripts', 'must keep to the letters of one alphabet and to one kind of digits');
  if (WEB_ADDRESS.test(key))
    return refuse('web_address', 'must not be a web address: leave out the www. or the ending');
  return { ok: true, value: { display, key } };
}

/** Reads an e-mail address. Whether it exists is for a verification mail to find out. */
export function parseEmail(text: string): ParsedName {
  // What is canonically equivalent is the same text to every program; what only NFKC makes equal is another mailbox.
  const display = trimBlanks(text).normalize('NFC');
  if (display === '') return refuse('empty', 'must not be empty');
  if (display.length > EMAIL_MAX_LENGTH) return refuseLong(EMAIL_MAX_LENGTH);
  if (display.normalize('NFKC') !== display)
    return refuse(
      'styled_characters',
      'must be an e-mail address in plain characters, not in full-width or styled ones',
    );
  const at = display.lastIndexOf('@');
  const domain = readDomain(display.slice(at + 1));
  if (!EMAIL.test(display) || HIDDEN.test(display) || domain === undefined)
    return refuse('not_an_email', 'must be an e-mail address');
  const key = toEmailKey(display.slice(0, at), domain.ascii);
  if (key.length > EMAIL_MAX_LENGTH) return refuseLong(EMAIL_MAX_LENGTH);
  if (ACTED_ON.test(display))
    return refuse('unsafe_local_part', 'must not begin with - or /, nor contain any of % ! ? | ` $ { }');
  // Label by label: `例子.com` is what such domains look like.
  if (![display.slice(0, at), ...display.slice(at + 1).split('.')].every(isOneScript))
    return refuse(
      'mixed_scripts',
      'must keep to the letters of one alphabet before the @ and between two dots after it',
    );
  return { ok: true, value: { display, key } };
}

/** Reads what was typed at sign-in. Nothing is refused: an account may have a name that is no longer given out. */
export function toLookupKeys(text: string): LookupKeys {
  const typed = trimBlanks(text).normalize('NFKC');
  const asTyped = toNameKey(typed);
  const at = typed.lastIndexOf('@');
  const domain = at < 0 ? undefined : readDomain(typed.slice(at + 1));
  if (domain === undefined) return { canonical: asTyped, stored: [asTyped, asTyped, asTyped] };
  const local = typed.slice(0, at);
  const canonical = toEmailKey(local, domain.ascii);
  return { canonical, stored: [asTyped, canonical, toEmailKey(local, domain.unicode)] };
}

/**
 * An address as mail is sent to it: its domain in ASCII, by the mapping that its key was made with. Mail systems map a domain in Unicode by
 * rules of their own: `faß.de` of IDNA 2003 is `fass.de`, and of UTS 46 another domain.
 */
export function toMailAddress(email: string): string {
  const at = email.lastIndexOf('@');
  const domain = readDomain(email.slice(at + 1));
  return domain === undefined ? email : `${email.slice(0, at)}@${domain.ascii}`;
}

/** The key that names are compared by: NFKC, then lower case, then NFKC again (lower-casing can undo it). */
export function toNameKey(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}

/** Whether what was typed at sign-in is an e-mail address. User names cannot contain an at sign. */
export function isEmailKey(key: string): boolean {
  return key.includes('@');
}

/** Without the blanks around a name, which people paste along with it. Passwords are never trimmed. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && BLANK.test(text.charAt(start))) start += 1;
  while (start < end && BLANK.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function toEmailKey(local: string, domain: string): string {
  return toNameKey(`${local}@${domain}`);
}

/** Both forms of a domain name (UTS 46), or `undefined` for what is none. */
function readDomain(domain: string): { ascii: string; unicode: string } | undefined {
  // Nothing that the URL parser, which is called below, would take for a port, a path, an escape or another dot.
  // And no more than an address may hold: the work grows with the square of the length.
  if (domain.length > EMAIL_MAX_LENGTH || !/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain)) return undefined;
  const ascii = domainToASCII(domain);
  if (!HOST_NAME.test(ascii)) return undefined;
  const unicode = domainToUnicode(ascii);
  // The parser lets Punycode pass that stands for nothing, and hyphens beside a dot.
  if (/(?:^|\.)(?:xn--|-)|-(?:\.|$)/.test(unicode)) return undefined;
  return { ascii, unicode };
}

function refuse(code: FieldErrorCode, message: string, params?: FieldFault['params']): ParsedName {
  return { ok: false, fault: { code, message, ...(params && { params }) } };
}

function refuseLong(max: number): ParsedName {
  return refuse('too_long', `must be at most ${max} characters long`, { max });
}

function longer(text: string, max: number): boolean {
  return [...text].length > max;
}
