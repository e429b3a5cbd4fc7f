-- For operators: what their list shows and filters by, and the record of what they did (docs/reference/storage.md).
-- The columns are an index of what the accounts hold, written by each account itself; index_version 0 is a row that its
-- account has not written yet, and the defaults are the state of a new account.
ALTER TABLE accounts ADD COLUMN email_verified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN must_reset INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN index_version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX accounts_newest ON accounts (created_at_ms, id);
CREATE INDEX accounts_unverified ON accounts (created_at_ms, id) WHERE email_verified = 0;
CREATE INDEX accounts_disabled ON accounts (created_at_ms, id) WHERE disabled = 1;
CREATE INDEX accounts_must_reset ON accounts (created_at_ms, id) WHERE must_reset = 1;

-- Rows outlive their accounts, and hold no name, no address and no secret.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  operator TEXT NOT NULL,
  action TEXT NOT NULL,
  account_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  request_id TEXT NOT NULL
) STRICT;
CREATE INDEX audit_account ON audit (account_id, id);
CREATE INDEX audit_operator ON audit (operator, id);
