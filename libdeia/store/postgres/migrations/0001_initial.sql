-- bots, chat, events, tokens, audit, kept answers. Times: Unix milliseconds.
CREATE TABLE bots (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  spec TEXT COLLATE "C" NOT NULL,
  wanted BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

CREATE TABLE conversations (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  bot TEXT COLLATE "C" NOT NULL,
  title TEXT COLLATE "C" NOT NULL,
  is_default BIGINT NOT NULL,
  created BIGINT NOT NULL
);
CREATE INDEX conversations_by_bot ON conversations (bot, id);
CREATE INDEX conversations_by_default ON conversations (bot, is_default, id);

CREATE TABLE chat_lines (
  seq BIGINT NOT NULL PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL,
  conversation TEXT COLLATE "C" NOT NULL,
  bot TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL,
  author TEXT COLLATE "C" NOT NULL,
  content TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  prompt_tokens BIGINT,
  completion_tokens BIGINT
);
CREATE UNIQUE INDEX chat_lines_by_id ON chat_lines (id);
CREATE INDEX chat_lines_by_conversation ON chat_lines (conversation, seq);
CREATE INDEX chat_lines_by_status ON chat_lines (status, seq);
CREATE INDEX chat_lines_by_bot ON chat_lines (bot, seq);

CREATE TABLE events (
  seq BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  data TEXT COLLATE "C" NOT NULL
);

CREATE TABLE tokens (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  hash BYTEA NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  last_used BIGINT NOT NULL,
  revoked BIGINT NOT NULL
);

CREATE TABLE audit (
  seq BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  token TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  request_id TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_by_time ON audit (at, seq);

CREATE TABLE replays (
  owner TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  fingerprint TEXT COLLATE "C" NOT NULL,
  status BIGINT NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (owner, key)
);
CREATE INDEX replays_by_time ON replays (created, owner, key);

-- The last number given in each table whose numbers rise with the commits: its
-- row is locked until the commit, so that order and numbers agree whoever
-- writes. PostgreSQL's own sequences leave gaps and give numbers out of order.
CREATE TABLE store_sequences (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  last BIGINT NOT NULL
);
INSERT INTO store_sequences (name, last)
VALUES ('chat_lines', 0), ('events', 0), ('audit', 0);

-- The last group that each writer committed; see commit.c.
CREATE TABLE store_writers (
  writer TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  grp BIGINT NOT NULL,
  at TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
