import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeBlocklist } from '../../src/cli/blocklist-maker.ts';
import { isCommonPassword } from '../../src/domain/common-passwords.ts';
import { toNameKey } from '../../src/domain/names.ts';

const { passwords, moduleText } = makeBlocklist();

describe('the blocklist', () => {
  it('is in the repository byte for byte as `npm run blocklist` makes it', () => {
    const committed = readFileSync(
      join(import.meta.dirname, '../../src/domain/common-passwords-data.ts'),
      'utf8',
    );
    // Not toBe: a difference would print both lists.
    expect(committed === moduleText).toBe(true);
  });

  it('holds 5,000 different passwords, none shorter than the shortest that may be chosen', () => {
    expect(passwords).toHaveLength(5_000);
    expect(new Set(passwords).size).toBe(5_000);
    expect(passwords.filter((password) => [...password].length < 8)).toEqual([]);
  });

  it('holds them in the form that passwords are compared in', () => {
    expect(passwords.filter((password) => toNameKey(password) !== password)).toEqual([]);
  });

  it('refuses every one of them', () => {
    expect(passwords.filter((password) => !isCommonPassword(password))).toEqual([]);
  });

  it('refuses nothing else: neither a part of an entry, nor one with more behind it', () => {
    const entries = new Set(passwords);
    const neighbours = passwords.flatMap((password) => [
      password.slice(0, -1),
      `${password}~`,
      password.slice(1),
    ]);
    const others = neighbours.filter((password) => !entries.has(password));
    expect(others.length).toBeGreaterThan(5_000);
    expect(others.filter(isCommonPassword)).toEqual([]);
    expect(isCommonPassword('')).toBe(false);
  });

  it('carries the licence of its source', () => {
    expect(moduleText).toContain('Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.');
    expect(moduleText).toContain('The above copyright notice and this permission notice shall be');
  });
});
