/* SPDX-License-Identifier: MIT */
/*
 * report_rows.c - what a row of the store adds to a report.
 *
 * Tokens of a task count for the bot of its last attempt and for who submitted
 * it; those of an answer in chat for its bot and for who asked. Lines come
 * newest first, so an answer comes before its question.
 */
#include "hive/insight/report.h"

#include <stdio.h>
#include <string.h>

/* A turn takes no longer, so a question is not older than its answer by more. */
#define QUESTION_MS (INT64_C(3600) * 1000)

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static int64_t number(const deia_rows *rows, size_t i, unsigned column)
{
	return deia_rows_get(rows, i, column)->i;
}

static int64_t tokens(const deia_rows *rows, size_t i, unsigned column)
{
	const struct deia_value *v = deia_rows_get(rows, i, column);

	return v->type == DEIA_NULL || v->i < 0 ? 0 : v->i;
}

static struct deia__sum *sum_of(struct deia__report *r, struct deia__sums *s,
				const char *name)
{
	struct deia__sum *sum = deia__sum_of(s, name);

	if (!sum)
		r->no_memory = true;
	return sum ? sum : &s->others;
}

static void say(struct deia__report *r, struct deia__sum *s, const char *text)
{
	if (s->said || !*text)
		return;
	s->said = deia__strdup(text);
	if (!s->said)
		r->no_memory = true;
}

static void add_tokens(struct deia__report *r, const char *bot,
		       const char *person, int64_t prompt, int64_t completion)
{
	struct deia__sum *b = *bot ? sum_of(r, &r->bots, bot) : NULL;
	struct deia__sum *p = sum_of(r, &r->people, person);

	if (b) {
		b->row.prompt_tokens += prompt;
		b->row.completion_tokens += completion;
	}
	p->row.prompt_tokens += prompt;
	p->row.completion_tokens += completion;
	r->out.prompt_tokens += prompt;
	r->out.completion_tokens += completion;
}

/* ---- tasks --------------------------------------------------------------- */

static void add_attempts(struct deia__report *r, const deia_rows *rows,
			 size_t i)
{
	const struct deia_value *v = deia_rows_get(rows, i, TASK_ATTEMPTS);
	const cJSON *item;
	cJSON *tree = NULL;

	if (!v->len || deia_json_parse(&tree, v->s, v->len, NULL))
		return;
	cJSON_ArrayForEach(item, tree) {
		const char *outcome = deia__json_str(item, "outcome");
		const char *bot = deia__json_str(item, "bot");

		if (!outcome || !bot ||
		    (!is(outcome, "failed") && !is(outcome, "timed_out")))
			continue;
		sum_of(r, &r->bots, bot)->row.failed_attempts++;
		r->out.failed_attempts++;
	}
	cJSON_Delete(tree);
}

static void say_error(struct deia__report *r, struct deia__sum *type,
		      const deia_rows *rows, size_t i)
{
	const struct deia_value *v = deia_rows_get(rows, i, TASK_ERROR);
	const char *message = NULL;
	cJSON *tree = NULL;

	if (!type->said && v->len &&
	    !deia_json_parse(&tree, v->s, v->len, NULL))
		message = deia__json_str(tree, "message");
	say(r, type, message ? message : "");
	cJSON_Delete(tree);
}

static void count(struct deia_report_row *row, const char *status)
{
	row->done += is(status, "succeeded");
	row->failed += is(status, "failed") || is(status, "timed_out");
	row->cancelled += is(status, "cancelled");
}

void deia__report_task(struct deia__report *r, const deia_rows *rows, size_t i)
{
	const char *status = deia_rows_text(rows, i, TASK_STATUS);
	const char *bot = deia_rows_text(rows, i, TASK_BOT);
	const char *person = deia_rows_text(rows, i, TASK_SUBMITTED_BY);
	struct deia__sum *type =
		sum_of(r, &r->types, deia_rows_text(rows, i, TASK_TYPE));
	int64_t began = number(rows, i, TASK_STARTED);

	r->out.done += is(status, "succeeded");
	r->out.failed += is(status, "failed");
	r->out.timed_out += is(status, "timed_out");
	r->out.cancelled += is(status, "cancelled");
	count(&type->row, status);
	count(&sum_of(r, &r->people, person)->row, status);
	if (*bot)
		count(&sum_of(r, &r->bots, bot)->row, status);
	if (began > 0 && type->spread && is(status, "succeeded"))
		deia__spread_add(type->spread,
				 number(rows, i, TASK_FINISHED) - began);
	add_tokens(r, bot, person, tokens(rows, i, TASK_PROMPT_TOKENS),
		   tokens(rows, i, TASK_COMPLETION_TOKENS));
	if (!is(status, "succeeded") || number(rows, i, TASK_ATTEMPT) > 1)
		add_attempts(r, rows, i);
	if (is(status, "failed") || is(status, "timed_out"))
		say_error(r, type, rows, i);
}

/* ---- chat ---------------------------------------------------------------- */

int64_t deia__uuid7_ms(const char *id)
{
	unsigned long long high, low;

	if (!deia__uuid_valid(id) || id[14] != '7' ||
	    sscanf(id, "%8llx-%4llx", &high, &low) != 2)
		return 0;
	return (int64_t)(high << 16 | low);
}

static void forget(struct deia__report *r, struct deia__asked_for *a)
{
	HASH_DEL(r->asked, a);
	r->n_asked--;
	deia__free(a);
}

/* Its tokens, until who asked is known. */
static void note_answer(struct deia__report *r, const char *conversation,
			int64_t prompt, int64_t completion)
{
	struct deia__asked_for *a;

	HASH_FIND_STR(r->asked, conversation, a);
	if (!a && r->n_asked < DEIA__REPORT_CHATS) {
		a = deia__alloc(sizeof(*a));
		if (a) {
			snprintf(a->conversation, sizeof(a->conversation), "%s",
				 conversation);
			HASH_ADD_STR(r->asked, conversation, a);
			if (!a->hh.tbl) {
				deia__free(a);
				a = NULL;
			}
		}
		r->n_asked += a != NULL;
	}
	if (!a) {
		add_tokens(r, "", "", prompt, completion);
		return;
	}
	a->prompt += prompt;
	a->completion += completion;
}

static void add_answer(struct deia__report *r, const deia_rows *rows, size_t i)
{
	const char *bot = deia_rows_text(rows, i, LINE_BOT);
	int64_t prompt = tokens(rows, i, LINE_PROMPT_TOKENS);
	int64_t completion = tokens(rows, i, LINE_COMPLETION_TOKENS);
	struct deia__sum *b = sum_of(r, &r->bots, bot);

	r->out.answers++;
	b->row.answers++;
	b->row.prompt_tokens += prompt;
	b->row.completion_tokens += completion;
	note_answer(r, deia_rows_text(rows, i, LINE_CONVERSATION), prompt,
		    completion);
}

static void add_question(struct deia__report *r, const deia_rows *rows,
			 size_t i, bool young)
{
	const char *person = deia_rows_text(rows, i, LINE_AUTHOR);
	struct deia__asked_for *a;

	if (young && is(deia_rows_text(rows, i, LINE_STATUS), "failed"))
		r->out.failed_questions++;
	HASH_FIND_STR(r->asked, deia_rows_text(rows, i, LINE_CONVERSATION), a);
	if (!a)
		return;
	add_tokens(r, "", person, a->prompt, a->completion);
	sum_of(r, &r->people, person)->row.answers++;
	forget(r, a);
}

bool deia__report_line(struct deia__report *r, const deia_rows *rows, size_t i)
{
	int64_t created = number(rows, i, LINE_CREATED);
	int64_t made = deia__uuid7_ms(deia_rows_text(rows, i, LINE_ID));
	bool young = created >= r->out.since_unix_ms;

	if (is(deia_rows_text(rows, i, LINE_ROLE), "user"))
		add_question(r, rows, i, young);
	else if (young && is(deia_rows_text(rows, i, LINE_ROLE), "assistant"))
		add_answer(r, rows, i);
	/* What was imported is old but was made when it came. */
	return made >= r->out.since_unix_ms - (r->n_asked ? QUESTION_MS : 0);
}

void deia__report_lines_end(struct deia__report *r)
{
	struct deia__asked_for *a, *next;

	HASH_ITER(hh, r->asked, a, next) {
		if (a->prompt || a->completion)
			add_tokens(r, "", "", a->prompt, a->completion);
		forget(r, a);
	}
}

/* ---- alerts -------------------------------------------------------------- */

static void copy(char *out, size_t len, const char *text)
{
	snprintf(out, len, "%s", text ? text : "");
	out[deia__utf8_whole(out, strlen(out))] = '\0';
}

static deia_health_level level_of(const cJSON *json)
{
	const char *name = deia__json_str(json, "level");

	for (int i = 0; name && i < DEIA_HEALTH_LEVELS; i++)
		if (is(name, deia_health_level_name((deia_health_level)i)))
			return (deia_health_level)i;
	return DEIA_HEALTH_INFO;
}

/* The worst ones are kept, the oldest of them first. */
static void note_firing(struct deia__report *r, const cJSON *json)
{
	deia_health_level level = level_of(json);
	unsigned at = r->n_firing;
	struct deia__firing *f;

	while (at > 0 && r->firing[at - 1].level < level)
		at--;
	if (at == DEIA__REPORT_ALERTS)
		return;
	if (r->n_firing == DEIA__REPORT_ALERTS)
		r->n_firing--;
	memmove(r->firing + at + 1, r->firing + at,
		(r->n_firing - at) * sizeof(*r->firing));
	r->n_firing++;
	f = &r->firing[at];
	f->level = level;
	copy(f->id, sizeof(f->id), deia__json_str(json, "id"));
	copy(f->rule, sizeof(f->rule), deia__json_str(json, "rule"));
	copy(f->subject, sizeof(f->subject), deia__json_str(json, "subject"));
	copy(f->summary, sizeof(f->summary), deia__json_str(json, "summary"));
	copy(f->text, sizeof(f->text), deia__json_str(json, "text"));
}

void deia__report_alert(struct deia__report *r, const deia_rows *rows, size_t i)
{
	const struct deia_value *v = deia_rows_get(rows, i, ALERT_DATA);
	int64_t fired = number(rows, i, ALERT_FIRED), resolved = 0;
	cJSON *json = NULL;
	const char *text;

	r->kept_alerts++;
	if (!r->oldest_alert || fired < r->oldest_alert)
		r->oldest_alert = fired;
	r->out.alerts_fired += fired >= r->out.since_unix_ms;
	if (deia_json_parse(&json, v->s, v->len, NULL))
		return;
	text = deia__json_str(json, "resolved_at");
	if (number(rows, i, ALERT_STATE) == DEIA_HEALTH_FIRING) {
		r->out.alerts_firing++;
		note_firing(r, json);
	} else if (text && deia__time_parse(text, &resolved)) {
		r->out.alerts_resolved += resolved >= r->out.since_unix_ms;
	}
	cJSON_Delete(json);
}

/* ---- states of bots ------------------------------------------------------ */

static bool is_death(const deia_rows *rows, size_t i)
{
	const char *state = deia_rows_text(rows, i, HISTORY_STATE);

	return (is(state, "backoff") || is(state, "failed")) &&
	       !is(deia_rows_text(rows, i, HISTORY_FROM), "backoff");
}

bool deia__report_state(struct deia__report *r, const deia_rows *rows, size_t i,
			bool first)
{
	const char *from = deia_rows_text(rows, i, HISTORY_FROM);
	const char *state = deia_rows_text(rows, i, HISTORY_STATE);
	bool young = number(rows, i, HISTORY_AT) >= r->out.since_unix_ms;
	bool bad = first && (is(state, "failed") || is(state, "offline"));
	struct deia__sum *b = NULL;

	if (young || bad)
		b = sum_of(r, &r->bots, r->bot);
	if (bad) {
		b->has_failed = true;
		say(r, b, deia_rows_text(rows, i, HISTORY_REASON));
	}
	if (!young)
		return false;
	if (is_death(rows, i)) {
		b->row.deaths++;
		r->out.deaths++;
		say(r, b, deia_rows_text(rows, i, HISTORY_REASON));
	} else if (is(from, "backoff") && is(state, "starting")) {
		b->row.restarts++;
		r->out.restarts++;
	}
	return true;
}
