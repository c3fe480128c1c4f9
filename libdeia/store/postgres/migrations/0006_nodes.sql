-- several deiad on one database: which node a bot lives on and a dialogue is led
-- by, the nodes that run, and which of them serves each inbox.
ALTER TABLE bots ADD COLUMN node TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE dialogues ADD COLUMN node TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE nodes (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  writer BIGINT NOT NULL,
  url TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  started BIGINT NOT NULL,
  beat BIGINT NOT NULL
);

CREATE TABLE message_homes (
  inbox TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  writer BIGINT NOT NULL
);
CREATE INDEX message_homes_by_writer ON message_homes (writer, inbox);
