import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEmail, parseUsername, toLookupKeys, toNameKey, trimBlanks } from '../../src/domain/names.ts';
import { nameLike } from '../support/name-like.ts';

const ASCII = 'ada@xn--mnchen-3ya.example';
const UNICODE = 'ada@münchen.example';

describe('what is typed at sign-in', () => {
  it.each([
    ['Ada', 'ada'],
    [' \u00a0Ada\n', 'ada'],
    ['ａｄａ', 'ada'],
    ['<b>ada</b>🦊', '<b>ada</b>🦊'],
    ['p\u0430ypal', 'p\u0430ypal'],
    ['ada@localhost', 'ada@localhost'],
    ['ada@exam_ple.com', 'ada@exam_ple.com'],
    ['ada@192.0.2.1', 'ada@192.0.2.1'],
    ['ada@xn--a.com', 'ada@xn--a.com'],
    ['ada@exam%70le.com', 'ada@exam%70le.com'],
    ['ada@example.com:25', 'ada@example.com:25'],
    ['ada@example.com/x', 'ada@example.com/x'],
    ['ada@example。com', 'ada@example。com'],
    ['@', '@'],
    ['', ''],
  ])('is looked up under one key where there is one: %j', (text, key) => {
    expect(toLookupKeys(text)).toEqual({ canonical: key, stored: [key, key, key] });
  });

  it.each([
    [UNICODE, UNICODE],
    [`  ${UNICODE.toUpperCase()}`, UNICODE],
    [UNICODE.normalize('NFD'), UNICODE],
    ['ａda@münchen.example', UNICODE],
    [ASCII, ASCII],
    [ASCII.toUpperCase(), ASCII],
  ])('is looked up under both forms of its domain, as typed first: %j', (text, asTyped) => {
    expect(toLookupKeys(text)).toEqual({ canonical: ASCII, stored: [asTyped, ASCII, UNICODE] });
  });

  it('is looked up under the key that a registration of it has now, and under the one that it had', () => {
    const name = fc.oneof(
      nameLike,
      fc.tuple(nameLike, nameLike).map(([a, b]) => `${a}@${b}.example`),
    );
    let accepted = 0;
    fc.assert(
      fc.property(name, (text) => {
        const { canonical, stored } = toLookupKeys(text);
        expect(stored[0]).toBe(toNameKey(trimBlanks(text)));
        const parsed = text.includes('@') ? parseEmail(text) : parseUsername(text);
        if (!parsed.ok) return;
        accepted += 1;
        expect(canonical).toBe(parsed.value.key);
        expect(stored).toContain(parsed.value.key);
        expect(toLookupKeys(parsed.value.display)).toEqual(toLookupKeys(text));
        // Typed in Punycode, too, it leads to the account whose key has the domain in Unicode.
        if (canonical !== stored[0] && !/[σς]/i.test(text))
          expect(toLookupKeys(canonical).stored).toContain(stored[0]);
      }),
      { numRuns: 1000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});

describe('the blanks around a name', () => {
  it('are every white space of Unicode, and the byte order mark', () => {
    for (let codePoint = 0; codePoint <= 0xffff; codePoint += 1) {
      const character = String.fromCharCode(codePoint);
      const isBlank = /\p{White_Space}/u.test(character) || character === '\ufeff';
      expect(trimBlanks(`${character}a${character}`)).toBe(isBlank ? 'a' : `${character}a${character}`);
    }
  });

  it('are taken off the ends alone', () => {
    expect(trimBlanks(' \t a b \n')).toBe('a b');
    expect(trimBlanks(' \u0085\u3000 ')).toBe('');
    expect(trimBlanks('')).toBe('');
  });
});
