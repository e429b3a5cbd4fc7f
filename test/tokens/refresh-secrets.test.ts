import { describe, expect, it } from 'vitest';
import { findSecretFault, parseAccessKeys, parseRefreshSecrets } from '../../src/tokens/key-material.ts';
import { importSecrets } from '../../src/tokens/key-set.ts';
import { mintRefreshToken, readRefreshToken } from '../../src/tokens/refresh-token.ts';
import { expectAbsent } from '../support/absence.ts';
import { OTHER_BLANKS } from '../support/blanks.ts';
import { REFRESH_CLAIMS, REFRESH_CONTEXT } from '../support/tokens.ts';

const FIRST = 'first-refresh-secret-of-these-tests';
const SECOND = 'second-refresh-secret-of-these-tests';
const THIRD = 'third-refresh-secret-of-these-tests';

describe('refresh token secrets', () => {
  it.each([
    ['one', FIRST, [FIRST]],
    ['several, separated by commas', `${FIRST},${SECOND},${THIRD}`, [FIRST, SECOND, THIRD]],
    ['blanks around them', ` ${FIRST} , ${SECOND}\n`, [FIRST, SECOND]],
    ['exactly 32 bytes', 'Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9', ['Kq3vT8xWz0LmNp5RsYb7CdEf2GhJ4uA9']],
    ['32 bytes in fewer letters', 'ñöäüçéàèùâêîôûßå', ['ñöäüçéàèùâêîôûßå']],
  ])('are read: %s', (_, text, secrets) => {
    expect(parseRefreshSecrets(text)).toEqual({ ok: true, value: secrets });
  });

  it.each([
    ['one that is too short', 's'.repeat(31), ['is too short: 31 bytes, at least 32 are needed']],
    ['nothing', '', ['is too short: 0 bytes, at least 32 are needed']],
    ['blanks', ' '.repeat(64), ['is too short: 0 bytes, at least 32 are needed']],
    ['a comma at the end', `${FIRST},`, ['secret 2: is too short: 0 bytes, at least 32 are needed']],
    [
      'a secret with a comma in it',
      `${FIRST},short`,
      ['secret 2: is too short: 5 bytes, at least 32 are needed'],
    ],
    ['the same one twice', `${FIRST},${SECOND}, ${FIRST}`, ['holds the same secret twice']],
    [
      'several faults at once',
      'short,short',
      [
        'secret 1: is too short: 5 bytes, at least 32 are needed',
        'secret 2: is too short: 5 bytes, at least 32 are needed',
        'holds the same secret twice',
      ],
    ],
  ])('are refused, and not quoted: %s', (_, text, faults) => {
    expect(parseRefreshSecrets(text)).toEqual({ ok: false, faults });
    expectAbsent(faults.join(), [FIRST]);
  });
});

describe('a character that shows as nothing', () => {
  it.each([...OTHER_BLANKS.filter(([, blank]) => !/[\0\r\n]/.test(blank)), ['U+200B', '\u200b'] as const])(
    'at either end of a secret is a fault, never part of it: %s',
    (_, blank) => {
      const fault = 'begins or ends with a character that shows as nothing';
      for (const secret of [`${blank}${FIRST}`, `${FIRST}${blank}`]) {
        expect(parseRefreshSecrets(secret)).toEqual({ ok: false, faults: [fault] });
        expect(parseRefreshSecrets(`${SECOND},${secret}`)).toEqual({
          ok: false,
          faults: [`secret 2: ${fault}`],
        });
        expect(parseAccessKeys(secret)).toEqual({ ok: false, faults: [fault] });
        expect(findSecretFault(secret)).toBe(fault);
      }
      expect(findSecretFault(`first${blank}${SECOND}`)).toBeUndefined();
      // A key set must not pass for a long secret because of what stands before it.
      expect(parseAccessKeys(`${blank}{"keys":[{"kty":"EC","crv":"P-256"}]}`)).toMatchObject({ ok: false });
    },
  );
});

describe('several refresh token secrets', () => {
  it('are signed with by the first alone', async () => {
    const keySet = await importSecrets([SECOND, FIRST]);
    const token = await mintRefreshToken(REFRESH_CLAIMS, keySet);
    expect(token).toBe(await mintRefreshToken(REFRESH_CLAIMS, await importSecrets([SECOND])));
    expect(token).not.toBe(await mintRefreshToken(REFRESH_CLAIMS, await importSecrets([FIRST])));
  });

  it('all verify: tokens of an older one are good until it is dropped', async () => {
    const ofFirst = await mintRefreshToken(REFRESH_CLAIMS, await importSecrets([FIRST]));
    const read = async (...secrets: string[]) =>
      readRefreshToken(ofFirst, await importSecrets(secrets), REFRESH_CONTEXT);
    expect(await read(FIRST)).toEqual({ ok: true, claims: REFRESH_CLAIMS });
    expect(await read(SECOND, FIRST)).toEqual({ ok: true, claims: REFRESH_CLAIMS });
    expect(await read(THIRD, SECOND, FIRST)).toEqual({ ok: true, claims: REFRESH_CLAIMS });
    expect(await read(THIRD, SECOND)).toEqual({ ok: false, reason: 'token_forged' });
  });

  it('cannot be none at all', async () => {
    await expect(importSecrets([])).rejects.toThrow('a key set needs at least one secret');
  });
});
