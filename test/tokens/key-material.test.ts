import { describe, expect, it } from 'vitest';
import { parseAccessKeys } from '../../src/tokens/key-material.ts';
import { ALGORITHMS, makeJwk, toPublicJwk } from '../support/tokens.ts';

const es256 = await makeJwk('ES256', 'first');
const eddsa = await makeJwk('EdDSA', 'second');
const rs256 = await makeJwk('RS256', 'third');
const jwks = { ES256: es256, EdDSA: eddsa, RS256: rs256 };

function faultsOf(value: unknown): string[] | undefined {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const parsed = parseAccessKeys(text);
  return parsed.ok ? undefined : parsed.faults;
}

describe('an access token secret', () => {
  it.each([
    ['32 letters', 'Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9'],
    ['32 bytes in fewer letters', 'ñöäüçéàèùâêîôûßå'],
    ['a long text', 'Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9-'.repeat(30)],
  ])('may be a text of at least 32 bytes: %s', (_, secret) => {
    expect(parseAccessKeys(secret)).toEqual({ ok: true, value: { kind: 'secret', secret } });
  });

  it.each([
    ['31 letters', 's'.repeat(31), 31],
    ['31 bytes in fewer letters', `${'\u00e9'.repeat(15)}s`, 31],
    ['nothing', '', 0],
  ])('is refused when it is shorter: %s', (_, secret, bytes) => {
    expect(faultsOf(secret)).toEqual([`is too short: ${bytes} bytes, at least 32 are needed`]);
  });

  it.each([
    ['a private PEM', `-----BEGIN PRIVATE KEY-----\n${'M'.repeat(64)}`],
    ['the public half of one, which everybody has', `\n-----BEGIN PUBLIC KEY-----\n${'M'.repeat(64)}`],
    ['a list of JWKs', JSON.stringify([jwks.ES256])],
  ])('is refused when it holds keys in another form: %s', (_, text) => {
    expect(faultsOf(text)).toEqual(['is a PEM or a list: a JWK or a JWK Set is needed']);
  });

  it.each(ALGORITHMS)('may be a private JWK for %s', (alg) => {
    expect(parseAccessKeys(JSON.stringify(jwks[alg]))).toEqual({
      ok: true,
      value: { kind: 'keys', keys: [{ alg, jwk: jwks[alg], isPrivate: true }] },
    });
  });

  it('may be a JWK Set: the first is private, the others may be public', () => {
    const keys = [eddsa, toPublicJwk(es256), rs256];
    expect(parseAccessKeys(` \n${JSON.stringify({ keys }, null, 2)}\n`)).toEqual({
      ok: true,
      value: {
        kind: 'keys',
        keys: [
          { alg: 'EdDSA', jwk: eddsa, isPrivate: true },
          { alg: 'ES256', jwk: toPublicJwk(es256), isPrivate: false },
          { alg: 'RS256', jwk: rs256, isPrivate: true },
        ],
      },
    });
  });

  it('keeps only the members that are read', () => {
    const keys = [
      { ...es256, use: 'sig', alg: 'ES256', x5c: ['MIIB'], key_ops: ['sign'], ext: true, note: 'mine' },
    ];
    expect(parseAccessKeys(JSON.stringify({ keys, issuer: 'x' }))).toEqual({
      ok: true,
      value: {
        kind: 'keys',
        keys: [{ alg: 'ES256', jwk: { ...es256, use: 'sig', alg: 'ES256' }, isPrivate: true }],
      },
    });
  });

  it('may call EdDSA by its newer name, Ed25519', () => {
    expect(faultsOf({ ...eddsa, alg: 'Ed25519' })).toBeUndefined();
    expect(faultsOf({ ...eddsa, alg: 'EdDSA' })).toBeUndefined();
    expect(faultsOf({ ...es256, alg: 'Ed25519' })).toEqual([
      'key 1: has an alg that does not fit its kind: ES256 is expected',
    ]);
  });
});

describe('a faulty key', () => {
  const { d: _, ...withoutD } = es256;
  const { x: __, ...withoutX } = es256;
  const { q: ___, qi: ____, ...withoutQ } = rs256;
  const NO_KIND = 'key 1: is neither EC P-256 (ES256), OKP Ed25519 (EdDSA) nor RSA (RS256)';

  it.each<[string, unknown, string[]]>([
    ['broken JSON', '{"kty":"EC",', ['starts like a JWK but is not valid JSON']],
    ['an empty object', {}, [NO_KIND]],
    ['keys that are no array', { keys: es256 }, ['has "keys" that is not an array']],
    ['an empty set', { keys: [] }, ['holds an empty key set']],
    ['a key that is no object', { keys: ['x'] }, ['key 1: is not an object']],
    ['a key that is null', { keys: [null] }, ['key 1: is not an object']],
    ['a key that is an array', { keys: [[es256]] }, ['key 1: is not an object']],
    ['no kty', { ...es256, kty: undefined }, [NO_KIND]],
    ['another kty', { ...es256, kty: 'oct', k: 'c2VjcmV0' }, [NO_KIND]],
    ['another curve', { ...es256, crv: 'P-384' }, [NO_KIND]],
    ['the curve of key agreement', { ...eddsa, crv: 'X25519' }, [NO_KIND]],
    ['a name of Object.prototype as kty', { ...es256, kty: 'constructor' }, [NO_KIND]],
    ['a missing coordinate', withoutX, ['key 1: lacks x']],
    ['an empty coordinate', { ...es256, x: '' }, ['key 1: lacks x']],
    ['an empty private part', { ...es256, d: '' }, ['key 1: lacks d']],
    ['missing primes', withoutQ, ['key 1: lacks q, qi']],
    ['a public key in the first place', withoutD, ['key 1: is public, but the first key has to sign']],
    ['numbers', { ...es256, x: 1, kid: 2 }, ['key 1: has members that are not strings: kid, x']],
    ['null', { ...es256, d: null }, ['key 1: has members that are not strings: d']],
    [
      'an alg of another kind',
      { ...es256, alg: 'ES384' },
      ['key 1: has an alg that does not fit its kind: ES256 is expected'],
    ],
    [
      'a symmetric alg',
      { ...rs256, alg: 'HS256' },
      ['key 1: has an alg that does not fit its kind: RS256 is expected'],
    ],
    ['a key for encryption', { ...rs256, use: 'enc' }, ['key 1: has a use other than "sig"']],
    [
      'an RSA modulus that is too short',
      { ...rs256, n: rs256.n?.slice(2) },
      ['key 1: has an RSA modulus of fewer than 2048 bits'],
    ],
    [
      'an RSA modulus that zeros make longer',
      { ...rs256, n: `${'A'.repeat(172)}${rs256.n?.slice(172)}` },
      ['key 1: has an RSA modulus of fewer than 2048 bits'],
    ],
    ['an RSA exponent of nothing', { ...rs256, e: 'AA' }, ['key 1: has an RSA exponent below 65537']],
    ['an RSA exponent of one', { ...rs256, e: 'AQ' }, ['key 1: has an RSA exponent below 65537']],
    ['an RSA exponent of 2^16', { ...rs256, e: 'AQAA' }, ['key 1: has an RSA exponent below 65537']],
    [
      'an RSA exponent that is no number',
      { ...rs256, e: 'A+A' },
      ['key 1: has an n or e that is not base64url'],
    ],
  ])('is refused: %s', (_title, value, faults) => {
    expect(faultsOf(value)).toEqual(faults);
  });

  it('is one whose key_ops rule out what it is for (RFC 7517 section 4.3)', () => {
    for (const key_ops of [[], ['verify'], 'sign', 1, null, { includes: 1 }])
      expect(faultsOf({ ...es256, key_ops }), String(key_ops)).toEqual(['key 1: has key_ops without "sign"']);
    expect(faultsOf({ ...es256, key_ops: ['sign'] })).toBeUndefined();
    expect(faultsOf({ ...es256, key_ops: ['verify', 'sign'] })).toBeUndefined();
    const set = (key_ops: unknown) => ({ keys: [eddsa, { ...toPublicJwk(es256), key_ops }] });
    expect(faultsOf(set(['verify']))).toBeUndefined();
    expect(faultsOf(set(['sign']))?.join()).toMatch(/has key_ops without "verify"$/);
  });

  it.each(['', 'a b', '../../etc/passwd', 'a/b', "' OR 1=1", 'k\u0000', 'ключ', 'k'.repeat(129)])(
    'is refused for its kid %j',
    (kid) => {
      expect(faultsOf({ ...es256, kid })).toEqual([
        'key 1: has a kid that is not 1 to 128 letters, digits, ".", "_", "~" or "-"',
      ]);
    },
  );

  it.each(['k', '2026-08-15.a_b~c', 'k'.repeat(128)])('may have the kid %j', (kid) => {
    expect(faultsOf({ ...es256, kid })).toBeUndefined();
  });

  it('is named by its place, and every fault of every key is listed', () => {
    const keys = [es256, { ...withoutX, use: 'enc', kid: '/' }, 'x', { ...rs256, alg: 'PS256' }];
    expect(faultsOf({ keys })).toEqual([
      'key 2: lacks x',
      'key 2: has a use other than "sig"',
      'key 2: has a kid that is not 1 to 128 letters, digits, ".", "_", "~" or "-"',
      'key 3: is not an object',
      'key 4: has an alg that does not fit its kind: RS256 is expected',
    ]);
  });

  it.each([
    [
      'RFC 7515, A.3',
      ...['EC', 'P-256', 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'],
      ...['x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0', 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI'],
    ],
    [
      'RFC 7517, A.2',
      ...['EC', 'P-256', 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4'],
      ...['4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM', '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE'],
    ],
    [
      'RFC 8037, A.1',
      ...['OKP', 'Ed25519', '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'],
      ...['', 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'],
    ],
  ])('is refused when everybody has it: the example of %s', async (_, kty, crv, x, y, d) => {
    const jwk = { kty, crv, x, ...(y !== '' && { y }), d };
    // Otherwise sound: only a true pair is worth refusing.
    const algorithm = kty === 'EC' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' };
    await crypto.subtle.importKey('jwk', jwk as JsonWebKey, algorithm, false, ['sign']);
    expect(faultsOf(jwk)).toEqual(['key 1: is an example whose private part is published']);
  });

  it('is never quoted: no value of it stands in any message', () => {
    // The numbers of both keys; a part of one would be too much already.
    const numbers = [es256, rs256].flatMap(({ x, y, n, d, p, q, dp, dq, qi }) => [
      x,
      y,
      n,
      d,
      p,
      q,
      dp,
      dq,
      qi,
    ]);
    const starts = numbers.flatMap((number) => (number === undefined ? [] : [number.slice(0, 12)]));
    expect(starts).toHaveLength(10);
    const faulty = [
      JSON.stringify(es256).slice(0, -1),
      { ...es256, kty: es256.d },
      { ...es256, crv: es256.d },
      { ...es256, use: es256.d, alg: es256.d, kid: `${es256.d}/` },
      { ...rs256, p: 1, use: rs256.q },
      { keys: [JSON.stringify(rs256)] },
      { keys: JSON.stringify(rs256) },
      toPublicJwk(es256),
      es256.d?.slice(0, 31) ?? '',
    ];
    for (const value of faulty) {
      const faults = faultsOf(value)?.join('\n') ?? '';
      expect(faults).not.toBe('');
      expect(starts.filter((start) => faults.includes(start))).toEqual([]);
    }
  });
});
