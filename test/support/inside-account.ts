// Into an account object: its instance and its storage, on its own thread of events.
import { runInDurableObject } from 'cloudflare:test';
import type { Account } from '../../src/index.ts';
import { accountOf } from './service.ts';

/** Runs something inside the account object behind an id. */
export function insideAccount<T>(
  id: string,
  run: (account: Account, storage: DurableObjectStorage) => T | Promise<T>,
): Promise<T> {
  return runInDurableObject(accountOf(id), (instance, { storage }) => {
    // The namespace of `accountOf` holds no other class. (The types differ in what `env` declares.)
    return run(instance as unknown as Account, storage);
  });
}
