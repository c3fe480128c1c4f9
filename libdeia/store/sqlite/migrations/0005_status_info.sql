-- what each bot needed, a sample a minute; and what the store says of itself:
-- its id, made once here, and how far a copy into it has come.
CREATE TABLE bot_status (
  bot TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  pid INTEGER NOT NULL,
  memory INTEGER,
  cpu_ms INTEGER,
  cpu_permille INTEGER,
  uptime INTEGER NOT NULL,
  last_message INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  restarts INTEGER NOT NULL,
  PRIMARY KEY (bot, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX bot_status_by_time ON bot_status (at, bot);

CREATE TABLE store_info (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO store_info (name, value) VALUES ('id', lower(hex(randomblob(16))));
