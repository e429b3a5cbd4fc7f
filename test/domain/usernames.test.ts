import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEmailKey, parseUsername, toNameKey } from '../../src/domain/names.ts';

const NOT_ALLOWED = {
  ok: false,
  message: 'must consist of letters, digits, punctuation and symbols, without spaces and without @',
};
const TOO_LONG = { ok: false, message: 'must be at most 64 characters long' };

describe('a user name', () => {
  it.each([
    ['ada', 'ada'],
    ['Ada.Lovelace', 'ada.lovelace'],
    ['x', 'x'],
    ['ada_1-2+3', 'ada_1-2+3'],
    ['Zoë', 'zoë'],
    ['李小龍', '李小龍'],
    ['Ελένη', 'ελένη'],
    ['نور', 'نور'],
    ['ada🦊', 'ada🦊'],
    ['<b>"\'&;--', '<b>"\'&;--'],
  ])('%j may be taken, is shown as typed and compared as %j', (text, key) => {
    expect(parseUsername(text)).toEqual({ ok: true, value: { display: text, key } });
  });

  it.each([
    ['upper case', 'ADA'],
    ['full-width letters', 'ａｄａ'],
    ['mathematical letters', '𝒶𝒹𝒶'],
    ['circled letters', 'ⓐⓓⓐ'],
    ['a kelvin sign in Kim', '\u212aim', 'kim'],
    ['a ligature in fine', 'ﬁne', 'fine'],
    ['a decomposed accent in zoë', 'zoe\u0308', 'zo\u00eb'],
    ['a capital with a caron that only the small letter is composed with', 'J\u030can', '\u01f0an'],
  ])('is the same name in another spelling: %s', (_, text, plain = 'ada') => {
    expect(parseUsername(text)).toEqual({ ok: true, value: { display: text, key: plain } });
    expect(toNameKey(plain)).toBe(plain);
  });

  it('must not be empty', () => {
    expect(parseUsername('')).toEqual({ ok: false, message: 'must not be empty' });
  });

  it.each([
    ['an at sign', 'ada@example.com'],
    ['nothing but an at sign', '@'],
    ['a full-width at sign', 'ada＠example.com'],
    ['a small at sign', 'ada﹫example.com'],
    ['a blank', 'ada lovelace'],
    ['a blank at the end', 'ada '],
    ['a no-break space', 'ada\u00a0lovelace'],
    ['an ideographic space', 'ada\u3000lovelace'],
    ['a tab', 'ada\tlovelace'],
    ['a line feed', 'ada\nlovelace'],
    ['a carriage return', 'ada\rlovelace'],
    ['NUL', 'ada\u0000'],
    ['DEL', 'ada\u007f'],
    ['a C1 control', 'ada\u0085'],
    ['a right-to-left override', 'ada\u202elovelace'],
    ['a Hangul filler, which shows as nothing', 'ada\u3164'],
    ['a variation selector', 'ada\ufe0f'],
    ['a combining grapheme joiner', 'ada\u034f'],
    ['the blank Braille pattern', 'ada\u2800'],
    ['a left-to-right mark', 'ada\u200e'],
    ['an isolate', 'ada\u2066lovelace\u2069'],
    ['a zero-width space', 'ada\u200blovelace'],
    ['a zero-width joiner', 'ada\u200dlovelace'],
    ['a byte order mark', '\ufeffada'],
    ['a soft hyphen', 'ada\u00adlovelace'],
    ['a line separator', 'ada\u2028lovelace'],
    ['a language tag', 'ada\u{e0061}'],
    ['a private-use character', 'ada\ue000'],
    ['an unassigned character', 'ada\u0378'],
    ['a noncharacter', 'ada\uffff'],
    ['a lone high surrogate', 'ada\ud83e'],
    ['a lone low surrogate', '\udd8aada'],
    ['two surrogates in the wrong order', 'ada\udd8a\ud83e'],
    ['a character that NFKC turns into one with blanks', '\ufdfa'],
    ['a character that NFKC turns into a blank and an accent', 'ada\u00b4'],
  ])('is refused for %s', (_, text) => {
    expect(parseUsername(text)).toEqual(NOT_ALLOWED);
  });

  it('has at most 64 characters, and a character outside the basic plane is one', () => {
    for (const character of ['a', 'é', '李', '🦊', '𝒶']) {
      expect(parseUsername(character.repeat(64))).toMatchObject({ ok: true });
      expect(parseUsername(character.repeat(65))).toEqual(TOO_LONG);
    }
  });

  it('has at most 64 characters as compared, too: a ligature counts as the letters that it stands for', () => {
    expect(parseUsername('ﬃ'.repeat(21))).toMatchObject({ ok: true });
    expect(parseUsername('ﬃ'.repeat(22))).toEqual(TOO_LONG);
  });

  it('has at most 64 characters as typed, too: what NFKC composes is counted apart', () => {
    expect(parseUsername('e\u0301'.repeat(32))).toMatchObject({ ok: true });
    expect(parseUsername('e\u0301'.repeat(33))).toEqual(TOO_LONG);
  });
});

describe('the key of a name', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));

  it('is its own key, for every character there is', () => {
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
      const key = toNameKey(String.fromCodePoint(codePoint));
      if (toNameKey(key) !== key) expect.fail(`U+${codePoint.toString(16)} has a key with another key`);
    }
  });

  it('is its own key, for every text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(toNameKey(toNameKey(text))).toBe(toNameKey(text));
      }),
    );
  });

  it('is the same for composed and decomposed, and for compatible spellings', () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom('NFC', 'NFD', 'NFKC', 'NFKD'), (text, form) => {
        expect(toNameKey(text.normalize(form))).toBe(toNameKey(text));
      }),
    );
  });

  it('of an accepted name is accepted as a name, with itself as the key, and is never an e-mail address', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const parsed = parseUsername(text);
        if (!parsed.ok) return;
        expect(isEmailKey(parsed.value.key)).toBe(false);
        expect(parseUsername(parsed.value.key)).toEqual({
          ok: true,
          value: { display: parsed.value.key, key: parsed.value.key },
        });
      }),
    );
  });
});
