-- bots, chat, events, tokens, audit, kept answers. Times: Unix milliseconds.
CREATE TABLE bots (
  id TEXT NOT NULL PRIMARY KEY,
  spec TEXT NOT NULL,
  wanted INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
  id TEXT NOT NULL PRIMARY KEY,
  bot TEXT NOT NULL,
  title TEXT NOT NULL,
  is_default INTEGER NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_by_bot ON conversations (bot, id);
CREATE INDEX conversations_by_default ON conversations (bot, is_default, id);

CREATE TABLE chat_lines (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  conversation TEXT NOT NULL,
  bot TEXT NOT NULL,
  role TEXT NOT NULL,
  author TEXT NOT NULL,
  content TEXT NOT NULL,
  status TEXT NOT NULL,
  error TEXT NOT NULL,
  created INTEGER NOT NULL,
  prompt_tokens INTEGER,
  completion_tokens INTEGER
) STRICT;
CREATE UNIQUE INDEX chat_lines_by_id ON chat_lines (id);
CREATE INDEX chat_lines_by_conversation ON chat_lines (conversation, seq);
CREATE INDEX chat_lines_by_status ON chat_lines (status, seq);
CREATE INDEX chat_lines_by_bot ON chat_lines (bot, seq);

CREATE TABLE events (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;

CREATE TABLE tokens (
  id TEXT NOT NULL PRIMARY KEY,
  hash BLOB NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  kind TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  last_used INTEGER NOT NULL,
  revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  token TEXT NOT NULL,
  role TEXT NOT NULL,
  address TEXT NOT NULL,
  request_id TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (at, seq);

CREATE TABLE replays (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX replays_by_time ON replays (created, owner, key);
