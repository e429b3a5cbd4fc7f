// The account's report to the operators' index: whether one waits, since when, and how often it was tried.
// A trigger (schema.ts) notes every change of what the index shows, so that no statement can forget to.

/** Changes that follow each other within this are one report. */
const REPORT_DELAY_MS = 1000;
/** What the trigger writes: changed, and no time set for the report yet. */
const UNPLANNED = 0;

interface Report {
  version: number;
  /** From when on the report may be made; `null` when the index has it. */
  dueAtMs: number | null;
  attempts: number;
}

export class ReportStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The report that waits, if one does. */
  read(): (Report & { dueAtMs: number }) | undefined {
    const [report] = this.#sql
      .exec<{ [K in keyof Report]: Report[K] }>(
        'SELECT version, due_at_ms AS dueAtMs, attempts FROM index_report',
      )
      .toArray();
    return report === undefined || report.dueAtMs === null
      ? undefined
      : { ...report, dueAtMs: report.dueAtMs };
  }

  /** Sets the time of a report that has none yet. */
  plan(nowMs: number): void {
    if (this.read()?.dueAtMs === UNPLANNED) this.#sql.exec('UPDATE index_report SET due_at_ms = ?', nowMs);
  }

  /** The next try, whether or not this one comes to an end. */
  postpone(dueAtMs: number): void {
    this.#sql.exec('UPDATE index_report SET due_at_ms = ?, attempts = attempts + 1', dueAtMs);
  }

  /** The index has this version. A later one goes on waiting. */
  finish(version: number): void {
    this.#sql.exec('UPDATE index_report SET due_at_ms = NULL, attempts = 0 WHERE version = ?', version);
  }

  /** The version of the state as it is; 0 for one that never changed. */
  readVersion(): number {
    const [row] = this.#sql.exec<{ version: number }>('SELECT version FROM index_report').toArray();
    return row?.version ?? 0;
  }

  /** When the alarm should come for it. */
  readNextTryMs(): number | undefined {
    const report = this.read();
    return report && report.dueAtMs + REPORT_DELAY_MS;
  }
}
