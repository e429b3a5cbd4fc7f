// Before each file: the directory's tables, and a mailbox in place of the network. Storage is isolated per file, not per test.
// And nobody waits: the floor under refused sign-ins is asked for and passes at once (test/http/refusal-floor.test.ts), and
// no password is hashed twice for nothing.
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import type * as scrypt from '../../src/passwords/scrypt.ts';
import { receiveMail } from './mailbox.ts';

vi.mock('../../src/passwords/scrypt.ts', async (importOriginal) => {
  // Mocks are moved above all imports.
  const { saveHashes } = await import('./hashes.ts');
  return saveHashes(await importOriginal<typeof scrypt>());
});

// Not with `cloudflare:test`, which loads the whole Worker: many of these files need none of it.
for (const query of env.TEST_MIGRATIONS.flatMap(({ queries }) => queries))
  await env.DIRECTORY.prepare(query).run();
globalThis.fetch = receiveMail;
scheduler.wait = () => Promise.resolve();
