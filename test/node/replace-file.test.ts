// Files with somebody else's lines in them: whole after every failure, with their mode, behind their links.
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { replaceFile } from '../../src/cli/replace-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-replace-'));
afterAll(() => rmSync(folder, { recursive: true }));

function makeFile(mode: number): { root: string; path: string } {
  const root = mkdtempSync(join(folder, 'case-'));
  const path = join(root, '.dev.vars');
  writeFileSync(path, 'OLD=1\n');
  chmodSync(path, mode);
  return { root, path };
}
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('a file that is replaced', () => {
  it.each([0o600, 0o644, 0o664])('keeps its mode: %o', (mode) => {
    const { root, path } = makeFile(mode);
    replaceFile(path, 'NEW=1\n');
    expect(readFileSync(path, 'utf8')).toBe('NEW=1\n');
    expect(modeOf(path)).toBe(mode);
    expect(readdirSync(root)).toEqual(['.dev.vars']);
  });

  it('gets the mode that is asked for', () => {
    const { path } = makeFile(0o644);
    replaceFile(path, 'NEW=1\n', 0o600);
    expect(modeOf(path)).toBe(0o600);
  });

  it('is the one that a link leads to', () => {
    const { root, path } = makeFile(0o600);
    const link = join(root, 'link');
    symlinkSync(path, link);
    replaceFile(link, 'NEW=1\n');
    expect(readFileSync(path, 'utf8')).toBe('NEW=1\n');
    expect(readdirSync(root).toSorted()).toEqual(['.dev.vars', 'link']);
    writeFileSync(link, 'THROUGH=1\n');
    expect(readFileSync(path, 'utf8')).toBe('THROUGH=1\n');
  });

  it('is a new file put in its place, so that a reader of the old one has all of it', () => {
    const { path } = makeFile(0o600);
    const before = statSync(path).ino;
    replaceFile(path, 'NEW=1\n');
    expect(statSync(path).ino).not.toBe(before);
  });

  it('stays as it was when the new text cannot be written', () => {
    const { root, path } = makeFile(0o600);
    // The text fails on its way to the disk, as on a full one.
    const text = {
      toString: () => {
        throw new Error('no space left');
      },
    } as unknown as string;
    expect(() => replaceFile(path, text)).toThrow();
    expect(readFileSync(path, 'utf8')).toBe('OLD=1\n');
    expect(readdirSync(root)).toEqual(['.dev.vars']);
  });
});
