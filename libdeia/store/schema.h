/* SPDX-License-Identifier: MIT */
/*
 * schema.h - the tables of a hive, as the store sees them.
 *
 * The same tables stand in <backend>/migrations/NNNN_name.sql; a test compares
 * the two. Column enumerators are positions in the table. Times are wall-clock
 * milliseconds. Adding a column: append it here, write a migration for each
 * SQL backend.
 */
#ifndef DEIA_STORE_SCHEMA_H
#define DEIA_STORE_SCHEMA_H

#include <deia/sys/store.h>

enum {
	BOT_ID,
	BOT_SPEC,
	BOT_WANTED,
	BOT_CREATED,
	BOT_UPDATED,
	BOT_NODE, /* the name of the node it lives on; "": of the next to start */
	BOT_COLUMNS
};
extern const struct deia_table deia__table_bots;

enum {
	CONV_ID,
	CONV_BOT,
	CONV_TITLE,
	CONV_IS_DEFAULT,
	CONV_CREATED,
	CONV_SESSION, /* the agent's own, "" when there is none */
	CONV_COLUMNS
};
enum { CONV_BY_BOT, CONV_BY_DEFAULT };
extern const struct deia_table deia__table_conversations;

enum {
	LINE_SEQ,
	LINE_ID,
	LINE_CONVERSATION,
	LINE_BOT,
	LINE_ROLE,
	LINE_AUTHOR,
	LINE_CONTENT,
	LINE_STATUS,
	LINE_ERROR,
	LINE_CREATED,
	LINE_PROMPT_TOKENS,
	LINE_COMPLETION_TOKENS,
	LINE_DETAILS, /* a JSON object, or "" */
	LINE_COLUMNS
};
enum { LINE_BY_ID, LINE_BY_CONVERSATION, LINE_BY_STATUS, LINE_BY_BOT };
extern const struct deia_table deia__table_chat_lines;

enum {
	EVENT_SEQ,
	EVENT_AT,
	EVENT_TYPE,
	EVENT_SUBJECT,
	EVENT_DATA,
	EVENT_COLUMNS
};
extern const struct deia_table deia__table_events;

enum {
	TOKEN_ID,
	TOKEN_HASH,
	TOKEN_NAME,
	TOKEN_ROLE,
	TOKEN_KIND,
	TOKEN_CREATED,
	TOKEN_EXPIRES,
	TOKEN_LAST_USED,
	TOKEN_REVOKED,
	TOKEN_COLUMNS
};
extern const struct deia_table deia__table_tokens;

enum {
	AUDIT_SEQ,
	AUDIT_AT,
	AUDIT_ACTOR,
	AUDIT_TOKEN,
	AUDIT_ROLE,
	AUDIT_ADDRESS,
	AUDIT_REQUEST,
	AUDIT_ACTION,
	AUDIT_TARGET,
	AUDIT_OUTCOME,
	AUDIT_COLUMNS
};
enum { AUDIT_BY_TIME };
extern const struct deia_table deia__table_audit;

/* Answers kept for repeated requests (Idempotency-Key). */
enum {
	REPLAY_OWNER,
	REPLAY_KEY,
	REPLAY_FINGERPRINT,
	REPLAY_STATUS,
	REPLAY_BODY,
	REPLAY_CREATED,
	REPLAY_COLUMNS
};
enum { REPLAY_BY_TIME };
extern const struct deia_table deia__table_replays;

/* The states a bot went through; seq counts from 1 for each bot. */
enum {
	HISTORY_BOT,
	HISTORY_SEQ,
	HISTORY_AT,
	HISTORY_FROM,
	HISTORY_STATE,
	HISTORY_REASON,
	HISTORY_PID, /* 0: none */
	HISTORY_EXIT_CODE,
	HISTORY_EXIT_SIGNAL,
	HISTORY_RESTARTS,
	HISTORY_STDERR, /* its last lines when it died */
	HISTORY_COLUMNS
};
extern const struct deia_table deia__table_bot_history;

/*
 * Mail. Hive time: Unix milliseconds that never jump while a hive runs (see
 * messenger/clock.h). phase: 0 open (pending or delivered), 1 read, 2 failed,
 * 3 expired. due: when an open one expires, or when a finished one was
 * finished, in hive time. pair: both bots in byte order, with a space between.
 */
enum {
	MAIL_ID, /* 16 bytes, rising in the order of acceptance */
	MAIL_TO,
	MAIL_PHASE,
	MAIL_PRIORITY,
	MAIL_DUE,
	MAIL_PAIR,
	MAIL_STATUS,
	MAIL_FROM,
	MAIL_BY,
	MAIL_ATTEMPT, /* of a finished one; of open ones see message_leases */
	MAIL_MAX_ATTEMPTS,
	MAIL_LEASE, /* the token under which it was finished, or 0 */
	MAIL_TTL,   /* seconds */
	MAIL_CREATED,
	MAIL_DELIVERED, /* of a finished one */
	MAIL_FINISHED,
	MAIL_NOTIFY,
	MAIL_HOPS,
	MAIL_REPLY_TO,
	MAIL_DIALOGUE,
	MAIL_METADATA,
	MAIL_REASON,
	MAIL_CONTENT,
	MAIL_SUM,   /* CRC-32 of what never changes */
	MAIL_TRACE, /* traceparent of who sent it, or ""; not in the sum */
	MAIL_COLUMNS
};
enum { MAIL_BY_INBOX, MAIL_BY_PAIR, MAIL_BY_DUE };
extern const struct deia_table deia__table_messages;

/*
 * Open messages that were handed over at least once: what changes with each
 * hand-over, so that the message's own row and its indexes need not. Has what
 * must be in memory of them. The row of such a message says "pending".
 */
enum {
	MAIL_LEASE_ID,
	MAIL_LEASE_TO,
	MAIL_LEASE_FROM,
	MAIL_LEASE_PRIORITY,
	MAIL_LEASE_DUE,	   /* when it expires, hive time */
	MAIL_LEASE_STATUS, /* "pending" or "delivered" */
	MAIL_LEASE_ATTEMPT,
	MAIL_LEASE_EXCUSED, /* attempts that ended without the bot's fault */
	MAIL_LEASE_MAX_ATTEMPTS,
	MAIL_LEASE_LEASE,
	MAIL_LEASE_END, /* of the lease or of the wait; hive time; 0: held */
	MAIL_LEASE_CREATED,
	MAIL_LEASE_DELIVERED,
	MAIL_LEASE_NOTIFY,
	MAIL_LEASE_ASIDE, /* of a dialogue */
	MAIL_LEASE_REASON,
	MAIL_LEASE_COLUMNS
};
extern const struct deia_table deia__table_message_leases;

/* Which messages a key of a sender made. */
enum {
	MAIL_KEY_SENDER,
	MAIL_KEY_KEY,
	MAIL_KEY_FINGERPRINT,
	MAIL_KEY_IDS,	  /* 16 bytes each */
	MAIL_KEY_CREATED, /* hive time */
	MAIL_KEY_COLUMNS
};
enum { MAIL_KEY_BY_TIME };
extern const struct deia_table deia__table_message_keys;

/* How hive time and wall clock stood together, now and then. */
enum {
	MAIL_CLOCK_NAME, /* "mail" */
	MAIL_CLOCK_HIVE,
	MAIL_CLOCK_WALL,
	MAIL_CLOCK_COLUMNS
};
extern const struct deia_table deia__table_message_clock;

enum {
	DIALOGUE_ID,
	DIALOGUE_A,
	DIALOGUE_B,
	DIALOGUE_TOPIC,
	DIALOGUE_STATUS,
	DIALOGUE_REASON,
	DIALOGUE_TURNS,
	DIALOGUE_TURNS_DONE,
	DIALOGUE_MAX_TOKENS,
	DIALOGUE_TOKENS,
	DIALOGUE_MAX_SECONDS,
	DIALOGUE_BY,
	DIALOGUE_CREATED,
	DIALOGUE_ENDED,
	DIALOGUE_FIRST, /* id of the message with its topic, "": not sent */
	DIALOGUE_NODE,	/* as BOT_NODE: the node that leads it */
	DIALOGUE_COLUMNS
};
enum { DIALOGUE_BY_STATUS };
extern const struct deia_table deia__table_dialogues;

/* What a bot needed and did, a sample a minute while it lives. */
enum {
	STATUS_BOT,
	STATUS_AT,
	STATUS_STATE,
	STATUS_PID,	     /* 0: no process of this machine */
	STATUS_MEMORY,	     /* resident bytes, null without a process */
	STATUS_CPU_MS,	     /* since the process began, the same */
	STATUS_CPU_PERMILLE, /* of one processor, since the last sample */
	STATUS_UPTIME,	     /* milliseconds */
	STATUS_LAST_MESSAGE, /* when it last answered, 0: never */
	STATUS_ERRORS,	     /* turns that failed since deiad began */
	STATUS_RESTARTS,
	STATUS_COLUMNS
};
enum { STATUS_BY_TIME };
extern const struct deia_table deia__table_bot_status;

/*
 * What the store says of itself; never copied. "id": made by the migration
 * (the memory backend has none). "copy.*": see copy.c. "budget.*": see
 * budgets_rows.c.
 */
enum { INFO_NAME, INFO_VALUE, INFO_COLUMNS };
extern const struct deia_table deia__table_store_info;

/*
 * The deiad that share this database, while they run; never copied. beat is
 * raised every moment: a row whose beat stands still is of one that is gone.
 */
enum {
	NODE_NAME,
	NODE_WRITER, /* of deia_store_writer: another at each start */
	NODE_URL,    /* where its API is reached, or "" */
	NODE_VERSION,
	NODE_STARTED,
	NODE_BEAT,
	NODE_COLUMNS
};
extern const struct deia_table deia__table_nodes;

/*
 * Which node serves an inbox: one at a time, by its writer's number. A row
 * whose writer is none of the nodes' is free to be taken; never copied.
 */
enum { MAIL_HOME_INBOX, MAIL_HOME_WRITER, MAIL_HOME_COLUMNS };
enum { MAIL_HOME_BY_WRITER };
extern const struct deia_table deia__table_message_homes;

/*
 * Tasks. phase: 0 open, 1 finished. pinned: the bot that its author named, or
 * ""; bot: the one of its last attempt, or "". node: the name of the one that
 * accepted it and has it done. spec: what its author asked for beside, a JSON
 * object. content and result: a long one's beginning, the whole is in
 * task_texts. attempts: a JSON list; error, verdict: JSON objects or "".
 */
enum {
	TASK_ID,
	TASK_PHASE,
	TASK_STATUS,
	TASK_TYPE,
	TASK_PRIORITY,
	TASK_BOT,
	TASK_PINNED,
	TASK_NODE,
	TASK_SUBMITTED_BY,
	TASK_SERIES,
	TASK_CREATED,
	TASK_DUE,
	TASK_DEADLINE,
	TASK_STARTED,
	TASK_FINISHED,
	TASK_TIMEOUT_SECONDS,
	TASK_ATTEMPT,
	TASK_EXCUSED,
	TASK_MAX_ATTEMPTS,
	TASK_SPEC,
	TASK_CONTENT,
	TASK_CONTENT_BYTES,
	TASK_RESULT,
	TASK_RESULT_BYTES,
	TASK_ATTEMPTS,
	TASK_ERROR,
	TASK_REASON,
	TASK_VERDICT,
	TASK_PROMPT_TOKENS,
	TASK_COMPLETION_TOKENS,
	TASK_COLUMNS
};
enum { TASK_BY_PHASE, TASK_BY_STATUS, TASK_BY_TYPE, TASK_BY_BOT };
extern const struct deia_table deia__table_tasks;

/* Contents (kind 0) and results (kind 1) that are too long for their task's
 * row. */
enum { TASK_TEXT_ID, TASK_TEXT_KIND, TASK_TEXT_TEXT, TASK_TEXT_COLUMNS };
extern const struct deia_table deia__table_task_texts;

/* Which tasks were submitted under an owner's key: ids, one a line. */
enum {
	TASK_KEY_OWNER,
	TASK_KEY_KEY,
	TASK_KEY_FINGERPRINT,
	TASK_KEY_IDS,
	TASK_KEY_CREATED,
	TASK_KEY_COLUMNS
};
enum { TASK_KEY_BY_TIME };
extern const struct deia_table deia__table_task_keys;

/* Types that a person paused or limited. */
enum {
	TASK_TYPE_NAME,
	TASK_TYPE_PAUSED,
	TASK_TYPE_WIP_LIMIT,
	TASK_TYPE_UPDATED,
	TASK_TYPE_UPDATED_BY,
	TASK_TYPE_COLUMNS
};
extern const struct deia_table deia__table_task_types;

/* What the scheduler learned of a bot and a type (both "": of all together): a
 * JSON object of numbers. */
enum { PAIR_BOT, PAIR_TYPE, PAIR_DATA, PAIR_UPDATED, PAIR_COLUMNS };
extern const struct deia_table deia__table_scheduler_pairs;

/* How a template is scaled, a JSON object; name "*": the limits of all. */
enum {
	SCALING_NAME,
	SCALING_DATA,
	SCALING_UPDATED,
	SCALING_UPDATED_BY,
	SCALING_COLUMNS
};
extern const struct deia_table deia__table_scaling;

/* What the auto-scaler decided: a JSON object. */
enum {
	DECISION_SEQ,
	DECISION_AT,
	DECISION_TEMPLATE,
	DECISION_KIND,
	DECISION_DATA,
	DECISION_COLUMNS
};
enum { DECISION_BY_TIME };
extern const struct deia_table deia__table_scaling_decisions;

/* Alerts of the health monitor, in order of time by their ids: data as
 * deia_health_print_alert prints it; node: a mark, as in tasks; state: a
 * deia_health_state. */
enum {
	ALERT_ID,
	ALERT_NODE,
	ALERT_STATE,
	ALERT_FIRED,
	ALERT_DATA,
	ALERT_COLUMNS
};
extern const struct deia_table deia__table_alerts;

/* What was put about health; name "rules": a JSON object. */
enum {
	HEALTH_SETTING_NAME,
	HEALTH_SETTING_DATA,
	HEALTH_SETTING_UPDATED,
	HEALTH_SETTING_UPDATED_BY,
	HEALTH_SETTING_COLUMNS
};
extern const struct deia_table deia__table_health_settings;

/* All of them, for checks and tests. */
extern const struct deia_table *const deia__tables[];
extern const size_t deia__tables_len;

#endif
