-- mail between bots, the keys of senders, the clock of times to live, dialogues.
-- A hand-over touches message_leases alone, so that neither the message's row
-- nor its indexes are written again before it is finished.
CREATE TABLE messages (
  id BLOB NOT NULL PRIMARY KEY,
  recipient TEXT NOT NULL,
  phase INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  due INTEGER NOT NULL,
  pair TEXT NOT NULL,
  status TEXT NOT NULL,
  sender TEXT NOT NULL,
  sent_by TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  ttl INTEGER NOT NULL,
  created INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  notify INTEGER NOT NULL,
  hops INTEGER NOT NULL,
  reply_to TEXT NOT NULL,
  dialogue TEXT NOT NULL,
  metadata TEXT NOT NULL,
  reason TEXT NOT NULL,
  content TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_by_inbox ON messages (recipient, phase, priority, id);
CREATE INDEX messages_by_pair ON messages (pair, id);
CREATE INDEX messages_by_due ON messages (phase, due, id);

CREATE TABLE message_leases (
  id BLOB NOT NULL PRIMARY KEY,
  recipient TEXT NOT NULL,
  sender TEXT NOT NULL,
  priority INTEGER NOT NULL,
  due INTEGER NOT NULL,
  status TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  excused INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  lease_end INTEGER NOT NULL,
  created INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  notify INTEGER NOT NULL,
  aside INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE message_keys (
  sender TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  ids BLOB NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (sender, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_keys_by_time ON message_keys (created, sender, key);

CREATE TABLE message_clock (
  name TEXT NOT NULL PRIMARY KEY,
  hive INTEGER NOT NULL,
  wall INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dialogues (
  id TEXT NOT NULL PRIMARY KEY,
  a TEXT NOT NULL,
  b TEXT NOT NULL,
  topic TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  turns INTEGER NOT NULL,
  turns_done INTEGER NOT NULL,
  max_tokens INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  max_seconds INTEGER NOT NULL,
  started_by TEXT NOT NULL,
  created INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  first TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dialogues_by_status ON dialogues (status, id);
