// Attacks on the claims. All are signed with the genuine key, in the genuine header: only the claims can be the reason.
import type { Algorithm } from '../../src/tokens/key-material.ts';
import { ISSUER } from '../support/service.ts';
import { type Attack, type Members, type Subject, type TokenKind, withClaims, without } from './subject.ts';

const CLAIMS: Record<TokenKind, { texts: string[]; numbers: string[] }> = {
  access: {
    texts: ['iss', 'aud', 'sub', 'sid', 'jti', 'username', 'email'],
    numbers: ['iat', 'exp', 'auth_time'],
  },
  refresh: { texts: ['iss', 'aud', 'sub', 'sid'], numbers: ['iat', 'exp', 'ctr'] },
};

const DAY_SECONDS = 24 * 60 * 60;

export function claimsAttacks(kind: TokenKind, accessAlg: Algorithm): Attack[] {
  const { texts, numbers } = CLAIMS[kind];
  return [
    ...[...texts, ...numbers].flatMap(wrongForms),
    ...texts.map((name) => claims(`whose ${name} is a number`, () => ({ [name]: 1 }))),
    ...numbers.flatMap(wrongNumbers),
    ...['sub', 'sid'].flatMap(wrongIds),
    ...foreign(kind, accessAlg),
    ...outOfTime(),
    ...ambiguousPayloads(),
  ];
}

/** A token whose claims are changed by `change`. */
function claims(
  name: string,
  change: (subject: Subject) => Members,
  reason: Attack['reason'] = 'token_claims',
) {
  const forge = (subject: Subject) => withClaims(subject, { ...subject.claims, ...change(subject) });
  return { name, reason, forge } satisfies Attack;
}

function wrongForms(name: string): Attack[] {
  return [
    {
      name: `without ${name}`,
      reason: 'token_claims',
      forge: (subject) => withClaims(subject, without(subject.claims, name)),
    },
    {
      name: `whose ${name} is hidden under __proto__`,
      reason: 'token_claims',
      forge: (subject) => {
        const hidden = JSON.stringify({ [name]: subject.claims[name] });
        return withClaims(subject, openObject(without(subject.claims, name), `"__proto__":${hidden}`));
      },
    },
    claims(`whose ${name} is null`, () => ({ [name]: null })),
    claims(`whose ${name} is true`, () => ({ [name]: true })),
    claims(`whose ${name} is in a list`, (subject) => ({ [name]: [subject.claims[name]] })),
    claims(`whose ${name} is an object`, () => ({ [name]: {} })),
  ];
}

function wrongNumbers(name: string): Attack[] {
  return [
    claims(`whose ${name} is a string`, (subject) => ({ [name]: String(subject.claims[name]) })),
    claims(`whose ${name} is negative`, () => ({ [name]: -1 })),
    claims(`whose ${name} has a fraction`, (subject) => ({ [name]: Number(subject.claims[name]) + 0.5 })),
    claims(`whose ${name} is 2^53`, () => ({ [name]: 2 ** 53 })),
    claims(`whose ${name} is 10^308`, () => ({ [name]: 1e308 })),
    {
      name: `whose ${name} is beyond all numbers`,
      reason: 'token_claims',
      forge: (subject) => withClaims(subject, openObject(without(subject.claims, name), `"${name}":1e999`)),
    },
  ];
}

function wrongIds(name: string): Attack[] {
  const wrong = (how: string, change: (id: string) => string) =>
    claims(`whose ${name} ${how}`, (subject) => ({ [name]: change(String(subject.claims[name])) }));
  return [
    wrong('is empty', () => ''),
    wrong('lacks its last letter', (id) => id.slice(0, -1)),
    wrong('has a letter more', (id) => `${id}A`),
    wrong('has a line break at its end', (id) => `${id}\n`),
    wrong('has a space for its last letter', (id) => `${id.slice(0, -1)} `),
    wrong('is a path', () => '../../../../etc/passwd'),
    wrong('is SQL', () => "' OR '1'='1' OR '1' =="),
    wrong('is __proto__', () => '__proto__'),
    wrong('holds a letter that only looks right', (id) => `${id.slice(0, -1)}\u0410`),
    wrong('holds a lone surrogate', (id) => `${id.slice(0, -1)}\ud800`),
    wrong('is 2,000 letters long', () => 'A'.repeat(2000)),
  ];
}

/** Issuer, audience, and the two kinds of token taken for each other. */
function foreign(kind: TokenKind, accessAlg: Algorithm): Attack[] {
  const ownAudience = kind === 'access' ? ISSUER : `${ISSUER}/refresh`;
  const otherAudience = kind === 'access' ? `${ISSUER}/refresh` : ISSUER;
  const issuers = [
    '',
    'https://evil.example',
    `${ISSUER}/`,
    'https://AUTH.test',
    'http://auth.test',
    `${ISSUER} `,
  ];
  const audiences = ['', '*', 'https://evil.example', `${ownAudience}/`, `${ownAudience}#`, otherAudience];
  return [
    ...issuers.map((iss) => claims(`of the issuer "${iss}"`, () => ({ iss }))),
    claims('of two issuers', () => ({ iss: [ISSUER, 'https://evil.example'] })),
    ...audiences.map((aud) => claims(`for the audience "${aud}"`, () => ({ aud }))),
    claims('for two audiences', () => ({ aud: [ownAudience, otherAudience] })),
    {
      name: 'of the other kind',
      // Told apart by the algorithm where the two differ, and by the secret where they do not.
      reason: accessAlg === 'HS256' ? 'token_forged' : 'token_unknown_key',
      forge: ({ otherKind }) => otherKind,
    },
    {
      name: 'with the claims of the other kind, signed with the key of this one',
      reason: 'token_claims',
      forge: (subject) => withClaims(subject, otherClaims(subject)),
    },
    claims('with the claims of both kinds, for the audience of the other', (subject) => otherClaims(subject)),
  ];
}

function outOfTime(): Attack[] {
  const at = (name: string, change: (now: number) => Members, reason: Attack['reason'] = 'token_claims') =>
    claims(name, ({ nowSeconds }) => change(nowSeconds), reason);
  return [
    at('that expires this second', (now) => ({ iat: now - 60, exp: now }), 'token_expired'),
    at('that expired a second ago', (now) => ({ iat: now - 60, exp: now - 1 }), 'token_expired'),
    at('that expired in 1970', () => ({ iat: 0, exp: 1 }), 'token_expired'),
    at('that expired before it was issued', (now) => ({ iat: now, exp: now - 1 })),
    at('that expires when it is issued', (now) => ({ iat: now + 10, exp: now + 10 })),
    at('that expires at 0', () => ({ exp: 0 })),
    at('that lives longer than 400 days', (now) => ({ iat: now, exp: now + 400 * DAY_SECONDS + 1 })),
    at('that lives for ever', () => ({ exp: Number.MAX_SAFE_INTEGER })),
    at('whose times are in milliseconds', (now) => ({ iat: now * 1000, exp: (now + 600) * 1000 })),
    at('from the future', (now) => ({ iat: now + 61, exp: now + 600 })),
    at('from far in the future', (now) => ({ iat: now + DAY_SECONDS, exp: now + 2 * DAY_SECONDS })),
    at('that is not valid yet', (now) => ({ nbf: now + 61 })),
    at('that is valid from a time that is no number', () => ({ nbf: 'now' })),
    at('that is valid from null', () => ({ nbf: null })),
    at('that is valid from before 1970', () => ({ nbf: -1 })),
  ];
}

function ambiguousPayloads(): Attack[] {
  const text = (name: string, write: (json: string, subject: Subject) => string | Uint8Array): Attack => ({
    name: `whose payload ${name}`,
    reason: 'token_malformed',
    forge: (subject) => withClaims(subject, write(JSON.stringify(subject.claims), subject)),
  });
  const twice = ['exp', 'sub', 'aud'].flatMap((name) => [
    text(`has ${name} twice, the genuine one last`, (json) => `{"${name}":1,${json.slice(1)}`),
    text(`has ${name} twice, the genuine one first`, (json) => `${json.slice(0, -1)},"${name}":1}`),
  ]);
  return [
    ...twice,
    text('has exp twice, once in an escape', (json) => `${json.slice(0, -1)},"\\u0065xp":9999999999}`),
    text('has a member twice, deep inside', (json) => `${json.slice(0, -1)},"x":[{"y":{"z":1,"z":1}}]}`),
    text('has __proto__ twice', (json) => `${json.slice(0, -1)},"__proto__":{},"__proto__":{}}`),
    text('begins with a byte-order mark', (json) => `\ufeff${json}`),
    text('is followed by another', (json) => `${json}${json}`),
    text('ends in a comma', (json) => `${json.slice(0, -1)},}`),
    text('is a list', (json) => `[${json}]`),
    text('is a string', (json) => JSON.stringify(json)),
    text('is a number', () => '1'),
    text('is null', () => 'null'),
    text('is empty', () => ''),
    text('is a form', ({ length }) => `sub=admin&length=${length}`),
    text('is UTF-16', (json) => new Uint8Array(Uint16Array.from(json, (c) => c.charCodeAt(0)).buffer)),
    text('is not UTF-8', (json) =>
      Uint8Array.from(`${json.slice(0, -1)},"x":"\xff"}`, (c) => c.charCodeAt(0)),
    ),
    text('has a letter spelt too long', (json) =>
      Uint8Array.from(`${json.slice(0, -1)},"x":"\xc1\x81"}`, (c) => c.charCodeAt(0)),
    ),
    text('holds a surrogate in UTF-8', (json) =>
      Uint8Array.from(`${json.slice(0, -1)},"x":"\xed\xa0\x80"}`, (c) => c.charCodeAt(0)),
    ),
    text('is nested 700 deep', () => `${'['.repeat(700)}${']'.repeat(700)}`),
    { ...text('is nothing but {}', () => '{}'), reason: 'token_claims' },
    {
      name: 'whose subject is nested 400 deep',
      reason: 'token_claims',
      forge: (subject) =>
        withClaims(
          subject,
          openObject(without(subject.claims, 'sub'), `"sub":${'['.repeat(400)}${']'.repeat(400)}`),
        ),
    },
    claims('whose claims are longer than a token may be', () => ({ x: 'A'.repeat(4096) }), 'token_malformed'),
  ];
}

function otherClaims({ otherKind }: Subject): Members {
  const bytes = Uint8Array.fromBase64(otherKind.split('.')[1] ?? '', { alphabet: 'base64url' });
  return JSON.parse(new TextDecoder().decode(bytes)) as Members;
}

/** Members as JSON, with one more that JSON.stringify would not write. */
function openObject(members: Members, more: string): string {
  return `${JSON.stringify(members).slice(0, -1)},${more}}`;
}
