// `npm run admin -- …`: the operators' endpoints from a terminal. See --help.
import { userInfo } from 'node:os';
import { type Arguments, parseArguments, parseServiceUrl, toLabel } from './admin-arguments.ts';
import { AdminClient, AdminError } from './admin-client.ts';
import {
  formatAccount,
  formatAccounts,
  formatAudit,
  formatCreated,
  toVisible,
  toVisibleJson,
} from './admin-tables.ts';

const HELP = `Looks after accounts, through the service's /admin endpoints.

  npm run --silent admin -- list                               accounts, the newest first, page by page
  npm run --silent admin -- search TEXT                        by the start of a user name or an e-mail address
  npm run --silent admin -- show ID                            one account, its sessions and its history
  npm run --silent admin -- create --username U --email E      the owner is mailed a link to set a password
  npm run --silent admin -- disable ID                         ends every session and lets nobody sign in
  npm run --silent admin -- enable ID
  npm run --silent admin -- end-sessions ID
  npm run --silent admin -- force-reset ID                     no password works until the owner has set a new one
  npm run --silent admin -- delete ID --yes                    for good
  npm run --silent admin -- audit                              what operators did, the newest first

list and search
  --disabled       only accounts that are disabled
  --unverified     only those whose address is not confirmed
  --must-reset     only those that have to set a new password
  --oldest         the oldest first
  --limit N        accounts on a page: 1 to 100 (default: 50)
  --cursor C       the page that this one named

audit
  --account ID     only actions on one account
  --operator NAME  only actions of one operator
  --limit N, --cursor C

all
  --url URL        where the service is (or LATCHKEY_URL; default http://localhost:8787)
  --operator NAME  who did it, for the audit and the account's history (default: your user name)
  --json           the service's own response, for scripts

A text that begins with "-" comes after "--": admin -- search -- -text. An id may begin with "-".
The token is read from ADMIN_TOKEN, never from the command line, where other users of the machine could see it. It is
sent over https, or to this machine, and a redirect is not followed.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const parsed = parseArguments(process.argv.slice(2));
  if (!parsed.ok) return fail(parsed.message, 2);
  const { command, values } = parsed.value;
  if (command === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const token = process.env.ADMIN_TOKEN;
  if (!token) return fail('ADMIN_TOKEN is not set', 2);
  const service = parseServiceUrl(values.url ?? process.env.LATCHKEY_URL ?? 'http://localhost:8787');
  if (!service.ok) return fail(service.message, 2);
  // In `audit`, --operator says whose actions to show.
  const operator = (command === 'audit' ? undefined : values.operator) ?? toLabel(userInfo().username);
  try {
    await run(new AdminClient({ url: service.url, token, operator }), command, parsed.value);
    return 0;
  } catch (error) {
    // Anything else is a bug, and its stack is worth seeing.
    if (error instanceof AdminError) return fail(error.message, 1);
    throw error;
  }
}

async function run(client: AdminClient, command: string, { target, values }: Arguments): Promise<void> {
  const { limit, cursor, username = '', email = '', json } = values;
  const show = <T>(response: T, format: (response: T) => string) =>
    void process.stdout.write(json ? `${toVisibleJson(response)}\n` : format(response));
  if (command === 'list' || command === 'search') {
    const search = {
      ...(command === 'search' && { search: target }),
      ...(values.disabled && { disabled: true as const }),
      ...(values.unverified && { emailVerified: false as const }),
      ...(values['must-reset'] && { mustResetPassword: true as const }),
      ...(values.oldest && { order: 'oldest' as const }),
      cursor,
      // A number, or what was typed in its place, for the service to refuse.
      limit: limit !== undefined && /^\d{1,3}$/.test(limit) ? Number(limit) : limit,
    };
    return show(await client.search(search), formatAccounts);
  }
  if (command === 'audit') {
    const query = { accountId: values.account, operator: values.operator, cursor, limit };
    return show(await client.audit(query), formatAudit);
  }
  if (command === 'create') return show(await client.create({ username, email }), formatCreated);
  if (command === 'show') return show(await client.show(target), formatAccount);
  const actions = new Map<string, (id: string) => Promise<void>>([
    ['disable', (id) => client.act(id, 'disable')],
    ['enable', (id) => client.act(id, 'enable')],
    ['end-sessions', (id) => client.endSessions(id)],
    ['force-reset', (id) => client.act(id, 'password-reset')],
    ['delete', (id) => client.remove(id)],
  ]);
  await actions.get(command)?.(target);
  show({ done: true }, () => 'Done.\n');
}

function fail(message: string, code: number): number {
  process.stderr.write(`${toVisible(message)}\n`);
  return code;
}
