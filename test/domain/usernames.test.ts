import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEmailKey, parseUsername, toNameKey } from '../../src/domain/names.ts';
import { nameLike } from '../support/name-like.ts';

const refusal = (message: string) => ({ ok: false, fault: expect.objectContaining({ message }) });
const EMPTY = refusal('must not be empty');
const NOT_ALLOWED = refusal("must consist of letters, digits and . _ - ' +, without spaces and without @");
const TOO_LONG = refusal('must be at most 64 characters long');
const LOOSE = refusal('must begin and end with a letter, a digit or _, and not be _ alone');
const MIXED = refusal('must keep to the letters of one alphabet and to one kind of digits');
const LINK = refusal('must not be a web address: leave out the www. or the ending');

describe('a user name', () => {
  it.each([
    ['ada', 'ada'],
    ['Ada.Lovelace', 'ada.lovelace'],
    ['x', 'x'],
    ['7', '7'],
    ['〇', '〇'],
    ['_ada_', '_ada_'],
    ['ada_1-2+3', 'ada_1-2+3'],
    ["Grace.O'Hara", "grace.o'hara"],
    ['Zoë', 'zoë'],
    ['李小龍', '李小龍'],
    ['Ελένη', 'ελένη'],
    ['نور', 'نور'],
    ['نور٤٢', 'نور٤٢'],
    ['Ада.Лавлейс-1815', 'ада.лавлейс-1815'],
    ['हिन्दी', 'हिन्दी'],
    ['สมชาย', 'สมชาย'],
    ['ကျော်', 'ကျော်'],
    ['Việt', 'việt'],
    ['anna.li', 'anna.li'],
    ['com.ada', 'com.ada'],
    ['adawww.x', 'adawww.x'],
    ['ada.community', 'ada.community'],
  ])('%j may be taken, is shown as typed and compared as %j', (text, key) => {
    expect(parseUsername(text)).toEqual({ ok: true, value: { display: text, key } });
  });

  it.each([
    ['upper case', 'ADA', 'ADA', 'ada'],
    ['full-width letters', 'ａｄａ', 'ada', 'ada'],
    ['mathematical letters', '𝒶𝒹𝒶', 'ada', 'ada'],
    ['circled letters', 'ⓐⓓⓐ', 'ada', 'ada'],
    ['a kelvin sign in Kim', '\u212aim', 'Kim', 'kim'],
    ['a ligature in fine', 'ﬁne', 'fine', 'fine'],
    ['mathematical digits', 'ada𝟙𝟚', 'ada12', 'ada12'],
    ['a decomposed accent in zoë', 'zoe\u0308', 'zo\u00eb', 'zo\u00eb'],
    [
      'a capital with a caron that only the small letter is composed with',
      'J\u030can',
      'J\u030can',
      '\u01f0an',
    ],
    ['half-width Katakana', 'ｱﾀﾞ', 'アダ', 'アダ'],
  ])('is stored in NFKC: %s', (_, text, display, key) => {
    expect(parseUsername(text)).toEqual({ ok: true, value: { display, key } });
    expect(toNameKey(key)).toBe(key);
  });

  it.each([
    ['a blank', ' ada '],
    ['a tab and a line feed', '\tada\r\n'],
    ['a no-break space', '\u00a0ada'],
    ['an ideographic space', 'ada\u3000'],
    ['a next line', '\u0085ada'],
    ['a line separator', 'ada\u2028'],
    ['a byte order mark', '\ufeffada'],
  ])('loses the blanks around it: %s', (_, text) => {
    expect(parseUsername(text)).toEqual({ ok: true, value: { display: 'ada', key: 'ada' } });
  });

  it.each(['', ' ', '\ufeff\u00a0\n'])('must not be empty: %j', (text) => {
    expect(parseUsername(text)).toEqual(EMPTY);
  });

  it.each([
    ['an at sign', 'ada@example.com'],
    ['nothing but an at sign', '@'],
    ['a full-width at sign', 'ada＠example.com'],
    ['a small at sign', 'ada﹫example.com'],
    ['a blank', 'ada lovelace'],
    ['a no-break space', 'ada\u00a0lovelace'],
    ['an ideographic space', 'ada\u3000lovelace'],
    ['a tab', 'ada\tlovelace'],
    ['a line feed', 'ada\nlovelace'],
    ['a carriage return', 'ada\rlovelace'],
    ['NUL', 'ada\u0000'],
    ['DEL', 'ada\u007f'],
    ['a C1 control', 'ada\u0084'],
    ['a right-to-left override', 'ada\u202elovelace'],
    ['a Hangul filler, which shows as nothing', 'ada\u3164'],
    ['a variation selector', 'ada\ufe0f'],
    ['a combining grapheme joiner', 'ada\u034f'],
    ['the blank Braille pattern', 'ada\u2800'],
    ['a left-to-right mark', 'ada\u200e'],
    ['an isolate', 'ada\u2066lovelace\u2069'],
    ['a zero-width space', 'ada\u200blovelace'],
    ['a zero-width joiner', 'ada\u200dlovelace'],
    ['a byte order mark within', 'ada\ufefflovelace'],
    ['a soft hyphen', 'ada\u00adlovelace'],
    ['a language tag', 'ada\u{e0061}'],
    ['a private-use character', 'ada\ue000'],
    ['an unassigned character', 'ada\u0378'],
    ['a noncharacter', 'ada\uffff'],
    ['a lone high surrogate', 'ada\ud83e'],
    ['a lone low surrogate', '\udd8aada'],
    ['two surrogates in the wrong order', 'ada\udd8a\ud83e'],
    ['a character that NFKC turns into one with blanks', '\ufdfa'],
    ['a character that NFKC turns into a blank and an accent', 'ada\u00b4s'],
    ['an emoji', 'ada🦊'],
    ['HTML', '<b>ada</b>'],
    ['a URL', 'https://evil.example'],
    ['a slash', 'evil.example/ada'],
    ['a colon', 'javascript:ada'],
    ['a quotation mark', 'ada"s'],
    ['a typographic apostrophe', 'o’hara'],
    ['a dash', 'ada–lovelace'],
    ['a currency sign', 'ada$'],
    ['a fraction', 'ada৴'],
    ['an accent without a letter', '\u0301ada'],
    ['an accent on punctuation', 'ada.\u0301lovelace'],
    ['a circle around a letter', 'ada\u20dd'],
  ])('is refused for %s', (_, text) => {
    expect(parseUsername(text)).toEqual(NOT_ALLOWED);
  });

  it.each(['.', '..', "'", '_', '__', '_._', '.ada', 'ada.', '-ada', 'ada-', '+ada', 'ada+', "'ada", "ada'"])(
    'is refused for loose punctuation: %j',
    (text) => {
      expect(parseUsername(text)).toEqual(LOOSE);
    },
  );

  it.each([
    'www.evil.example',
    'WWW.evil',
    "x'www.evil",
    'evil.com',
    'Evil.COM',
    'login.evil.net',
    'evil.shop+x',
    "evil.org'x",
    'ｅｖｉｌ.ｃｏｍ',
  ])('is refused for looking like a web address, which mail programs turn into a link: %j', (text) => {
    expect(parseUsername(text)).toEqual(LINK);
  });

  it('has at most 64 characters, and a character outside the basic plane is one', () => {
    for (const character of ['a', 'é', '李', '𠮷', '𝒶']) {
      expect(parseUsername(character.repeat(64))).toMatchObject({ ok: true });
      expect(parseUsername(character.repeat(65))).toEqual(TOO_LONG);
    }
  });

  it('has at most 64 characters as stored: a ligature counts as the letters that it stands for', () => {
    expect(parseUsername('ﬃ'.repeat(21))).toMatchObject({ ok: true });
    expect(parseUsername('ﬃ'.repeat(22))).toEqual(TOO_LONG);
    expect(parseUsername('e\u0301'.repeat(64))).toMatchObject({ ok: true });
    expect(parseUsername('e\u0301'.repeat(65))).toEqual(TOO_LONG);
  });

  it('has at most 64 characters as compared, too: a small letter can be longer than its capital', () => {
    expect(parseUsername('\u0130'.repeat(32))).toMatchObject({ ok: true });
    expect(parseUsername('\u0130'.repeat(33))).toEqual(TOO_LONG);
    // And shorter.
    expect(parseUsername('J\u030c'.repeat(32))).toMatchObject({ ok: true });
    expect(parseUsername('J\u030c'.repeat(33))).toEqual(TOO_LONG);
  });

  it('is refused, however hostile its form, in no time', () => {
    const inner = `a${' '.repeat(8000)}a`;
    expect(parseUsername(inner)).toEqual(NOT_ALLOWED);
    expect(parseUsername('a.'.repeat(4000))).toEqual(TOO_LONG);
    expect(parseUsername('\u0301'.repeat(8000))).toEqual(NOT_ALLOWED);
  });
});

describe('letters that look alike', () => {
  // One of each pair of scripts that UTS 39's confusables.txt joins to Latin, among Latin letters.
  it.each([
    ['a Cyrillic а in paypal', 'p\u0430ypal'],
    ['a Cyrillic о in root', 'r\u043eot'],
    ['a Cyrillic е in peter', 'p\u0435ter'],
    ['a Cyrillic і in admin', 'adm\u0456n'],
    ['a Cyrillic ѕ in sales', '\u0455ales'],
    ['a Cyrillic ӏ in lovelace', '\u04cfovelace'],
    ['a Greek ο in root', 'r\u03bfot'],
    ['a Greek ν in eve', 'e\u03bde'],
    ['a Greek Α in Ada', '\u0391da'],
    ['a mathematical Greek ο in root', 'r\u{1d6d0}ot'],
    ['an Armenian օ in root', 'r\u0585ot'],
    ['an Armenian ո in ann', 'an\u0578'],
    ['a Cherokee Ꭺ in Ada', '\u13aada'],
    ['a Lisu ꓮ in Ada', '\ua4eeda'],
    ['a Coptic ⲟ in root', 'r\u2c9fot'],
    ['a Deseret 𐐬 in root', 'r\u{1042c}ot'],
    ['a Hebrew ס in root', 'r\u05e1ot'],
    ['an Arabic ه in root', 'r\u0647ot'],
    ['a Georgian ყ in yes', '\u10e7es'],
    ['a Thai ๐ in root', 'r\u0e50ot'],
    ['a Greek letter in a Cyrillic name', 'Ел\u03ad\u043d\u0430'],
    ['Katakana in a Korean name', '김\u30ab'],
    ['Bopomofo in a Japanese name', 'あ\u3105'],
    ['Cyrillic in a Chinese name', '李\u0430'],
    ['a Cherokee name, all of it Latin to the eye', '\u13aa\u13a0\u13aa'],
    ['a modifier letter for an apostrophe', 'o\u02bchara'],
    ['a modifier letter for a colon', 'ada\u02d0lovelace'],
    ['a tatweel, which only stretches the word', 'نـور'],
    ['two kinds of digits', 'نور٤4'],
    ['Arabic-Indic and Persian digits', 'نور٤\u06f4'],
    ['a Bengali ৪ in a name with 4', 'ad4\u09ea'],
    ['a Myanmar digit and a Shan one', 'က\u1041\u1091'],
    ['a pile of accents', `a${'\u0301'.repeat(6)}da`],
  ])('are not mixed: %s', (_, text) => {
    expect(parseUsername(text)).toEqual(MIXED);
  });

  it.each([
    ['Japanese with Latin', 'カタカナひらがな漢字abc'],
    ['a long vowel', 'アダー'],
    ['an iteration mark', '佐々木'],
    ['a closing mark', '〆木'],
    ['Bopomofo, Han and Latin', '\u3105李abc'],
    ['Korean, Han and Latin', '김李kim'],
    ['digits of a script with its letters', 'नाम४२'],
    ['ASCII digits with any letters', 'नाम42'],
    ['four accents on a letter', 'x\u0332\u0346\u0310\u0324da'],
  ])('may be mixed where people write so: %s', (_, text) => {
    expect(parseUsername(text)).toMatchObject({ ok: true });
  });
});

describe('the key of a name', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), nameLike);

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
        expect(parseUsername(text.normalize(form))).toEqual(parseUsername(text));
      }),
    );
  });

  it('of an accepted name is accepted as a name, with itself as the key, and is never an e-mail address', () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyText, (text) => {
        const parsed = parseUsername(text);
        if (!parsed.ok) return;
        accepted += 1;
        const { display, key } = parsed.value;
        expect(isEmailKey(key)).toBe(false);
        expect(parseUsername(key)).toEqual({ ok: true, value: { display: key, key } });
        expect(parseUsername(display)).toEqual(parsed);
        expect(parseUsername(display.toLowerCase())).toMatchObject({ value: { key } });
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('and the name itself hold nothing that does not show', () => {
    const unseen = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;
    fc.assert(
      fc.property(nameLike, fc.string({ unit: 'binary', maxLength: 2 }), fc.nat(20), (name, other, at) => {
        const parsed = parseUsername(name.slice(0, at) + other + name.slice(at));
        if (parsed.ok) expect(parsed.value.display + parsed.value.key).not.toMatch(unseen);
      }),
      { numRuns: 500 },
    );
  });
});
