// Values that are long enough for a secret and public, or without chance; and that no generator's secret is taken for one.
import { generateKeyPairSync, randomBytes, randomInt, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSecretFault, parseAccessKeys, parseRefreshSecrets } from '../../src/tokens/key-material.ts';
import { expectAbsent } from '../support/absence.ts';
import { makeJwk, toPublicJwk } from '../support/tokens.ts';

const jwk = toPublicJwk(await makeJwk('ES256', 'k'));
const set = JSON.stringify({ keys: [jwk] });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const base64url = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');
const spki = (pair: typeof ec) => pair.publicKey.export({ type: 'spki', format: 'der' });
const pkcs8 = (pair: typeof ec) => pair.privateKey.export({ type: 'pkcs8', format: 'der' });
const pem = ec.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const sshBlob = base64(
  Buffer.concat([Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1'), randomBytes(32)]),
);
// The start of a self-signed certificate: SEQUENCE { SEQUENCE { [0] { INTEGER 2 } …
const certificate = base64(
  Buffer.concat([Buffer.from('3082019a30820141a0030201020214', 'hex'), randomBytes(40)]),
);

const KINDS: [string, string, string][] = [
  ['a public P-256 key', base64(spki(ec)), 'a key in DER'],
  ['a public Ed25519 key', base64(spki(ed)), 'a key in DER'],
  ['a public RSA key', base64(spki(rsa)), 'a key in DER'],
  [
    'a public RSA key of PKCS #1',
    base64(rsa.publicKey.export({ type: 'pkcs1', format: 'der' })),
    'a key in DER',
  ],
  ['a private P-256 key', base64(pkcs8(ec)), 'a key in DER'],
  ['a private Ed25519 key in base64url', base64url(pkcs8(ed)), 'a key in DER'],
  ['a private RSA key', base64(pkcs8(rsa)), 'a key in DER'],
  [
    'a private RSA key of PKCS #1',
    base64(rsa.privateKey.export({ type: 'pkcs1', format: 'der' })),
    'a key in DER',
  ],
  [
    'a private P-256 key of SEC 1',
    base64(ec.privateKey.export({ type: 'sec1', format: 'der' })),
    'a key in DER',
  ],
  ['the first line of a key', base64(pkcs8(rsa)).slice(0, 65), 'a key in DER'],
  ['a key in hexadecimal digits', hex(spki(ed)), 'a key in DER'],
  ['the lines between those of a PEM', pem.split('\n').slice(1, -2).join('\n'), 'a key in DER'],
  ['such lines with \\n in them', pem.split('\n').slice(1, -2).join('\\n'), 'a key in DER'],
  ['a certificate', certificate, 'a certificate in DER'],
  ['an SSH key of a file', `ssh-ed25519 ${sshBlob} ada@example.com`, 'an SSH key'],
  ['an SSH key of the NIST', `ecdsa-sha2-nistp256 AAAAE2VjZHNh${'x1y2z3'.repeat(6)}`, 'an SSH key'],
  ['an SSH key without its kind', sshBlob, 'an SSH key'],
  ['a URL', 'https://auth.example.com/.well-known/jwks.json', 'a URL'],
  ['a database', 'postgres://ada:lovelace@db.example.com:5432/names', 'a URL'],
  ['a JWK Set in base64', base64(set), 'a JWK in base64'],
  ['a JWK in base64url', base64url(JSON.stringify(jwk, null, 2)), 'a JWK in base64'],
  ['a PEM in base64', base64(pem), 'a PEM in base64'],
  ['a JWT', `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url('{"role":"anon"}')}.c2ln`, 'a JWT'],
  ['a JWK in single quotes', `'${JSON.stringify(jwk)}'`, 'a JWK'],
  ['a JWK in double quotes', `"${JSON.stringify(jwk)}"`, 'a JWK'],
  ['a JWK as a JSON string', JSON.stringify(JSON.stringify(jwk)), 'a JWK'],
  ['a JWK without its end quote', `"${JSON.stringify(jwk).replaceAll('"', '\\"')}`, 'a JWK'],
  ['a letter 32 times', 's'.repeat(32), 'a short text repeated'],
  ['a letter 1000 times', '0'.repeat(1000), 'a short text repeated'],
  ['a few letters again and again', 'abc'.repeat(11), 'a short text repeated'],
  ['half a secret, twice', '9f86d081884c7d65'.repeat(2), 'a short text repeated'],
  ['the digits, cut', '0123456789'.repeat(5).slice(3, 36), 'a short text repeated'],
  ['a letter but for one', `${'a'.repeat(40)}b${'a'.repeat(3)}`, 'a text of few different characters'],
  ['the alphabet', 'abcdefghijklmnopqrstuvwxyz0123456789', 'a sequence of characters'],
  [
    'a placeholder of examples',
    'change-me-to-a-long-random-string-please',
    'a placeholder from documentation',
  ],
  ['another', 'CHANGEME-CHANGEME-0123-CHANGEME-XY', 'a placeholder from documentation'],
  [
    'a placeholder of tutorials',
    'your-256-bit-secret-goes-here-please-0',
    'a placeholder from documentation',
  ],
  ['a placeholder in brackets', '<a random string of 32 bytes or more>', 'a placeholder from documentation'],
  ['what jwt.io shows', 'a-string-secret-at-least-256-bits-long', 'a placeholder from documentation'],
  ['what jwt.io showed', 'qwertyuiopasdfghjklzxcvbnm123456', 'a placeholder from documentation'],
  [
    'the key of RFC 7515',
    'AyM1SysPpbyfDfZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'a placeholder from documentation',
  ],
];

describe('a value that is no random secret', () => {
  it.each(KINDS)('is refused by its kind, and never quoted: %s', (_, text, kind) => {
    const fault = `is ${kind}, not a random secret`;
    expect(findSecretFault(text)).toBe(fault);
    expect(parseRefreshSecrets(text)).toEqual({ ok: false, faults: [fault] });
    expect(parseAccessKeys(text)).toEqual({ ok: false, faults: [fault] });
    expectAbsent(fault, [text.slice(0, 12)]);
  });

  it.each([
    ['at the start', pem],
    ['after a byte order mark', `\ufeff${pem}`],
    ['after blanks', ` \n\t${pem}`],
    ['after the attributes that openssl writes', `Bag Attributes\n    friendlyName: k\n${pem}`],
    ['in quotes', `"${pem}"`],
    ['on one line', pem.replaceAll('\n', '\\n')],
  ])('is a PEM %s', (_, text) => {
    expect(findSecretFault(text)).toBe('is a PEM, not a random secret');
    expect(parseRefreshSecrets(text)).toEqual({ ok: false, faults: ['is a PEM, not a random secret'] });
    expect(parseAccessKeys(text)).toEqual({
      ok: false,
      faults: ['is a PEM or a list: a JWK or a JWK Set is needed'],
    });
  });

  it('is a JWK where only a secret may stand, and is not split at its commas', () => {
    expect(parseRefreshSecrets(set)).toEqual({ ok: false, faults: ['is a JWK, not a random secret'] });
    expect(findSecretFault(set)).toBe('is a JWK, not a random secret');
  });

  it('is found among several', () => {
    const sound = base64url(randomBytes(32));
    expect(parseRefreshSecrets(`${sound},${'s'.repeat(40)}`)).toEqual({
      ok: false,
      faults: ['secret 2: is a short text repeated, not a random secret'],
    });
  });
});

describe('a random secret', () => {
  const pick = (alphabet: string, length: number) =>
    Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  it.each<[string, () => string]>([
    ['openssl rand -hex 16', () => hex(randomBytes(16))],
    ['openssl rand -hex 32', () => hex(randomBytes(32))],
    ['openssl rand -base64 24', () => base64(randomBytes(24))],
    ['openssl rand -base64 32', () => base64(randomBytes(32))],
    ['openssl rand -base64 64', () => base64(randomBytes(64))],
    ['base64url of 32 bytes', () => base64url(randomBytes(32))],
    ['a UUID', () => randomUUID()],
    ['two UUIDs', () => `${randomUUID()}${randomUUID()}`],
    ['letters and digits', () => pick(`${letters}0123456789`, 32)],
    ['digits', () => pick('0123456789', 40)],
    ['all that a keyboard has', () => pick(`${letters}0123456789!"#$%&'()*+-./:;<=>?@[]^_{|}~`, 32)],
    ['base32', () => pick('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 52)],
  ])('passes, 10,000 times over: %s', (_, make) => {
    const faults = Array.from({ length: 10_000 }, make).flatMap((secret) => findSecretFault(secret) ?? []);
    expect(faults).toEqual([]);
  });

  it('passes, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 96 }), (bytes) => {
        // fast-check likes bytes that are all alike: those are no random secret, and are told by their form.
        const fault = findSecretFault(base64url(bytes));
        return fault === undefined || /repeated|few different|sequence/.test(fault);
      }),
      { numRuns: 2000 },
    );
  });
});
