// Attacks on the spelling of a token: other alphabets, padding, parts too few and too many, and sizes. The bytes behind most of
// them are the genuine ones: a token must have one spelling, or a list of revoked or seen ones is worth nothing.
import { MAX_TOKEN_LENGTH } from '../../src/tokens/jws.ts';
import { type Attack, decode, encode, type Subject, split } from './subject.ts';

const PARTS = ['header', 'payload', 'signature'] as const;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function encodingAttacks(): Attack[] {
  return [...PARTS.flatMap((_, index) => spellings(index)), ...shapes(), ...sizes()];
}

function malformed(name: string, forge: Attack['forge']): Attack {
  return { name, reason: 'token_malformed', forge };
}

/** One part of the genuine token, spelt in another way. */
function spellings(index: number): Attack[] {
  const part = PARTS[index];
  const respelt = (name: string, respell: (text: string) => string) =>
    malformed(`whose ${part} ${name}`, (subject) => withPart(subject, index, respell));
  return [
    respelt('is padded with =', (text) => `${text}=`),
    respelt('is padded with ==', (text) => `${text}==`),
    respelt('has = at its front', (text) => `=${text}`),
    respelt('is percent-encoded', (text) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`),
    respelt('has a space inside', (text) => insert(text, ' ')),
    respelt('has a tab inside', (text) => insert(text, '\t')),
    respelt('has a plus inside', (text) => insert(text, '+')),
    respelt('has a slash inside', (text) => insert(text, '/')),
    respelt('has a comma inside', (text) => insert(text, ',')),
    respelt('has a quote inside', (text) => insert(text, "'")),
    respelt('has a letter of another alphabet inside', (text) => insert(text, '\u00e9')),
    respelt('has a letter too many', (text) =>
      `${text}A`.padEnd(text.length + ((5 - (text.length % 4)) % 4 || 4), 'A'),
    ),
    respelt('is in hexadecimal', (text) => `0x${decode(text).toHex()}`),
    respelt('is empty', () => ''),
  ];
}

function shapes(): Attack[] {
  return [
    {
      name: 'whose signature ends in bits that mean nothing',
      // Only where the length leaves such bits; 64 bytes of ES256 and EdDSA do, 32 and 256 do as well.
      reason: 'token_malformed',
      forge: (subject) => withPart(subject, 2, flipUnusedBit),
    },
    malformed('of standard base64', (subject) =>
      subject.token
        .split('.')
        .map((part) => decode(part).toBase64())
        .join('.')
        .replaceAll(/[^+/=]+$/g, '$&='),
    ),
    malformed('of one part', (subject) => split(subject)[0]),
    malformed('of two parts', (subject) => split(subject).slice(0, 2).join('.')),
    malformed('of four parts', ({ token }) => `${token}.${token.split('.')[2]}`),
    malformed('of five parts, like an encrypted one', ({ token }) => `${token}.AAAA.AAAA`),
    malformed('with a dot at its front', ({ token }) => `.${token}`),
    malformed('with a dot at its end', ({ token }) => `${token}.`),
    malformed('with two dots between its parts', ({ token }) => token.replace('.', '..')),
    malformed('of dots alone', () => '..'),
    malformed('in the JSON serialization', (subject) => {
      const [header, payload, signature] = split(subject);
      return encode(JSON.stringify({ protected: header, payload, signature }));
    }),
    malformed('in quotes', ({ token }) => `'${token}'`),
    malformed('twice', ({ token }) => token + token),
    malformed('in base64url once more', ({ token }) => encode(token)),
    malformed('back to front', ({ token }) => [...token].reverse().join('')),
  ];
}

function sizes(): Attack[] {
  return [
    malformed('one letter longer than a token may be', ({ token }) =>
      token.padEnd(MAX_TOKEN_LENGTH + 1, 'A'),
    ),
    malformed('of 1 MB of junk', () => 'A'.repeat(1_000_000)),
    malformed('of 1 MB of dots', () => '.'.repeat(1_000_000)),
    malformed('with 1 MB of junk for a header', (subject) =>
      withPart(subject, 0, () => 'A'.repeat(1_000_000)),
    ),
    malformed('with 1 MB of junk for a payload', (subject) =>
      withPart(subject, 1, () => 'A'.repeat(1_000_000)),
    ),
    malformed('with 1 MB of junk for a signature', (subject) =>
      withPart(subject, 2, () => 'A'.repeat(1_000_000)),
    ),
    malformed('with 1 MB of deep nesting for a payload', (subject) =>
      withPart(subject, 1, () => encode(`{"a":${'['.repeat(700_000)}`)),
    ),
  ];
}

function withPart(subject: Subject, index: number, respell: (text: string) => string): string {
  return split(subject)
    .map((part, at) => (at === index ? respell(part) : part))
    .join('.');
}

function insert(text: string, more: string): string {
  const middle = text.length >> 1;
  return text.slice(0, middle) + more + text.slice(middle);
}

/** RFC 4648 section 3.5: 32, 64 and 256 bytes all leave two or four bits of the last letter unused. */
function flipUnusedBit(text: string): string {
  const last = ALPHABET.indexOf(text.slice(-1));
  return text.slice(0, -1) + ALPHABET.charAt(last ^ 1);
}
