-- the agent's own session of a conversation, details of an answer, and the
-- states that each bot went through; seq counts from 1 for each bot.
ALTER TABLE conversations ADD COLUMN session TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE chat_lines ADD COLUMN details TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE bot_history (
  bot TEXT COLLATE "C" NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  from_state TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  pid BIGINT NOT NULL,
  exit_code BIGINT,
  exit_signal BIGINT,
  restarts BIGINT NOT NULL,
  stderr TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (bot, seq)
);
