// Attacks on the header, all signed with the genuine key: members that change what is verified or with what, key ids
// that lead elsewhere, and a header that two parsers read in two ways.
import type { Algorithm } from '../../src/tokens/key-material.ts';
import { makeAccessKeys } from './access-keys.ts';
import {
  type Attack,
  encode,
  type Members,
  type Subject,
  signParts,
  split,
  type TokenKind,
  withHeader,
  without,
} from './subject.ts';

/** RFC 7515 section 4.1, RFC 7797 and RFC 7516: none of these is ours, and each must be refused rather than ignored. */
const FOREIGN_MEMBERS: [string, Members][] = [
  ['an empty crit', { crit: [] }],
  ['a crit that names exp', { crit: ['exp'], exp: 1 }],
  ['a crit that names alg', { crit: ['alg'] }],
  ['a crit of null', { crit: null }],
  ['a crit that is a string', { crit: 'b64' }],
  ['b64 true', { b64: true }],
  ['b64 false', { b64: false }],
  ['b64 false, named by crit', { b64: false, crit: ['b64'] }],
  ['zip DEF', { zip: 'DEF' }],
  ['jku', { jku: 'https://evil.example/jwks.json' }],
  ["jku on the service's own host", { jku: 'https://auth.test/.well-known/jwks.json' }],
  ['jku that is a file', { jku: 'file:///dev/null' }],
  ['x5u', { x5u: 'https://evil.example/chain.pem' }],
  ['x5c', { x5c: ['MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA'] }],
  ['x5t', { x5t: 'dGhlIHRodW1icHJpbnQgb2Y' }],
  ['x5t#S256', { 'x5t#S256': 'dGhlIHRodW1icHJpbnQgb2YgYSBjZXJ0aWZpY2F0ZSE' }],
  ['cty JWT', { cty: 'JWT' }],
  ['enc', { enc: 'A128GCM' }],
  ['p2c', { p2c: 2_147_483_647 }],
  ['nonce', { nonce: 'abc' }],
  ['an unknown member', { foo: 'bar' }],
  ['a claim', { iss: 'https://auth.test' }],
  ['a member called constructor', { constructor: { prototype: {} } }],
  ['a typ in small letters', { typ: 'jwt' }],
  ['the typ of RFC 9068', { typ: 'at+jwt' }],
  ['a typ of null', { typ: null }],
  ['a typ that is a list', { typ: ['JWT'] }],
  ['an empty typ', { typ: '' }],
];

const MISTYPED_KIDS: [string, unknown][] = [
  ['1', 1],
  ['0', 0],
  ['null', null],
  ['true', true],
  ['a list', ['2026-01-01-es256']],
  ['an object', { toString: 'x' }],
];

const STRANGE_KIDS = [
  ...[
    '',
    ' ',
    '0',
    'null',
    'undefined',
    '__proto__',
    'constructor',
    '*',
    '../../../../dev/null',
    '/dev/null',
  ],
  ...[
    'C:\\Windows\\win.ini',
    'file:///dev/null',
    'https://evil.example/jwks.json',
    "' OR '1'='1",
    '" OR ""="',
  ],
  ...[
    "x' UNION SELECT 'secret",
    '$(id)',
    '{{7*7}}',
    'a\0b',
    'a\r\nX-Injected: 1',
    '\u202e',
    'k'.repeat(1000),
  ],
];

export function headerAttacks(kind: TokenKind, accessAlg: Algorithm): Attack[] {
  const isPublic = kind === 'access' && accessAlg !== 'HS256';
  return [
    ...FOREIGN_MEMBERS.map(([name, members]) =>
      malformed(`with ${name} in its header`, (subject) =>
        withHeader(subject, { ...subject.header, ...members }),
      ),
    ),
    ...keyIdAttacks(isPublic),
    ...embeddedKeys(accessAlg),
    ...ambiguousHeaders(),
  ];
}

function malformed(name: string, forge: Attack['forge']): Attack {
  return { name, reason: 'token_malformed', forge };
}

function keyIdAttacks(isPublic: boolean): Attack[] {
  const unknown = (name: string, kid: (subject: Subject) => unknown): Attack => ({
    name,
    reason: 'token_unknown_key',
    forge: (subject) => withHeader(subject, { ...subject.header, kid: kid(subject) }),
  });
  const respelt: [string, (kid: string) => string][] = [
    ['in capitals', (kid) => kid.toUpperCase()],
    ['with a space', (kid) => `${kid} `],
    ['with a zero byte', (kid) => `${kid}\0`],
    ['with a path', (kid) => `./${kid}`],
    ['without its last letter', (kid) => kid.slice(0, -1)],
  ];
  return [
    ...MISTYPED_KIDS.map(([name, kid]) =>
      malformed(`whose key id is ${name}`, (subject) => withHeader(subject, { ...subject.header, kid })),
    ),
    ...STRANGE_KIDS.map((kid) => unknown(`whose key id is ${JSON.stringify(kid.slice(0, 40))}`, () => kid)),
    ...(isPublic
      ? respelt.map(([name, respell]) =>
          unknown(`whose key id is the genuine one ${name}`, ({ header }) => respell(String(header.kid))),
        )
      : []),
    isPublic
      ? unknown('without a key id', () => undefined)
      : unknown('with a key id although its key has none', () => 'HS256'),
  ];
}

/** RFC 7515 section 4.1.3: the token brings the key that it is to be judged by. */
function embeddedKeys(accessAlg: Algorithm): Attack[] {
  const alg = accessAlg === 'HS256' ? 'ES256' : accessAlg;
  const signWithOwn = async (subject: Subject, name: 'jwk' | 'jku') => {
    const own = await makeAccessKeys(alg);
    const jwk: unknown = JSON.parse(new TextDecoder().decode(own.publicForms.get('published JWK')));
    const member = name === 'jwk' ? jwk : 'https://evil.example/jwks.json';
    const signed = `${encode({ ...subject.header, alg, [name]: member })}.${split(subject)[1]}`;
    return `${signed}.${encode(await own.sign(signed))}`;
  };
  return [
    malformed("that brings the attacker's own key (jwk)", (subject) => signWithOwn(subject, 'jwk')),
    malformed("that points to the attacker's own key (jku)", (subject) => signWithOwn(subject, 'jku')),
    malformed('that brings a secret (jwk), signed with the genuine key', (subject) =>
      withHeader(subject, { ...subject.header, jwk: { kty: 'oct', k: 'c2VjcmV0' } }),
    ),
  ];
}

function ambiguousHeaders(): Attack[] {
  const text = (name: string, write: (json: string, subject: Subject) => string | Uint8Array): Attack =>
    malformed(`whose header ${name}`, (subject) =>
      withHeader(subject, write(JSON.stringify(subject.header), subject)),
    );
  return [
    text('names none first and its algorithm second', (json) => `{"alg":"none",${json.slice(1)}`),
    text('names its algorithm first and none second', (json) => `${json.slice(0, -1)},"alg":"none"}`),
    text('names its algorithm twice', (json, { alg }) => `${json.slice(0, -1)},"alg":"${alg}"}`),
    text('names its algorithm again in an escape', (json) => `${json.slice(0, -1)},"\\u0061lg":"none"}`),
    text('has typ twice', (json) => `${json.slice(0, -1)},"typ":"JWT"}`),
    text('has two key ids', (json) => `{"kid":"a","kid":"b",${json.slice(1)}`),
    text('has a member called __proto__', (json) => `{"__proto__":{"alg":"none"},${json.slice(1)}`),
    text('hides its algorithm under __proto__', (_, { alg }) => `{"__proto__":{"alg":"${alg}"},"typ":"JWT"}`),
    text('begins with a byte-order mark', (json) => `\ufeff${json}`),
    text('is followed by another', (json) => `${json}${json}`),
    text('ends in a comma', (json) => `${json.slice(0, -1)},}`),
    text('has a comment', (json) => `${json}//`),
    text('has single quotes', (json) => json.replaceAll('"', "'")),
    text('is not closed', (json) => json.slice(0, -1)),
    text('is a list', (json) => `[${json}]`),
    text('is a string', (json) => JSON.stringify(json)),
    text('is a number', () => '1'),
    text('is null', () => 'null'),
    text('is {}', () => '{}'),
    text('is base64url twice', (json) => encode(json)),
    text('is UTF-16', (json) => new Uint8Array(Uint16Array.from(json, (c) => c.charCodeAt(0)).buffer)),
    text('is not UTF-8', (json) =>
      Uint8Array.from(`${json.slice(0, -1)},"x":"\xff"}`, (c) => c.charCodeAt(0)),
    ),
    text('is nested 700 deep', (json) => `${json.slice(0, -1)},"x":${'['.repeat(700)}${']'.repeat(700)}}`),
    text('has 300 members', (json) => `${json.slice(0, -1)},${manyMembers(300)}}`),
    malformed('without a header', (subject) => signParts(subject, '', split(subject)[1])),
    malformed('whose header is its payload', (subject) => withHeader(subject, subject.claims)),
    malformed('whose header and payload are swapped', (subject) =>
      signParts(subject, split(subject)[1], split(subject)[0]),
    ),
    malformed('whose header has no typ, kid or alg but the signature', (subject) =>
      withHeader(subject, { signature: split(subject)[2] }),
    ),
    malformed('whose header lacks alg but has typ', (subject) =>
      withHeader(subject, without(subject.header, 'alg')),
    ),
  ];
}

function manyMembers(count: number): string {
  return Array.from({ length: count }, (_, index) => `"${index}":1`).join(',');
}
