-- One row for each name, user name or e-mail address (docs/reference/storage.md). `key` is what is compared, with its kind in front; `state`
-- is reserving, active, or released until `until_ms`. `accounts` becomes the operators' index. No secret is ever stored here.
CREATE TABLE names (
  key TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,
  display TEXT NOT NULL,
  state TEXT NOT NULL,
  until_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX names_released ON names (until_ms) WHERE state = 'released';
INSERT INTO names SELECT 'username:' || username_key, 'username', id, username, 'active', NULL FROM accounts;
INSERT INTO names SELECT 'email:' || email_key, 'email', id, email, 'active', NULL FROM accounts;

-- For as long as a Worker from before this migration runs, which knows `accounts` alone: what it writes there reaches `names`, and
-- it gets no name that another account holds. Its writes leave index_version as it is; those of today's change it.
CREATE TRIGGER accounts_insert_guard BEFORE INSERT ON accounts
WHEN NEW.index_version = 0 AND EXISTS (
  SELECT 1 FROM names WHERE account_id <> NEW.id
  AND key IN ('username:' || NEW.username_key, 'email:' || NEW.email_key))
BEGIN
  SELECT RAISE(IGNORE);
END;
CREATE TRIGGER accounts_insert_names AFTER INSERT ON accounts WHEN NEW.index_version = 0
BEGIN
  INSERT INTO names SELECT 'username:' || username_key, 'username', id, username, 'active', NULL
    FROM accounts WHERE id = NEW.id ON CONFLICT DO NOTHING;
  INSERT INTO names SELECT 'email:' || email_key, 'email', id, email, 'active', NULL
    FROM accounts WHERE id = NEW.id ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER accounts_update_guard BEFORE UPDATE OF username_key, email_key ON accounts
WHEN NEW.index_version = OLD.index_version AND EXISTS (
  SELECT 1 FROM names WHERE account_id <> NEW.id
  AND key IN ('username:' || NEW.username_key, 'email:' || NEW.email_key))
BEGIN
  SELECT RAISE(IGNORE);
END;
CREATE TRIGGER accounts_update_names AFTER UPDATE OF username_key, email_key ON accounts
WHEN NEW.index_version = OLD.index_version
BEGIN
  DELETE FROM names WHERE account_id = NEW.id AND state = 'active'
    AND key IN ('username:' || OLD.username_key, 'email:' || OLD.email_key);
  INSERT INTO names SELECT 'username:' || username_key, 'username', id, username, 'active', NULL
    FROM accounts WHERE id = NEW.id ON CONFLICT DO NOTHING;
  INSERT INTO names SELECT 'email:' || email_key, 'email', id, email, 'active', NULL
    FROM accounts WHERE id = NEW.id ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER accounts_delete_names AFTER DELETE ON accounts
BEGIN
  DELETE FROM names WHERE account_id = OLD.id AND state = 'active'
    AND key IN ('username:' || OLD.username_key, 'email:' || OLD.email_key);
END;
