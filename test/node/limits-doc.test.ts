// docs/reference/limits.md against the code: every number and every endpoint, both ways.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACCOUNT_LIMITS, MAILS_PER_HOUR, RECIPIENT_LIMITS } from '../../src/domain/limits.ts';
import { ADDRESS_LIMITS } from '../support/routes.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/reference/limits.md');
const toml = read('wrangler.toml');

/** The cells of the table below a heading, without its head. */
function readTable(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What wrangler.toml gives a client address each minute. */
function readBinding(name: string): { limit: number; period: number } {
  const block = toml.split('[[ratelimits]]').find((part) => part.includes(`name = "${name}"`)) ?? '';
  const [, limit, period] = /limit = (\d+), period = (\d+)/.exec(block) ?? [];
  return { limit: Number(limit), period: Number(period) };
}

describe('docs/reference/limits.md', () => {
  it('has every endpoint that is limited per address, with the number of wrangler.toml', () => {
    const documented = readTable('By endpoint').map(([endpoint, perAddress]) => [endpoint, perAddress]);
    const expected = Object.entries(ADDRESS_LIMITS).map(([endpoint, binding]) => {
      const { limit, period } = readBinding(binding);
      expect(period).toBe(60);
      return [`\`${endpoint}\``, `${limit} (\`${binding}\`)`];
    });
    expect(documented.toSorted()).toEqual(expected.toSorted());
  });

  it('has every limit of an account', () => {
    expect(readTable('Per account')).toEqual(
      Object.entries(ACCOUNT_LIMITS).map(([name, { burst, refillSeconds }]) => [
        ...[`\`${name}\``, String(burst), `${refillSeconds} s`],
      ]),
    );
    for (const [, , perAccount] of readTable('By endpoint')) {
      for (const [, name = ''] of perAccount?.matchAll(/`(\w+)`/g) ?? [])
        expect(ACCOUNT_LIMITS).toHaveProperty(name);
    }
  });

  it('has the numbers of mails', () => {
    expect(page).toContain(`limited to ${MAILS_PER_HOUR} an hour`);
    expect(readTable('Per recipient of mail')).toEqual(
      Object.entries(RECIPIENT_LIMITS).map(([name, { burst, refillSeconds }]) => [
        ...[`\`${name}\``, String(burst), `${refillSeconds} s`],
      ]),
    );
  });
});
