// Command-line options as wrangler reads them (yargs), from wrangler's own definitions: what is unknown is refused before
// anything is done, and each step is given the options that it takes.
import { experimental_getWranglerCommands as getWranglerCommands } from 'wrangler';

interface Definition {
  type: 'boolean' | 'string' | 'array';
  aliases: string[];
}

/** Options by their names in kebab-case. A boolean is `true` or `false`, everything else its values in order. */
export type Options = Map<string, boolean | string[]>;

export type ParsedOptions = { ok: true; options: Options } | { ok: false; fault: string };

/** Options that make no sense for a command that runs several steps in the project's folder. */
const LEFT_OUT = ['v', 'version', 'cwd', 'help', 'script'];

/** Reads the options of a command such as `deploy`. Positional arguments, and options without a value, are faults. */
export function parseOptions(command: string, args: readonly string[]): ParsedOptions {
  const known = definitionsOf(command);
  const options: Options = new Map();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const found = findOption(arg, known);
    if (found === undefined)
      return { ok: false, fault: `${arg.split('=', 1)[0]} is no option of this command` };
    const { name, type, isNegated, value } = found;
    const values = value === undefined ? takeValues(type, rest) : [value];
    if (type === 'boolean') {
      const isTrue = values[0] ?? 'true';
      if (isTrue !== 'true' && isTrue !== 'false') return { ok: false, fault: `--${name} takes no value` };
      options.set(name, (isTrue === 'true') !== isNegated);
      continue;
    }
    if (isNegated || values.length === 0) return { ok: false, fault: `--${name} needs a value` };
    const earlier = options.get(name);
    if (earlier !== undefined && type === 'string') return { ok: false, fault: `--${name} is given twice` };
    options.set(name, [...(Array.isArray(earlier) ? earlier : []), ...values]);
  }
  return { ok: true, options };
}

/** The arguments that give a command, such as `d1 migrations apply`, the options that it takes. */
export function toArgs(command: string, options: Options): string[] {
  const known = definitionsOf(command);
  return [...options].flatMap(([name, value]) => {
    if (!known.has(name)) return [];
    if (typeof value === 'boolean') return [value ? `--${name}` : `--${name}=false`];
    return value.map((item) => `--${name}=${item}`);
  });
}

/** The value of an option that takes one. */
export function textOf(options: Options, name: string): string | undefined {
  const value = options.get(name);
  return Array.isArray(value) ? value[0] : undefined;
}

/** All values of an option that can be repeated. */
export function textsOf(options: Options, name: string): string[] {
  const value = options.get(name);
  return Array.isArray(value) ? value : [];
}

/** `--var NAME:VALUE`, which stands above the configuration file and `.dev.vars`. */
export function readVarOptions(options: Options): Record<string, string> {
  return Object.fromEntries(
    textsOf(options, 'var').map((pair) => {
      const [name = '', ...value] = pair.split(':');
      return [name, value.join(':')];
    }),
  );
}

function takeValues(type: Definition['type'], rest: string[]): string[] {
  if (type === 'boolean') return rest[0] === 'true' || rest[0] === 'false' ? rest.splice(0, 1) : [];
  // An empty value is one: `--env ""` names the top level of the configuration.
  const end = rest.findIndex((arg) => arg.startsWith('-'));
  const available = end === -1 ? rest.length : end;
  return rest.splice(0, type === 'array' ? available : Math.min(available, 1));
}

interface Found {
  name: string;
  type: Definition['type'];
  isNegated: boolean;
  value: string | undefined;
}

function findOption(arg: string, known: Map<string, Definition>): Found | undefined {
  const [, dashes = '', text = '', value] = /^(--?)([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
  if (dashes === '-') {
    const found = lookUp(text.slice(0, 1), known);
    if (found === undefined || text.startsWith('-')) return undefined;
    // `-estaging`, `-e=staging` or `-e staging`.
    const attached = text.length > 1 ? `${text.slice(1)}${value === undefined ? '' : `=${value}`}` : value;
    return { ...found, isNegated: false, value: attached };
  }
  const name = text.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const plain = text.length > 1 ? lookUp(name, known) : undefined;
  if (plain !== undefined) return { ...plain, isNegated: false, value };
  const negated = name.startsWith('no-') ? lookUp(name.slice(3), known) : undefined;
  return negated?.type === 'boolean' ? { ...negated, isNegated: true, value } : undefined;
}

function lookUp(
  name: string,
  known: Map<string, Definition>,
): { name: string; type: Definition['type'] } | undefined {
  for (const [canonical, { type, aliases }] of known)
    if (canonical === name || aliases.includes(name)) return { name: canonical, type };
  return undefined;
}

/** Hidden options are experimental or have no effect any more. */
function definitionsOf(command: string): Map<string, Definition> {
  const { registry, globalFlags } = getWranglerCommands();
  // wrangler's types keep the members of a definition to themselves; those read here are all optional.
  let node = registry as unknown as CommandNode | undefined;
  for (const word of command.split(' ')) node = node?.subtree.get(word);
  // A namespace, such as `d1`, has no options of its own; an alias is none of the commands that are run here.
  const { args: own, positionalArgs = [] } = node?.definition ?? {};
  if (own === undefined) throw new Error(`wrangler has no command ${command}`);
  const entries = Object.entries<OptionDefinition>({ ...globalFlags, ...own });
  return new Map(
    entries.flatMap(([name, { type, array, alias, hidden }]): [string, Definition][] => {
      // `d1 create` calls its argument "name": --name of a deployment must not become it.
      if (hidden === true || LEFT_OUT.includes(name) || positionalArgs.includes(name)) return [];
      const kind = type === 'boolean' ? 'boolean' : array === true ? 'array' : 'string';
      return [[name, { type: kind, aliases: [alias ?? []].flat() }]];
    }),
  );
}

/** What is read of wrangler's tree of commands. */
interface CommandNode {
  definition?: { args?: Record<string, OptionDefinition>; positionalArgs?: string[] };
  subtree: Map<string, CommandNode>;
}

interface OptionDefinition {
  type?: string;
  array?: boolean;
  alias?: string | readonly string[];
  hidden?: boolean;
}
