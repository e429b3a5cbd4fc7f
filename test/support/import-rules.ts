// Which file may import which: the rooms of the source tree, and what crosses between them. Works on source text.
import { dirname, join } from 'node:path/posix';
import { parseAst } from 'vitest/node';

/** Source text by path below src/, such as `http/login.ts`. */
export type Sources = Record<string, string>;

interface Room {
  /** Rooms, or single files of them, that this one may import, beside itself. */
  imports: string[];
  /** Packages that this room may import; a final slash takes in all below it. */
  packages: string[];
}

/** Downward only. Whoever adds a room gives it a row. */
const ROOMS: Record<string, Room> = {
  // Of the account its class and the types of its methods alone.
  index: { imports: ['app', 'account/account'], packages: [] },
  app: { imports: ['http', 'http/routes', 'api'], packages: ['hono'] },
  // The endpoints use the pipeline, and never the other way round.
  'http/routes': {
    imports: ['http', 'config', 'account/contract', 'directory', 'tokens', 'domain', 'api'],
    packages: ['valibot', 'package.json'],
  },
  // Not passwords: a hash is made and checked inside the account alone.
  http: {
    // Of the reference the names of bodies alone, which are types.
    imports: [
      ...['config', 'account/contract', 'directory', 'tokens', 'domain', 'api', 'reference/responses'],
      // Its methods, as a type.
      'account/account',
    ],
    packages: ['hono', 'hono/', 'valibot', 'cloudflare:workers'],
  },
  config: { imports: ['tokens/key-material', 'tokens/weak-secret', 'domain', 'mail'], packages: [] },
  // The directory, which the flows of an account write to. Never the other way round.
  // The settings, since an alarm has nobody who could hand them over.
  account: {
    imports: ['config', 'directory', 'mail', 'passwords', 'tokens/mail-token', 'domain', 'api'],
    packages: ['cloudflare:workers', 'node:crypto'],
  },
  mail: { imports: ['domain/deadline'], packages: [] },
  directory: { imports: ['domain'], packages: [] },
  tokens: { imports: ['domain/white-space'], packages: ['hono/jwt', 'node:crypto', 'valibot'] },
  passwords: { imports: [], packages: ['node:crypto'] },
  // node:url for the two forms of a domain name, native in workerd.
  domain: { imports: ['api'], packages: ['node:url'] },
  api: { imports: [], packages: ['valibot'] },
  client: { imports: ['api/wire', 'api/error-codes'], packages: [] },
  web: { imports: ['client'], packages: [] },
  // At build time only: nobody but cli imports it, so that it never lands in the Worker.
  reference: { imports: ['app', 'http', 'api'], packages: ['valibot', '@valibot/to-json-schema'] },
  cli: {
    imports: ['config', 'tokens', 'domain', 'api', 'reference'],
    packages: ['node:', 'wrangler', 'esbuild', 'valibot', 'package.json'],
  },
};

/** The files that re-export: the platform looks for the Durable Object's class in the Worker's entry; and the SDK's entry. */
const ENTRIES = ['index.ts', 'client/index.ts'];

/** Every fault of a source tree, in words; empty when all imports point downward. */
export function findImportFaults(sources: Sources): string[] {
  const graph = new Map(Object.entries(sources).map(([path, text]) => [path, readImports(path, text)]));
  const faults: string[] = [];
  for (const [path, { specifiers, reexports }] of graph) {
    const room = ROOMS[roomOf(path)];
    if (room === undefined) faults.push(`${path}: the room ${roomOf(path)} has no rule`);
    else faults.push(...specifiers.flatMap((specifier) => findFault(path, specifier, room, sources)));
    if (reexports && !ENTRIES.includes(path)) faults.push(`${path}: exports from another file`);
  }
  const cycle = findCycle(graph);
  if (cycle !== undefined) faults.push(`cycle: ${cycle.join(' -> ')}`);
  return faults;
}

function findFault(path: string, specifier: string, room: Room, sources: Sources): string[] {
  const isRelative = specifier.startsWith('.');
  const target = isRelative ? join(dirname(path), specifier) : specifier;
  const fault = [`${path}: must not import ${target}`];
  if (!isRelative || target === '../package.json') {
    const name = isRelative ? 'package.json' : target;
    const isAllowed = room.packages.some(
      (allowed) => name === allowed || (/[:/]$/.test(allowed) && name.startsWith(allowed)),
    );
    return isAllowed ? [] : fault;
  }
  if (sources[target] === undefined) return [`${path}: imports ${target}, which is no source file`];
  const allowed = [roomOf(path), ...room.imports];
  return allowed.some((name) => roomOf(target) === name || target === `${name}.ts`) ? [] : fault;
}

/** `http/grant.ts` is in `http`, `http/routes/login.ts` in `http/routes`; a file at the top is a room of its own. */
function roomOf(path: string): string {
  if (path.startsWith('http/routes/')) return 'http/routes';
  return path.split('/', 1)[0]?.replace(/\.ts$/, '') ?? '';
}

interface Imports {
  specifiers: string[];
  reexports: boolean;
}

/** Everything that a file names after `from` or in `import()`, in values and in types alike. */
function readImports(path: string, text: string): Imports {
  const found: Imports = { specifiers: [], reexports: false };
  visit(parseAst(text, { lang: 'ts' }, path), (node) => {
    if (!/^(Import|ExportNamed|ExportAll|TSImport|TSExternalModule)/.test(node.type)) return;
    const source = node.source ?? node.expression;
    if (isNode(source) && source.type !== 'Literal') throw new Error(`${path}: an import that is no literal`);
    if (!isNode(source) || typeof source.value !== 'string') return;
    found.specifiers.push(source.value);
    if (node.type.startsWith('Export')) found.reexports = true;
  });
  return found;
}

export type Node = { type: string } & Record<string, unknown>;

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Shows every node below a value, outer ones first. */
export function visit(value: unknown, look: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, look);
  else if (isNode(value)) {
    look(value);
    for (const child of Object.values(value)) visit(child, look);
  }
}

/** The first cycle between files, the first of them repeated at the end. */
function findCycle(graph: Map<string, Imports>): string[] | undefined {
  const done = new Set<string>();
  const follow = (path: string, trail: string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const specifier of graph.get(path)?.specifiers ?? []) {
      if (!specifier.startsWith('.')) continue;
      const cycle = follow(join(dirname(path), specifier), [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = follow(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** What may be read of `env`, by file: a binding, or all of it where it is only passed on. */
const ENV_USES: Record<string, string[]> = {
  'config/config.ts': ['*'],
  'config/setting-reader.ts': ['*'],
  'http/service.ts': ['env'],
  'http/request-log.ts': ['env'],
  'http/storage-calls.ts': ['ACCOUNT', 'DIRECTORY'],
  'http/client-info.ts': ['[binding]'],
  'http/routes/pages.ts': ['ASSETS'],
  'account/account.ts': ['env', 'ACCOUNT', 'DIRECTORY'],
  'account/outbox.ts': ['env', 'EMAIL', 'DIRECTORY'],
  'account/alarm.ts': ['env'],
};

/** Every place where a file touches `env` without leave: settings are read in config/ and nowhere else. */
export function findEnvFaults(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    // The tools that run on a developer's machine have the environment of their process.
    if (roomOf(path) === 'cli') return [];
    const allowed = ENV_USES[path] ?? [];
    if (allowed.includes('*')) return [];
    const uses = new Set(readEnvUses(parseAst(text, { lang: 'ts' }, path), text));
    return [...uses]
      .filter((use) => !allowed.includes(use))
      .map((use) => `${path}: must not use ${use} of env`);
  });
}

/** `x.env.NAME` is a use of `NAME`, `x.env[y]` of `[y]`; any other mention of `env` is a use of all of it. */
function readEnvUses(program: unknown, text: string): string[] {
  const uses: string[] = [];
  const isEnv = (node: unknown) => isNode(node) && /Identifier$/.test(node.type) && node.name === 'env';
  const names = new Set<unknown>();
  visit(program, (node) => {
    const { object, property } = node;
    if (node.type !== 'MemberExpression' || !isNode(object) || !isNode(property)) return;
    const name = object.type === 'MemberExpression' ? object.property : object;
    if (!isEnv(name)) return;
    names.add(name);
    const written = text.slice(Number(property.start), Number(property.end));
    uses.push(node.computed === true ? `[${written}]` : written);
  });
  visit(program, (node) => {
    if (isEnv(node) && !names.has(node)) uses.push('env');
  });
  return uses;
}
