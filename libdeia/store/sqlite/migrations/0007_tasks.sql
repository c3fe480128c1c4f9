-- tasks: what waits, runs and was done, what the scheduler learned of it, and
-- the decisions of the auto-scaler.
CREATE TABLE tasks (
  id TEXT NOT NULL PRIMARY KEY,
  phase INTEGER NOT NULL,
  status TEXT NOT NULL,
  type TEXT NOT NULL,
  priority INTEGER NOT NULL,
  bot TEXT NOT NULL,
  pinned TEXT NOT NULL,
  node TEXT NOT NULL,
  submitted_by TEXT NOT NULL,
  series TEXT NOT NULL,
  created INTEGER NOT NULL,
  due INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  started INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  timeout_seconds INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  excused INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  spec TEXT NOT NULL,
  content TEXT NOT NULL,
  content_bytes INTEGER NOT NULL,
  result TEXT NOT NULL,
  result_bytes INTEGER NOT NULL,
  attempts TEXT NOT NULL,
  error TEXT NOT NULL,
  reason TEXT NOT NULL,
  verdict TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_phase ON tasks (phase, finished, id);
CREATE INDEX tasks_by_status ON tasks (status, id);
CREATE INDEX tasks_by_type ON tasks (type, id);
CREATE INDEX tasks_by_bot ON tasks (bot, id);

CREATE TABLE task_texts (
  id TEXT NOT NULL,
  kind INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (id, kind)
) STRICT;

CREATE TABLE task_keys (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  ids TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_keys_by_time ON task_keys (created, owner, key);

CREATE TABLE task_types (
  name TEXT NOT NULL PRIMARY KEY,
  paused INTEGER NOT NULL,
  wip_limit INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scheduler_pairs (
  bot TEXT NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY (bot, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling (
  name TEXT NOT NULL PRIMARY KEY,
  data TEXT NOT NULL,
  updated INTEGER NOT NULL,
  updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scaling_decisions (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  template TEXT NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX scaling_decisions_by_time ON scaling_decisions (at, seq);
