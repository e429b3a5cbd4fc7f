import fc from 'fast-check';
import { verify } from 'hono/jwt';
import { describe, expect, it } from 'vitest';
import { MAX_TOKEN_LENGTH, signJws, verifyJws } from '../../src/tokens/jws.ts';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { encodePart, HS256_HEADER, importRing, makeJwk, signHs256, signInput } from '../support/tokens.ts';

const SECRET = 'access-token-secret-of-these-tests';
const PAYLOAD = { sub: 'ada', n: 1 };
const MALFORMED = { ok: false, reason: 'token_malformed' };

const keySet = await importSecrets([SECRET]);
const genuine = await signHs256(HS256_HEADER, PAYLOAD, SECRET);
const [header = '', payload = '', signature = ''] = genuine.split('.');

describe('a token', () => {
  it('that is genuine gives its payload', async () => {
    expect(await verifyJws(genuine, keySet)).toEqual({ ok: true, payload: PAYLOAD });
    expect(await verifyJws(await signJws(PAYLOAD, keySet), keySet)).toEqual({ ok: true, payload: PAYLOAD });
  });

  it.each([
    ['nothing', ''],
    ['dots alone', '..'],
    ['one part', header],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${genuine}.${signature}`],
    ['a dot at the end', `${genuine}.`],
    ['a dot at the start', `.${genuine}`],
    ['no header', `.${payload}.${signature}`],
    ['no payload', `${header}..${signature}`],
    ['no signature', `${header}.${payload}.`],
    ['a blank before it', ` ${genuine}`],
    ['a blank behind it', `${genuine} `],
    ['a line feed behind it', `${genuine}\n`],
    ['a line feed in it', `${header}.\n${payload}.${signature}`],
    ['NUL behind it', `${genuine}\u0000`],
    ['padding', `${header}.${payload}.${signature}=`],
    ['padding in the middle', `${header}=.${payload}.${signature}`],
    ['a quoted token', `"${genuine}"`],
    ['a scheme before it', `Bearer ${genuine}`],
    ['percent encoding', genuine.replace('.', '%2E')],
    ['a full-width full stop', genuine.replace('.', '．')],
    ['one character more than whole bytes', `${header}.${payload}A.${signature}`],
  ])('is refused: %s', async (_, token) => {
    expect(await verifyJws(token, keySet)).toEqual(MALFORMED);
  });

  it('is refused in standard base64', async () => {
    // Bytes that need the two characters in which the alphabets differ.
    const binary = '{"text":"~~~???\u00ff\u00fe"}';
    const input = `${encodePart(HS256_HEADER)}.${encodePart(binary)}`;
    expect(encodePart(binary)).toMatch(/[-_]/);
    expect(await verifyJws(await signInput(input, SECRET), keySet)).toMatchObject({ ok: true });
    const standard = input.replaceAll('-', '+').replaceAll('_', '/');
    expect(await verifyJws(await signInput(standard, SECRET), keySet)).toEqual(MALFORMED);
  });

  it('may be as long as the limit, and no longer', async () => {
    const parts = header.length + signature.length + 2;
    const bytes = (length: number) => Math.floor(((length - parts) * 3) / 4);
    const sign = (length: number) =>
      signHs256(HS256_HEADER, `{"a":"${'x'.repeat(bytes(length) - 8)}"}`, SECRET);
    const longest = await sign(MAX_TOKEN_LENGTH);
    expect(longest).toHaveLength(MAX_TOKEN_LENGTH);
    expect(await verifyJws(longest, keySet)).toMatchObject({ ok: true });
    const tooLong = await sign(MAX_TOKEN_LENGTH + 1);
    expect(tooLong).toHaveLength(MAX_TOKEN_LENGTH + 1);
    expect(await verifyJws(tooLong, keySet)).toEqual(MALFORMED);
    expect(await verifyJws('x'.repeat(10_000_000), keySet)).toEqual(MALFORMED);
  });

  it('is refused and never thrown over, whatever it is', async () => {
    const unit = fc.constantFrom('.', 'e', 'y', 'J', '-', '_', '=', '{', '\u0000', 'é', '\ud800');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, maxLength: 80 }), async (token) => {
        const verified = await verifyJws(token, keySet);
        expect(verified).toHaveProperty('ok', false);
        expect(JSON.stringify(verified)).toMatch(/^\{"ok":false,"reason":"token_[a-z_]+"\}$/);
      }),
    );
  });
});

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Every other last character that a lenient decoder takes for the same bytes. */
function otherSpellings(part: string): string[] {
  const decode = (text: string) => atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const candidates = [...ALPHABET].map((character) => part.slice(0, -1) + character);
  return candidates.filter((candidate) => candidate !== part && decode(candidate) === decode(part));
}

describe('a token has one spelling', () => {
  it('of its signature: the unused bits of the last character are zero', async () => {
    const spellings = otherSpellings(signature);
    expect(spellings).toHaveLength(3);
    for (const spelling of spellings) {
      const token = `${header}.${payload}.${spelling}`;
      // hono alone takes every one of them.
      expect(await verify(token, SECRET, 'HS256')).toEqual(PAYLOAD);
      expect(await verifyJws(token, keySet)).toEqual(MALFORMED);
    }
  });

  it('of a longer signature too', async () => {
    const keys = await importRing(await makeJwk('ES256', 'k'));
    const [head, body, last = ''] = (await signJws(PAYLOAD, keys)).split('.');
    const spellings = otherSpellings(last);
    expect(spellings).toHaveLength(15);
    for (const spelling of spellings)
      expect(await verifyJws(`${head}.${body}.${spelling}`, keys)).toEqual(MALFORMED);
  });

  it.each(['{"a":""}', '{"a":"x"}', '{"a":"xx"}'])(
    'of its payload, even when the other is signed: %s',
    async (text) => {
      for (const spelling of otherSpellings(encodePart(text))) {
        const token = await signInput(`${header}.${spelling}`, SECRET);
        expect(await verify(token, SECRET, 'HS256')).toEqual(JSON.parse(text));
        expect(await verifyJws(token, keySet)).toEqual(MALFORMED);
      }
      expect(await verifyJws(await signHs256(HS256_HEADER, text, SECRET), keySet)).toMatchObject({
        ok: true,
      });
    },
  );

  it('of its header, even when the other is signed', async () => {
    const spaced = encodePart('{"alg":"HS256","typ":"JWT" }');
    const spellings = otherSpellings(spaced);
    expect(spellings.length).toBeGreaterThan(0);
    expect(await verifyJws(await signInput(`${spaced}.${payload}`, SECRET), keySet)).toMatchObject({
      ok: true,
    });
    for (const spelling of spellings)
      expect(await verifyJws(await signInput(`${spelling}.${payload}`, SECRET), keySet)).toEqual(MALFORMED);
  });
});
