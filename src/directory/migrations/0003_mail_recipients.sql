-- Mails to one address, counted over all accounts (directory/recipients.ts). `recipient` is a keyed hash, no address.
CREATE TABLE mail_recipients (
  recipient TEXT PRIMARY KEY,
  full_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_recipients_full_at ON mail_recipients (full_at_ms);
