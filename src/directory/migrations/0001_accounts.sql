-- The claims on names. The UNIQUE constraints are the claim: whoever inserts first has the name.
-- *_key is compared (NFKC, lower case), the column beside it is shown. No secret is ever stored here.
CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  username_key TEXT NOT NULL UNIQUE,
  email_key TEXT NOT NULL UNIQUE,
  username TEXT NOT NULL,
  email TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
