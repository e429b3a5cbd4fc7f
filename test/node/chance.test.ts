// That no test fails by chance, as far as the source text of the tests shows it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { expectAbsent } from '../support/absence.ts';
import { findChanceFaults } from '../support/chance-rules.ts';
import { eventually } from '../support/eventually.ts';
import type { Sources } from '../support/import-rules.ts';

const TESTS = join(import.meta.dirname, '..');
/** Started by hand: browsers wait for pages, and the scripts measure time. `npm test` runs none of them. */
const LEFT_OUT = /^(?:bench|browser|scripts)\//;

function readTests(): Sources {
  const paths = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).map((path) =>
    path.replaceAll('\\', '/'),
  );
  const ours = paths.filter((path) => path.endsWith('.ts') && !LEFT_OUT.test(path));
  return Object.fromEntries(ours.map((path) => [path, readFileSync(join(TESTS, path), 'utf8')]));
}

describe('the tests', () => {
  it('look for no marker that a random id holds now and then, and wait for no fixed time', () => {
    const tests = readTests();
    expect(Object.keys(tests)).toContain('life/log-secrecy.test.ts');
    expect(findChanceFaults(tests)).toEqual([]);
  });

  it.each([
    ["expect(log).not.toContain('qx7')", 'looks for qx7'],
    ['expect(log).not.toContain(marker)', 'looks for a text that may be short'],
    ['await expect(log).not.toContain(`a marker`)', 'looks for a text that may be short'],
    ['await new Promise((resolve) => setTimeout(resolve, 50))', 'waits a fixed time'],
    ['globalThis.setInterval(look, 50)', 'waits a fixed time'],
    ['await scheduler.wait(50)', 'waits a fixed time'],
    ["import { setTimeout as wait } from 'node:timers/promises'", 'waits a fixed time'],
    ['await vi.waitFor(() => expect(mails).toHaveLength(1))', 'vi.waitFor gives up after a second'],
    ['await expect.poll(() => mails.length).toBe(1)', 'expect.poll gives up after a second'],
    ["it('is done', { timeout: 5_000 }, async () => {})", 'has a deadline of its own'],
    ['vi.setConfig({ testTimeout: 60_000 })', 'has a deadline of its own'],
    ['beforeAll(async () => {}, 180_000)', 'has a deadline of its own'],
  ])('are told apart: %s', (text, fault) => {
    expect(findChanceFaults({ 'life/some.test.ts': `\n${text};` })).toEqual([
      expect.stringContaining(`life/some.test.ts:2: ${fault}`),
    ]);
  });

  it.each([
    "expect(log).not.toContain('a-marker-of-some-length')",
    "expect(log).not.toContain('#')",
    "expect(log).toContain('ok')",
    'expect(ids).not.toContainEqual(id)',
    'expectAbsent(log, [marker])',
    'await eventually(() => expect(mails).toHaveLength(1))',
    "vi.useFakeTimers({ toFake: ['Date', 'setTimeout'] })",
    'beforeAll(async () => {})',
  ])('may have %s', (text) => {
    expect(findChanceFaults({ 'life/some.test.ts': text })).toEqual([]);
  });
});

describe('the absence of secrets', () => {
  it('is found where they are absent, and not where one stands, in any case', () => {
    expectAbsent('{"code":"ok"}', ['a password in it', 'q~x']);
    expect(() => expectAbsent('{"name":"Ada-Lovelace"}', ['nobody at all', 'ada-lovelace'])).toThrow(
      '"ada-lovelace" stands in …{"name":"…',
    );
  });

  it('is not asked of what stands in a text by chance, or of nothing', () => {
    for (const marker of ['qx7', '', 'elevenchars'])
      expect(() => expectAbsent('no such text', [marker])).toThrow('is too short a marker');
    expect(() => expectAbsent('no such text', [])).toThrow('no marker was given');
  });
});

describe('waiting for what happens beside a response', () => {
  it('looks again until nothing is thrown, while the timers and the clock of the test stand still', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const nowMs = Date.now();
    let looks = 0;
    const look = () => {
      looks += 1;
      if (looks < 4) throw new Error('not yet');
      return looks;
    };
    expect(await eventually(look)).toBe(4);
    expect(Date.now()).toBe(nowMs);
  });
});
