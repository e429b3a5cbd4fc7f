import { describe, expect, it } from 'vitest';
import {
  DECOY_HASH,
  hashPassword,
  isOutdatedHash,
  type ScryptParameters,
  TODAYS_PARAMETERS,
  verifyPassword,
} from '../../src/passwords/scrypt.ts';
import { hashForReal } from '../support/hashes.ts';

hashForReal();

const PASSWORD = 'correct horse battery staple';
/** Enough for the format, and fast. */
const LIGHT: ScryptParameters = { ln: 4, r: 8, p: 1 };
const SALT = 'A'.repeat(22);
const KEY = 'B'.repeat(43);

/** The message that a call throws. */
function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  return 'nothing was thrown';
}

describe('a password hash', () => {
  it("is a PHC string with today's parameters, a 16-byte salt and a 32-byte key", () => {
    expect(TODAYS_PARAMETERS).toEqual({ ln: 14, r: 8, p: 5 });
    expect(hashPassword(PASSWORD)).toMatch(
      /^\$scrypt\$ln=14,r=8,p=5\$[A-Za-z0-9+/]{21}[AQgw]\$[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/,
    );
  });

  it('fits its password and no other', () => {
    const hash = hashPassword(PASSWORD);
    expect(verifyPassword(PASSWORD, hash)).toBe(true);
    expect(verifyPassword(`${PASSWORD} `, hash)).toBe(false);
  });

  it('tells passwords apart by every bit and by every character, the 1024th included', () => {
    const long = 'z'.repeat(1024);
    const hash = hashPassword(long, LIGHT);
    expect(verifyPassword(long, hash)).toBe(true);
    expect(verifyPassword(`${long.slice(1)}y`, hash)).toBe(false);
    expect(verifyPassword(long.slice(1), hash)).toBe(false);
    expect(verifyPassword('Z'.repeat(1024), hash)).toBe(false);
    expect(verifyPassword(`${PASSWORD}\u0000x`, hashPassword(`${PASSWORD}\u0000`, LIGHT))).toBe(false);
  });

  it('has a fresh salt each time, so that equal passwords do not look equal', () => {
    const hashes = Array.from({ length: 50 }, () => hashPassword(PASSWORD, LIGHT));
    expect(new Set(hashes.map((hash) => hash.split('$')[3])).size).toBe(50);
    expect(new Set(hashes.map((hash) => hash.split('$')[4])).size).toBe(50);
  });

  it('is verified under the parameters that are stored with it', () => {
    for (const parameters of [LIGHT, { ln: 5, r: 4, p: 3 }, { ln: 10, r: 1, p: 16 }]) {
      const hash = hashPassword(PASSWORD, parameters);
      const { ln, r, p } = parameters;
      expect(hash).toContain(`$ln=${ln},r=${r},p=${p}$`);
      expect(verifyPassword(PASSWORD, hash)).toBe(true);
      expect(verifyPassword(PASSWORD, hash.replace(`p=${p}`, `p=${p + 1}`))).toBe(false);
      expect(verifyPassword(PASSWORD, hash.replace(`ln=${ln}`, `ln=${ln + 1}`))).toBe(false);
    }
  });

  it('agrees with the test vector of RFC 7914 section 12', () => {
    // scrypt (P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1, dkLen=64)
    const key = `
      70 23 bd cb 3a fd 73 48 46 1c 06 cd 81 fd 38 eb fd a8 fb ba 90 4f 8e 3e a9 b5 43 f6 54 5d a1 f2
      d5 43 29 55 61 3f 0f cf 62 d4 97 05 24 2a 9a f9 e6 1e 85 dc 0d 65 1e 40 df cf 01 7b 45 57 58 87`;
    const base64 = Uint8Array.fromHex(key.replaceAll(/\s/g, '')).toBase64({ omitPadding: true });
    const salt = btoa('SodiumChloride').replaceAll('=', '');
    const hash = `$scrypt$ln=14,r=8,p=1$${salt}$${base64}`;
    expect(verifyPassword('pleaseletmein', hash)).toBe(true);
    expect(verifyPassword('pleaseletmeIn', hash)).toBe(false);
  });
});

describe('a weaker hash', () => {
  it.each([
    ['ln=14,r=8,p=5', false],
    ['ln=15,r=8,p=5', false],
    ['ln=14,r=8,p=6', false],
    ['ln=14,r=16,p=5', false],
    ['ln=17,r=8,p=1', false],
    ['ln=13,r=8,p=5', true],
    ['ln=14,r=7,p=5', true],
    ['ln=14,r=8,p=4', true],
    ['ln=13,r=8,p=10', true],
    ['ln=10,r=8,p=128', true],
    ['ln=15,r=8,p=2', true],
  ])('is told from one of today or better: %s is outdated: %s', (parameters, isOutdated) => {
    expect(isOutdatedHash(`$scrypt$${parameters}$${SALT}$${KEY}`)).toBe(isOutdated);
  });
});

describe("the platform's limit", () => {
  const LIMIT = "is over the platform's limit: N*r*p must be at most 2^20";

  it.each([
    { ln: 17, r: 8, p: 2 },
    { ln: 18, r: 8, p: 1 },
    { ln: 15, r: 8, p: 5 },
    { ln: 14, r: 8, p: 9 },
    { ln: 99, r: 8, p: 1 },
    { ln: 1, r: 999, p: 999 },
  ])('refuses to hash and to verify with ln=$ln, r=$r, p=$p, and says why', ({ ln, r, p }) => {
    const parameters = `ln=${ln},r=${r},p=${p}`;
    expect(() => hashPassword(PASSWORD, { ln, r, p })).toThrow(`scrypt ${parameters} ${LIMIT}`);
    expect(() => verifyPassword(PASSWORD, `$scrypt$${parameters}$${SALT}$${KEY}`)).toThrow(
      `scrypt ${parameters} ${LIMIT}`,
    );
  });

  it("leaves room for what lies on it, OWASP's first choice among them", () => {
    expect(hashPassword(PASSWORD, { ln: 17, r: 8, p: 1 })).toContain('$ln=17,r=8,p=1$');
  });
});

describe('a stored value that is not such a hash', () => {
  const SECRET_SALT = 'c2VjcmV0c2VjcmV0c2Vjcg';
  const SECRET_KEY = 'c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmV0a2V5c2VjcmU';

  it.each([
    ['nothing', ''],
    ['a password', PASSWORD],
    ['another function', `$argon2id$v=19$m=65536,t=3,p=4$${SECRET_SALT}$${SECRET_KEY}`],
    ['bcrypt', `$2b$12$${SECRET_SALT}${SECRET_KEY.slice(0, 31)}`],
    ['no parameters', `$scrypt$${SECRET_SALT}$${SECRET_KEY}`],
    ['a parameter missing', `$scrypt$ln=14,r=8$${SECRET_SALT}$${SECRET_KEY}`],
    ['parameters in another order', `$scrypt$r=8,ln=14,p=5$${SECRET_SALT}$${SECRET_KEY}`],
    ['a negative parameter', `$scrypt$ln=14,r=8,p=-5$${SECRET_SALT}$${SECRET_KEY}`],
    ['a parameter of zero: ln', `$scrypt$ln=0,r=8,p=5$${SECRET_SALT}$${SECRET_KEY}`],
    ['a parameter of zero: r', `$scrypt$ln=14,r=0,p=5$${SECRET_SALT}$${SECRET_KEY}`],
    ['a parameter of zero: p', `$scrypt$ln=14,r=8,p=0$${SECRET_SALT}$${SECRET_KEY}`],
    ['a leading zero', `$scrypt$ln=014,r=8,p=5$${SECRET_SALT}$${SECRET_KEY}`],
    ['no salt', `$scrypt$ln=14,r=8,p=5$$${SECRET_KEY}`],
    ['no key', `$scrypt$ln=14,r=8,p=5$${SECRET_SALT}$`],
    ['a short key', `$scrypt$ln=14,r=8,p=5$${SECRET_SALT}$c2VjcmV0a2V5`],
    ['padding', `$scrypt$ln=14,r=8,p=5$${SECRET_SALT}==$${SECRET_KEY}=`],
    ['base64url', `$scrypt$ln=14,r=8,p=5$${SECRET_SALT}$${SECRET_KEY.replace('c2', '-_')}`],
    ['base64 of an impossible length', `$scrypt$ln=14,r=8,p=5$${SECRET_SALT.slice(1)}$${SECRET_KEY}`],
    ['something behind it', `$scrypt$ln=14,r=8,p=5$${SECRET_SALT}$${SECRET_KEY}$x`],
    ['a line feed behind it', `$scrypt$ln=14,r=8,p=5$${SECRET_SALT}$${SECRET_KEY}\n`],
    ['a blank before it', ` $scrypt$ln=14,r=8,p=5$${SECRET_SALT}$${SECRET_KEY}`],
  ])('stops the sign-in and is not quoted: %s', (_, stored) => {
    const message = messageOf(() => verifyPassword('never to be quoted', stored));
    expect(message).toBe('Error: stored password hash is not a PHC string of scrypt');
  });

  it('is not called up to date', () => {
    expect(() => isOutdatedHash(PASSWORD)).toThrow('stored password hash is not a PHC string of scrypt');
  });
});

describe('the decoy that unknown names are checked against', () => {
  it("costs what today's hashes cost", () => {
    expect(DECOY_HASH).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$A{22}\$A{43}$/);
    expect(isOutdatedHash(DECOY_HASH)).toBe(false);
  });

  it('fits no password', () => {
    for (const password of ['', '\u0000'.repeat(32)]) {
      expect(verifyPassword(password, DECOY_HASH)).toBe(false);
    }
  });
});
