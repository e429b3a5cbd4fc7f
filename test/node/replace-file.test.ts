// Files with somebody else's lines in them: whole after every failure, with their mode, behind their links.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
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

  it('stays as it was when the disk takes only a part of the new text', () => {
    const { path } = makeFile(0o600);
    const module = join(import.meta.dirname, '../../src/cli/replace-file.ts');
    const code = `import { replaceFile } from ${JSON.stringify(module)}; replaceFile(${JSON.stringify(path)}, 'x'.repeat(1e6));`;
    // No file may grow beyond a few KiB.
    const script = 'ulimit -f 4; exec "$0" --input-type=module -e "$1"';
    expect(spawnSync('bash', ['-c', script, process.execPath, code]).status).not.toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('OLD=1\n');
  });

  it('leaves nothing beside it when it fails', () => {
    const { root } = makeFile(0o600);
    const folderInItsPlace = join(root, 'folder');
    mkdirSync(join(folderInItsPlace, 'inner'), { recursive: true });
    expect(() => replaceFile(folderInItsPlace, 'NEW=1\n')).toThrow();
    expect(readdirSync(root).toSorted()).toEqual(['.dev.vars', 'folder']);
  });
});
