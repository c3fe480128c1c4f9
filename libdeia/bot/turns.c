/* SPDX-License-Identifier: MIT */
/*
 * turns.c - turns at one bot: queued, handed over, answered, ended.
 *
 * One admission queue a bot, chat before tasks, at most max_concurrent running.
 * A turn's task line is printed when it is submitted: that is its copy. A turn
 * ends exactly once; its on_done comes as a note, in order after its chunks.
 */
#include "bot/priv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bot/protocol.h"
#include "core/mem.h"

#define MAX_TIMEOUT_SECONDS (7u * 86400)
/* Thinking and tool output is not kept, but not endless either. */
#define MAX_OTHER_BYTES (4u * DEIA_MAX_ANSWER_BYTES)

void deia__work_free(deia_work *w)
{
	if (w == NULL)
		return;
	deia__buf_fini(&w->answer);
	deia__free(w->line);
	deia__free(w->end_message);
	deia__free(w->code);
	deia__free(w->message);
	deia__free(w->session);
	deia__free(w->details);
	deia__claimed_free(w->claimed);
	deia__free(w);
}

static void remember_abandoned(struct deia__bot *bot, const char *id)
{
	bot->abandoned_ms = deia__bot_now_ms(bot);
	if (bot->abandoned == NULL)
		bot->abandoned =
			deia__alloc(DEIA__ABANDONED * sizeof(*bot->abandoned));
	if (bot->abandoned == NULL)
		return;
	snprintf(bot->abandoned[bot->abandoned_next % DEIA__ABANDONED],
		 sizeof(*bot->abandoned), "%s", id);
	bot->abandoned_next++;
}

static bool is_abandoned(const struct deia__bot *bot, const char *id)
{
	unsigned i;

	for (i = 0; bot->abandoned != NULL && i < DEIA__ABANDONED; i++)
		if (strcmp(bot->abandoned[i], id) == 0)
			return true;
	return false;
}

/* ---- the end of a turn --------------------------------------------------------- */

static void unlink_turn(deia_work *w)
{
	struct deia__bot *bot = w->bot;

	if (w->phase == DEIA__TURN_WAITING) {
		TAILQ_REMOVE(&bot->waiting[w->kind], w, link);
		bot->info.queued--;
	} else {
		TAILQ_REMOVE(&bot->running, w, link);
		bot->info.running--;
	}
	deia__timer_clear(bot->bots->env.timers, &w->timer);
}

static void count(const deia_work *w, struct deia_bot_counts *c)
{
	const struct deia_work_result *r = &w->result;

	if (r->err == DEIA_OK)
		c->turns_done++;
	else if (r->err == DEIA_ECANCELED)
		c->turns_cancelled++;
	else
		c->turns_failed++;
	if (r->err == DEIA_OK)
		deia_histogram_add(&c->answers, r->run_ms * 1000);
	if (r->prompt_tokens > 0)
		c->prompt_tokens += (uint64_t)r->prompt_tokens;
	if (r->completion_tokens > 0)
		c->completion_tokens += (uint64_t)r->completion_tokens;
}

void deia__turn_finish(deia_work *w, deia_err err, const char *message)
{
	struct deia__bot *bot = w->bot;
	struct deia_work_result *r = &w->result;
	int64_t now = deia__timers_now(bot->bots->env.timers);

	assert(w->phase != DEIA__TURN_ENDED);
	unlink_turn(w);
	w->message = deia__strdup(message);
	r->err = err;
	r->code = w->code != NULL ? w->code : "";
	r->message = w->message != NULL ? w->message : "";
	r->session = w->session;
	r->details = w->details;
	r->text = w->answer.len != 0 ? w->answer.data : "";
	r->text_len = w->answer.len;
	r->queued_ms = (w->started_at_ms != 0 ? w->started_at_ms : now) -
		       w->queued_at_ms;
	r->run_ms = w->started_at_ms != 0 ? now - w->started_at_ms : 0;
	r->first_ms = w->said_at_ms != 0 ? w->said_at_ms - w->started_at_ms
					 : r->run_ms;
	count(w, &bot->counts);
	w->phase = DEIA__TURN_ENDED;
	w->bot = NULL;
	bot->turns_ended++;
	deia__notes_add(bot->bots, &w->done_note);
}

/* The bot may still answer it: that is no fault then. */
static void abandon(deia_work *w, deia_err err, const char *message)
{
	remember_abandoned(w->bot, w->id);
	deia__turn_finish(w, err, message);
}

static void end_interrupted(deia_work *w)
{
	abandon(w, w->end_err, w->end_message);
}

static void on_turn_timer(void *arg);

static void set_timer(deia_work *w, int64_t delay_ms)
{
	(void)!deia__timer_set(w->bot->bots->env.timers, &w->timer, delay_ms);
}

/* Asks the bot to end it. Ends it at once when that cannot be asked. */
static void interrupt(deia_work *w, deia_err err, const char *message)
{
	struct deia__bot *bot = w->bot;
	deia_jw line;
	deia_err sent;

	if (w->phase != DEIA__TURN_RUNNING)
		return;
	if (w->claimed != NULL) { /* its token is stale: that tells the bot */
		deia__turn_finish(w, err, message);
		deia__turns_pump(bot);
		return;
	}
	w->phase = DEIA__TURN_ENDING;
	w->end_err = err;
	w->end_message = deia__strdup(message);
	deia_jw_init(&line);
	deia__print_interrupt(&line, w->id);
	sent = deia_jw_status(&line);
	if (!sent && bot->proc != NULL)
		sent = deia__proc_write(bot->proc, line.text, line.len);
	deia_jw_fini(&line);
	if (!sent)
		bot->info.lines_out++;
	/* Not sent: it does not read, and the timer ends the turn. */
	set_timer(w, (int64_t)bot->spec->stop_timeout_seconds * 1000);
}

/* Asked to end it, the bot did not: it is stuck, or its slot is lost. */
static void give_up(deia_work *w)
{
	struct deia__bot *bot = w->bot;
	bool timed_out = w->end_err == DEIA_ETIMEDOUT;
	char id[sizeof(w->id)];

	memcpy(id, w->id, sizeof(id));
	deia__talk_log(bot, "turn %s did not end when interrupted: given up",
		       id);
	end_interrupted(w);
	if (timed_out)
		deia__bot_crash(bot,
				"the turn %s took longer than its time, and "
				"did not end when it was interrupted",
				id);
	deia__turns_pump(bot);
}

static void on_turn_timer(void *arg)
{
	deia_work *w = arg;
	struct deia__bot *bot = w->bot;
	char text[80];

	if (w->claimed != NULL) {
		deia__claim_tick(w);
	} else if (w->phase != DEIA__TURN_RUNNING) {
		give_up(w);
	} else if (deia__bot_slept(bot, &w->timer)) {
		set_timer(w, DEIA__WAKE_GRACE_MS);
	} else {
		snprintf(text, sizeof(text),
			 "the turn took longer than its %u s",
			 w->timeout_seconds);
		interrupt(w, DEIA_ETIMEDOUT, text);
	}
}

static deia_work *find_running(struct deia__bot *bot, const char *id)
{
	deia_work *w;

	TAILQ_FOREACH(w, &bot->running, link)
		if (strcmp(w->id, id) == 0)
			return w;
	return NULL;
}

static deia_work *find_waiting(struct deia__bot *bot, const char *id)
{
	deia_work *w;
	int kind;

	for (kind = DEIA_WORK_CHAT; kind <= DEIA_WORK_TASK; kind++)
		TAILQ_FOREACH(w, &bot->waiting[kind], link)
			if (strcmp(w->id, id) == 0)
				return w;
	return NULL;
}

bool deia__turns_interrupt(struct deia__bot *bot, const char *id, deia_err err,
			   const char *message)
{
	deia_work *w, *next;

	if (id != NULL) {
		w = find_running(bot, id);
		if (w != NULL)
			interrupt(w, err, message);
		return w != NULL;
	}
	for (w = TAILQ_FIRST(&bot->running); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		interrupt(w, err, message);
	}
	return true;
}

void deia__turns_end_running(struct deia__bot *bot, deia_err err,
			     const char *message)
{
	deia_work *w;

	while ((w = TAILQ_FIRST(&bot->running)) != NULL)
		if (w->phase == DEIA__TURN_ENDING)
			end_interrupted(w);
		else
			deia__turn_finish(w, err, message);
}

void deia__turns_end_waiting(struct deia__bot *bot, deia_err err,
			     const char *message)
{
	deia_work *w;
	int kind;

	for (kind = DEIA_WORK_CHAT; kind <= DEIA_WORK_TASK; kind++)
		while ((w = TAILQ_FIRST(&bot->waiting[kind])) != NULL)
			deia__turn_finish(w, err, message);
}

void deia_work_cancel(deia_work *w)
{
	if (w == NULL)
		return;
	if (w->phase == DEIA__TURN_WAITING)
		deia__turn_finish(w, DEIA_ECANCELED,
				  "cancelled while it waited");
	else
		interrupt(w, DEIA_ECANCELED, "cancelled");
}

/* ---- what the bot answers ------------------------------------------------------ */

static void over_limit(deia_work *w, const char *what)
{
	struct deia__bot *bot = w->bot;

	interrupt(w, DEIA_ELIMIT, what);
	end_interrupted(w);
	deia__turns_pump(bot);
}

static void say_chunk(deia_work *w, const struct deia__say *say)
{
	size_t len = strlen(say->text);

	if (len != 0 && w->said_at_ms == 0)
		w->said_at_ms = deia__timers_now(w->bot->bots->env.timers);
	if (strcmp(say->channel, "answer") != 0) {
		w->other_bytes += len;
		if (w->other_bytes > MAX_OTHER_BYTES) {
			over_limit(w, "thinking and tool output is over its "
				      "limit of 32 MiB");
			return;
		}
	} else {
		deia__buf_add(&w->answer, say->text, len);
		if (w->answer.err) {
			over_limit(w, w->answer.err == DEIA_ELIMIT
					      ? "the answer is over its limit "
						"of 8 MiB"
					      : "out of memory");
			return;
		}
	}
	if (w->events.on_chunk != NULL && len != 0) {
		/* What happened before it is told before it. */
		deia__notes_dispatch(w->bot->bots);
		w->events.on_chunk(say->channel, say->text, len, w->user);
	}
}

static void keep(deia_work *w, const struct deia__say *say)
{
	w->session = deia__strdup(say->session);
	w->details = deia__strdup(say->details);
}

static void say_done(deia_work *w, const struct deia__say *say)
{
	w->result.prompt_tokens = say->prompt_tokens;
	w->result.completion_tokens = say->completion_tokens;
	keep(w, say);
	if (say->text != NULL) {
		w->answer.len = 0;
		deia__buf_adds(&w->answer, say->text);
	}
	if (w->phase == DEIA__TURN_ENDING)
		deia__turn_finish(w, w->end_err, w->end_message);
	else
		deia__turn_finish(w, DEIA_OK, "");
}

static void say_error(deia_work *w, const struct deia__say *say)
{
	w->code = deia__strdup(say->code);
	keep(w, say);
	w->result.retryable = say->retryable;
	w->result.retry_after_seconds = (unsigned)say->retry_after;
	if (w->phase == DEIA__TURN_ENDING)
		deia__turn_finish(w, w->end_err, w->end_message);
	else
		deia__turn_finish(w, DEIA_EREMOTE, say->message);
}

bool deia__turns_say(struct deia__bot *bot, const struct deia__say *say)
{
	deia_work *w = find_running(bot, say->id);

	if (w == NULL)
		return is_abandoned(bot, say->id);
	if (say->type == DEIA__SAY_CHUNK) {
		say_chunk(w, say);
		return true;
	}
	if (say->type == DEIA__SAY_DONE)
		say_done(w, say);
	else
		say_error(w, say);
	deia__turns_pump(bot);
	return true;
}

/* ---- admission ------------------------------------------------------------------ */

static deia_err admit(struct deia__bot *bot, const struct deia_work_spec *spec)
{
	struct deia_bots *bots = bot->bots;
	deia_bot_state s = bot->info.state;

	if (s != DEIA_BOT_READY && s != DEIA_BOT_BUSY &&
	    s != DEIA_BOT_STARTING && s != DEIA_BOT_BACKOFF)
		return deia__fail(&bots->errmsg, DEIA_ESTATE,
				  "bot %s is %s: it takes no turns",
				  bot->spec->id, deia_bot_state_name(s));
	if (deia__order_is_blocked(bot))
		return deia__fail(&bots->errmsg, DEIA_ESTATE,
				  "bot %s is starting, but %s: it takes no "
				  "turns",
				  bot->spec->id, bot->reason);
	if (bot->info.queued >= DEIA_MAX_QUEUE_LEN)
		return deia__fail(&bots->errmsg, DEIA_EBUSY,
				  "%d turns wait at bot %s already; try again "
				  "later",
				  DEIA_MAX_QUEUE_LEN, bot->spec->id);
	if (find_running(bot, spec->id) != NULL ||
	    find_waiting(bot, spec->id) != NULL)
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "bot %s has a turn %s already", bot->spec->id,
				  spec->id);
	return DEIA_OK;
}

static deia_err check_work(struct deia_bots *bots,
			   const struct deia_work_spec *spec)
{
	size_t len;

	if (spec->id == NULL || *spec->id == '\0' ||
	    strlen(spec->id) > DEIA_MAX_ID_LEN)
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "a turn's id must be 1 to 64 bytes long");
	if (spec->content == NULL || (unsigned)spec->kind > DEIA_WORK_TASK)
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "a turn needs a content and a kind");
	if (spec->session != NULL &&
	    strlen(spec->session) > DEIA_MAX_NAME_BYTES)
		return deia__fail(&bots->errmsg, DEIA_ELIMIT,
				  "a turn's session must be at most %d bytes "
				  "long",
				  DEIA_MAX_NAME_BYTES);
	len = strlen(spec->content);
	if (len > DEIA_MAX_CONTENT_BYTES)
		return deia__fail(&bots->errmsg, DEIA_ELIMIT,
				  "a turn's content must be at most %u bytes "
				  "long, not %zu",
				  DEIA_MAX_CONTENT_BYTES, len);
	return DEIA_OK;
}

static deia_err print_line(struct deia_bots *bots, deia_work *w,
			   const struct deia_work_spec *spec)
{
	deia_jw line;
	deia_err err;
	bool fits;

	deia_jw_init(&line);
	fits = deia__print_task(&line, spec);
	err = fits ? deia_jw_status(&line) : DEIA_ELIMIT;
	if (err) {
		deia_jw_fini(&line);
		return deia__fail(&bots->errmsg,
				  fits ? DEIA_ENOMEM : DEIA_ELIMIT,
				  fits ? "out of memory"
				       : "the content does not fit into one "
					 "line of 2 MiB once it is escaped");
	}
	w->line = deia__strndup(line.text, line.len);
	w->line_len = line.len;
	deia_jw_fini(&line);
	return w->line != NULL ? DEIA_OK : DEIA_ENOMEM;
}

static deia_work *new_work(struct deia__bot *bot,
			   const struct deia_work_spec *spec,
			   const struct deia_work_events *events, void *user)
{
	deia_work *w = deia__alloc(sizeof(*w));

	if (w == NULL)
		return NULL;
	w->bot = bot;
	w->events = *events;
	w->user = user;
	snprintf(w->id, sizeof(w->id), "%s", spec->id);
	w->kind = spec->kind;
	snprintf(w->traceparent, sizeof(w->traceparent), "%s",
		 spec->traceparent != NULL ? spec->traceparent : "");
	w->timeout_seconds = spec->timeout_seconds;
	w->queued_at_ms = deia__timers_now(bot->bots->env.timers);
	w->timer.fn = on_turn_timer;
	w->timer.arg = w;
	w->result.prompt_tokens = w->result.completion_tokens = -1;
	w->start_note.kind = DEIA__NOTE_START;
	w->done_note.kind = DEIA__NOTE_DONE;
	deia__buf_init(&w->answer, DEIA_MAX_ANSWER_BYTES);
	return w;
}

/* What the caller has left open is as the bot's specification says. */
static struct deia_work_spec complete(const struct deia__bot *bot,
				      const struct deia_work_spec *given)
{
	const struct deia_bot_spec *s = bot->spec;
	struct deia_work_spec full = *given;

	if (full.timeout_seconds == 0)
		full.timeout_seconds = s->turn_timeout_seconds;
	if (full.timeout_seconds > MAX_TIMEOUT_SECONDS)
		full.timeout_seconds = MAX_TIMEOUT_SECONDS;
	if (full.n_history > s->history_messages) {
		full.history += full.n_history - s->history_messages;
		full.n_history = s->history_messages;
	}
	return full;
}

deia_err deia__turn_submit(struct deia__bot *bot,
			   const struct deia_work_spec *given,
			   const struct deia_work_events *events, void *user,
			   deia_work **out)
{
	struct deia_work_spec spec = complete(bot, given);
	struct deia_bots *bots = bot->bots;
	deia_work *w;
	deia_err err;

	err = check_work(bots, &spec);
	if (!err)
		err = admit(bot, &spec);
	if (err)
		return err;
	w = new_work(bot, &spec, events, user);
	err = w != NULL ? print_line(bots, w, &spec) : DEIA_ENOMEM;
	if (err) {
		deia__work_free(w);
		return err;
	}
	TAILQ_INSERT_TAIL(&bot->waiting[w->kind], w, link);
	bot->info.queued++;
	if (out != NULL)
		*out = w;
	deia__turns_pump(bot);
	return DEIA_OK;
}

const char *deia_bots_traceparent(const deia_bots *bots, const char *id)
{
	const struct deia__bot *bot = deia__bots_find(bots, id);
	const deia_work *w = bot != NULL ? TAILQ_FIRST(&bot->running) : NULL;

	return w != NULL && TAILQ_NEXT(w, link) == NULL ? w->traceparent : "";
}

/* ---- hand-over ------------------------------------------------------------------ */

deia_work *deia__turn_next(struct deia__bot *bot)
{
	deia_work *w = TAILQ_FIRST(&bot->waiting[DEIA_WORK_CHAT]);

	return w != NULL ? w : TAILQ_FIRST(&bot->waiting[DEIA_WORK_TASK]);
}

void deia__turn_take(deia_work *w)
{
	struct deia__bot *bot = w->bot;
	bool first = w->started_at_ms == 0;

	TAILQ_REMOVE(&bot->waiting[w->kind], w, link);
	TAILQ_INSERT_TAIL(&bot->running, w, link);
	bot->info.queued--;
	bot->info.running++;
	w->phase = DEIA__TURN_RUNNING;
	if (!first)
		return;
	w->started_at_ms = deia__timers_now(bot->bots->env.timers);
	deia_histogram_add(&bot->bots->waits[w->kind],
			   (w->started_at_ms - w->queued_at_ms) * 1000);
	if (w->events.on_start != NULL)
		deia__notes_add(bot->bots, &w->start_note);
}

void deia__turn_put_back(deia_work *w)
{
	struct deia__bot *bot = w->bot;

	deia__timer_clear(bot->bots->env.timers, &w->timer);
	TAILQ_REMOVE(&bot->running, w, link);
	TAILQ_INSERT_HEAD(&bot->waiting[w->kind], w, link);
	bot->info.running--;
	bot->info.queued++;
	w->phase = DEIA__TURN_WAITING;
}

/* False: not now. */
static bool hand_over(struct deia__bot *bot, deia_work *w)
{
	deia_err err = deia__proc_write(bot->proc, w->line, w->line_len);

	if (err == DEIA_ENOMEM) { /* nothing would have it tried again */
		deia__turn_finish(w, err, "out of memory");
		return true;
	}
	if (err)
		return false; /* it does not read; tried again when it does */
	deia__free(w->line);
	w->line = NULL;
	deia__claimed_free(w->claimed); /* of an external bot, as it was */
	w->claimed = NULL;
	bot->info.lines_out++;
	deia__turn_take(w);
	set_timer(w, (int64_t)w->timeout_seconds * 1000);
	return true;
}

static bool may_run(const struct deia__bot *bot)
{
	return (bot->info.state == DEIA_BOT_READY ||
		bot->info.state == DEIA_BOT_BUSY) &&
	       bot->kill_reason[0] == '\0' &&
	       bot->info.running < bot->info.max_concurrent;
}

void deia__turns_pump(struct deia__bot *bot)
{
	deia_work *w;

	while (may_run(bot)) {
		w = deia__turn_next(bot);
		if (w == NULL)
			break;
		if (bot->proc == NULL) {
			deia__notes_add_claimable(bot);
			break;
		}
		if (!hand_over(bot, w))
			break;
	}
	deia__bot_update(bot);
}
