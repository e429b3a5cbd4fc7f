// Attacks on the signature: changed, exchanged, made with a key of one's own; and changed claims under the genuine one.
import type { Algorithm } from '../../src/tokens/key-material.ts';
import { hmac, makeAccessKeys } from './access-keys.ts';
import {
  type Attack,
  decode,
  encode,
  type Members,
  type Subject,
  split,
  type TokenKind,
  withSignature,
} from './subject.ts';

type Change = (signature: Uint8Array) => Uint8Array;

const CHANGES: [string, Change][] = [
  ['with its first bit flipped', (signature) => xor(signature, 0, 0x80)],
  ['with its last bit flipped', (signature) => xor(signature, signature.length - 1, 0x01)],
  ['of zeros', (signature) => new Uint8Array(signature.length)],
  ['of ones', (signature) => new Uint8Array(signature.length).fill(0xff)],
  ['of random bytes', (signature) => crypto.getRandomValues(new Uint8Array(signature.length))],
  ['that lacks its last byte', (signature) => signature.subarray(0, -1)],
  ['that lacks its first byte', (signature) => signature.subarray(1)],
  ['with a zero at the end', (signature) => concat(signature, new Uint8Array(1))],
  ['with a zero at the front', (signature) => concat(new Uint8Array(1), signature)],
  ['of twice the length', (signature) => concat(signature, signature)],
  ['of half the length', (signature) => signature.subarray(0, signature.length / 2)],
  ['of one byte', () => new Uint8Array(1)],
  ['back to front', (signature) => signature.toReversed()],
  ['with its halves swapped', (signature) => swapHalves(signature)],
];

/** The order of P-256, and of Ed25519's subgroup (little-endian there). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Forgeries that only one algorithm knows. */
const SPECIAL: Record<Algorithm, [string, Change][]> = {
  HS256: [],
  ES256: [
    ['of r = 0 and s = 0', () => concat(big(0n), big(0n))],
    ['of r = 1 and s = 1', () => concat(big(1n), big(1n))],
    ['of r = n and s = n', () => concat(big(P256_ORDER), big(P256_ORDER))],
    ['of r = n - 1 and s = n - 1', () => concat(big(P256_ORDER - 1n), big(P256_ORDER - 1n))],
    ['with r negated', (signature) => concat(negate(signature.subarray(0, 32)), signature.subarray(32))],
    ['in DER', (signature) => toDer(signature)],
  ],
  EdDSA: [
    ['with the group order added to s', (signature) => addEd25519Order(signature)],
    ['of the identity point and s = 0', () => concat(Uint8Array.of(1), new Uint8Array(63))],
  ],
  RS256: [
    ['of the number 1', (signature) => big(1n, signature.length)],
    ['that is its own padding', (signature) => concat(Uint8Array.of(0, 1), signature.subarray(2).fill(0xff))],
  ],
};

export function signatureAttacks(kind: TokenKind, accessAlg: Algorithm): Attack[] {
  const alg = kind === 'access' ? accessAlg : 'HS256';
  const changed = [...CHANGES, ...SPECIAL[alg]].map(
    ([name, change]): Attack => ({
      name: `with a signature ${name}`,
      reason: 'token_forged',
      forge: (subject) => withSignature(subject, change(decode(split(subject)[2]))),
    }),
  );
  return [...changed, ...exchanged(alg), ...tamperedClaims(kind)];
}

function exchanged(alg: Algorithm): Attack[] {
  const forged = (name: string, forge: Attack['forge']): Attack => ({ name, reason: 'token_forged', forge });
  return [
    forged("with the signature of another person's token", (subject) =>
      withSignature(subject, decode(subject.otherPerson.split('.')[2] ?? '')),
    ),
    forged('with the signature of the other kind of token', (subject) =>
      withSignature(subject, decode(subject.otherKind.split('.')[2] ?? '')),
    ),
    forged('whose signature covers the payload only', async (subject) =>
      withSignature(subject, await subject.sign(split(subject)[1])),
    ),
    forged('whose signature covers the header only', async (subject) =>
      withSignature(subject, await subject.sign(split(subject)[0])),
    ),
    forged('whose signature covers the decoded parts', async (subject) =>
      withSignature(
        subject,
        await subject.sign(JSON.stringify(subject.header) + JSON.stringify(subject.claims)),
      ),
    ),
    forged('with a bare hash for a signature', async (subject) => {
      const signed = new TextEncoder().encode(subject.token.slice(0, subject.token.lastIndexOf('.')));
      return withSignature(subject, new Uint8Array(await crypto.subtle.digest('SHA-256', signed)));
    }),
    forged("signed with the attacker's own key under the genuine key's name", async (subject) => {
      const [header, payload] = split(subject);
      const signed = `${header}.${payload}`;
      const sign = alg === 'HS256' ? undefined : (await makeAccessKeys(alg)).sign;
      return `${signed}.${encode((await sign?.(signed)) ?? hmac('sha256', 'a secret of their own', signed))}`;
    }),
  ];
}

/** Claims that somebody would like to have, under the signature that they do have. */
function tamperedClaims(kind: TokenKind): Attack[] {
  const wishes: [string, (subject: Subject) => Members][] = [
    ['somebody else for a subject', ({ otherPerson }) => ({ sub: claimsOf(otherPerson).sub })],
    ["somebody else's session", ({ otherPerson }) => ({ sid: claimsOf(otherPerson).sid })],
    ["all of somebody else's claims", ({ otherPerson }) => claimsOf(otherPerson)],
    ['a year more to live', ({ claims }) => ({ exp: Number(claims.exp) + 31_536_000 })],
    ['a role', () => ({ role: 'admin' })],
    kind === 'access'
      ? ['another name', () => ({ username: 'admin' })]
      : ['a higher counter', ({ claims }) => ({ ctr: Number(claims.ctr) + 1 })],
  ];
  const attacks = wishes.map(
    ([name, wish]): Attack => ({
      name: `that was given ${name}`,
      reason: 'token_forged',
      forge: (subject) => withPayload(subject, JSON.stringify({ ...subject.claims, ...wish(subject) })),
    }),
  );
  return [
    ...attacks,
    {
      name: 'whose claims were put in another order',
      reason: 'token_forged',
      forge: (subject) =>
        withPayload(subject, JSON.stringify(Object.fromEntries(Object.entries(subject.claims).reverse()))),
    },
    {
      name: 'whose claims were given a space',
      reason: 'token_forged',
      forge: (subject) => withPayload(subject, `${JSON.stringify(subject.claims)} `),
    },
  ];
}

function withPayload(subject: Subject, payload: string): string {
  const [header, , signature] = split(subject);
  return `${header}.${encode(payload)}.${signature}`;
}

function claimsOf(token: string): Members {
  return JSON.parse(new TextDecoder().decode(decode(token.split('.')[1] ?? ''))) as Members;
}

function xor(bytes: Uint8Array, index: number, mask: number): Uint8Array {
  return bytes.map((byte, at) => (at === index ? byte ^ mask : byte));
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function swapHalves(bytes: Uint8Array): Uint8Array {
  return concat(bytes.subarray(bytes.length / 2), bytes.subarray(0, bytes.length / 2));
}

function big(number: bigint, length = 32): Uint8Array {
  return Uint8Array.fromHex(number.toString(16).padStart(length * 2, '0'));
}

function negate(r: Uint8Array): Uint8Array {
  return big(P256_ORDER - BigInt(`0x${r.toHex()}`));
}

/** RFC 8032 section 5.1.7: s must lie below the order, or every signature has a second spelling. */
function addEd25519Order(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${signature.subarray(32).toReversed().toHex()}`);
  return concat(signature.subarray(0, 32), big(s + ED25519_ORDER).toReversed());
}

/** ASN.1, as OpenSSL and Java write ECDSA signatures; a JWS has the two numbers side by side. */
function toDer(signature: Uint8Array): Uint8Array {
  const numbers = [signature.subarray(0, 32), signature.subarray(32)].map((number) =>
    concat(Uint8Array.of(2, 33, 0), number),
  );
  return concat(Uint8Array.of(0x30, 70), ...numbers);
}
