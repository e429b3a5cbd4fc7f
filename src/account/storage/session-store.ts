// The account's sessions: SQL, and nothing but SQL.
import type { AuthenticationMethod } from '../../domain/authentication.ts';
import type { Rotation, Session } from '../../domain/session.ts';
import type { RefreshCache } from './refresh-cache.ts';

const SESSION_COLUMNS = `sid, counter, rotated_at_ms AS rotatedAtMs, iat, exp, created_at_ms AS createdAtMs,
  expires_at_ms AS expiresAtMs, last_used_at_ms AS lastUsedAtMs, user_agent AS userAgent, ip, country,
  browser_id AS browserId, amr, acr, authenticated_at_ms AS authenticatedAtMs`;

/** `amr` is stored as the methods with a blank between. */
type SessionRow = { [K in Exclude<keyof Session, 'amr'>]: Session[K] } & { amr: string };

export class SessionStore {
  readonly #sql: SqlStorage;
  readonly #cache: RefreshCache;

  constructor(sql: SqlStorage, cache: RefreshCache) {
    this.#sql = sql;
    this.#cache = cache;
  }

  /** Kept in memory: every refresh asks, and the object is the only one that writes. */
  readSession(sid: string): Session | undefined {
    const known = this.#cache.sessions.get(sid);
    if (known !== undefined) return known;
    const [row] = this.#sql
      .exec<SessionRow>(`SELECT ${SESSION_COLUMNS} FROM session WHERE sid = ?`, sid)
      .toArray();
    if (row === undefined) return undefined;
    const session = toSession(row);
    this.#cache.sessions.set(sid, session);
    return session;
  }

  /** Most recently used first. */
  listSessions(): Session[] {
    return this.#sql
      .exec<SessionRow>(`SELECT ${SESSION_COLUMNS} FROM session ORDER BY last_used_at_ms DESC, sid`)
      .toArray()
      .map(toSession);
  }

  insertSession(session: Session, wasKnownBrowser = false): void {
    this.#sql.exec(
      `INSERT INTO session (sid, counter, rotated_at_ms, iat, exp, created_at_ms, expires_at_ms, last_used_at_ms,
         user_agent, ip, country, browser_id, was_known_browser, amr, acr, authenticated_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      session.sid,
      session.counter,
      session.rotatedAtMs,
      session.iat,
      session.exp,
      session.createdAtMs,
      session.expiresAtMs,
      session.lastUsedAtMs,
      session.userAgent,
      session.ip,
      session.country,
      session.browserId,
      wasKnownBrowser ? 1 : 0,
      session.amr.join(' '),
      session.acr,
      session.authenticatedAtMs,
    );
  }

  writeRotation(sid: string, { counter, rotatedAtMs, iat, exp }: Rotation): void {
    this.#sql.exec(
      'UPDATE session SET counter = ?, rotated_at_ms = ?, iat = ?, exp = ?, last_used_at_ms = ? WHERE sid = ?',
      counter,
      rotatedAtMs,
      iat,
      exp,
      rotatedAtMs,
      sid,
    );
    const known = this.#cache.sessions.get(sid);
    if (known === undefined) return;
    this.#cache.sessions.set(sid, { ...known, counter, rotatedAtMs, iat, exp, lastUsedAtMs: rotatedAtMs });
  }

  /** Returns whether there was one. */
  deleteSession(sid: string): boolean {
    this.#cache.sessions.delete(sid);
    return this.#sql.exec('DELETE FROM session WHERE sid = ?', sid).rowsWritten > 0;
  }

  /** Ends every session but one, if one is named. */
  deleteSessionsExcept(sid: string | undefined): void {
    this.#cache.sessions.clear();
    this.#sql.exec('DELETE FROM session WHERE sid IS NOT ?', sid ?? null);
  }

  deleteExpiredSessions(nowMs: number): void {
    this.#cache.sessions.clear();
    this.#sql.exec('DELETE FROM session WHERE exp * 1000 <= ?1 OR expires_at_ms <= ?1', nowMs);
  }

  /**
   * Makes room for one more: ends sessions beyond `max - 1`, the longest unused first, and returns their ids. Those of browsers
   * that were known at their sign-in, and those opened before `establishedBeforeMs`, come last, so that somebody who
   * signs in again and again ends their own sessions.
   */
  evictSessions(max: number, establishedBeforeMs: number): string[] {
    this.#cache.sessions.clear();
    return this.#sql
      .exec<{ sid: string }>(
        `DELETE FROM session WHERE sid IN (
           SELECT sid FROM session
           ORDER BY (was_known_browser = 1 OR created_at_ms < ?) DESC, last_used_at_ms DESC, sid LIMIT -1 OFFSET ?)
         RETURNING sid`,
        establishedBeforeMs,
        max - 1,
      )
      .toArray()
      .map(({ sid }) => sid);
  }

  /** When the first session will have run out, as things stand. */
  readNextExpiryMs(): number | undefined {
    const { next } = this.#sql
      .exec<{ next: number | null }>('SELECT MIN(exp) * 1000 AS next FROM session')
      .one();
    return next ?? undefined;
  }
}

function toSession({ amr, ...row }: SessionRow): Session {
  return { ...row, amr: amr.split(' ') as AuthenticationMethod[] }; // as `insertSession` stored it
}
