-- several deiad on one database: which node a bot lives on and a dialogue is led
-- by, the nodes that run, and which of them serves each inbox.
ALTER TABLE bots ADD COLUMN node TEXT NOT NULL DEFAULT '';

ALTER TABLE dialogues ADD COLUMN node TEXT NOT NULL DEFAULT '';

CREATE TABLE nodes (
  name TEXT NOT NULL PRIMARY KEY,
  writer INTEGER NOT NULL,
  url TEXT NOT NULL,
  version TEXT NOT NULL,
  started INTEGER NOT NULL,
  beat INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE message_homes (
  inbox TEXT NOT NULL PRIMARY KEY,
  writer INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX message_homes_by_writer ON message_homes (writer, inbox);
