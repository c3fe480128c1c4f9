-- tasks: what waits, runs and was done, what the scheduler learned of it, and
-- the decisions of the auto-scaler.
CREATE TABLE tasks (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  phase BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  priority BIGINT NOT NULL,
  bot TEXT COLLATE "C" NOT NULL,
  pinned TEXT COLLATE "C" NOT NULL,
  node TEXT COLLATE "C" NOT NULL,
  submitted_by TEXT COLLATE "C" NOT NULL,
  series TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  due BIGINT NOT NULL,
  deadline BIGINT NOT NULL,
  started BIGINT NOT NULL,
  finished BIGINT NOT NULL,
  timeout_seconds BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  excused BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  spec TEXT COLLATE "C" NOT NULL,
  content TEXT COLLATE "C" NOT NULL,
  content_bytes BIGINT NOT NULL,
  result TEXT COLLATE "C" NOT NULL,
  result_bytes BIGINT NOT NULL,
  attempts TEXT COLLATE "C" NOT NULL,
  error TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  verdict TEXT COLLATE "C" NOT NULL,
  prompt_tokens BIGINT NOT NULL,
  completion_tokens BIGINT NOT NULL
);
CREATE INDEX tasks_by_phase ON tasks (phase, finished, id);
CREATE INDEX tasks_by_status ON tasks (status, id);
CREATE INDEX tasks_by_type ON tasks (type, id);
CREATE INDEX tasks_by_bot ON tasks (bot, id);

CREATE TABLE task_texts (
  id TEXT COLLATE "C" NOT NULL,
  kind BIGINT NOT NULL,
  text TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (id, kind)
);

CREATE TABLE task_keys (
  owner TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  fingerprint BYTEA NOT NULL,
  ids TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (owner, key)
);
CREATE INDEX task_keys_by_time ON task_keys (created, owner, key);

CREATE TABLE task_types (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  paused BIGINT NOT NULL,
  wip_limit BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  updated_by TEXT COLLATE "C" NOT NULL
);

CREATE TABLE scheduler_pairs (
  bot TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  data TEXT COLLATE "C" NOT NULL,
  updated BIGINT NOT NULL,
  PRIMARY KEY (bot, type)
);

CREATE TABLE scaling (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  data TEXT COLLATE "C" NOT NULL,
  updated BIGINT NOT NULL,
  updated_by TEXT COLLATE "C" NOT NULL
);

CREATE TABLE scaling_decisions (
  seq BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  template TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  data TEXT COLLATE "C" NOT NULL
);
CREATE INDEX scaling_decisions_by_time ON scaling_decisions (at, seq);

INSERT INTO store_sequences (name, last) VALUES ('scaling_decisions', 0);
