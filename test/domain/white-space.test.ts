import { describe, expect, it } from 'vitest';
import { splitSetting, trimOptionalWhiteSpace, trimSetting } from '../../src/domain/white-space.ts';
import { OPTIONAL_WHITE_SPACE, OTHER_BLANKS } from '../support/blanks.ts';

it('the table of blanks is complete', () => {
  const known = new Set([...OPTIONAL_WHITE_SPACE, ...OTHER_BLANKS.map(([, blank]) => blank)]);
  for (let code = 0; code <= 0xffff; code += 1) {
    const character = String.fromCharCode(code);
    if (/\p{White_Space}|\ufeff|\0/u.test(character)) expect(known, code.toString(16)).toContain(character);
  }
});

describe('optional white space of HTTP', () => {
  it('is SP and HTAB, at both ends and in any number', () => {
    expect(trimOptionalWhiteSpace(' \t a \t b\t ')).toBe('a \t b');
    expect(trimOptionalWhiteSpace('a')).toBe('a');
    expect(trimOptionalWhiteSpace(' \t ')).toBe('');
    expect(trimOptionalWhiteSpace('')).toBe('');
  });

  it.each(OTHER_BLANKS)('is not %s', (_, blank) => {
    for (const text of [`${blank}a`, `a${blank}`, ` ${blank} a${blank}\t`])
      expect(trimOptionalWhiteSpace(text)).toBe(text.replace(/^ | ?\t$/g, ''));
  });
});

describe('blanks around a setting', () => {
  it('are SP, HTAB and line breaks, which shells and files leave there', () => {
    expect(trimSetting(' \t\r\n30s\r\n')).toBe('30s');
    expect(splitSetting(' a ,\tb\n, ,c d\r\n')).toEqual(['a', 'b', '', 'c d']);
  });

  it.each(OTHER_BLANKS.filter(([, blank]) => !/[\r\n]/.test(blank)))('are not %s', (_, blank) => {
    expect(trimSetting(`${blank}a${blank}`)).toBe(`${blank}a${blank}`);
    expect(splitSetting(`a${blank},${blank}b`)).toEqual([`a${blank}`, `${blank}b`]);
  });
});
