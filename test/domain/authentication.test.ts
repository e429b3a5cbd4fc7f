import { describe, expect, it } from 'vitest';
import { type CredentialKind, findSecondFactors } from '../../src/domain/authentication.ts';

describe('what a sign-in asks for after the password', () => {
  it.each<[CredentialKind[], string[]]>([
    [['password'], []],
    [[], []],
    [['password', 'passkey'], []],
    [['password', 'recovery_codes', 'passkey'], []],
    [['password', 'totp'], ['totp']],
    [
      ['password', 'totp', 'recovery_codes'],
      ['totp', 'recovery_code'],
    ],
    [
      ['passkey', 'recovery_codes', 'totp', 'password'],
      ['totp', 'recovery_code', 'passkey'],
    ],
  ])('with %j is %j', (kinds, methods) => {
    expect(findSecondFactors(kinds)).toEqual(methods);
  });
});
