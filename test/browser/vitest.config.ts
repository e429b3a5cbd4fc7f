// Real Chromium against the real service: `npm run test:browser`. CHROMIUM names the browser where it is not Debian's.
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: {
    name: 'browser',
    include: ['test/browser/**/*.test.ts'],
    // For what hangs, not for what is slow.
    testTimeout: 5 * 60_000,
    hookTimeout: 10 * 60_000,
    // Only the test in which `wrangler dev` ended gets a second try (stage.ts starts it again); a test that fails otherwise fails.
    retry: { count: 1, condition: /^the service has gone/ },
    expect: { poll: { timeout: 60_000 } },
    // Browsers and services side by side would measure each other.
    fileParallelism: false,
  },
});
