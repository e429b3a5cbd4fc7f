import { describe, expect, it } from 'vitest';
import { isOutdatedHash, verifyPassword } from '../../src/passwords/scrypt.ts';
import { HASHED_PASSWORD, hashForReal, PASSWORD_HASH } from '../support/hashes.ts';

hashForReal();

describe('the hash that the tests plant', () => {
  it('is a genuine one of their password, and of no other', () => {
    expect(verifyPassword(HASHED_PASSWORD, PASSWORD_HASH)).toBe(true);
    expect(verifyPassword(`${HASHED_PASSWORD}.`, PASSWORD_HASH)).toBe(false);
  });

  it('has the parameters of today', () => {
    expect(isOutdatedHash(PASSWORD_HASH)).toBe(false);
  });
});
