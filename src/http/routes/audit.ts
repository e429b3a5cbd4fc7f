// What operators do to accounts, on record (directory/audit.ts): each action through `audited`, and GET /admin/audit.

import { type AuditEntry, type AuditResponse, auditQuery } from '../../api/wire.ts';
import {
  type AuditAction,
  type AuditRow,
  closeAuditRow,
  listAudit,
  openAuditRow,
  pruneAudit,
} from '../../directory/audit.ts';
import { isId } from '../../domain/ids.ts';
import { type AppContext, outcomeOf } from '../context.ts';
import { encodeCursor, readCursor, refuseCursor } from '../cursor.ts';
import { toRfc3339 } from '../grant.ts';
import { refuse } from '../problem.ts';
import { route } from '../route.ts';
import { callDirectory, finishLater } from '../storage-calls.ts';

/** Where a page ended: the id of its last row. */
const POSITION = /^(\d{1,15})$/;
/** Rows on a page of a list, unless the request says how many. */
export const DEFAULT_PAGE = 50;

/**
 * Does something to an account, on record. The row is stored before anything is done: when the directory does not respond,
 * that is an outage and nothing is done, so that no action is without its row. A row that stays `requested` belongs to an action that
 * was interrupted, or to one whose end could not be recorded.
 */
export async function audited(
  c: AppContext,
  action: AuditAction,
  accountId: string,
  run: () => Promise<Response>,
): Promise<Response> {
  const { operator = '', requestId } = outcomeOf(c); // authenticateOperator has set it
  const atMs = Date.now();
  const row = { atMs, operator, action, accountId, requestId };
  const id = await callDirectory(c, (db) => openAuditRow(db, row));
  const response = await run();
  const outcome = response.ok ? 'done' : 'refused';
  // The action stands, whether or not its end is recorded.
  await callDirectory(c, (db) => closeAuditRow(db, id, outcome)).catch(() => undefined);
  finishLater(
    c,
    callDirectory(c, (db) => pruneAudit(db, atMs)).catch(() => undefined),
  );
  return response;
}

export const showAudit = route({
  method: 'GET',
  path: '/admin/audit',
  auth: 'operator',
  query: auditQuery,
  reference: {
    id: 'showAudit',
    tag: 'Operators',
    summary: 'What operators did, newest first',
    description:
      'Kept for a year, and apart from the accounts. `requested` is an action whose end was not recorded.',
    status: 200,
    response: ['Audit'],
    refusals: ['directory_unavailable'],
  },
  handler: async (c, { query: { accountId, operator, cursor, limit = DEFAULT_PAGE } }) => {
    if (accountId !== undefined && !isId(accountId))
      return refuse(c, 'invalid_input', {
        errors: [{ field: 'accountId', code: 'invalid_id', message: 'must be an id' }],
      });
    const position = readCursor(cursor, POSITION);
    if (!position.ok) return refuseCursor(c);
    const beforeId = position.groups && Number(position.groups[0]);
    // One more than asked for tells whether there is a next page.
    const filter = { accountId, operator, beforeId, limit: limit + 1 };
    const rows = await callDirectory(c, (db) => listAudit(db, filter));
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const response: AuditResponse = {
      entries: page.map(toEntry),
      cursor: rows.length > limit && last !== undefined ? encodeCursor(String(last.id)) : null,
    };
    return c.json(response);
  },
});

function toEntry({ atMs, operator, action, accountId, outcome, requestId }: AuditRow): AuditEntry {
  return { at: toRfc3339(atMs), operator, action, accountId, outcome, requestId };
}
