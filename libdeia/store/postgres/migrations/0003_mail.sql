-- mail between bots, the keys of senders, the clock of times to live, dialogues.
-- A hand-over touches message_leases alone, so that neither the message's row
-- nor its indexes are written again before it is finished.
CREATE TABLE messages (
  id BYTEA NOT NULL PRIMARY KEY,
  recipient TEXT COLLATE "C" NOT NULL,
  phase BIGINT NOT NULL,
  priority BIGINT NOT NULL,
  due BIGINT NOT NULL,
  pair TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  sender TEXT COLLATE "C" NOT NULL,
  sent_by TEXT COLLATE "C" NOT NULL,
  attempt BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  lease BIGINT NOT NULL,
  ttl BIGINT NOT NULL,
  created BIGINT NOT NULL,
  delivered BIGINT NOT NULL,
  finished BIGINT NOT NULL,
  notify BIGINT NOT NULL,
  hops BIGINT NOT NULL,
  reply_to TEXT COLLATE "C" NOT NULL,
  dialogue TEXT COLLATE "C" NOT NULL,
  metadata TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  content TEXT COLLATE "C" NOT NULL,
  checksum BIGINT NOT NULL
);
CREATE INDEX messages_by_inbox ON messages (recipient, phase, priority, id);
CREATE INDEX messages_by_pair ON messages (pair, id);
CREATE INDEX messages_by_due ON messages (phase, due, id);

CREATE TABLE message_leases (
  id BYTEA NOT NULL PRIMARY KEY,
  recipient TEXT COLLATE "C" NOT NULL,
  sender TEXT COLLATE "C" NOT NULL,
  priority BIGINT NOT NULL,
  due BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  attempt BIGINT NOT NULL,
  excused BIGINT NOT NULL,
  max_attempts BIGINT NOT NULL,
  lease BIGINT NOT NULL,
  lease_end BIGINT NOT NULL,
  created BIGINT NOT NULL,
  delivered BIGINT NOT NULL,
  notify BIGINT NOT NULL,
  aside BIGINT NOT NULL,
  reason TEXT COLLATE "C" NOT NULL
);

CREATE TABLE message_keys (
  sender TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  fingerprint BYTEA NOT NULL,
  ids BYTEA NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (sender, key)
);
CREATE INDEX message_keys_by_time ON message_keys (created, sender, key);

CREATE TABLE message_clock (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  hive BIGINT NOT NULL,
  wall BIGINT NOT NULL
);

CREATE TABLE dialogues (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  a TEXT COLLATE "C" NOT NULL,
  b TEXT COLLATE "C" NOT NULL,
  topic TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  turns BIGINT NOT NULL,
  turns_done BIGINT NOT NULL,
  max_tokens BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  max_seconds BIGINT NOT NULL,
  started_by TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  first TEXT COLLATE "C" NOT NULL
);
CREATE INDEX dialogues_by_status ON dialogues (status, id);
