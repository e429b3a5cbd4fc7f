// The throttle's rows: failures since the last success, counted for each known browser, and for all others together.
import { THROTTLE_MEMORY_SECONDS, type Throttle } from '../../domain/attempt.ts';

export class ThrottleStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  read(bucket: string): Throttle | undefined {
    return this.#sql
      .exec<{ failures: number; lastFailureAtMs: number }>(
        'SELECT failures, last_failure_at_ms AS lastFailureAtMs FROM throttle WHERE bucket = ?',
        bucket,
      )
      .toArray()[0];
  }

  write(bucket: string, { failures, lastFailureAtMs }: Throttle): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO throttle (bucket, failures, last_failure_at_ms) VALUES (?, ?, ?)',
      bucket,
      failures,
      lastFailureAtMs,
    );
  }

  clear(bucket: string): void {
    this.#sql.exec('DELETE FROM throttle WHERE bucket = ?', bucket);
  }

  clearAll(): void {
    this.#sql.exec('DELETE FROM throttle');
  }

  deleteForgotten(nowMs: number): void {
    this.#sql.exec(
      'DELETE FROM throttle WHERE last_failure_at_ms <= ?',
      nowMs - THROTTLE_MEMORY_SECONDS * 1000,
    );
  }

  /** When the first row will be forgotten. */
  readNextForgottenMs(): number | undefined {
    const { first } = this.#sql
      .exec<{ first: number | null }>('SELECT MIN(last_failure_at_ms) AS first FROM throttle')
      .one();
    return first === null ? undefined : first + THROTTLE_MEMORY_SECONDS * 1000;
  }
}
