import { describe, expect, it } from 'vitest';
import { parseDurationSeconds } from '../../src/config/setting-reader.ts';
import { OTHER_BLANKS } from '../support/blanks.ts';

describe('a duration', () => {
  it.each([
    ['0s', 0],
    ['1s', 1],
    ['30s', 30],
    ['10m', 600],
    ['12h', 43_200],
    ['1d', 86_400],
    ['30d', 2_592_000],
    ['2w', 1_209_600],
    ['007m', 420],
    ['999999999s', 999_999_999],
    [' 30s ', 30],
    ['\t30s\r\n', 30],
  ])('of %j is %i seconds', (text, seconds) => {
    expect(parseDurationSeconds(text)).toBe(seconds);
  });

  it.each([
    ['nothing', ''],
    ['no unit', '30'],
    ['no number', 's'],
    ['a unit that is none', '30x'],
    ['a year', '1y'],
    ['milliseconds', '30ms'],
    ['a unit in upper case', '30S'],
    ['a word', '30 seconds'],
    ['a blank in between', '30 s'],
    ['two durations', '1h30m'],
    ['a fraction', '1.5h'],
    ['a minus sign', '-30s'],
    ['a plus sign', '+30s'],
    ['an exponent', '1e3s'],
    ['hexadecimal digits', '0x10s'],
    ['Arabic-Indic digits', '٣٠s'],
    ['more than nine digits', '1000000000s'],
    ['infinity', 'Infinity'],
    ['a name of Object.prototype', '1constructor'],
    ...OTHER_BLANKS.filter(([, blank]) => !/[\r\n]/.test(blank)).flatMap(([name, blank]) => [
      [`${name} before it`, `${blank}30s`],
      [`${name} after it`, `30s${blank}`],
    ]),
  ])('is not read from %s', (_, text) => {
    expect(parseDurationSeconds(text)).toBeUndefined();
  });
});
