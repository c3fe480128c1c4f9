/* SPDX-License-Identifier: MIT */
/*
 * schema.c - the declared tables. Order of columns = enumerators in schema.h;
 * the assertions below fail to compile when they part.
 */
#include "store/schema.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_COLUMN(n)                                                         \
	{                                                                      \
		n, DEIA_TEXT, false                                            \
	}
#define INT_COLUMN(n)                                                          \
	{                                                                      \
		n, DEIA_INT, false                                             \
	}

static const struct deia_column bot_columns[] = {
	TEXT_COLUMN("id"),     TEXT_COLUMN("spec"),   INT_COLUMN("wanted"),
	INT_COLUMN("created"), INT_COLUMN("updated"), TEXT_COLUMN("node"),
};
_Static_assert(LEN(bot_columns) == BOT_COLUMNS, "bots");

const struct deia_table deia__table_bots = {
	.name = "bots",
	.columns = bot_columns,
	.n_columns = BOT_COLUMNS,
	.n_key = 1,
};

static const struct deia_column conversation_columns[] = {
	TEXT_COLUMN("id"),	  TEXT_COLUMN("bot"),	 TEXT_COLUMN("title"),
	INT_COLUMN("is_default"), INT_COLUMN("created"), TEXT_COLUMN("session"),
};
_Static_assert(LEN(conversation_columns) == CONV_COLUMNS, "conversations");

static const struct deia_index conversation_indexes[] = {
	[CONV_BY_BOT] = { "conversations_by_bot", { CONV_BOT }, 1, false },
	[CONV_BY_DEFAULT] = { "conversations_by_default",
			      { CONV_BOT, CONV_IS_DEFAULT },
			      2,
			      false },
};

const struct deia_table deia__table_conversations = {
	.name = "conversations",
	.columns = conversation_columns,
	.n_columns = CONV_COLUMNS,
	.n_key = 1,
	.indexes = conversation_indexes,
	.n_indexes = LEN(conversation_indexes),
};

static const struct deia_column line_columns[] = {
	INT_COLUMN("seq"),
	TEXT_COLUMN("id"),
	TEXT_COLUMN("conversation"),
	TEXT_COLUMN("bot"),
	TEXT_COLUMN("role"),
	TEXT_COLUMN("author"),
	TEXT_COLUMN("content"),
	TEXT_COLUMN("status"),
	TEXT_COLUMN("error"),
	INT_COLUMN("created"),
	{ "prompt_tokens", DEIA_INT, true },
	{ "completion_tokens", DEIA_INT, true },
	TEXT_COLUMN("details"),
};
_Static_assert(LEN(line_columns) == LINE_COLUMNS, "chat_lines");

static const struct deia_index line_indexes[] = {
	[LINE_BY_ID] = { "chat_lines_by_id", { LINE_ID }, 1, true },
	[LINE_BY_CONVERSATION] = { "chat_lines_by_conversation",
				   { LINE_CONVERSATION },
				   1,
				   false },
	[LINE_BY_STATUS] = { "chat_lines_by_status",
			     { LINE_STATUS },
			     1,
			     false },
	[LINE_BY_BOT] = { "chat_lines_by_bot", { LINE_BOT }, 1, false },
};

const struct deia_table deia__table_chat_lines = {
	.name = "chat_lines",
	.columns = line_columns,
	.n_columns = LINE_COLUMNS,
	.n_key = 1,
	.sequence = true,
	.indexes = line_indexes,
	.n_indexes = LEN(line_indexes),
};

static const struct deia_column event_columns[] = {
	INT_COLUMN("seq"),	INT_COLUMN("at"),    TEXT_COLUMN("type"),
	TEXT_COLUMN("subject"), TEXT_COLUMN("data"),
};
_Static_assert(LEN(event_columns) == EVENT_COLUMNS, "events");

const struct deia_table deia__table_events = {
	.name = "events",
	.columns = event_columns,
	.n_columns = EVENT_COLUMNS,
	.n_key = 1,
	.sequence = true,
};

static const struct deia_column token_columns[] = {
	TEXT_COLUMN("id"),     { "hash", DEIA_BLOB, false },
	TEXT_COLUMN("name"),   TEXT_COLUMN("role"),
	TEXT_COLUMN("kind"),   INT_COLUMN("created"),
	INT_COLUMN("expires"), INT_COLUMN("last_used"),
	INT_COLUMN("revoked"),
};
_Static_assert(LEN(token_columns) == TOKEN_COLUMNS, "tokens");

const struct deia_table deia__table_tokens = {
	.name = "tokens",
	.columns = token_columns,
	.n_columns = TOKEN_COLUMNS,
	.n_key = 1,
};

static const struct deia_column audit_columns[] = {
	INT_COLUMN("seq"),	   INT_COLUMN("at"),
	TEXT_COLUMN("actor"),	   TEXT_COLUMN("token"),
	TEXT_COLUMN("role"),	   TEXT_COLUMN("address"),
	TEXT_COLUMN("request_id"), TEXT_COLUMN("action"),
	TEXT_COLUMN("target"),	   TEXT_COLUMN("outcome"),
};
_Static_assert(LEN(audit_columns) == AUDIT_COLUMNS, "audit");

static const struct deia_index audit_indexes[] = {
	[AUDIT_BY_TIME] = { "audit_by_time", { AUDIT_AT }, 1, false },
};

const struct deia_table deia__table_audit = {
	.name = "audit",
	.columns = audit_columns,
	.n_columns = AUDIT_COLUMNS,
	.n_key = 1,
	.sequence = true,
	.indexes = audit_indexes,
	.n_indexes = LEN(audit_indexes),
};

static const struct deia_column replay_columns[] = {
	TEXT_COLUMN("owner"), TEXT_COLUMN("key"),  TEXT_COLUMN("fingerprint"),
	INT_COLUMN("status"), TEXT_COLUMN("body"), INT_COLUMN("created"),
};
_Static_assert(LEN(replay_columns) == REPLAY_COLUMNS, "replays");

static const struct deia_index replay_indexes[] = {
	[REPLAY_BY_TIME] = { "replays_by_time", { REPLAY_CREATED }, 1, false },
};

const struct deia_table deia__table_replays = {
	.name = "replays",
	.columns = replay_columns,
	.n_columns = REPLAY_COLUMNS,
	.n_key = 2,
	.indexes = replay_indexes,
	.n_indexes = LEN(replay_indexes),
};

static const struct deia_column history_columns[] = {
	TEXT_COLUMN("bot"),
	INT_COLUMN("seq"),
	INT_COLUMN("at"),
	TEXT_COLUMN("from_state"),
	TEXT_COLUMN("state"),
	TEXT_COLUMN("reason"),
	INT_COLUMN("pid"),
	{ "exit_code", DEIA_INT, true },
	{ "exit_signal", DEIA_INT, true },
	INT_COLUMN("restarts"),
	TEXT_COLUMN("stderr"),
};
_Static_assert(LEN(history_columns) == HISTORY_COLUMNS, "bot_history");

const struct deia_table deia__table_bot_history = {
	.name = "bot_history",
	.columns = history_columns,
	.n_columns = HISTORY_COLUMNS,
	.n_key = 2,
};

static const struct deia_column mail_columns[] = {
	{ "id", DEIA_BLOB, false }, TEXT_COLUMN("recipient"),
	INT_COLUMN("phase"),	    INT_COLUMN("priority"),
	INT_COLUMN("due"),	    TEXT_COLUMN("pair"),
	TEXT_COLUMN("status"),	    TEXT_COLUMN("sender"),
	TEXT_COLUMN("sent_by"),	    INT_COLUMN("attempt"),
	INT_COLUMN("max_attempts"), INT_COLUMN("lease"),
	INT_COLUMN("ttl"),	    INT_COLUMN("created"),
	INT_COLUMN("delivered"),    INT_COLUMN("finished"),
	INT_COLUMN("notify"),	    INT_COLUMN("hops"),
	TEXT_COLUMN("reply_to"),    TEXT_COLUMN("dialogue"),
	TEXT_COLUMN("metadata"),    TEXT_COLUMN("reason"),
	TEXT_COLUMN("content"),	    INT_COLUMN("checksum"),
	TEXT_COLUMN("traceparent"),
};
_Static_assert(LEN(mail_columns) == MAIL_COLUMNS, "messages");

static const struct deia_index mail_indexes[] = {
	[MAIL_BY_INBOX] = { "messages_by_inbox",
			    { MAIL_PHASE, MAIL_TO, MAIL_PRIORITY },
			    3,
			    false },
	[MAIL_BY_PAIR] = { "messages_by_pair", { MAIL_PAIR }, 1, false },
	[MAIL_BY_DUE] = { "messages_by_due",
			  { MAIL_PHASE, MAIL_DUE },
			  2,
			  false },
};

const struct deia_table deia__table_messages = {
	.name = "messages",
	.columns = mail_columns,
	.n_columns = MAIL_COLUMNS,
	.n_key = 1,
	.indexes = mail_indexes,
	.n_indexes = LEN(mail_indexes),
};

static const struct deia_column mail_lease_columns[] = {
	{ "id", DEIA_BLOB, false }, TEXT_COLUMN("recipient"),
	TEXT_COLUMN("sender"),	    INT_COLUMN("priority"),
	INT_COLUMN("due"),	    TEXT_COLUMN("status"),
	INT_COLUMN("attempt"),	    INT_COLUMN("excused"),
	INT_COLUMN("max_attempts"), INT_COLUMN("lease"),
	INT_COLUMN("lease_end"),    INT_COLUMN("created"),
	INT_COLUMN("delivered"),    INT_COLUMN("notify"),
	INT_COLUMN("aside"),	    TEXT_COLUMN("reason"),
};
_Static_assert(LEN(mail_lease_columns) == MAIL_LEASE_COLUMNS, "message_leases");

const struct deia_table deia__table_message_leases = {
	.name = "message_leases",
	.columns = mail_lease_columns,
	.n_columns = MAIL_LEASE_COLUMNS,
	.n_key = 1,
};

static const struct deia_column mail_key_columns[] = {
	TEXT_COLUMN("sender"),
	TEXT_COLUMN("key"),
	{ "fingerprint", DEIA_BLOB, false },
	{ "ids", DEIA_BLOB, false },
	INT_COLUMN("created"),
};
_Static_assert(LEN(mail_key_columns) == MAIL_KEY_COLUMNS, "message_keys");

static const struct deia_index mail_key_indexes[] = {
	[MAIL_KEY_BY_TIME] = { "message_keys_by_time",
			       { MAIL_KEY_CREATED },
			       1,
			       false },
};

const struct deia_table deia__table_message_keys = {
	.name = "message_keys",
	.columns = mail_key_columns,
	.n_columns = MAIL_KEY_COLUMNS,
	.n_key = 2,
	.indexes = mail_key_indexes,
	.n_indexes = LEN(mail_key_indexes),
};

static const struct deia_column mail_clock_columns[] = {
	TEXT_COLUMN("name"),
	INT_COLUMN("hive"),
	INT_COLUMN("wall"),
};
_Static_assert(LEN(mail_clock_columns) == MAIL_CLOCK_COLUMNS, "message_clock");

const struct deia_table deia__table_message_clock = {
	.name = "message_clock",
	.columns = mail_clock_columns,
	.n_columns = MAIL_CLOCK_COLUMNS,
	.n_key = 1,
};

static const struct deia_column dialogue_columns[] = {
	TEXT_COLUMN("id"),	   TEXT_COLUMN("a"),
	TEXT_COLUMN("b"),	   TEXT_COLUMN("topic"),
	TEXT_COLUMN("status"),	   TEXT_COLUMN("reason"),
	INT_COLUMN("turns"),	   INT_COLUMN("turns_done"),
	INT_COLUMN("max_tokens"),  INT_COLUMN("tokens"),
	INT_COLUMN("max_seconds"), TEXT_COLUMN("started_by"),
	INT_COLUMN("created"),	   INT_COLUMN("ended"),
	TEXT_COLUMN("first"),	   TEXT_COLUMN("node"),
};
_Static_assert(LEN(dialogue_columns) == DIALOGUE_COLUMNS, "dialogues");

static const struct deia_index dialogue_indexes[] = {
	[DIALOGUE_BY_STATUS] = { "dialogues_by_status",
				 { DIALOGUE_STATUS },
				 1,
				 false },
};

const struct deia_table deia__table_dialogues = {
	.name = "dialogues",
	.columns = dialogue_columns,
	.n_columns = DIALOGUE_COLUMNS,
	.n_key = 1,
	.indexes = dialogue_indexes,
	.n_indexes = LEN(dialogue_indexes),
};

static const struct deia_column status_columns[] = {
	TEXT_COLUMN("bot"),
	INT_COLUMN("at"),
	TEXT_COLUMN("state"),
	INT_COLUMN("pid"),
	{ "memory", DEIA_INT, true },
	{ "cpu_ms", DEIA_INT, true },
	{ "cpu_permille", DEIA_INT, true },
	INT_COLUMN("uptime"),
	INT_COLUMN("last_message"),
	INT_COLUMN("errors"),
	INT_COLUMN("restarts"),
};
_Static_assert(LEN(status_columns) == STATUS_COLUMNS, "bot_status");

static const struct deia_index status_indexes[] = {
	[STATUS_BY_TIME] = { "bot_status_by_time", { STATUS_AT }, 1, false },
};

const struct deia_table deia__table_bot_status = {
	.name = "bot_status",
	.columns = status_columns,
	.n_columns = STATUS_COLUMNS,
	.n_key = 2,
	.indexes = status_indexes,
	.n_indexes = LEN(status_indexes),
};

static const struct deia_column info_columns[] = {
	TEXT_COLUMN("name"),
	TEXT_COLUMN("value"),
};
_Static_assert(LEN(info_columns) == INFO_COLUMNS, "store_info");

const struct deia_table deia__table_store_info = {
	.name = "store_info",
	.columns = info_columns,
	.n_columns = INFO_COLUMNS,
	.n_key = 1,
};

static const struct deia_column node_columns[] = {
	TEXT_COLUMN("name"),	INT_COLUMN("writer"),  TEXT_COLUMN("url"),
	TEXT_COLUMN("version"), INT_COLUMN("started"), INT_COLUMN("beat"),
};
_Static_assert(LEN(node_columns) == NODE_COLUMNS, "nodes");

const struct deia_table deia__table_nodes = {
	.name = "nodes",
	.columns = node_columns,
	.n_columns = NODE_COLUMNS,
	.n_key = 1,
};

static const struct deia_column mail_home_columns[] = {
	TEXT_COLUMN("inbox"),
	INT_COLUMN("writer"),
};
_Static_assert(LEN(mail_home_columns) == MAIL_HOME_COLUMNS, "message_homes");

static const struct deia_index mail_home_indexes[] = {
	[MAIL_HOME_BY_WRITER] = { "message_homes_by_writer",
				  { MAIL_HOME_WRITER },
				  1,
				  false },
};

const struct deia_table deia__table_message_homes = {
	.name = "message_homes",
	.columns = mail_home_columns,
	.n_columns = MAIL_HOME_COLUMNS,
	.n_key = 1,
	.indexes = mail_home_indexes,
	.n_indexes = LEN(mail_home_indexes),
};

static const struct deia_column task_columns[] = {
	TEXT_COLUMN("id"),	     INT_COLUMN("phase"),
	TEXT_COLUMN("status"),	     TEXT_COLUMN("type"),
	INT_COLUMN("priority"),	     TEXT_COLUMN("bot"),
	TEXT_COLUMN("pinned"),	     TEXT_COLUMN("node"),
	TEXT_COLUMN("submitted_by"), TEXT_COLUMN("series"),
	INT_COLUMN("created"),	     INT_COLUMN("due"),
	INT_COLUMN("deadline"),	     INT_COLUMN("started"),
	INT_COLUMN("finished"),	     INT_COLUMN("timeout_seconds"),
	INT_COLUMN("attempt"),	     INT_COLUMN("excused"),
	INT_COLUMN("max_attempts"),  TEXT_COLUMN("spec"),
	TEXT_COLUMN("content"),	     INT_COLUMN("content_bytes"),
	TEXT_COLUMN("result"),	     INT_COLUMN("result_bytes"),
	TEXT_COLUMN("attempts"),     TEXT_COLUMN("error"),
	TEXT_COLUMN("reason"),	     TEXT_COLUMN("verdict"),
	INT_COLUMN("prompt_tokens"), INT_COLUMN("completion_tokens"),
};
_Static_assert(LEN(task_columns) == TASK_COLUMNS, "tasks");

static const struct deia_index task_indexes[] = {
	[TASK_BY_PHASE] = { "tasks_by_phase",
			    { TASK_PHASE, TASK_FINISHED },
			    2,
			    false },
	[TASK_BY_STATUS] = { "tasks_by_status", { TASK_STATUS }, 1, false },
	[TASK_BY_TYPE] = { "tasks_by_type", { TASK_TYPE }, 1, false },
	[TASK_BY_BOT] = { "tasks_by_bot", { TASK_BOT }, 1, false },
};

const struct deia_table deia__table_tasks = {
	.name = "tasks",
	.columns = task_columns,
	.n_columns = TASK_COLUMNS,
	.n_key = 1,
	.indexes = task_indexes,
	.n_indexes = LEN(task_indexes),
};

static const struct deia_column task_text_columns[] = {
	TEXT_COLUMN("id"),
	INT_COLUMN("kind"),
	TEXT_COLUMN("text"),
};
_Static_assert(LEN(task_text_columns) == TASK_TEXT_COLUMNS, "task_texts");

const struct deia_table deia__table_task_texts = {
	.name = "task_texts",
	.columns = task_text_columns,
	.n_columns = TASK_TEXT_COLUMNS,
	.n_key = 2,
};

static const struct deia_column task_key_columns[] = {
	TEXT_COLUMN("owner"),
	TEXT_COLUMN("key"),
	{ "fingerprint", DEIA_BLOB, false },
	TEXT_COLUMN("ids"),
	INT_COLUMN("created"),
};
_Static_assert(LEN(task_key_columns) == TASK_KEY_COLUMNS, "task_keys");

static const struct deia_index task_key_indexes[] = {
	[TASK_KEY_BY_TIME] = { "task_keys_by_time",
			       { TASK_KEY_CREATED },
			       1,
			       false },
};

const struct deia_table deia__table_task_keys = {
	.name = "task_keys",
	.columns = task_key_columns,
	.n_columns = TASK_KEY_COLUMNS,
	.n_key = 2,
	.indexes = task_key_indexes,
	.n_indexes = LEN(task_key_indexes),
};

static const struct deia_column task_type_columns[] = {
	TEXT_COLUMN("name"),	   INT_COLUMN("paused"),
	INT_COLUMN("wip_limit"),   INT_COLUMN("updated"),
	TEXT_COLUMN("updated_by"),
};
_Static_assert(LEN(task_type_columns) == TASK_TYPE_COLUMNS, "task_types");

const struct deia_table deia__table_task_types = {
	.name = "task_types",
	.columns = task_type_columns,
	.n_columns = TASK_TYPE_COLUMNS,
	.n_key = 1,
};

static const struct deia_column scheduler_pair_columns[] = {
	TEXT_COLUMN("bot"),
	TEXT_COLUMN("type"),
	TEXT_COLUMN("data"),
	INT_COLUMN("updated"),
};
_Static_assert(LEN(scheduler_pair_columns) == PAIR_COLUMNS, "scheduler_pairs");

const struct deia_table deia__table_scheduler_pairs = {
	.name = "scheduler_pairs",
	.columns = scheduler_pair_columns,
	.n_columns = PAIR_COLUMNS,
	.n_key = 2,
};

static const struct deia_column scaling_columns[] = {
	TEXT_COLUMN("name"),
	TEXT_COLUMN("data"),
	INT_COLUMN("updated"),
	TEXT_COLUMN("updated_by"),
};
_Static_assert(LEN(scaling_columns) == SCALING_COLUMNS, "scaling");

const struct deia_table deia__table_scaling = {
	.name = "scaling",
	.columns = scaling_columns,
	.n_columns = SCALING_COLUMNS,
	.n_key = 1,
};

static const struct deia_column scaling_decision_columns[] = {
	INT_COLUMN("seq"),   INT_COLUMN("at"),	  TEXT_COLUMN("template"),
	TEXT_COLUMN("kind"), TEXT_COLUMN("data"),
};
_Static_assert(LEN(scaling_decision_columns) == DECISION_COLUMNS,
	       "scaling_decisions");

static const struct deia_index scaling_decision_indexes[] = {
	[DECISION_BY_TIME] = { "scaling_decisions_by_time",
			       { DECISION_AT },
			       1,
			       false },
};

const struct deia_table deia__table_scaling_decisions = {
	.name = "scaling_decisions",
	.columns = scaling_decision_columns,
	.n_columns = DECISION_COLUMNS,
	.n_key = 1,
	.sequence = true,
	.indexes = scaling_decision_indexes,
	.n_indexes = LEN(scaling_decision_indexes),
};

static const struct deia_column alert_columns[] = {
	TEXT_COLUMN("id"),   TEXT_COLUMN("node"), INT_COLUMN("state"),
	INT_COLUMN("fired"), TEXT_COLUMN("data"),
};
_Static_assert(LEN(alert_columns) == ALERT_COLUMNS, "alerts");

const struct deia_table deia__table_alerts = {
	.name = "alerts",
	.columns = alert_columns,
	.n_columns = ALERT_COLUMNS,
	.n_key = 1,
};

static const struct deia_column health_setting_columns[] = {
	TEXT_COLUMN("name"),
	TEXT_COLUMN("data"),
	INT_COLUMN("updated"),
	TEXT_COLUMN("updated_by"),
};
_Static_assert(LEN(health_setting_columns) == HEALTH_SETTING_COLUMNS,
	       "health_settings");

const struct deia_table deia__table_health_settings = {
	.name = "health_settings",
	.columns = health_setting_columns,
	.n_columns = HEALTH_SETTING_COLUMNS,
	.n_key = 1,
};

const struct deia_table *const deia__tables[] = {
	&deia__table_bots,	    &deia__table_conversations,
	&deia__table_chat_lines,    &deia__table_events,
	&deia__table_tokens,	    &deia__table_audit,
	&deia__table_replays,	    &deia__table_bot_history,
	&deia__table_messages,	    &deia__table_message_leases,
	&deia__table_message_keys,  &deia__table_message_clock,
	&deia__table_dialogues,	    &deia__table_bot_status,
	&deia__table_store_info,    &deia__table_nodes,
	&deia__table_message_homes, &deia__table_tasks,
	&deia__table_task_texts,    &deia__table_task_keys,
	&deia__table_task_types,    &deia__table_scheduler_pairs,
	&deia__table_scaling,	    &deia__table_scaling_decisions,
	&deia__table_alerts,	    &deia__table_health_settings,
};
const size_t deia__tables_len = LEN(deia__tables);
