/* SPDX-License-Identifier: MIT */
/*
 * turn.c - one question and its answer.
 *
 * A turn goes: find the conversation, commit the user's line, wait for
 * earlier turns of the same conversation, read what was said before, hand it
 * to the bot, commit the answer. Each step ends in a callback that begins the
 * next; `io` is set while one is due. A growing answer is saved every two
 * seconds, so that a killed process leaves what people have seen.
 */
#include "hive/chat/turn.h"
#include "hive/health/health.h"
#include "hive/tasks/budgets.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hive/mail/reply.h"
#include "hive/tasks/tasks.h"

static void set_error(struct deia_chat_turn *t, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
static void finish(struct deia_chat_turn *t);
static void advance(struct deia__hbot *b);

/* Why it failed, as far as there is room; never half a character, which the
 * store would refuse. */
static void set_error(struct deia_chat_turn *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->error, sizeof(t->error), fmt, ap);
	va_end(ap);
	t->error[deia__utf8_whole(t->error, strlen(t->error))] = '\0';
}

/* ---- the end ------------------------------------------------------------- */

static void fill_answer(const struct deia_chat_turn *t,
			struct deia_chat_line *line)
{
	memset(line, 0, sizeof(*line));
	line->id = t->answer_id;
	line->bot = t->bot->id;
	line->conversation = t->conversation;
	line->role = "assistant";
	line->author = t->bot->id;
	line->content = t->text.data ? t->text.data : "";
	line->content_len = t->text.len;
	line->status =
		t->ended && !t->err ? DEIA_LINE_ANSWERED : DEIA_LINE_PARTIAL;
	line->error = t->ended ? t->error : "the hive was stopped";
	line->created_unix_ms = t->answered_ms;
	line->prompt_tokens = t->prompt_tokens;
	line->completion_tokens = t->completion_tokens;
	line->details = t->details;
}

static bool has_answer(const struct deia_chat_turn *t)
{
	return t->answer_seq || t->text.len || (t->ended && !t->err);
}

/* Tells the caller and forgets the turn. */
static void end_turn(struct deia_chat_turn *t, bool durable)
{
	deia_hive *h = t->hive;
	struct deia__hbot *b = t->bot;
	struct deia_chat_line line;

	deia__timer_clear(h->timers, &t->checkpoint);
	TAILQ_REMOVE(&b->turns, t, link);
	b->n_turns--;
	h->n_turns--;
	h->turns_done++;
	if (t->err)
		b->turns_failed++;
	else
		b->turns_done++;
	if (!t->err)
		b->last_message_ms = deia__unix_ms(NULL);
	fill_answer(t, &line);
	if (t->err)
		deia__hive_fail(h, t->err, "%s",
				t->error[0] ? t->error : deia_err_text(t->err));
	if (t->events.on_done)
		t->events.on_done(t->err,
				  durable && has_answer(t) ? &line : NULL,
				  t->retry_after_seconds, t->user);
	if (t->kept_cb)
		t->kept_cb(durable ? DEIA_OK : t->err, t->kept_user);
	deia__turn_free(t);
	if (h->freeing)
		return;
	advance(b);
	if (b->replier) /* a place is free */
		deia__replier_look(b->replier);
	if (b->removing)
		deia__hbot_stopped_for_removal(h, b);
	deia__hive_check_stopped(h);
}

static void on_finished(deia_hive *h, deia_err err, const int64_t *seqs,
			size_t n_seqs, void *arg)
{
	struct deia_chat_turn *t = arg;

	(void)seqs;
	(void)n_seqs;
	t->io = false;
	if (err) {
		t->err = err;
		set_error(t, "the answer could not be stored: %s",
			  deia_hive_errmsg(h));
	}
	end_turn(t, !err);
}

static void add_answer(struct deia__change *c, struct deia_chat_turn *t)
{
	struct deia_chat_line line;
	struct deia_value row[LINE_COLUMNS];
	struct deia_value key = deia_int(t->answer_seq);
	struct deia_set set[6];

	fill_answer(t, &line);
	deia__line_row(row, &line);
	if (!t->answer_seq) {
		deia__change_line(c, row);
	} else {
		static const unsigned columns[6] = { LINE_CONTENT,
						     LINE_STATUS,
						     LINE_ERROR,
						     LINE_PROMPT_TOKENS,
						     LINE_COMPLETION_TOKENS,
						     LINE_DETAILS };

		for (size_t i = 0; i < 6; i++) {
			set[i].column = columns[i];
			set[i].value = row[columns[i]];
		}
		deia__change_chat(c, line.conversation);
		deia_txn_update(deia__change_txn(c), &deia__table_chat_lines,
				&key, set, 6, NULL);
	}
	if (!t->ended)
		return;
	deia__line_event(c, "chat.message", &line);
	deia__change_replay(c, &t->actor, DEIA_MADE_ANSWER, &line);
}

static void add_question_status(struct deia__change *c,
				struct deia_chat_turn *t)
{
	bool answered = has_answer(t);
	struct deia_value key = deia_int(t->user_seq);
	struct deia_set set[] = {
		{ LINE_STATUS, deia_text(answered ? "answered" : "failed") },
		{ LINE_ERROR, deia_text(answered ? "" : t->error) },
	};
	struct deia_chat_line line = {
		.id = t->id,
		.bot = t->bot->id,
		.conversation = t->conversation,
		.role = "user",
		.author = t->actor.name,
		.status = answered ? DEIA_LINE_ANSWERED : DEIA_LINE_FAILED,
		.error = t->error,
	};

	deia__change_chat(c, line.conversation);
	deia_txn_update(deia__change_txn(c), &deia__table_chat_lines, &key, set,
			2, NULL);
	if (!answered)
		deia__line_event(c, "chat.failed", &line);
}

/* The conversation's next turn goes on with the agent's session. */
static void add_session(struct deia__change *c, struct deia_chat_turn *t)
{
	struct deia_value key = deia_text(t->conversation);
	struct deia_set set = { CONV_SESSION, deia_text(t->session) };

	if (t->new_session)
		deia_txn_update(deia__change_txn(c), &deia__table_conversations,
				&key, &set, 1, NULL);
}

/* t->err and t->error say how it ended. Waits for a save under way. */
static void finish(struct deia_chat_turn *t)
{
	struct deia__change *c;
	deia_err err;

	t->ended = true;
	t->work = NULL;
	deia__timer_clear(t->hive->timers, &t->checkpoint);
	if (t->io)
		return; /* the callback comes back here */
	t->phase = TURN_FINISHING;
	if (!t->user_seq) { /* nothing was said */
		end_turn(t, false);
		return;
	}
	if (!t->answered_ms)
		t->answered_ms = deia__unix_ms(NULL);
	c = deia__change_new(t->hive);
	if (has_answer(t))
		add_answer(c, t);
	add_question_status(c, t);
	add_session(c, t);
	t->io = true;
	err = deia__change_commit(c, t->hive, on_finished, t);
	if (err)
		on_finished(t->hive, err, NULL, 0, t);
}

void deia__turn_fail(struct deia_chat_turn *t, deia_err err, const char *text)
{
	t->err = err;
	set_error(t, "%s", text);
	finish(t);
}

/* Ends a cancelled turn between two steps; true when it did. */
bool deia__turn_stop_if_cancelled(struct deia_chat_turn *t)
{
	if (!t->cancelled && !t->hive->freeing)
		return false;
	t->err = DEIA_ECANCELED;
	set_error(t, "cancelled");
	if (t->hive->freeing)
		end_turn(t, false);
	else
		finish(t);
	return true;
}

/* ---- the bot works ------------------------------------------------------- */

static void on_checkpoint_saved(deia_hive *h, deia_err err, const int64_t *seqs,
				size_t n_seqs, void *arg)
{
	struct deia_chat_turn *t = arg;

	t->io = false;
	if (!err && n_seqs)
		t->answer_seq = seqs[0];
	if (err)
		t->saved_len = 0;
	if (h->freeing) /* what there is was saved a moment ago */
		end_turn(t, !err);
	else if (t->ended)
		finish(t);
}

static void save_checkpoint(void *arg)
{
	struct deia_chat_turn *t = arg;
	struct deia__change *c;

	if (deia__timer_set(t->hive->timers, &t->checkpoint,
			    DEIA__CHECKPOINT_MS))
		return;
	if (t->io || t->saved_len == t->text.len)
		return;
	c = deia__change_new(t->hive);
	add_answer(c, t);
	t->saved_len = t->text.len;
	t->io = deia__change_commit(c, t->hive, on_checkpoint_saved, t) ==
		DEIA_OK;
}

static void on_work_chunk(const char *channel, const char *text, size_t len,
			  void *user)
{
	struct deia_chat_turn *t = user;

	if (strcmp(channel, "answer") == 0) {
		if (!t->answered_ms) {
			t->answered_ms = deia__unix_ms(NULL);
			t->checkpoint.fn = save_checkpoint;
			t->checkpoint.arg = t;
			if (deia__timer_set(t->hive->timers, &t->checkpoint,
					    DEIA__CHECKPOINT_MS))
				deia__hive_log(t->hive, DEIA_LOG_WARN,
					       "out of memory");
		}
		deia__buf_add(&t->text, text, len);
	}
	if (t->events.on_chunk)
		t->events.on_chunk(channel, text, len, t->user);
}

/* The bot's own sentence first; its code is for who looks it up. */
static void say_why(struct deia_chat_turn *t, const struct deia_work_result *r)
{
	if (r->message[0] && r->code[0])
		set_error(t, "%s (%s)", r->message, r->code);
	else if (r->message[0] || r->code[0])
		set_error(t, "%s", r->message[0] ? r->message : r->code);
	else
		set_error(t, "%s", deia_err_text(r->err));
}

/* What the bot said beside its answer. */
static void keep_extras(struct deia_chat_turn *t,
			const struct deia_work_result *r)
{
	char *session = deia__strdup(r->session);

	t->details = deia__strdup(r->details);
	if ((r->session && !session) || (r->details && !t->details))
		deia__hive_log(t->hive, DEIA_LOG_WARN,
			       "bot %s: out of memory for the session or "
			       "details of an answer",
			       t->bot->id);
	if (!session)
		return;
	t->new_session = !t->session || strcmp(t->session, session) != 0;
	deia__free(t->session);
	t->session = session;
}

static void on_work_done(const struct deia_work_result *r, void *user)
{
	struct deia_chat_turn *t = user;

	t->work = NULL;
	deia__budgets_turn(t->hive, t->bot, r);
	deia__health_turn_ended(t->hive, t->bot->id, r);
	deia__tasks_bot_load(t->hive, t->bot->id);
	t->err = r->err;
	t->prompt_tokens = r->prompt_tokens;
	t->completion_tokens = r->completion_tokens;
	t->retry_after_seconds = r->retry_after_seconds;
	t->retryable = r->retryable;
	keep_extras(t, r);
	if (t->text.len != r->text_len ||
	    (r->text_len && memcmp(t->text.data, r->text, r->text_len) != 0)) {
		t->text.len = 0;
		deia__buf_add(&t->text, r->text, r->text_len);
	}
	if (t->text.err && !t->err) {
		t->err = t->text.err;
		set_error(t, "%s", deia_err_text(t->err));
	}
	if (r->err)
		say_why(t, r);
	finish(t);
}

static const struct deia_work_events work_events = {
	.on_chunk = on_work_chunk,
	.on_done = on_work_done,
};

static void hand_over(struct deia_chat_turn *t,
		      const struct deia_history_item *history, size_t n)
{
	const struct deia_bot_info *info =
		deia_bots_get(t->hive->bots, t->bot->id);
	struct deia_work_spec spec = {
		.size = sizeof(spec),
		.id = t->id,
		.kind = DEIA_WORK_CHAT,
		.content = t->content,
		.conversation = t->conversation,
		.history = history,
		.n_history = n,
		.timeout_seconds = deia__budgets_time(
			t->hive, t->bot,
			info ? info->spec->turn_timeout_seconds : 0),
		.session = t->session,
	};
	char trace[DEIA_TRACEPARENT_LEN + 1];
	deia_err err;

	deia_trace_go_on(&t->hive->traces, t->actor.traceparent, trace);
	spec.traceparent = trace;
	t->phase = TURN_WORKING;
	err = deia_bots_submit(t->hive->bots, t->bot->id, &spec, &work_events,
			       t, &t->work);
	deia__tasks_bot_load(t->hive, t->bot->id);
	if (err)
		deia__turn_fail(t, err, deia_bots_errmsg(t->hive->bots));
}

/* ---- what was said before -------------------------------------------------- */

/* How many former lines go with a turn of this bot. */
static unsigned lines_wanted(const struct deia_chat_turn *t)
{
	const struct deia_bot_info *info =
		deia_bots_get(t->hive->bots, t->bot->id);
	unsigned n = info ? info->spec->history_messages : 0;

	return n < DEIA_MAX_HISTORY_LEN ? n : DEIA_MAX_HISTORY_LEN;
}

/* Rows come newest first. Only what was answered, and answers, are history.
 * items: the last one is the newest; returns how many there are. */
static size_t collect(const deia_rows *rows, const char *own_id,
		      struct deia_history_item *items, size_t max)
{
	size_t n = deia_rows_count(rows), used = 0, bytes = 0;

	for (size_t r = 0; r < n && used < max; r++) {
		struct deia_chat_line line;

		deia__line_from_row(&line, rows, r);
		if (strcmp(line.id, own_id) == 0 ||
		    line.status == DEIA_LINE_SENT ||
		    line.status == DEIA_LINE_FAILED)
			continue;
		bytes += line.content_len;
		if (bytes > DEIA__CONTEXT_BYTES)
			break;
		used++;
		items[max - used].role = line.role;
		items[max - used].content = line.content;
	}
	return used;
}

static void unreadable(struct deia_chat_turn *t, deia_err err)
{
	deia__turn_fail(t, err, "the conversation could not be read");
}

static void on_history(deia_err err, const deia_rows *rows, void *user)
{
	struct deia_chat_turn *t = user;
	struct deia_history_item items[DEIA_MAX_HISTORY_LEN];
	unsigned max = lines_wanted(t);
	size_t n;

	t->io = false;
	if (deia__turn_stop_if_cancelled(t))
		return;
	if (err) {
		unreadable(t, err);
		return;
	}
	n = collect(rows, t->id, items, max);
	hand_over(t, items + (max - n), n);
}

static void read_lines(struct deia_chat_turn *t, unsigned max)
{
	struct deia_value equal = deia_text(t->conversation);
	struct deia_page_query q = {
		.table = &deia__table_chat_lines,
		.index = LINE_BY_CONVERSATION,
		.equal = &equal,
		.n_equal = 1,
		.descending = true,
		.limit = max + DEIA_MAX_QUEUE_LEN,
	};
	deia_err err;

	t->io = true;
	err = deia_store_page(t->hive->store, &q, on_history, t);
	if (err) {
		t->io = false;
		unreadable(t, err);
	}
}

/* The conversation's row: its session. Its lines are read next. */
static void on_session(deia_err err, const deia_rows *rows, void *user)
{
	struct deia_chat_turn *t = user;
	const char *session = "";
	unsigned max;

	t->io = false;
	if (deia__turn_stop_if_cancelled(t))
		return;
	if (!err && deia_rows_count(rows))
		session = deia_rows_text(rows, 0, CONV_SESSION);
	if (!err && *session && !(t->session = deia__strdup(session)))
		err = DEIA_ENOMEM;
	if (err) {
		unreadable(t, err);
		return;
	}
	max = lines_wanted(t);
	if (max)
		read_lines(t, max);
	else
		hand_over(t, NULL, 0);
}

static void read_history(struct deia_chat_turn *t)
{
	struct deia_value equal = deia_text(t->conversation);
	struct deia_page_query q = {
		.table = &deia__table_conversations,
		.index = -1,
		.equal = &equal,
		.n_equal = 1,
		.limit = 1,
	};
	deia_err err;

	t->phase = TURN_READING;
	t->io = true;
	err = deia_store_page(t->hive->store, &q, on_session, t);
	if (err) {
		t->io = false;
		unreadable(t, err);
	}
}

/* ---- taking turns ------------------------------------------------------------ */

static bool may_go(const struct deia_chat_turn *t)
{
	const struct deia_chat_turn *e;

	TAILQ_FOREACH(e, &t->bot->turns, link) {
		if (e == t)
			return true;
		if (!e->conversation[0] ||
		    strcmp(e->conversation, t->conversation) == 0)
			return false;
	}
	return true;
}

/* Begins every waiting turn that may go. A turn may end meanwhile. */
static void advance(struct deia__hbot *b)
{
	struct deia_chat_turn *t;
	bool again;

	do {
		again = false;
		TAILQ_FOREACH(t, &b->turns, link) {
			if (t->phase != TURN_WAITING || !may_go(t))
				continue;
			read_history(t);
			again = true;
			break;
		}
	} while (again);
}

static void on_question_saved(deia_hive *h, deia_err err, const int64_t *seqs,
			      size_t n_seqs, void *arg)
{
	struct deia_chat_turn *t = arg;
	struct deia_chat_line line = {
		.id = t->id,
		.bot = t->bot->id,
		.conversation = t->conversation,
		.role = "user",
		.author = t->actor.name,
		.content = t->content,
		.content_len = t->content_len,
		.status = DEIA_LINE_SENT,
		.error = "",
		.created_unix_ms = t->asked_ms,
		.prompt_tokens = -1,
		.completion_tokens = -1,
	};

	t->io = false;
	if (err || !n_seqs) {
		deia__turn_fail(t, err ? err : DEIA_ENOMEM,
				deia_hive_errmsg(h));
		return;
	}
	t->user_seq = seqs[0];
	if (t->events.on_accepted)
		t->events.on_accepted(&line, t->user);
	if (deia__turn_stop_if_cancelled(t))
		return;
	t->phase = TURN_WAITING;
	advance(t->bot);
}

static void save_question(struct deia_chat_turn *t)
{
	struct deia_chat_line line = {
		.id = t->id,
		.bot = t->bot->id,
		.conversation = t->conversation,
		.role = "user",
		.author = t->actor.name,
		.content = t->content,
		.content_len = t->content_len,
		.status = DEIA_LINE_SENT,
		.created_unix_ms = t->asked_ms,
		.prompt_tokens = -1,
		.completion_tokens = -1,
	};
	struct deia_value row[LINE_COLUMNS];
	struct deia__change *c = deia__change_new(t->hive);
	deia_err err;

	deia__line_row(row, &line);
	deia__change_line(c, row);
	deia__line_event(c, "chat.message", &line);
	deia__change_audit(c, &t->actor, "chat.send", t->bot->id, DEIA_OK);
	t->phase = TURN_SAVING;
	t->io = true;
	err = deia__change_commit(c, t->hive, on_question_saved, t);
	if (err) {
		t->io = false;
		deia__turn_fail(t, err, deia_hive_errmsg(t->hive));
	}
}

void deia__turn_found(deia_hive *h, deia_err err, const char *conversation,
		      void *arg)
{
	struct deia_chat_turn *t = arg;

	t->io = false;
	if (!err)
		memcpy(t->conversation, conversation, sizeof(t->conversation));
	if (deia__turn_stop_if_cancelled(t))
		return;
	if (err)
		deia__turn_fail(t, err, deia_hive_errmsg(h));
	else
		save_question(t);
}
