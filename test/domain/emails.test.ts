import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEmailKey, parseEmail, toMailAddress } from '../../src/domain/names.ts';
import { nameLike } from '../support/name-like.ts';

const refusal = (message: string) => ({ ok: false, fault: expect.objectContaining({ message }) });
const NOT_AN_ADDRESS = refusal('must be an e-mail address');
const TOO_LONG = refusal('must be at most 254 characters long');
const STYLED = refusal('must be an e-mail address in plain characters, not in full-width or styled ones');
const ACTED_ON = refusal('must not begin with - or /, nor contain any of % ! ? | ` $ { }');
const MIXED = refusal('must keep to the letters of one alphabet before the @ and between two dots after it');

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
    ["o'hara_1#&*/=^~-@example.com", "o'hara_1#&*/=^~-@example.com"],
    ['ada@a-b.example', 'ada@a-b.example'],
    ['ada@1.example', 'ada@1.example'],
    ['ada@1.2.3.4.example', 'ada@1.2.3.4.example'],
    ['用户@例子.世界', '用户@xn--fsqu00a.xn--rhqv96g'],
    ['zoë@example.com', 'zoë@example.com'],
    ['пётр@example.com', 'пётр@example.com'],
    ['ada@例子.com', 'ada@xn--fsqu00a.com'],
    ['ada@пример.com', 'ada@xn--e1afmkfd.com'],
  ])('%j will do, is shown as typed and compared as %j', (text, key) => {
    expect(parseEmail(text)).toEqual({ ok: true, value: { display: text, key } });
    expect(isEmailKey(key)).toBe(true);
  });

  it.each([
    'ada@münchen.example',
    'ada@MÜNCHEN.example',
    'ada@mu\u0308nchen.example',
    'ada@xn--mnchen-3ya.example',
    'Ada@XN--MNCHEN-3YA.Example',
  ])('is one address whether its domain is typed in Unicode or in Punycode: %j', (text) => {
    const key = 'ada@xn--mnchen-3ya.example';
    expect(parseEmail(text)).toEqual({ ok: true, value: { display: text.normalize('NFC'), key } });
  });

  it('is not the address of a domain that IDNA keeps apart', () => {
    expect(parseEmail('ada@straße.example')).toMatchObject({ value: { key: 'ada@xn--strae-oqa.example' } });
    expect(parseEmail('ada@strasse.example')).toMatchObject({ value: { key: 'ada@strasse.example' } });
  });

  it.each([
    ['ada@faß.de', 'ada@xn--fa-hia.de'],
    ['Ada@MÜNCHEN.example', 'Ada@xn--mnchen-3ya.example'],
    ['пётр@example.com', 'пётр@example.com'],
    ['Ada+x@Example.com', 'Ada+x@example.com'],
  ])('%s gets its mail at %s', (email, address) => {
    expect(toMailAddress(email)).toBe(address);
  });

  it('is the same address in a decomposed spelling, and is stored composed', () => {
    expect(parseEmail('zoe\u0308@example.com')).toEqual({
      ok: true,
      value: { display: 'zo\u00eb@example.com', key: 'zo\u00eb@example.com' },
    });
  });

  it.each([
    ['a blank', ' ada@example.com '],
    ['a line feed', 'ada@example.com\n'],
    ['a no-break space', '\u00a0ada@example.com'],
    ['a byte order mark', '\ufeffada@example.com'],
  ])('loses the blanks around it: %s', (_, text) => {
    const value = { display: 'ada@example.com', key: 'ada@example.com' };
    expect(parseEmail(text)).toEqual({ ok: true, value });
  });

  it.each(['', ' ', '\u3000\t'])('must not be empty: %j', (text) => {
    expect(parseEmail(text)).toEqual(refusal('must not be empty'));
  });

  it.each([
    ['full-width letters', 'ａｄａ@example.com'],
    ['a full-width letter in the domain', 'ada@ｅxample.com'],
    ['mathematical letters', '𝒶𝒹𝒶@example.com'],
    ['a ligature', 'of\ufb01ce@example.com'],
    ['a superscript', 'ada²@example.com'],
    ['circled letters in the domain', 'ada@ⓔxample.com'],
    ['a full-width at sign', 'ada＠example.com'],
    ['a second, full-width at sign', 'ada＠x@example.com'],
    ['a character that NFKC turns into one with a dot', 'ada\u2024@example.com'],
    ['a character that NFKC turns into a comma', 'ada，@example.com'],
    ['a character that NFKC turns into one with brackets', 'ada\u2474@example.com'],
    ['half-width Katakana', 'ｱﾀﾞ@example.com'],
  ])('is refused in characters that NFKC would turn into others: %s', (_, text) => {
    expect(parseEmail(text)).toEqual(STYLED);
  });

  it.each([
    ['no at sign', 'ada.example.com'],
    ['two at signs', 'ada@example@example.com'],
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
    ['a hyphen at the start of a Unicode label', 'ada@-münchen.com'],
    ['a hyphen at the end of a Unicode label', 'ada@münchen-.com'],
    ['an underscore in the domain', 'ada@exam_ple.com'],
    ['a quoted local part', '"ada lovelace"@example.com'],
    ['a backslash', 'ada\\lovelace@example.com'],
    ['a comment', 'ada(x)@example.com'],
    ['an address literal', 'ada@[192.0.2.1]'],
    ['an IPv4 address', 'ada@192.0.2.1'],
    ['a short IPv4 address', 'ada@1.22'],
    ['a hexadecimal IPv4 address', 'ada@0x7f.1'],
    ['a hexadecimal last label', 'ada@example.0x7f'],
    ['a numeric last label', 'ada@example.123'],
    ['a port', 'ada@example.com:25'],
    ['a path', 'ada@example.com/x'],
    ['a query', 'ada@example.com?x'],
    ['an escape in the domain', 'ada@exam%70le.com'],
    ['a user before the domain', 'ada@x:y@example.com'],
    ['a display name', 'Ada <ada@example.com>'],
    ['two addresses', 'ada@example.com,eve@example.com'],
    ['a semicolon', 'ada;eve@example.com'],
    ['a blank', 'ada lovelace@example.com'],
    ['a header in it', 'ada@example.com\r\nBcc: eve@example.com'],
    ['NUL', 'ada\u0000@example.com'],
    ['a right-to-left override', 'ada\u202e@example.com'],
    ['a zero-width space', 'ada\u200b@example.com'],
    ['a soft hyphen', 'a\u00adda@example.com'],
    ['a soft hyphen in the domain', 'ada@exam\u00adple.com'],
    ['a variation selector', 'ada\ufe0f@example.com'],
    ['a variation selector in the domain', 'ada@exam\ufe0fple.com'],
    ['a byte order mark within', 'ada\ufeff@example.com'],
    ['a lone surrogate', 'ada\ud83e@example.com'],
    ['an ideographic full stop', 'ada@example。com'],
    ['an emoji', 'ada@\u2603.example'],
    ['an accent at the start of a label', 'ada@\u0301a.example'],
    ['Punycode that decodes to nothing', 'ada@xn--a.com'],
    ['Punycode with digits out of range', 'ada@xn--zzzzzz999999.com'],
    ['empty Punycode', 'ada@xn--.com'],
    ['Punycode of plain letters', 'ada@xn--abc-.com'],
    ['a Hebrew label that begins with a digit', 'ada@1\u05d0.example'],
  ])('is refused for %s', (_, text) => {
    expect(parseEmail(text)).toEqual(NOT_AN_ADDRESS);
  });

  it.each([
    '-ada@example.com',
    '-oQ/tmp@example.com',
    '/dev/null@example.com',
    '|sh@example.com',
    'ada%example.org@example.com',
    'host!ada@example.com',
    'ada!@example.com',
    '=?utf-8?q?ada=40example.net?=@example.com',
    '=?x?q?ada=40example.net=3e=00?=foo@example.com',
    'ada?subject=x@example.com',
    'ada|sh@example.com',
    '`id`@example.com',
    '$id@example.com',
    '$\u007bada}@example.com',
    '{{ada}}@example.com',
  ])('is refused when mail systems would act on it: %j', (text) => {
    expect(parseEmail(text)).toEqual(ACTED_ON);
  });

  it.each([
    ['a Cyrillic а among Latin letters', '\u0430da@example.com'],
    ['a Greek ο among Latin letters', 'r\u03bfot@example.com'],
    ['two kinds of digits', 'نور٤4@example.com'],
    ['a modifier letter for an apostrophe', 'o\u02bchara@example.com'],
    ['a Cyrillic а in the domain', 'ada@p\u0430ypal.example'],
    ['a Cyrillic о in the last label', 'ada@example.c\u043em'],
  ])('is refused for letters that look alike: %s', (_, text) => {
    expect(parseEmail(text)).toEqual(MIXED);
  });

  it('may have a domain of mixed letters in Punycode, which deceives nobody', () => {
    const value = { display: 'ada@xn--pypal-4ve.example', key: 'ada@xn--pypal-4ve.example' };
    expect(parseEmail(value.display)).toEqual({ ok: true, value });
  });

  it('has at most 64 characters before the at sign', () => {
    expect(parseEmail(`${'a'.repeat(64)}@example.com`)).toMatchObject({ ok: true });
    expect(parseEmail(`${'a'.repeat(65)}@example.com`)).toEqual(NOT_AN_ADDRESS);
  });

  it('has at most 63 characters in a label of its domain, as DNS counts them', () => {
    expect(parseEmail(`ada@${'d'.repeat(63)}.example`)).toMatchObject({ ok: true });
    expect(parseEmail(`ada@${'d'.repeat(64)}.example`)).toEqual(NOT_AN_ADDRESS);
    expect(parseEmail(`ada@example.${'d'.repeat(63)}`)).toMatchObject({ ok: true });
    expect(parseEmail(`ada@example.${'d'.repeat(64)}`)).toEqual(NOT_AN_ADDRESS);
    expect(parseEmail(`ada@ü${'d'.repeat(55)}.example`)).toMatchObject({ ok: true });
    expect(parseEmail(`ada@ü${'d'.repeat(58)}.example`)).toEqual(NOT_AN_ADDRESS);
  });

  it('has at most 254 characters, as typed and as compared', () => {
    expect(parseEmail(`ada@${domainOf(250)}`)).toMatchObject({ ok: true });
    expect(parseEmail(`ada@${domainOf(251)}`)).toEqual(TOO_LONG);
    // A domain is longer in Punycode.
    expect(parseEmail(`${'a'.repeat(55)}@ü.${domainOf(190)}`)).toMatchObject({ ok: true });
    expect(parseEmail(`${'a'.repeat(56)}@ü.${domainOf(190)}`)).toEqual(TOO_LONG);
  });

  it('is refused, however hostile its form', () => {
    expect(parseEmail(`${'a.'.repeat(120)}@`)).toEqual(NOT_AN_ADDRESS);
    expect(parseEmail(`a@${'a-'.repeat(120)}`)).toEqual(NOT_AN_ADDRESS);
    expect(parseEmail('a'.repeat(1_000_000))).toEqual(TOO_LONG);
  });
});

describe('an accepted e-mail address', () => {
  const label = fc.oneof(nameLike, fc.constantFrom('münchen', 'straße', 'xn--mnchen-3ya', '例子', 'пример'));
  const address = fc
    .tuple(nameLike, label, fc.constantFrom('example', 'COM', 'рф', '世界', 'xn--p1ai'))
    .map(([local, host, top]) => `${local}@${host}.${top}`);

  it('has one key in every spelling, which is an address with itself as the key', () => {
    let accepted = 0;
    fc.assert(
      fc.property(address, fc.constantFrom('NFC', 'NFD'), (text, form) => {
        const parsed = parseEmail(text);
        expect(parseEmail(text.normalize(form))).toEqual(parsed);
        if (!parsed.ok) return;
        accepted += 1;
        const { display, key } = parsed.value;
        expect(parseEmail(display)).toEqual(parsed);
        expect(parseEmail(key)).toEqual({ ok: true, value: { display: key, key } });
        // Only the local part is put into lower case by us: UTS 46 does it for the domain.
        const at = display.indexOf('@');
        expect(parseEmail(display.slice(0, at).toLowerCase() + display.slice(at))).toMatchObject({
          value: { key },
        });
      }),
      { numRuns: 1000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('has the key of every other one that goes to the same mailbox at the same domain', () => {
    let accepted = 0;
    fc.assert(
      fc.property(nameLike, label, label, (local, one, other) => {
        const [a, b] = [parseEmail(`${local}@${one}.example`), parseEmail(`${local}@${other}.example`)];
        if (!a.ok || !b.ok) return;
        accepted += 1;
        const host = (domain: string) => new URL(`http://${domain}.example`).hostname;
        expect(a.value.key === b.value.key).toBe(host(one) === host(other));
      }),
      { numRuns: 1000, examples: [['ada', 'münchen', 'xn--mnchen-3ya']] },
    );
    expect(accepted).toBeGreaterThan(20);
  });

  it('holds nothing that does not show', () => {
    const unseen = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;
    fc.assert(
      fc.property(address, fc.string({ unit: 'binary', maxLength: 2 }), fc.nat(30), (text, other, at) => {
        const parsed = parseEmail(text.slice(0, at) + other + text.slice(at));
        if (parsed.ok) expect(parsed.value.display + parsed.value.key).not.toMatch(unseen);
      }),
      { numRuns: 500 },
    );
  });
});
