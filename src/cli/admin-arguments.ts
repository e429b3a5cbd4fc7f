// The command line of `npm run admin`: what was asked for, or what is wrong with it. Pure.
import { parseArgs } from 'node:util';
import { isLocalIssuer } from '../config/settings.ts';

const OPTIONS = {
  url: { type: 'string' },
  operator: { type: 'string' },
  account: { type: 'string' },
  limit: { type: 'string' },
  cursor: { type: 'string' },
  username: { type: 'string' },
  email: { type: 'string' },
  disabled: { type: 'boolean', default: false },
  unverified: { type: 'boolean', default: false },
  'must-reset': { type: 'boolean', default: false },
  oldest: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What each command is followed by. */
const TARGETS: Record<string, 'nothing' | 'text' | 'id'> = {
  list: 'nothing',
  search: 'text',
  audit: 'nothing',
  create: 'nothing',
  show: 'id',
  disable: 'id',
  enable: 'id',
  'end-sessions': 'id',
  'force-reset': 'id',
  delete: 'id',
};

export type Values = ReturnType<typeof parse>['values'];
export type Arguments = { command: string | undefined; target: string; values: Values };
export type Parsed = { ok: true; value: Arguments } | { ok: false; message: string };

/** Reads a command line. Nothing is done for one that leaves a doubt. */
export function parseArguments(args: string[]): Parsed {
  const fault = (message: string): Parsed => ({ ok: false, message });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(bindIds(args));
  } catch (error) {
    // parseArgs names the option, and no value of it.
    return fault(error instanceof Error ? error.message : 'the arguments cannot be read');
  }
  const { values, positionals } = parsed;
  const [command, target, ...more] = positionals;
  if (values.help || command === undefined)
    return { ok: true, value: { command: undefined, target: '', values } };
  const kind = Object.hasOwn(TARGETS, command) ? TARGETS[command] : undefined;
  if (kind === undefined) return fault(`unknown command ${command}; see --help`);
  if (kind === 'nothing' ? target !== undefined : more.length > 0)
    return fault(`${command} takes fewer arguments; see --help`);
  if (kind === 'text' && target === undefined) return fault('search for what?');
  if (kind === 'id' && target === undefined) return fault(`${command} needs the id of an account`);
  if (kind === 'id' && !isId(target)) return fault('an id has 22 letters, digits, "-" and "_"');
  if (command === 'create' && (values.username === undefined || values.email === undefined))
    return fault('create needs --username and --email');
  if (command === 'delete' && !values.yes) return fault('delete is for good: repeat it with --yes');
  return { ok: true, value: { command, target: target ?? '', values } };
}

function parse(args: string[]) {
  return parseArgs({ args, allowPositionals: true, options: OPTIONS });
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^[\w-]{22}$/.test(text);
}

/**
 * One id in 64 begins with "-", and would be taken for options. No option has the form of an id, so such an argument is
 * moved behind "--", or bound to the option that it follows.
 */
function bindIds(args: string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const options: string[] = [];
  const ids: string[] = [];
  for (const arg of args.slice(0, end)) {
    if (!arg.startsWith('-') || !isId(arg)) options.push(arg);
    else if (options.at(-1) === '--account') options.push(`${options.pop()}=${arg}`);
    else ids.push(arg);
  }
  return [...options, '--', ...ids, ...args.slice(end + 1)];
}

/** The address of the service, without a final slash; or why the token must not be sent there. */
export function parseServiceUrl(text: string): { ok: true; url: string } | { ok: false; message: string } {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return { ok: false, message: '--url is not a URL' };
  if (url.username !== '' || url.password !== '' || /[?#]/.test(text))
    return { ok: false, message: '--url must have no user, no query and no fragment' };
  if (url.protocol === 'http:' && !isLocalIssuer(url.href))
    return { ok: false, message: '--url must be https: over http the token could be read on the way' };
  return { ok: true, url: url.href.replace(/\/+$/, '') };
}

/** The user name of the system as a label: those of Windows domains and directories hold other characters. */
export function toLabel(userName: string): string {
  return userName.replaceAll(/[^\w.+-]/g, '_').slice(0, 64) || 'operator';
}
