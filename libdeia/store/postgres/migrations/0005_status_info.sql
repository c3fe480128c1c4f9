-- what each bot needed, a sample a minute; and what the store says of itself:
-- its id, made once here, and how far a copy into it has come.
CREATE TABLE bot_status (
  bot TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  pid BIGINT NOT NULL,
  memory BIGINT,
  cpu_ms BIGINT,
  cpu_permille BIGINT,
  uptime BIGINT NOT NULL,
  last_message BIGINT NOT NULL,
  errors BIGINT NOT NULL,
  restarts BIGINT NOT NULL,
  PRIMARY KEY (bot, at)
);
CREATE INDEX bot_status_by_time ON bot_status (at, bot);

CREATE TABLE store_info (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  value TEXT COLLATE "C" NOT NULL
);
INSERT INTO store_info (name, value)
VALUES ('id', replace(gen_random_uuid()::text, '-', ''));
