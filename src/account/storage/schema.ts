// The schema of one account's SQLite, as numbered migrations. Each runs once, in order, in one transaction.
// A change is a new entry at the end, with a test from the version before; an entry that was released never changes.
// The tables and what they mean: docs/reference/storage.md.

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE account (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    id TEXT NOT NULL,
    username TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    is_claimed INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE session (
    sid TEXT PRIMARY KEY,
    counter INTEGER NOT NULL,
    rotated_at_ms INTEGER NOT NULL,
    iat INTEGER NOT NULL,
    exp INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    last_used_at_ms INTEGER NOT NULL,
    user_agent TEXT,
    ip TEXT,
    country TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE throttle (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    failures INTEGER NOT NULL,
    last_failure_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    sid TEXT,
    user_agent TEXT,
    ip TEXT,
    country TEXT
  ) STRICT;
  `,
  // 2: verification and reset, mail, operators, and a throttle with a bucket for each known browser.
  `
  ALTER TABLE account ADD COLUMN email_verified_at_ms INTEGER;
  ALTER TABLE account ADD COLUMN disabled_at_ms INTEGER;
  ALTER TABLE account ADD COLUMN must_reset_password INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE account ADD COLUMN browser_epoch INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE account ADD COLUMN claim_check_at_ms INTEGER;
  UPDATE account SET claim_check_at_ms = created_at_ms + 900000 WHERE is_claimed = 0;
  ALTER TABLE account DROP COLUMN is_claimed;
  ALTER TABLE event ADD COLUMN operator TEXT;
  CREATE TABLE throttle_by_bucket (
    bucket TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_failure_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO throttle_by_bucket SELECT 'strangers', failures, last_failure_at_ms FROM throttle;
  DROP TABLE throttle;
  ALTER TABLE throttle_by_bucket RENAME TO throttle;
  CREATE TABLE mail_token (
    hash TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    email TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    next_try_at_ms INTEGER NOT NULL,
    done_at_ms INTEGER
  ) STRICT;
  `,
  // 3: limits, the browser of a session and which browsers are revoked, links that remember their use, mails that were counted.
  `
  CREATE TABLE limit_use (
    name TEXT PRIMARY KEY,
    full_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE revoked_browser (
    browser_id TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE session ADD COLUMN browser_id TEXT;
  ALTER TABLE session ADD COLUMN was_known_browser INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE mail_token ADD COLUMN used_at_ms INTEGER;
  ALTER TABLE outbox ADD COLUMN counted_at_ms INTEGER;
  `,
  // 4: an event that happens again counts up its row.
  `
  ALTER TABLE event ADD COLUMN last_at_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE event ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
  UPDATE event SET last_at_ms = at_ms;
  `,
  // 5: reports to the operators' index: one row, once what the index shows has changed. `due_at_ms` 0 has no time set yet.
  `
  CREATE TABLE index_report (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    version INTEGER NOT NULL,
    due_at_ms INTEGER,
    attempts INTEGER NOT NULL
  ) STRICT;
  CREATE TRIGGER index_report_of_account
  AFTER UPDATE OF email_verified_at_ms, disabled_at_ms, must_reset_password ON account
  WHEN (OLD.email_verified_at_ms IS NULL) <> (NEW.email_verified_at_ms IS NULL)
    OR (OLD.disabled_at_ms IS NULL) <> (NEW.disabled_at_ms IS NULL)
    OR OLD.must_reset_password <> NEW.must_reset_password
  BEGIN
    INSERT INTO index_report VALUES (1, 1, 0, 0)
    ON CONFLICT DO UPDATE SET version = version + 1, due_at_ms = 0, attempts = 0;
  END;
  INSERT INTO index_report SELECT 1, 1, 0, 0 FROM account
  WHERE email_verified_at_ms IS NOT NULL OR disabled_at_ms IS NOT NULL OR must_reset_password = 1;
  `,
  // 6: what is pending with the directory (flows/). A registration or deletion that waited to look for its claim becomes one: the
  // alarm looks at the same time, and keeps or removes the account. And the names are reported to the operators' index as well.
  `
  CREATE TABLE intent (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    phase TEXT NOT NULL,
    account_id TEXT NOT NULL,
    username TEXT,
    email TEXT,
    former TEXT,
    until_ms INTEGER,
    fence_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at_ms INTEGER NOT NULL
  ) STRICT;
  INSERT INTO intent
  SELECT 1, lower(hex(randomblob(11))), 'register', 'reserving', id, username, email, NULL, NULL, 0, 0, claim_check_at_ms
  FROM account WHERE claim_check_at_ms IS NOT NULL;
  ALTER TABLE account DROP COLUMN claim_check_at_ms;
  DROP TRIGGER index_report_of_account;
  CREATE TRIGGER index_report_of_account
  AFTER UPDATE OF username, email, email_verified_at_ms, disabled_at_ms, must_reset_password ON account
  WHEN OLD.username <> NEW.username OR OLD.email <> NEW.email
    OR (OLD.email_verified_at_ms IS NULL) <> (NEW.email_verified_at_ms IS NULL)
    OR (OLD.disabled_at_ms IS NULL) <> (NEW.disabled_at_ms IS NULL)
    OR OLD.must_reset_password <> NEW.must_reset_password
  BEGIN
    INSERT INTO index_report VALUES (1, 1, 0, 0)
    ON CONFLICT DO UPDATE SET version = version + 1, due_at_ms = 0, attempts = 0;
  END;
  CREATE TRIGGER index_report_of_registration AFTER INSERT ON account
  BEGIN
    INSERT INTO index_report VALUES (1, 1, 0, 0)
    ON CONFLICT DO UPDATE SET version = version + 1, due_at_ms = 0, attempts = 0;
  END;
  `,
  // 7: the reuse of a refresh token has the name that log and documentation give it.
  `
  UPDATE event SET kind = 'refresh_token_reuse' WHERE kind = 'token_reused';
  `,
  // 8: credentials are rows, the password the first of them, and sessions know how they were authenticated.
  `
  CREATE TABLE credential (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    last_used_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX credential_password ON credential (kind) WHERE kind = 'password';
  INSERT INTO credential
  SELECT lower(hex(randomblob(11))), 'password', 1, password_hash,
    COALESCE((SELECT MAX(last_at_ms) FROM event WHERE kind IN ('password_changed', 'password_reset')), created_at_ms),
    (SELECT MAX(last_at_ms) FROM event WHERE kind = 'signed_in')
  FROM account;
  ALTER TABLE account DROP COLUMN password_hash;
  ALTER TABLE session ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
  ALTER TABLE session ADD COLUMN acr TEXT NOT NULL DEFAULT 'aal1';
  ALTER TABLE session ADD COLUMN authenticated_at_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE session SET authenticated_at_ms = created_at_ms;
  `,
  // 9: ids of queued mails are not reused, so that a delivery that waits for a response finds its own row or none. The bucket of failures
  // of all browsers that are not known has the name of the documentation.
  `
  CREATE TABLE outbox_with_own_ids (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    next_try_at_ms INTEGER NOT NULL,
    done_at_ms INTEGER,
    counted_at_ms INTEGER
  ) STRICT;
  INSERT INTO outbox_with_own_ids
  SELECT id, kind, address, attempts, created_at_ms, next_try_at_ms, done_at_ms, counted_at_ms FROM outbox;
  DROP TABLE outbox;
  ALTER TABLE outbox_with_own_ids RENAME TO outbox;
  UPDATE throttle SET bucket = 'other_browsers' WHERE bucket = 'strangers';
  `,
];

/** The version that this code reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The version in storage; 0 for an object that holds nothing. Reads only, so that asking creates nothing. */
export function readSchemaVersion(sql: SqlStorage): number {
  const exists = sql
    .exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'")
    .toArray();
  if (exists.length === 0) return 0;
  return sql.exec<{ version: number }>('SELECT version FROM schema_version').one().version;
}

/** Brings storage to a version, by default today's. Throws when storage is newer than the code: a rollback must not write. */
export function migrate(storage: DurableObjectStorage, target = SCHEMA_VERSION): void {
  const from = readSchemaVersion(storage.sql);
  if (from > target) throw new Error(`account storage has schema ${from}, this code knows ${target}`);
  if (from === target) return;
  storage.transactionSync(() => {
    if (from === 0)
      storage.sql.exec(
        'CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (0)',
      );
    for (const statements of MIGRATIONS.slice(from, target)) storage.sql.exec(statements);
    storage.sql.exec('UPDATE schema_version SET version = ?', target);
  });
}
