import { describe, expect, it } from 'vitest';
import { isEmailKey, parseEmail } from '../../src/domain/names.ts';

const NOT_AN_ADDRESS = { ok: false, message: 'must be an e-mail address' };
const TOO_LONG = { ok: false, message: 'must be at most 254 characters long' };

/** A domain of exactly so many characters, in labels of at most 63. */
function domainOf(length: number): string {
  const labels = `${'d'.repeat(63)}.`.repeat(Math.floor((length - 3) / 64));
  return `${labels}${'d'.repeat(length - labels.length - 3)}.nl`.slice(-length);
}

describe('an e-mail address', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['Ada.Lovelace@Example.COM', 'ada.lovelace@example.com'],
    ['ada+latchkey@example.co.uk', 'ada+latchkey@example.co.uk'],
    ['a@b.nl', 'a@b.nl'],
    ["o'hara_1!#$%&*/=?^`{|}~-@example.com", "o'hara_1!#$%&*/=?^`{|}~-@example.com"],
    ['ada@xn--mnchen-3ya.example', 'ada@xn--mnchen-3ya.example'],
    ['ada@a-b.example', 'ada@a-b.example'],
    ['用户@例子.世界', '用户@例子.世界'],
    ['ada@MÜNCHEN.example', 'ada@münchen.example'],
  ])('%j will do, is shown as typed and compared as %j', (text, key) => {
    expect(parseEmail(text)).toEqual({ ok: true, value: { display: text, key } });
    expect(isEmailKey(key)).toBe(true);
  });

  it('is the same address in full-width letters and in a decomposed spelling', () => {
    expect(parseEmail('ａｄａ@example.com')).toMatchObject({ ok: true, value: { key: 'ada@example.com' } });
    expect(parseEmail('zoe\u0308@example.com')).toMatchObject({
      ok: true,
      value: { key: 'zo\u00eb@example.com' },
    });
  });

  it('must not be empty', () => {
    expect(parseEmail('')).toEqual({ ok: false, message: 'must not be empty' });
  });

  it.each([
    ['no at sign', 'ada.example.com'],
    ['two at signs', 'ada@example@example.com'],
    ['a full-width at sign', 'ada＠example.com'],
    ['a second, full-width at sign', 'ada＠x@example.com'],
    ['no local part', '@example.com'],
    ['no domain', 'ada@'],
    ['a domain of one label', 'ada@localhost'],
    ['a top-level domain of one letter', 'ada@example.c'],
    ['a dot at the start', '.ada@example.com'],
    ['a dot before the at sign', 'ada.@example.com'],
    ['a dot after the at sign', 'ada@.example.com'],
    ['a dot at the end', 'ada@example.com.'],
    ['two dots in the local part', 'ada..lovelace@example.com'],
    ['two dots in the domain', 'ada@example..com'],
    ['a hyphen at the start of a label', 'ada@-example.com'],
    ['a hyphen at the end of a label', 'ada@example-.com'],
    ['an underscore in the domain', 'ada@exam_ple.com'],
    ['a quoted local part', '"ada lovelace"@example.com'],
    ['a comment', 'ada(x)@example.com'],
    ['an address literal', 'ada@[192.0.2.1]'],
    ['a display name', 'Ada <ada@example.com>'],
    ['two addresses', 'ada@example.com,eve@example.com'],
    ['a semicolon', 'ada;eve@example.com'],
    ['a blank', 'ada lovelace@example.com'],
    ['a blank at the end', 'ada@example.com '],
    ['a line feed at the end', 'ada@example.com\n'],
    ['a header in it', 'ada@example.com\r\nBcc: eve@example.com'],
    ['NUL', 'ada\u0000@example.com'],
    ['a right-to-left override', 'ada\u202e@example.com'],
    ['a zero-width space', 'ada\u200b@example.com'],
    ['a soft hyphen', 'a\u00adda@example.com'],
    ['a byte order mark', '\ufeffada@example.com'],
    ['a lone surrogate', 'ada\ud83e@example.com'],
    ['an ideographic full stop', 'ada@example。com'],
    ['a character that NFKC turns into one with a dot', 'ada\u2024@example.com'],
    ['a character that NFKC turns into a comma', 'ada，@example.com'],
    ['a character that NFKC turns into one with brackets', 'ada\u2474@example.com'],
  ])('is refused for %s', (_, text) => {
    expect(parseEmail(text)).toEqual(NOT_AN_ADDRESS);
  });

  it('has at most 64 characters before the at sign', () => {
    expect(parseEmail(`${'a'.repeat(64)}@example.com`)).toMatchObject({ ok: true });
    expect(parseEmail(`${'a'.repeat(65)}@example.com`)).toEqual(NOT_AN_ADDRESS);
  });

  it('has at most 63 characters in a label of its domain', () => {
    expect(parseEmail(`ada@${'d'.repeat(63)}.example`)).toMatchObject({ ok: true });
    expect(parseEmail(`ada@${'d'.repeat(64)}.example`)).toEqual(NOT_AN_ADDRESS);
    expect(parseEmail(`ada@example.${'d'.repeat(63)}`)).toMatchObject({ ok: true });
    expect(parseEmail(`ada@example.${'d'.repeat(64)}`)).toEqual(NOT_AN_ADDRESS);
  });

  it('has at most 254 characters, as typed and as compared', () => {
    expect(parseEmail(`ada@${domainOf(250)}`)).toMatchObject({ ok: true });
    expect(parseEmail(`ada@${domainOf(251)}`)).toEqual(TOO_LONG);
    // U+FB03 is one character as typed and three as compared.
    expect(parseEmail(`${'\ufb03'.repeat(4)}@${domainOf(241)}`)).toMatchObject({ ok: true });
    expect(parseEmail(`${'\ufb03'.repeat(5)}@${domainOf(239)}`)).toEqual(TOO_LONG);
    // And an accent is a character of its own as typed, and none as compared.
    expect(parseEmail(`${'e\u0301'.repeat(5)}@${domainOf(243)}`)).toMatchObject({ ok: true });
    expect(parseEmail(`${'e\u0301'.repeat(5)}@${domainOf(244)}`)).toEqual(TOO_LONG);
  });

  it('is refused, however hostile its form', () => {
    expect(parseEmail(`${'a.'.repeat(120)}@`)).toEqual(NOT_AN_ADDRESS);
    expect(parseEmail(`a@${'a-'.repeat(120)}`)).toEqual(NOT_AN_ADDRESS);
    expect(parseEmail('a'.repeat(1_000_000))).toEqual(TOO_LONG);
  });
});
