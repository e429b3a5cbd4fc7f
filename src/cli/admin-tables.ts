// What the operators' commands show people.
import type { AccountDetailResponse, AccountListResponse } from '../wire.ts';

export function formatAccounts({ accounts, cursor }: AccountListResponse): string {
  if (accounts.length === 0) return 'No account.\n';
  const table = formatTable(
    ['ID', 'USER NAME', 'E-MAIL', 'CREATED'],
    accounts.map(({ id, username, email, createdAt }) => [id, username, email, toMinute(createdAt)]),
  );
  return cursor === null ? table : `${table}\nMore: --cursor ${cursor}\n`;
}

export function formatAccount(account: AccountDetailResponse): string {
  const { user, sessions, events } = account;
  const standing = [
    account.disabled ? 'disabled' : 'enabled',
    account.emailVerified ? 'address confirmed' : 'address not confirmed',
    ...(account.mustResetPassword ? ['has to set a new password'] : []),
  ];
  const sessionRows = sessions.map((s) => [
    s.id,
    toMinute(s.createdAt),
    toMinute(s.lastUsedAt),
    s.ip ?? '',
    s.country ?? '',
    shorten(s.userAgent),
  ]);
  const eventRows = events.map((e) => [
    toMinute(e.lastAt),
    e.count > 1 ? `${e.kind} (${e.count} times since ${toMinute(e.at)})` : e.kind,
    e.operator ?? '',
    e.ip ?? '',
    e.country ?? '',
    shorten(e.userAgent),
  ]);
  return [
    `${user.username}  ${user.email}  ${user.id}\nCreated ${toMinute(user.createdAt)}; ${standing.join(', ')}.\n`,
    `Sessions: ${sessions.length}\n`,
    sessions.length > 0
      ? formatTable(['ID', 'SINCE', 'LAST USED', 'ADDRESS', 'IN', 'DEVICE'], sessionRows)
      : '',
    `\nHistory\n${formatTable(['AT', 'WHAT', 'OPERATOR', 'ADDRESS', 'IN', 'DEVICE'], eventRows)}`,
  ].join('');
}

function formatTable(head: string[], rows: string[][]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => [...(row[column] ?? '')].length)),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[head, ...rows].map(line).join('\n')}\n`;
}

/** Names and devices are what somebody typed: nothing of it may steer the terminal. */
function shorten(userAgent: string | null): string {
  return (userAgent ?? '').replace(/\p{C}/gu, '?').slice(0, 40);
}

function toMinute(rfc3339: string): string {
  return rfc3339.slice(0, 16).replace('T', ' ');
}
