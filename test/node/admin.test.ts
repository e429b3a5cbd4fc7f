import { describe, expect, it } from 'vitest';
import { formatAccount, formatAccounts } from '../../src/cli/admin-tables.ts';
import { runCli } from '../support/cli.ts';

const USER = {
  id: 'A'.repeat(22),
  username: 'ada',
  email: 'ada@example.com',
  createdAt: '2026-11-24T10:00:00.000Z',
};
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

describe('what people see of accounts', () => {
  it('is a table, with the way to the next page', () => {
    expect(formatAccounts({ accounts: [USER], cursor: 'next' })).toBe(
      `ID                      USER NAME  E-MAIL           CREATED\n${USER.id}  ada        ada@example.com  2026-11-24 10:00\n\nMore: --cursor next\n`,
    );
    expect(formatAccounts({ accounts: [], cursor: null })).toBe('No account.\n');
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
