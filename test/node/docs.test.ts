// The reference pages and the commands that pages name, against the code, both ways: settings, endpoints, error codes, npm scripts.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/api/error-codes.ts';
import { routes as all } from '../../src/app.ts';
import { LIMIT_BINDINGS, REQUIRED_BINDINGS, SECRET_SETTINGS, SETTINGS } from '../../src/config/settings.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const PAGES = [
  ...globSync('docs/**/*.md', { cwd: root }),
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
];

/** What stands in code style in the first cell of each row of the page's tables. */
function readFirstCells(page: string, section = ''): string[] {
  const text = section === '' ? page : (page.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '');
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

describe('settings', () => {
  it('are all in docs/reference/settings.md, and nothing else is', () => {
    const named = readFirstCells(read('docs/reference/settings.md')).filter((name) => /^[A-Z_]+$/.test(name));
    const bindings: string[] = [...REQUIRED_BINDINGS, ...LIMIT_BINDINGS, 'EMAIL', 'ASSETS'];
    expect(named.filter((name) => !bindings.includes(name)).toSorted()).toEqual([...SETTINGS].toSorted());
    for (const secret of SECRET_SETTINGS) expect(named).toContain(secret);
  });

  it('that a page names exist', () => {
    // What looks like a setting by its last word.
    const LIKE_SETTINGS =
      /`([A-Z]+(?:_[A-Z]+)*_(?:TTL|SECRET|TOKEN|ORIGINS|GRACE|LENGTH|URL|FROM|LIMIT|STATUS|SITE|EMAIL|NAME))(?:=[^`]*)?`/g;
    const OTHERS = ['LATCHKEY_URL', 'CLOUDFLARE_API_TOKEN', ...LIMIT_BINDINGS];
    const known: string[] = [...SETTINGS, ...OTHERS];
    const unknown = PAGES.flatMap((path) =>
      [...read(path).matchAll(LIKE_SETTINGS)].flatMap(([, name = '']) =>
        known.includes(name) ? [] : [`${path}: ${name}`],
      ),
    );
    expect(unknown).toEqual([]);
  });
});

describe('endpoints', () => {
  it('are all in the API reference or in that of operators, and nothing else is', () => {
    const documented = ['api', 'operators'].flatMap((page) =>
      readFirstCells(read(`docs/reference/${page}.md`)).filter((cell) => /^[A-Z]+ \//.test(cell)),
    );
    const endpoints = all.filter(({ path }) => !/\.(?:css|js)$/.test(path)); // not the files of the pages
    const declared = endpoints.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect(documented.toSorted()).toEqual(declared.toSorted());
  });

  it('that a page names exist', () => {
    // `/auth` is where the examples mount the service.
    const shapes = all.map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, '*')}`);
    const unknown = PAGES.filter((path) => !path.includes('decisions/')).flatMap((path) =>
      [...read(path).matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[^\s`?]*)[^`]*`/g)].flatMap(
        ([, method, at = '']) => {
          const shape = `${method} ${at.replace(/^\/auth\//, '/').replaceAll(/\{\w+\}|:\w+/g, '*')}`;
          return shapes.includes(shape) ? [] : [`${path}: ${shape}`];
        },
      ),
    );
    expect(unknown).toEqual([]);
  });
});

it('error codes are all in docs/reference/errors.md, and nothing else is', () => {
  const [before = ''] = read('docs/reference/errors.md').split('\n## Field errors\n');
  const documented = [...before.matchAll(/^\| \d{3} +\| `(\w+)`/gm)].map(([, code]) => code);
  expect(documented.toSorted()).toEqual([...errorCodes].toSorted());
});

describe('npm scripts', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = PAGES.filter((path) => path !== 'CHANGELOG.md' && !path.includes('decisions/')).flatMap(
    (path) =>
      [...read(path).matchAll(/\bnpm (?:run\s+(?:-s\s+|--silent\s+)?([\w:]+)|(start|test)\b)/g)].map(
        ([, script, own]) => ({
          path,
          script: script ?? own ?? '',
        }),
      ),
  );

  it('that a page names exist', () => {
    expect(named.filter(({ script }) => !(script in scripts))).toEqual([]);
  });

  it('are named on a page', () => {
    // Parts of another one: of `npm test`, of CI, or of the build.
    const PARTS = ['typecheck', 'lint', 'lint:reference', 'test:unit', 'types', 'build'];
    const missing = Object.keys(scripts).filter(
      (script) => !PARTS.includes(script) && !named.some((one) => one.script === script),
    );
    expect(missing).toEqual([]);
  });
});
