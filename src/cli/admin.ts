// `npm run admin -- …`: the operators' endpoints from a terminal. See --help.
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { AdminClient, AdminError } from './admin-client.ts';
import { formatAccount, formatAccounts } from './admin-tables.ts';

const HELP = `Looks after accounts, through the service's /admin endpoints.

  npm run --silent admin -- list [--limit N] [--cursor C]      accounts, page by page
  npm run --silent admin -- search TEXT                        by the start of a user name or an e-mail address
  npm run --silent admin -- show ID                            one account, its sessions and its history
  npm run --silent admin -- create --username U --email E      the owner is mailed a link to set a password
  npm run --silent admin -- disable ID                         ends every session and lets nobody sign in
  npm run --silent admin -- enable ID
  npm run --silent admin -- end-sessions ID
  npm run --silent admin -- force-reset ID                     no password works until the owner has set a new one
  npm run --silent admin -- delete ID --yes                    for good

  --url URL        where the service is (or LATCHKEY_URL; default http://localhost:8787)
  --operator NAME  what the account's history says about who did it (default: your user name)
  --json           the service's own answer, for scripts

The token is read from ADMIN_TOKEN, never from the command line, where other users of the machine could see it.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string', default: process.env.LATCHKEY_URL ?? 'http://localhost:8787' },
    operator: { type: 'string', default: userInfo().username },
    limit: { type: 'string' },
    cursor: { type: 'string' },
    username: { type: 'string' },
    email: { type: 'string' },
    yes: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const [command, target] = positionals;
  if (values.help || command === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const token = process.env.ADMIN_TOKEN;
  if (!token) return fail('ADMIN_TOKEN is not set', 2);
  const client = new AdminClient({ url: values.url, token, operator: values.operator });
  try {
    return await run(client, command, target);
  } catch (error) {
    // Anything else is a bug, and its stack is worth seeing.
    if (error instanceof AdminError) return fail(error.message, 1);
    throw error;
  }
}

async function run(client: AdminClient, command: string, target: string | undefined): Promise<number> {
  const { limit, cursor, username, email } = values;
  if (command === 'list') return show(await client.list({ limit, cursor }), formatAccounts);
  if (command === 'search')
    return target === undefined
      ? fail('search for what?', 2)
      : show(await client.list({ search: target, limit, cursor }), formatAccounts);
  if (command === 'create') {
    if (username === undefined || email === undefined) return fail('create needs --username and --email', 2);
    return show(
      await client.create({ username, email }),
      ({ user }) => `Created ${user.username} (${user.id}).\n`,
    );
  }
  const actions = new Map<string, (id: string) => Promise<void>>([
    ['disable', (id) => client.act(id, 'disable')],
    ['enable', (id) => client.act(id, 'enable')],
    ['end-sessions', (id) => client.endSessions(id)],
    ['force-reset', (id) => client.act(id, 'password-reset')],
    ['delete', (id) => client.remove(id)],
  ]);
  const action = actions.get(command);
  if (command !== 'show' && action === undefined) return fail(`unknown command ${command}; see --help`, 2);
  if (target === undefined) return fail(`${command} needs the id of an account`, 2);
  if (action === undefined) return show(await client.show(target), formatAccount);
  if (command === 'delete' && !values.yes) return fail('delete is for good: repeat it with --yes', 2);
  await action(target);
  return show({ done: true }, () => 'Done.\n');
}

function show<T>(answer: T, format: (answer: T) => string): number {
  process.stdout.write(values.json ? `${JSON.stringify(answer, null, 2)}\n` : format(answer));
  return 0;
}

function fail(message: string, code: number): number {
  process.stderr.write(`${message}\n`);
  return code;
}
