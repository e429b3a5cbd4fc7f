// Password hashes cost 0.15 s each, on purpose. A test that merely needs an account gets one made earlier; and whether a
// password fits a hash is worked out once per file. Tests about hashing call `hashForReal`.
import type * as scrypt from '../../src/passwords/scrypt.ts';

export const HASHED_PASSWORD = 'correct horse battery staple';
/** A genuine hash of it, under today's parameters (test/passwords/planted-hash.test.ts). */
export const PASSWORD_HASH =
  '$scrypt$ln=14,r=8,p=5$psJ+DDqjcMbq0Qsos2QaEw$lW+x5jzvLgLsbR3vhsccUdoTRJC/IA1W1PnxienY3Xg';

let planting = 0;
let isSaving = true;

/** Call it at the top of a file that is about hashing: every hash is made, and made anew. */
export function hashForReal(): void {
  isSaving = false;
}

/** Registers with the hash made earlier, if the password is that of the tests. */
export async function withPlantedHash<T>(register: () => Promise<T>): Promise<T> {
  planting += 1;
  try {
    return await register();
  } finally {
    planting -= 1;
  }
}

/** The real functions, less what they have done before. */
export function saveHashes(real: typeof scrypt): typeof scrypt {
  const verdicts = new Map<string, boolean>();
  return {
    ...real,
    hashPassword: (password, parameters) =>
      isSaving && planting > 0 && password === HASHED_PASSWORD && parameters === undefined
        ? PASSWORD_HASH
        : real.hashPassword(password, parameters),
    verifyPassword: (password, passwordHash) => {
      if (!isSaving) return real.verifyPassword(password, passwordHash);
      const key = `${passwordHash} ${password}`;
      const verdict = verdicts.get(key) ?? real.verifyPassword(password, passwordHash);
      verdicts.set(key, verdict);
      return verdict;
    },
  };
}
