import { describe, expect, it } from 'vitest';
import { mintMailToken, readMailToken } from '../../src/tokens/mail-token.ts';

const SECRET = 'refresh-token-secret-of-the-tests-0123456789';
const OTHER = 'another-refresh-token-secret-of-the-tests-01';
const ID = 'abcdefghijklmnopqrstuv';

describe('the token of a mailed link', () => {
  it('is read back, also while its secret is the second one', () => {
    const token = mintMailToken(ID, SECRET);
    expect(token).toMatch(/^[\w-]{43}$/);
    for (const secrets of [[SECRET], [OTHER, SECRET]])
      expect(readMailToken(`${ID}.${token}`, secrets)).toEqual({ accountId: ID, token });
  });

  it('is never the same twice', () => {
    const tokens = Array.from({ length: 100 }, () => mintMailToken(ID, SECRET));
    expect(new Set(tokens.map((token) => token.slice(0, 32))).size).toBe(100);
  });

  it('is refused when any bit of it, its account or the secret is another', () => {
    const token = mintMailToken(ID, SECRET);
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readMailToken(`${ID}.${changed.toString('base64url')}`, [SECRET])).toBeUndefined();
    }
    expect(readMailToken(`${ID.replace('a', 'b')}.${token}`, [SECRET])).toBeUndefined();
    expect(readMailToken(`${ID}.${token}`, [OTHER])).toBeUndefined();
  });

  it.each([
    '',
    '.',
    ID,
    `${ID}.`,
    `${ID}.${'A'.repeat(42)}`,
    `${ID}.${'A'.repeat(44)}`,
    `${'A'.repeat(22)}.${'A'.repeat(43)}`,
  ])('is nothing of the form %j', (text) => {
    expect(readMailToken(text, [SECRET])).toBeUndefined();
  });
});
