// Attacks on the algorithm: none, others than the key's, and the key of one algorithm taken for that of another.
import type { Algorithm } from '../../src/tokens/key-material.ts';
import { ACCESS_SECRET, REFRESH_SECRET } from '../support/service.ts';
import { hmac, PUBLIC_FORMS } from './access-keys.ts';
import {
  type Attack,
  encode,
  type Subject,
  split,
  type TokenKind,
  withHeader,
  without,
  withSignature,
} from './subject.ts';

const OTHER_NAMES = [
  ...['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES256K'],
  ...[
    'ES384',
    'ES512',
    'EdDSA',
    'Ed25519',
    'Ed448',
    'dir',
    'A256GCM',
    'RSA-OAEP',
    '',
    'toString',
    '__proto__',
  ],
];

const MISTYPED: [string, unknown][] = [
  ['null', null],
  ['a number', 256],
  ['true', true],
  ['a list', ['HS256']],
  ['an object', { name: 'HS256' }],
];

/** `accessAlg` is the algorithm of access tokens; refresh tokens are HS256 in any case. */
export function algorithmAttacks(kind: TokenKind, accessAlg: Algorithm): Attack[] {
  const alg = kind === 'access' ? accessAlg : 'HS256';
  return [
    ...noneAttacks(),
    ...otherAlgorithms(alg),
    ...siblings(alg),
    ...mistypedAlgorithms(),
    ...confusions(kind, accessAlg),
  ];
}

function noneAttacks(): Attack[] {
  const casings = Array.from({ length: 16 }, (_, bits) =>
    [...'none'].map((letter, index) => ((bits >> index) & 1 ? letter.toUpperCase() : letter)).join(''),
  );
  return casings.flatMap((none): Attack[] => [
    {
      name: `of algorithm "${none}" without a signature`,
      reason: 'token_malformed',
      forge: (subject) => `${encode({ ...subject.header, alg: none })}.${split(subject)[1]}.`,
    },
    {
      name: `of algorithm "${none}" with a signature of the right key`,
      reason: 'token_unknown_key',
      forge: (subject) => withHeader(subject, { ...subject.header, alg: none }),
    },
  ]);
}

/** Signed by the right key in the right way: only the name is wrong. */
function otherAlgorithms(alg: Algorithm): Attack[] {
  const respelt = [alg.toLowerCase(), `${alg} `, ` ${alg}`, `${alg}\0`, alg.slice(0, -1), `${alg},none`];
  return [...OTHER_NAMES.filter((name) => name !== alg), ...respelt].map((name) => ({
    name: `of algorithm ${JSON.stringify(name)}`,
    reason: 'token_unknown_key',
    forge: (subject) => withHeader(subject, { ...subject.header, alg: name }),
  }));
}

/** What the right key can do beside its own algorithm, done properly: the name alone stands against it. */
function siblings(alg: Algorithm): Attack[] {
  const names = { HS256: ['HS384', 'HS512'], RS256: ['RS384', 'RS512', 'PS256'], ES256: [], EdDSA: [] }[alg];
  return names.map((name) => ({
    name: `of ${name}, signed so with the right key`,
    reason: 'token_unknown_key',
    forge: async (subject) => {
      const signed = `${encode({ ...subject.header, alg: name })}.${split(subject)[1]}`;
      return `${signed}.${encode(await signAs(name, subject, signed))}`;
    },
  }));
}

async function signAs(name: string, { kind, accessKeys }: Subject, signed: string): Promise<Uint8Array> {
  const hash = `SHA-${name.slice(2)}`;
  if (name.startsWith('HS')) {
    const secret = kind === 'access' ? accessKeys.setting : REFRESH_SECRET;
    return hmac(hash.replace('-', ''), secret, signed);
  }
  const algorithm = { name: name.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash, saltLength: 32 };
  const { alg: _, ...jwk } = JSON.parse(accessKeys.setting) as JsonWebKey;
  const key = await crypto.subtle.importKey('jwk', { ...jwk, key_ops: ['sign'] }, algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(signed)));
}

function mistypedAlgorithms(): Attack[] {
  const attacks = MISTYPED.map(
    ([name, value]): Attack => ({
      name: `whose algorithm is ${name}`,
      reason: 'token_malformed',
      forge: (subject) => withHeader(subject, { ...subject.header, alg: value }),
    }),
  );
  return [
    ...attacks,
    {
      name: 'without an algorithm',
      reason: 'token_malformed',
      forge: (subject) => withHeader(subject, without(subject.header, 'alg')),
    },
  ];
}

function confusions(kind: TokenKind, accessAlg: Algorithm): Attack[] {
  if (accessAlg === 'HS256') return guessedSecrets(kind);
  return PUBLIC_FORMS.flatMap((form): Attack[] => [
    {
      name: `of HS256 with the access key's public half for a secret (${form})`,
      reason: kind === 'access' ? 'token_unknown_key' : 'token_forged',
      forge: (subject) => signPublicly(subject, { alg: 'HS256', typ: 'JWT' }, form),
    },
    {
      name: `of HS256 under the access key's id, with its public half for a secret (${form})`,
      reason: 'token_unknown_key',
      forge: (subject) => signPublicly(subject, { alg: 'HS256', typ: 'JWT', kid: kidOf(subject) }, form),
    },
    {
      name: `of ${accessAlg} that is an HMAC with the public half for a secret (${form})`,
      reason: kind === 'access' ? 'token_forged' : 'token_unknown_key',
      forge: (subject) => signPublicly(subject, { alg: accessAlg, typ: 'JWT', kid: kidOf(subject) }, form),
    },
  ]);
}

function guessedSecrets(kind: TokenKind): Attack[] {
  const [own, other] = kind === 'access' ? [ACCESS_SECRET, REFRESH_SECRET] : [REFRESH_SECRET, ACCESS_SECRET];
  const guesses: [string, string | Uint8Array][] = [
    ['nothing', ''],
    ['32 zeros', new Uint8Array(32)],
    ['"secret"', 'secret'],
    ['the empty JWK Set that is published', '{"keys":[]}'],
    ['the secret of the other kind of token', other],
    ['the secret and a line break', `${own}\n`],
    ['the secret without its last letter', own.slice(0, -1)],
    ['the first 32 letters of the secret', own.slice(0, 32)],
    ['the secret in base64', btoa(own)],
    ['the secret in capitals', own.toUpperCase()],
  ];
  const hashes = ['sha1', 'sha384', 'sha512'];
  return [
    ...guesses.map(
      ([name, secret]): Attack => ({
        name: `signed with ${name} for a secret`,
        reason: 'token_forged',
        forge: (subject) => withSignature(subject, hmac('sha256', secret, signedPart(subject))),
      }),
    ),
    ...hashes.map(
      (hash): Attack => ({
        name: `signed with the right secret by HMAC with ${hash}`,
        reason: 'token_forged',
        forge: (subject) => withSignature(subject, hmac(hash, own, signedPart(subject))),
      }),
    ),
  ];
}

function signPublicly(subject: Subject, header: Record<string, unknown>, form: string): string {
  const secret = subject.accessKeys.publicForms.get(form);
  if (secret === undefined) throw new Error(`no public form ${form}`);
  const signed = `${encode(header)}.${split(subject)[1]}`;
  return `${signed}.${encode(hmac('sha256', secret, signed))}`;
}

function kidOf({ accessKeys }: Subject): string {
  return new TextDecoder().decode(accessKeys.publicForms.get('key id'));
}

function signedPart({ token }: Subject): string {
  return token.slice(0, token.lastIndexOf('.'));
}
