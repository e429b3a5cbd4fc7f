// The record of what operators did, in D1 and apart from the accounts, so that it outlives them. A row is written before the
// action takes effect. It must never hold a name, an address or a secret.

export type AuditAction =
  | 'create'
  | 'disable'
  | 'enable'
  | 'end_sessions'
  | 'force_password_reset'
  | 'delete';

/** `requested`: begun, and whether it took effect was not recorded. `refused`: it changed nothing. */
export type AuditOutcome = 'requested' | 'done' | 'refused';

export interface AuditRow {
  id: number;
  atMs: number;
  /** The label that the operator gave. */
  operator: string;
  action: AuditAction;
  accountId: string;
  outcome: AuditOutcome;
  requestId: string;
}

/** How long a row is kept, at least. */
export const AUDIT_RETENTION_MS = 365 * 24 * 60 * 60 * 1000;
/** Rows deleted with each new one: more than one, so that a backlog shrinks. */
const PRUNED_AT_ONCE = 20;

/** Records that something is about to be done, and returns the row's id. */
export async function openAuditRow(
  db: D1Database,
  { atMs, operator, action, accountId, requestId }: Omit<AuditRow, 'id' | 'outcome'>,
): Promise<number> {
  const row = await db
    .prepare(
      `INSERT INTO audit (at_ms, operator, action, account_id, outcome, request_id)
       VALUES (?, ?, ?, ?, 'requested', ?) RETURNING id`,
    )
    .bind(atMs, operator, action, accountId, requestId)
    .first<{ id: number }>();
  if (row === null) throw new Error('the audit row was not stored');
  return row.id;
}

/** Records how it ended. */
export async function closeAuditRow(
  db: D1Database,
  id: number,
  outcome: Exclude<AuditOutcome, 'requested'>,
): Promise<void> {
  await db.prepare('UPDATE audit SET outcome = ? WHERE id = ?').bind(outcome, id).run();
}

/** Deletes some of the oldest rows that are past their time. Ids rise with time, so that only the oldest are looked at. */
export async function pruneAudit(db: D1Database, nowMs: number): Promise<void> {
  await db
    .prepare(
      `DELETE FROM audit WHERE id IN
         (SELECT id FROM (SELECT id, at_ms FROM audit ORDER BY id LIMIT ?) WHERE at_ms < ?)`,
    )
    .bind(PRUNED_AT_ONCE, nowMs - AUDIT_RETENTION_MS)
    .run();
}

export interface AuditFilter {
  accountId?: string | undefined;
  operator?: string | undefined;
  /** The id of the last row that was seen. */
  beforeId?: number | undefined;
  limit: number;
}

/** Newest first, by the index of a filter. */
export async function listAudit(
  db: D1Database,
  { accountId, operator, beforeId, limit }: AuditFilter,
): Promise<AuditRow[]> {
  const conditions = [
    ...(accountId === undefined ? [] : [['account_id = ?', accountId] as const]),
    ...(operator === undefined ? [] : [['operator = ?', operator] as const]),
    ...(beforeId === undefined ? [] : [['id < ?', beforeId] as const]),
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.map(([sql]) => sql).join(' AND ')}` : '';
  const { results } = await db
    .prepare(
      `SELECT id, at_ms AS atMs, operator, action, account_id AS accountId, outcome, request_id AS requestId
       FROM audit ${where} ORDER BY id DESC LIMIT ?`,
    )
    .bind(...conditions.map(([, value]) => value), limit)
    .all<AuditRow>();
  return results;
}
