// What CI and the npm scripts run comes from package-lock.json, with a version and a hash: nothing is fetched by name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');

it('CI and the scripts of package.json run no package that is not locked', () => {
  const { scripts, devDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >;
  const commands = [...read('.ci/run').split('\n'), ...Object.values(scripts ?? {})].filter(
    (line) => !line.startsWith('#'),
  );
  expect(commands.filter((line) => /\b(?:npx|npm (?:exec|x|install)|npm i|dlx)\b/.test(line))).toEqual([]);
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { version?: string; integrity?: string }>;
  };
  for (const [name, version] of Object.entries(devDependencies ?? {})) {
    const locked = packages[`node_modules/${name}`];
    expect(locked, name).toMatchObject({ version, integrity: expect.stringMatching(/^sha512-/) });
  }
});

it('the reference is checked by a locked linter', () => {
  expect(read('.ci/run')).toContain('npm run lint:reference\n');
});
