-- the agent's own session of a conversation, details of an answer, and the
-- states that each bot went through; seq counts from 1 for each bot.
ALTER TABLE conversations ADD COLUMN session TEXT NOT NULL DEFAULT '';

ALTER TABLE chat_lines ADD COLUMN details TEXT NOT NULL DEFAULT '';

CREATE TABLE bot_history (
  bot TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  from_state TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  pid INTEGER NOT NULL,
  exit_code INTEGER,
  exit_signal INTEGER,
  restarts INTEGER NOT NULL,
  stderr TEXT NOT NULL,
  PRIMARY KEY (bot, seq)
) STRICT, WITHOUT ROWID;
