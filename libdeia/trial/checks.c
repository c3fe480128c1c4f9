/* SPDX-License-Identifier: MIT */
/*
 * checks.c - what a hive may say to a bot, tried on it.
 *
 * Each function is one check: it says something to the process and waits for
 * what must come of it. The first thing it tells counts; telling nothing is
 * ok. The checks that end the process are in ends.c.
 */
#include "trial/trial.h"

#include <stdio.h>
#include <string.h>

#include "bot/protocol.h"
#include "core/buf.h"
#include "core/mem.h"

/* A turn shorter than this is over before anyone could want it to end. */
#define SOON_MS 1000
/* How long a turn may be silent before it is interrupted all the same. */
#define FIRST_CHUNK_MS 500
#define HISTORY_LEN 256
#define HISTORY_BYTES 3072 /* of one message: 768 KiB in all */

static const char *prompt_of(const struct deia__trial *t)
{
	return t->opts.prompt != NULL ? t->opts.prompt : "hello";
}

/* "count from 1 to 200: 1 2 3 ...": long to answer for whatever counts or
 * handles words. NULL: no memory. */
static char *long_prompt(struct deia__trial *t)
{
	struct deia__buf b;
	char *text;
	int i;

	if (t->opts.prompt != NULL) {
		text = deia__strdup(t->opts.prompt);
	} else {
		deia__buf_init(&b, 0);
		deia__buf_adds(&b, "Please count from 1 to 200, one number a "
				   "line, such as:");
		for (i = 1; i <= 200; i++)
			deia__buf_addf(&b, " %d", i);
		text = deia__buf_take(&b);
	}
	if (text == NULL)
		t->no_memory = true;
	return text;
}

/* ---- alive ------------------------------------------------------------------ */

static bool has_started(const struct deia__trial *t, const void *unused)
{
	(void)unused;
	return t->started;
}

void deia__trial_check_start(struct deia__trial *t)
{
	if (!deia__trial_launch(t))
		return;
	if (deia__trial_wait(t, has_started, NULL, deia__trial_timeout_ms(t)))
		deia__trial_tell(t, DEIA_TRIAL_OK, "", "it runs, pid %lld",
				 (long long)t->pid);
	else
		deia__trial_tell_missing(t, "process", has_started, NULL);
}

static bool is_ready(const struct deia__trial *t, const void *unused)
{
	(void)unused;
	return t->n_ready != 0;
}

void deia__trial_check_ready(struct deia__trial *t)
{
	if (!deia__trial_wait(t, is_ready, NULL, deia__trial_timeout_ms(t)))
		deia__trial_tell_missing(t, "ready line", is_ready, NULL);
	else if (t->max_concurrent > 1)
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "after %lld ms; takes %u turns at a time",
				 (long long)(t->ready_ms - t->launched_ms),
				 t->max_concurrent);
	else
		deia__trial_tell(t, DEIA_TRIAL_OK, "", "after %lld ms",
				 (long long)(t->ready_ms - t->launched_ms));
}

void deia__trial_check_ping(struct deia__trial *t)
{
	if (!deia__trial_need(t))
		return;
	if (!deia__trial_ping(t, deia__trial_timeout_ms(t))) {
		deia__trial_tell_missing(t, "pong", deia__trial_has_pong, NULL);
		return;
	}
	t->ping_ok = true;
	deia__trial_tell(t, DEIA_TRIAL_OK, "", "pong with the same n");
}

/* ---- turns ------------------------------------------------------------------ */

/* One question, answered; true when something was answered. */
static bool ask_once(struct deia__trial *t, const char *content,
		     const char *extra)
{
	struct deia__trial_turn *turn;

	if (!deia__trial_need(t))
		return false;
	turn = deia__trial_ask(t, content, NULL, 0, extra);
	return deia__trial_answered(t, turn);
}

void deia__trial_check_task(struct deia__trial *t)
{
	const struct deia__trial_turn *turn;
	bool asked = ask_once(t, prompt_of(t), NULL);

	if (!asked)
		return;
	turn = &t->turns[t->n_turns - 1];
	if (turn->failed)
		deia__trial_tell(t, DEIA_TRIAL_WARNING,
				 "right by the protocol, but nobody gets an "
				 "answer; ask something else with --prompt",
				 "it answered with the error %s: %s",
				 turn->code, turn->message);
	else if (turn->answer_bytes == 0)
		deia__trial_tell(t, DEIA_TRIAL_WARNING,
				 "put the answer into chunks, or into the "
				 "\"text\" of done",
				 "the answer is empty");
	else
		deia__trial_tell(
			t, DEIA_TRIAL_OK, "",
			"answered in %lld ms, %u chunk%s: %s%s",
			(long long)(turn->ended_ms - turn->sent_ms),
			turn->n_chunks, turn->n_chunks == 1 ? "" : "s",
			turn->shown,
			turn->answer_bytes > strlen(turn->shown) ? "..." : "");
}

void deia__trial_check_history(struct deia__trial *t)
{
	struct deia_history_item *items;
	char *text;
	size_t i;

	if (!deia__trial_need(t))
		return;
	items = deia__alloc(HISTORY_LEN * sizeof(*items));
	text = deia__alloc(HISTORY_BYTES + 1);
	if (items != NULL && text != NULL) {
		memset(text, 'm', HISTORY_BYTES);
		for (i = 0; i < HISTORY_LEN; i++) {
			items[i].role = i % 2 == 0 ? "user" : "assistant";
			items[i].content = text;
		}
		if (deia__trial_answered(t,
					 deia__trial_ask(t, prompt_of(t), items,
							 HISTORY_LEN, NULL)))
			deia__trial_tell(t, DEIA_TRIAL_OK, "",
					 "none, and %d messages of %d bytes",
					 HISTORY_LEN, HISTORY_BYTES);
	} else {
		t->no_memory = true;
	}
	deia__free(items);
	deia__free(text);
}

void deia__trial_check_text(struct deia__trial *t)
{
	static const char hard[] =
		"two\nlines,\ta tab, \"quotes\", \\ and \\n, $(date) `date`, "
		"%s, <b>, \xc3\xa4\xc3\xb6, \xe6\xbc\xa2\xe5\xad\x97, an emoji "
		"\xf0\x9f\x90\x9d, a separator \xe2\x80\xa8 and \x7f\x01";

	if (ask_once(t, hard, NULL))
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "newlines, quotes, emoji, U+2028, control "
				 "characters");
}

void deia__trial_check_large(struct deia__trial *t)
{
	char *text;
	size_t i;

	if (!deia__trial_need(t))
		return;
	text = deia__alloc(DEIA_MAX_CONTENT_BYTES + 1);
	if (text == NULL) {
		t->no_memory = true;
		return;
	}
	/* Long words: a bot that shows word by word is not to say millions. */
	for (i = 0; i < DEIA_MAX_CONTENT_BYTES; i++)
		text[i] = i % 65536 == 65535 ? ' ' : 'x';
	if (ask_once(t, text, NULL))
		deia__trial_tell(t, DEIA_TRIAL_OK, "", "a content of 1 MiB");
	deia__free(text);
}

void deia__trial_check_session(struct deia__trial *t)
{
	if (ask_once(t, prompt_of(t), ",\"session\":\"trial-session-1\""))
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "a task that names a session");
}

static void say_text(struct deia__trial *t, const char *line)
{
	deia__trial_say(t, line, strlen(line));
}

void deia__trial_check_unknown(struct deia__trial *t)
{
	if (!deia__trial_need(t))
		return;
	say_text(t, "{\"type\":\"from_a_later_version\",\"id\":\"x\","
		    "\"members\":{\"n\":[1,2,{\"deep\":null}]}}");
	if (ask_once(t, prompt_of(t),
		     ",\"from_a_later_version\":{\"a\":[true,null]}"))
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "unknown line types and members are ignored");
}

/* ---- several at a time ----------------------------------------------------- */

/* The hive hands out the next turn at the moment in which one ends. */
static void one_by_one(struct deia__trial *t)
{
	bool first = ask_once(t, prompt_of(t), NULL);

	if (first && ask_once(t, prompt_of(t), NULL))
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "one turn right after the other");
}

void deia__trial_check_several(struct deia__trial *t)
{
	struct deia__trial_turn *a, *b;

	if (!deia__trial_need(t))
		return;
	if (t->max_concurrent < 2) {
		one_by_one(t);
		return;
	}
	a = deia__trial_ask(t, prompt_of(t), NULL, 0, NULL);
	b = deia__trial_ask(t, prompt_of(t), NULL, 0, NULL);
	if (deia__trial_answered(t, a) && deia__trial_answered(t, b))
		deia__trial_tell(t, DEIA_TRIAL_OK, "", "two turns at once");
}

/* ---- busy ------------------------------------------------------------------ */

static bool pong_and_end(const struct deia__trial *t, const void *turn)
{
	return deia__trial_has_pong(t, NULL) && deia__trial_turn_ended(t, turn);
}

static void judge_busy_ping(struct deia__trial *t,
			    const struct deia__trial_turn *turn)
{
	int64_t took = turn->ended_ms - turn->sent_ms;

	if (t->pong_at < turn->ended_at)
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "a ping during a turn was answered");
	else if (took < SOON_MS)
		deia__trial_tell(t, DEIA_TRIAL_SKIPPED,
				 "--prompt TEXT with something that takes it "
				 "longer would show it",
				 "the turn was over after %lld ms, before the "
				 "ping was seen",
				 (long long)took);
	else
		deia__trial_tell(t, DEIA_TRIAL_WARNING,
				 "read stdin also during a turn (a thread, or "
				 "an event loop)",
				 "a ping during a turn waited for its end, "
				 "%lld ms: the hive trusts it only when idle",
				 (long long)took);
}

void deia__trial_check_busy_ping(struct deia__trial *t)
{
	struct deia__trial_turn *turn;
	char *text;

	if (!deia__trial_need(t))
		return;
	text = long_prompt(t);
	if (text == NULL)
		return;
	turn = deia__trial_ask(t, text, NULL, 0, NULL);
	deia__free(text);
	deia__trial_send_ping(t);
	if (!deia__trial_answered(t, turn))
		return;
	if (deia__trial_wait(t, pong_and_end, turn, SOON_MS))
		judge_busy_ping(t, turn);
	else if (t->ping_ok)
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "answer each ping, at the latest after the "
				 "turn",
				 "a ping during a turn was never answered");
	else
		deia__trial_tell(t, DEIA_TRIAL_SKIPPED, "",
				 "it answers no ping at all");
}

static bool has_begun(const struct deia__trial *t, const void *arg)
{
	const struct deia__trial_turn *turn = arg;

	(void)t;
	return turn->n_chunks != 0 || turn->ended;
}

static void judge_interrupt(struct deia__trial *t,
			    const struct deia__trial_turn *turn, int64_t since)
{
	int64_t took = turn->ended_ms - since;

	if (turn->failed && strcmp(turn->code, "interrupted") == 0)
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "the turn ended %lld ms after it",
				 (long long)took);
	else if (took > SOON_MS)
		deia__trial_tell(t, DEIA_TRIAL_WARNING,
				 "end the turn with an error, code "
				 "interrupted; read stdin meanwhile",
				 "it went on for %lld ms after an interrupt",
				 (long long)took);
	else if (turn->failed)
		deia__trial_tell(t, DEIA_TRIAL_WARNING,
				 "use the code interrupted, so that the hive "
				 "can tell it from a fault",
				 "an interrupted turn ended with the error %s",
				 turn->code);
	else
		deia__trial_tell(
			t, DEIA_TRIAL_SKIPPED,
			"--prompt TEXT with something that takes it "
			"longer would show it",
			"the turn was over %lld ms after an interrupt, "
			"with done",
			(long long)took);
}

void deia__trial_check_interrupt(struct deia__trial *t)
{
	struct deia__trial_turn *turn;
	char *text;
	int64_t since;
	deia_jw w;

	if (!deia__trial_need(t))
		return;
	text = long_prompt(t);
	if (text == NULL)
		return;
	turn = deia__trial_ask(t, text, NULL, 0, NULL);
	deia__free(text);
	(void)deia__trial_wait(t, has_begun, turn, FIRST_CHUNK_MS);
	deia_jw_init(&w);
	deia__print_interrupt(&w, turn->id);
	since = deia__trial_now(t);
	if (turn->ended)
		deia__trial_tell(t, DEIA_TRIAL_SKIPPED,
				 "--prompt TEXT with something that takes it "
				 "longer would show it",
				 "the turn was over before it could be "
				 "interrupted");
	if (deia_jw_status(&w))
		t->no_memory = true;
	else /* also for a turn that is over: the lines may have crossed */
		deia__trial_say(t, w.text, w.len);
	deia_jw_fini(&w);
	if (deia__trial_answered(t, turn))
		judge_interrupt(t, turn, since);
	(void)ask_once(t, prompt_of(t), NULL);
}

/* ---- garbage ----------------------------------------------------------------- */

void deia__trial_check_garbage(struct deia__trial *t)
{
	static const char *const garbage[] = {
		"{\"type\":\"task\",\"id\":",
		"not JSON at all",
		"",
		"[]",
		"{\"no\":\"type\"}",
		"{\"type\":7}",
		"\"text\"",
	};
	size_t i;

	if (!deia__trial_need(t))
		return;
	for (i = 0; i < sizeof(garbage) / sizeof(*garbage); i++)
		say_text(t, garbage[i]);
	if (ask_once(t, prompt_of(t), NULL))
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "lines that are broken do not end it");
}
