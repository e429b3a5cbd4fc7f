import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyJws } from '../../src/tokens/jws.ts';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { HS256_HEADER, signHs256 } from '../support/tokens.ts';

// Every token here has a genuine signature: what is refused is refused for its content.
const SECRET = 'access-token-secret-of-these-tests';
const MALFORMED = { ok: false, reason: 'token_malformed' };
const keySet = await importSecrets([SECRET]);

const verifyPayload = async (payload: unknown) =>
  verifyJws(await signHs256(HS256_HEADER, payload, SECRET), keySet);
const verifyHeader = async (header: unknown) => verifyJws(await signHs256(header, { a: 1 }, SECRET), keySet);

/** Bytes: ASCII text as it is, numbers as bytes of their own. */
function bytes(...parts: (string | number)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'number' ? [part] : [...part].map((char) => char.charCodeAt(0)),
    ),
  );
}

describe('a payload', () => {
  it.each([
    ['an array', '[{"a":1}]'],
    ['a string', '"a"'],
    ['a number', '1'],
    ['null', 'null'],
    ['true', 'true'],
    ['a blank', ' '],
    ['no JSON', 'a=1'],
    ['single quotes', "{'a':1}"],
    ['names without quotes', '{a:1}'],
    ['a comma at the end', '{"a":1,}'],
    ['a comment', '{"a":1/**/}'],
    ['half of it', '{"a":1'],
    ['two of them', '{"a":1}{"a":1}'],
    ['something behind it', '{"a":1}x'],
    ['NUL behind it', '{"a":1}\u0000'],
    ['NaN', '{"a":NaN}'],
    ['a leading zero', '{"a":01}'],
    ['a line feed in a string', '{"a":"\n"}'],
  ])('must be a JSON object: %s is refused', async (_, payload) => {
    expect(await verifyPayload(payload)).toEqual(MALFORMED);
  });

  it('may have blanks between its members, and any JSON as their values', async () => {
    const payload = { a: [1, { b: [{ c: null }, { c: 'x' }] }], 'ключ 🦊': -1.5e-3, '': true };
    expect(await verifyPayload(JSON.stringify(payload, null, '\t '))).toEqual({ ok: true, payload });
    expect(await verifyPayload('{}')).toEqual({ ok: true, payload: {} });
  });

  it.each([
    ['a byte order mark', bytes(0xef, 0xbb, 0xbf, '{"a":1}')],
    ['a byte that begins nothing', bytes('{"a":"', 0xff, '"}')],
    ['a sequence cut short', bytes('{"a":"', 0xc3, '"}')],
    ['a continuation without a beginning', bytes('{"a":"', 0x80, '"}')],
    ['an overlong slash', bytes('{"a":"', 0xc0, 0xaf, '"}')],
    ['a surrogate', bytes('{"a":"', 0xed, 0xa0, 0x80, '"}')],
    ['a code point beyond the last', bytes('{"a":"', 0xf4, 0x90, 0x80, 0x80, '"}')],
    ['UTF-16', bytes('{', 0, '}', 0)],
    ['Latin-1', bytes('{"name":"Zo', 0xeb, '"}')],
  ])('must be UTF-8: %s is refused, in the header too', async (_, content) => {
    expect(await verifyPayload(content)).toEqual(MALFORMED);
    expect(await verifyHeader(content)).toEqual(MALFORMED);
  });
});

describe('a member that stands twice', () => {
  it.each([
    ['with two values', '{"sub":"ada","sub":"eve"}'],
    ['with one value', '{"sub":"ada","sub":"ada"}'],
    ['far apart', '{"sub":"ada","a":{"b":[1]},"c":"d","sub":"eve"}'],
    ['with blanks', '{"sub" :"ada", "sub"\n\t:"eve"}'],
    ['in another spelling', '{"sub":"ada","\\u0073ub":"eve"}'],
    ['in another spelling, first', '{"\\u0073u\\u0062":"ada","sub":"eve"}'],
    ['with an escaped quote in it', '{"a\\"b":1,"a\\"b":2}'],
    ['in two spellings of a quote', '{"a\\"b":1,"a\\u0022b":2}'],
    ['with a backslash at its end', '{"a\\\\":1,"a\\\\":2}'],
    ['as an empty name', '{"":1,"":2}'],
    ['as __proto__', '{"__proto__":1,"__proto__":2}'],
    ['outside the basic plane', '{"🦊":1,"\\ud83e\\udd8a":2}'],
    ['in an object within', '{"a":{"b":1,"b":2}}'],
    ['in an array within', '{"a":[1,{"b":1,"b":2}]}'],
    ['behind an object within', '{"a":{"b":{"c":1}},"a":2}'],
    ['behind a string that looks like an end', '{"a":"}","b":1,"a":2}'],
    ['behind a string that looks like a beginning', '{"a":"{","a":2}'],
  ])('is refused %s', async (_, payload) => {
    expect(JSON.parse(payload)).toBeTypeOf('object');
    expect(await verifyPayload(payload)).toEqual(MALFORMED);
  });

  it.each([
    '{"alg":"HS256","typ":"JWT","alg":"HS256"}',
    '{"alg":"none","typ":"JWT","alg":"HS256"}',
    '{"\\u0061lg":"none","typ":"JWT","alg":"HS256"}',
    '{"alg":"HS256","typ":"JWT","typ":"JWT"}',
  ])('is refused in the header: %s', async (header) => {
    expect(await verifyHeader(header)).toEqual(MALFORMED);
  });

  it.each([
    '{"a":{"a":{"a":1}}}',
    '{"a":{"b":1},"b":{"a":1}}',
    '{"a":[{"b":1},{"b":1},{"b":1}]}',
    '{"a":"a","b":"a","c":["a","a"]}',
    '{"a":"\\"b\\":1","b":1}',
    '{"a":"\\",\\"b\\":","b":1}',
    '{"a":"\\\\","b":":"}',
    '{"a":"{\\"b\\":1","b":1}',
    '{"a":"b:","b":"a :"}',
    '{"A":1,"a":1,"\u00e9":1,"e\u0301":1}',
  ])('is told from names that only look like it: %s', async (payload) => {
    expect(await verifyPayload(payload)).toEqual({ ok: true, payload: JSON.parse(payload) });
  });

  it('is found wherever it stands, and never found where it is not', async () => {
    const unit = fc.constantFrom('a', 'b', '"', '\\', '{', '}', '[', ']', ':', ',', ' ', '\n', 'é', '🦊');
    const names = fc.string({ unit, maxLength: 4 });
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, names, fc.constantFrom(1, null, true), tie('object'), tie('array')),
      object: fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      array: fc.array(tie('value'), { maxLength: 4 }),
    }));
    const objects = fc
      .dictionary(names, value, { minKeys: 1, maxKeys: 5 })
      // So that no token is refused for its length.
      .filter((object) => JSON.stringify(object).length < 700);
    await fc.assert(
      fc.asyncProperty(objects, fc.nat(), async (object, choice) => {
        const keys = Object.keys(object);
        const name = JSON.stringify(keys[choice % keys.length]);
        const json = JSON.stringify(object);
        expect(await verifyPayload(json)).toEqual({ ok: true, payload: JSON.parse(json) });
        expect(await verifyPayload(`${json.slice(0, -1)},${name}:0}`)).toEqual(MALFORMED);
        expect(await verifyPayload(`{"outer":[${json.slice(0, -1)},${name}:0}]}`)).toEqual(MALFORMED);
      }),
      { numRuns: 40 },
    );
  });
});
