// Runs a room's tests over and over in a scratch copy of the project, in a Vitest that stays up. The tree itself is
// never changed. Starting workerd takes seconds, so tests that need no service are asked under Node first; what they
// do not notice is tried on all the tests of the room in workerd, and nothing is said to survive before that.
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { createVitest, type Vitest } from 'vitest/node';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['src', 'test', 'package.json', 'tsconfig.json', 'wrangler.toml'];
/** Many times what a room's tests take. */
const DEADLINE_MS = 30_000;
const CLOSE_DEADLINE_MS = 10_000;

export type Outcome = 'killed' | 'survived' | 'timeout';

/** Where tests run: under Node those that need no service, in workerd all. */
export type Place = 'node' | 'workers';

/** What test/support/service.ts imports, for tests that only take a constant from it. Nothing here works. */
const PLATFORM = `export const env = {};
export class DurableObject {}
export const createExecutionContext = undefined;
export const waitOnExecutionContext = undefined;
`;

/** A copy of the project with two more test files per room, one for each place: everything in one isolate, started once. */
export async function makeScratch(rooms: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-mutation-'));
  for (const name of COPIED) await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  await writeFile(platformOf(folder), PLATFORM);
  for (const room of rooms) {
    const files = (await readdir(join(folder, 'test', room))).filter((name) => name.endsWith('.test.ts'));
    const pure: string[] = [];
    for (const name of files) {
      const text = await readFile(join(folder, 'test', room, name), 'utf8');
      if (!/\bService\b|cloudflare:/.test(text)) pure.push(name);
    }
    await writeFile(testsOf(folder, room, 'node'), importAll(pure));
    await writeFile(testsOf(folder, room, 'workers'), importAll(files));
  }
  return folder;
}

function importAll(names: string[]): string {
  return names.map((name) => `import './${name}';\n`).join('');
}

export function removeScratch(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

export class Runner {
  readonly #folder: string;
  readonly #running = new Map<Place, Vitest>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Tries a room's tests on `text` in the place of `path` below src/, and puts the file back. */
  async try(room: string, path: string, text: string, original: string): Promise<Outcome> {
    const file = join(this.#folder, 'src', path);
    await writeFile(file, text);
    this.#invalidate(file);
    try {
      const outcome = await this.run(room, 'node');
      return outcome === 'survived' ? await this.run(room, 'workers') : outcome;
    } finally {
      await writeFile(file, original);
      this.#invalidate(file);
    }
  }

  /** Runs the tests of a room in one place, until the first that fails. */
  async run(room: string, place: Place): Promise<Outcome> {
    const vitest = this.#running.get(place) ?? (await this.#start(place));
    this.#running.set(place, vitest);
    const project = vitest.getProjectByName(place === 'node' ? '' : 'workers');
    const specification = project.createSpecification(testsOf(this.#folder, room, place));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'timeout'>((resolve) => {
      timer = setTimeout(resolve, DEADLINE_MS, 'timeout');
    });
    const result = await Promise.race([vitest.runTestSpecifications([specification]), late]);
    clearTimeout(timer);
    if (result === 'timeout') {
      await this.close();
      return 'timeout';
    }
    const { testModules, unhandledErrors } = result;
    // A Vitest that stays up also names what it ran before: another room's tests.
    const module = testModules.find(({ moduleId }) => moduleId === specification.moduleId);
    const isGreen = unhandledErrors.length === 0 && module?.ok() === true;
    return isGreen ? 'survived' : 'killed';
  }

  /** Stops Vitest and what it started, which may be caught in an endless loop. */
  async close(): Promise<void> {
    const closing = Promise.all([...this.#running.values()].map((vitest) => vitest.close()));
    this.#running.clear();
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, CLOSE_DEADLINE_MS).unref())]);
  }

  #invalidate(file: string): void {
    for (const vitest of this.#running.values()) vitest.invalidateFile(file);
  }

  #start(place: Place): Promise<Vitest> {
    const common = { root: this.#folder, watch: false, bail: 1, silent: true, reporters: [{}] };
    if (place === 'workers') {
      const config = join(this.#folder, 'test/vitest.config.ts');
      return createVitest('test', { ...common, config, project: ['workers'] });
    }
    // workerd has Uint8Array.fromBase64; Node 24 keeps it behind this flag, which threads share.
    setFlagsFromString('--js-base-64');
    const platform = platformOf(this.#folder);
    return createVitest(
      'test',
      { ...common, config: false, pool: 'threads', maxWorkers: 1 },
      { resolve: { alias: { 'cloudflare:workers': platform, 'cloudflare:test': platform } } },
    );
  }
}

function testsOf(folder: string, room: string, place: Place): string {
  return join(folder, 'test', room, `mutation-${place}.test.ts`);
}

function platformOf(folder: string): string {
  return join(folder, 'mutation-platform.ts');
}
