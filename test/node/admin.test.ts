import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseArguments, parseServiceUrl, toLabel } from '../../src/cli/admin-arguments.ts';
import {
  formatAccount,
  formatAccounts,
  formatAudit,
  formatCreated,
  toVisibleJson,
} from '../../src/cli/admin-tables.ts';
import { runCli } from '../support/cli.ts';

const USER = {
  id: 'A'.repeat(22),
  username: 'ada',
  email: 'ada@example.com',
  createdAt: '2026-11-24T10:00:00.000Z',
};
const LISTED = { ...USER, emailVerified: true, disabled: false, mustResetPassword: false };
const PLACE = { userAgent: 'Browser\u001b[2J', ip: '192.0.2.1', country: 'NL' };

describe('npm run admin', () => {
  it('tells its commands, and that the token comes from the environment', async () => {
    const { exitCode, stdout } = await runCli('admin.ts', ['--help']);
    expect(exitCode).toBe(0);
    for (const word of [
      'list',
      'search',
      'show',
      'create',
      'disable',
      'enable',
      'end-sessions',
      'force-reset',
      'delete',
      'audit',
      '--disabled',
      '--unverified',
      '--must-reset',
      '--oldest',
      '--json',
      'ADMIN_TOKEN',
    ])
      expect(stdout).toContain(word);
  });

  it.each(['constructor', '__proto__', 'toString', 'valueOf'])(
    'knows its own commands alone, and no name of Object.prototype: %s',
    async (command) => {
      const finished = await runCli('admin.ts', [command, 'some-id'], undefined, { ADMIN_TOKEN: 'x' });
      expect(finished).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: `unknown command ${command}; see --help\n`,
      });
    },
  );

  it('does nothing without a token', async () => {
    const { exitCode, stdout, stderr } = await runCli('admin.ts', ['list']);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'ADMIN_TOKEN is not set\n',
    });
  });
});

describe('the command line', () => {
  const DASHED = [`-${'A'.repeat(21)}`, `--${'A'.repeat(20)}`, '-'.repeat(22), `-h${'A'.repeat(20)}`];

  function read(...args: string[]) {
    const parsed = parseArguments(args);
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.value;
  }

  it.each(DASHED)('takes an id that begins with a dash, before and after options: %s', (id) => {
    expect(read('show', id)).toMatchObject({ command: 'show', target: id });
    expect(read('show', '--json', id)).toMatchObject({ target: id, values: { json: true } });
    expect(read('delete', id, '--yes')).toMatchObject({ target: id, values: { yes: true } });
    expect(read('--json', 'show', '--', id)).toMatchObject({ target: id, values: { json: true } });
    expect(read('audit', '--account', id, '--json')).toMatchObject({
      values: { account: id, json: true },
    });
    expect(read('audit', `--account=${id}`)).toMatchObject({ values: { account: id } });
  });

  it('takes a text that begins with a dash after two of them', () => {
    expect(read('search', '--', '-x')).toMatchObject({ command: 'search', target: '-x' });
    expect(read('search', '--json', '--', '--json')).toMatchObject({
      target: '--json',
      values: { json: true },
    });
    expect(parseArguments(['search', '-x'])).toMatchObject({ ok: false });
  });

  it.each([
    [['shut'], /unknown command shut/],
    [['constructor'], /unknown command/],
    [['list', 'all'], /list takes fewer/],
    [['search'], /search for what/],
    [['search', 'two', 'words'], /search takes fewer/],
    [['show'], /needs the id/],
    [['show', 'ada'], /an id has 22/],
    [['disable', 'A'.repeat(22), 'B'.repeat(22)], /disable takes fewer/],
    [['disable', '-A', '-B'], /Unknown option/],
    [['create', '--username', 'ada'], /create needs/],
    [['delete', 'A'.repeat(22)], /repeat it with --yes/],
    [['list', '--disabeld'], /Unknown option '--disabeld'/],
  ])('refuses %j, and does nothing', async (args, message) => {
    expect(parseArguments(args)).toEqual({ ok: false, message: expect.stringMatching(message) });
    const { exitCode, stdout, stderr } = await runCli('admin.ts', args, undefined, { ADMIN_TOKEN: 'x' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('the address of the service', () => {
  it.each([
    ['https://auth.example.com', 'https://auth.example.com'],
    ['https://example.com/auth/', 'https://example.com/auth'],
    ['http://localhost:8787', 'http://localhost:8787'],
    ['http://127.0.0.1:8787/', 'http://127.0.0.1:8787'],
    ['http://[::1]:8787', 'http://[::1]:8787'],
  ])('may be %s', (text, url) => {
    expect(parseServiceUrl(text)).toEqual({ ok: true, url });
  });

  it.each([
    ['auth.example.com', 'is not a URL'],
    ['localhost:8787', 'is not a URL'],
    ['ftp://localhost', 'is not a URL'],
    ['', 'is not a URL'],
    ['http://auth.example.com', 'must be https'],
    ['http://localhost.example.com', 'must be https'],
    ['http://192.168.1.2:8787', 'must be https'],
    ['https://ada:secret@example.com', 'no user'],
    ['https://example.com/?a=b', 'no query'],
    ['https://example.com/#a', 'no fragment'],
  ])('must not be %s', async (text, message) => {
    expect(parseServiceUrl(text)).toEqual({ ok: false, message: expect.stringContaining(message) });
    const { exitCode, stderr } = await runCli('admin.ts', ['list', '--url', text], undefined, {
      ADMIN_TOKEN: 'secret-token',
    });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^--url .*\n$/);
    expect(stderr.split('secret')).toHaveLength(1);
  });
});

describe('what the command sends', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  interface Received {
    url: string;
    seen: { method: string | undefined; path: string | undefined; token: string | undefined; body: string }[];
  }

  /** A server of its own that gives every request one response. */
  async function serve(status: number, headers: Record<string, string>, body = ''): Promise<Received> {
    const seen: Received['seen'] = [];
    const server = createServer(async (request: IncomingMessage, response) => {
      const chunks: string[] = [];
      for await (const chunk of request) chunks.push(String(chunk));
      const { method, url: path } = request;
      seen.push({ method, path, token: request.headers.authorization, body: chunks.join('') });
      response.writeHead(status, headers).end(body);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
  }

  const run = (url: string, ...args: string[]) =>
    runCli('admin.ts', args, undefined, { ADMIN_TOKEN: 'secret-token', LATCHKEY_URL: url });

  it.each([301, 302, 303, 307, 308])('follows no redirect: %i', async (status) => {
    const other = await serve(200, {}, '{}');
    const service = await serve(status, { Location: `${other.url}/x` });
    const { exitCode, stdout, stderr } = await run(service.url, 'list');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain(`redirects to ${other.url}/x`);
    expect(service.seen).toHaveLength(1);
    expect(other.seen).toEqual([]);
  });

  it('has what is searched for in its body, and the filters', async () => {
    const service = await serve(200, {}, '{"accounts":[],"count":0,"cursor":null}');
    await run(service.url, 'search', 'ada@example.com', '--disabled', '--limit', '5');
    await run(
      service.url,
      'list',
      '--unverified',
      '--must-reset',
      '--oldest',
      '--cursor',
      'c',
      '--limit',
      'x',
    );
    expect(service.seen.map(({ body, ...rest }) => ({ ...rest, body: JSON.parse(body) }))).toEqual([
      {
        method: 'POST',
        path: '/admin/accounts/search',
        token: 'Bearer secret-token',
        body: { search: 'ada@example.com', disabled: true, limit: 5 },
      },
      {
        method: 'POST',
        path: '/admin/accounts/search',
        token: 'Bearer secret-token',
        body: { emailVerified: false, mustResetPassword: true, order: 'oldest', cursor: 'c', limit: 'x' },
      },
    ]);
  });

  it('of an audit is the filter, and not who asks', async () => {
    const service = await serve(200, {}, '{"entries":[],"cursor":null}');
    const id = `-${'A'.repeat(21)}`;
    const { stdout } = await run(
      service.url,
      'audit',
      '--account',
      id,
      '--operator',
      'grace',
      '--limit',
      '5',
    );
    expect(stdout).toBe('Nothing on record.\n');
    expect(service.seen[0]?.path).toBe(`/admin/audit?accountId=${id}&operator=grace&limit=5`);
  });

  it('comes back as text that steers no terminal, from a refusal too', async () => {
    const problem = { title: 'No\u001b[2J', errors: [{ field: '\u009b2J', message: 'm\u202e' }] };
    const service = await serve(422, {}, JSON.stringify(problem));
    expect((await run(service.url, 'list')).stderr).toBe('422 No?[2J: ?2J m?\n');
  });

  it.each([
    ['no JSON', '<html>\u001b[2J'],
    ['nothing', ''],
    ['null', 'null'],
    ['another object', '{}'],
    ['a count that is text', JSON.stringify({ accounts: [], count: '\u001b[2J', cursor: null })],
    ['a list that is none', JSON.stringify({ accounts: 'abc', count: 0, cursor: null })],
  ])('says so when something else than the service responds: %s', async (_, body) => {
    const other = await serve(200, {}, body);
    expect(await run(other.url, 'list')).toMatchObject({
      ...{ exitCode: 1, stdout: '' },
      stderr: `${other.url} sent another response than this version of the service does\n`,
    });
  });

  it.each(['<html>\u001b[2J', 'null', '{"errors":"abc"}', '{"title":7}'])(
    'names the status alone of a refusal that is not the service’s: %j',
    async (body) => {
      const other = await serve(502, {}, body);
      expect(await run(other.url, 'list')).toMatchObject({
        exitCode: 1,
        stdout: '',
        stderr: '502 Bad Gateway\n',
      });
    },
  );
});

describe('what people see of accounts', () => {
  const HOSTILE = 'a\u001b[2J\u009b31m\u202e\u200b\r\nb\u0007';
  const CONTROL = /[^\n\P{C}]/u;

  it('is a table, with their state, the count, and the way to the next page', () => {
    expect(formatAccounts({ accounts: [LISTED], count: 1, cursor: 'next' })).toBe(
      `ID                      USER NAME  E-MAIL           CREATED           STATE\n${USER.id}  ada        ada@example.com  2026-11-24 10:00\n\n1 account.\nMore: --cursor next\n`,
    );
    const marked = { ...LISTED, disabled: true, emailVerified: false, mustResetPassword: true };
    const text = formatAccounts({ accounts: [marked], count: null, cursor: null });
    expect(text).toContain(
      '2026-11-24 10:00  disabled, unverified, must reset\n\nMore than 10000 accounts.\n',
    );
    expect(formatAccounts({ accounts: [], count: 0, cursor: null })).toBe('No account.\n');
    expect(formatAccounts({ accounts: [], count: 2, cursor: null })).toBe(
      'No further account; 2 accounts.\n',
    );
  });

  it('holds nothing that steers the terminal, whoever chose it', () => {
    const user = { ...USER, username: HOSTILE, email: HOSTILE };
    const place = { userAgent: HOSTILE, ip: HOSTILE, country: HOSTILE };
    const at = USER.createdAt;
    const texts = [
      formatAccounts({ accounts: [{ ...LISTED, ...user }], count: 1, cursor: HOSTILE }),
      formatAccount({
        ...{ user, emailVerified: true, disabled: false, mustResetPassword: false },
        sessions: [{ id: HOSTILE, createdAt: at, lastUsedAt: at, expiresAt: at, ...place }],
        events: [
          { at, lastAt: at, count: 2, kind: 'disabled', sessionId: null, operator: HOSTILE, ...place },
        ],
      }),
      formatAudit({
        entries: [
          {
            ...{ at, operator: HOSTILE, action: 'disable', accountId: HOSTILE },
            ...{ outcome: 'done', requestId: HOSTILE },
          },
        ],
        cursor: HOSTILE,
      }),
      formatCreated({ user }),
    ];
    for (const text of texts) {
      expect(text).toContain('a?[2J?31m????b?');
      expect(text).not.toMatch(CONTROL);
    }
    // Of the line breaks, none is theirs.
    expect(texts.map((text) => text.split('\n').length)).toEqual([6, 10, 5, 2]);
  });

  it('is the same value in JSON', () => {
    const value = { name: `${HOSTILE}\ud800\u{e0001}`, list: [HOSTILE] };
    const text = toVisibleJson(value);
    expect(text).not.toMatch(CONTROL);
    expect(JSON.parse(text)).toEqual(value);
  });

  it('shows standing, sessions and history of one, and lets no device steer the terminal', () => {
    const event = { at: USER.createdAt, lastAt: USER.createdAt, count: 1, sessionId: null, ...PLACE };
    const text = formatAccount({
      user: USER,
      emailVerified: false,
      disabled: true,
      mustResetPassword: true,
      sessions: [
        {
          id: 'S1',
          createdAt: USER.createdAt,
          lastUsedAt: USER.createdAt,
          expiresAt: USER.createdAt,
          ...PLACE,
        },
      ],
      events: [
        { ...event, kind: 'disabled', operator: 'grace' },
        { ...event, kind: 'sign_in_failed', count: 7, lastAt: '2026-11-24T10:31:00.000Z', operator: null },
      ],
    });
    expect(text).toContain('disabled, address not confirmed, has to set a new password');
    expect(text).toContain('Sessions: 1');
    expect(text).toMatch(/2026-11-24 10:00 {2}disabled {2,}grace/);
    expect(text).toContain('2026-11-24 10:31  sign_in_failed (7 times since 2026-11-24 10:00)');
    expect(text).not.toContain('\u001b');
  });
});

describe('the label of whoever uses it', () => {
  it.each([
    ['grace', 'grace'],
    ['grace.hopper+ops-1', 'grace.hopper+ops-1'],
    ['CORP\\Grace Hopper', 'CORP_Grace_Hopper'],
    ['grace@example.com', 'grace_example.com'],
    ['g'.repeat(80), 'g'.repeat(64)],
    ['', 'operator'],
  ])('is the user name of the system, as the header takes it: %s', (userName, label) => {
    expect(toLabel(userName)).toBe(label);
  });
});
