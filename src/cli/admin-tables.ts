// What the operators' commands show people.
import type {
  AccountDetailResponse,
  AccountListResponse,
  AccountSummary,
  AuditResponse,
} from '../api/wire.ts';

const LONGEST_DEVICE = 40;

export function formatAccounts({ accounts, count, cursor }: AccountListResponse): string {
  const total = count === null ? 'more than 10000 accounts' : count === 1 ? '1 account' : `${count} accounts`;
  if (accounts.length === 0) return count === 0 ? 'No account.\n' : `No further account; ${total}.\n`;
  const table = formatTable(
    ['ID', 'USER NAME', 'E-MAIL', 'CREATED', 'STATE'],
    accounts.map((account) => [
      account.id,
      account.username,
      account.email,
      toMinute(account.createdAt),
      listStates(account).join(', '),
    ]),
  );
  return `${table}\n${capitalise(total)}.\n${formatMore(cursor)}`;
}

export function formatAudit({ entries, cursor }: AuditResponse): string {
  if (entries.length === 0) return 'Nothing on record.\n';
  const table = formatTable(
    ['AT', 'OPERATOR', 'ACTION', 'ACCOUNT', 'OUTCOME', 'REQUEST'],
    entries.map((e) => [toMinute(e.at), e.operator, e.action, e.accountId, e.outcome, e.requestId]),
  );
  return cursor === null ? table : `${table}\n${formatMore(cursor)}`;
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
    toVisible(`${user.username}  ${user.email}  ${user.id}`),
    `\nCreated ${toMinute(user.createdAt)}; ${standing.join(', ')}.\n`,
    `Sessions: ${sessions.length}\n`,
    sessions.length > 0
      ? formatTable(['ID', 'SINCE', 'LAST USED', 'ADDRESS', 'IN', 'DEVICE'], sessionRows)
      : '',
    `\nHistory\n${formatTable(['AT', 'WHAT', 'OPERATOR', 'ADDRESS', 'IN', 'DEVICE'], eventRows)}`,
  ].join('');
}

export function formatCreated({ user }: { user: { id: string; username: string } }): string {
  return `Created ${toVisible(user.username)} (${toVisible(user.id)}).\n`;
}

function listStates({ disabled, emailVerified, mustResetPassword }: AccountSummary): string[] {
  return [
    ...(disabled ? ['disabled'] : []),
    ...(emailVerified ? [] : ['unverified']),
    ...(mustResetPassword ? ['must reset'] : []),
  ];
}

/** Every cell is made visible here, whoever chose it. */
function formatTable(head: string[], rows: string[][]): string {
  const cells = rows.map((row) => row.map(toVisible));
  const widths = head.map((_, column) =>
    Math.max(...[head, ...cells].map((row) => [...(row[column] ?? '')].length)),
  );
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[head, ...cells].map(line).join('\n')}\n`;
}

function formatMore(cursor: string | null): string {
  return cursor === null ? '' : `More: --cursor ${toVisible(cursor)}\n`;
}

function shorten(userAgent: string | null): string {
  return [...(userAgent ?? '')].slice(0, LONGEST_DEVICE).join('');
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function toMinute(rfc3339: string): string {
  return toVisible(rfc3339.slice(0, 16).replace('T', ' '));
}

// Text of others for a terminal: names, addresses, devices and labels are what somebody typed, and may hold sequences that
// steer the terminal (ECMA-48), turn the direction of text, or show as nothing.

/** A text in which every control, format, private and unassigned character is a "?". */
export function toVisible(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

/** JSON that is the same value, with every such character escaped. */
export function toVisibleJson(value: unknown): string {
  // Between its members, JSON has line breaks and blanks only.
  return JSON.stringify(value, null, 2).replace(/[^\n\P{C}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
