/* SPDX-License-Identifier: MIT */
/* replay.c - see replay.h. */
#include "replay.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include <deia/sys/json.h>

#include "mem.h"

struct replay {
	deia_scheduler *s;
	struct replay_sum *sum;
	replay_cb cb;
	void *user;
	int64_t first_ms; /* time of the first line; -1: none yet */
	int64_t now_ms;	  /* of this line, since then */
	char **message;
	char text[REPLAY_LINE_MAX + 2];
};

static bool wrong(struct replay *r, const char *fmt, ...) DEIA_PRINTF(2, 3);

static bool wrong(struct replay *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*r->message = must_print("line %llu: %s",
				 (unsigned long long)r->sum->lines, text);
	return false;
}

/* ---- members ----------------------------------------------------------- */

static const cJSON *member(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* A name that must be there; NULL: said. */
static const char *name_of(struct replay *r, const cJSON *json,
			   const char *name)
{
	const char *text = cJSON_GetStringValue(member(json, name));

	if (text == NULL)
		(void)wrong(r, "%s is missing or no text", name);
	return text;
}

/* Text that may be null. */
static const char *maybe(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(member(json, name));
}

static double number_or(const cJSON *json, const char *name, double otherwise)
{
	const cJSON *v = member(json, name);

	return cJSON_IsNumber(v) ? v->valuedouble : otherwise;
}

static bool flag_of(struct replay *r, const cJSON *json, const char *name,
		    bool *out)
{
	const cJSON *v = member(json, name);

	if (!cJSON_IsBool(v))
		return wrong(r, "%s is missing, or neither true nor false",
			     name);
	*out = cJSON_IsTrue(v);
	return true;
}

/* "2026-11-22T10:00:00.123Z" */
static bool read_time(const char *text, int64_t *unix_ms)
{
	struct tm tm = { 0 };
	const char *rest =
		text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int ms = 0, used = 0;

	if (rest == NULL || sscanf(rest, ".%3dZ%n", &ms, &used) != 1 ||
	    used == 0 || rest[used] != '\0')
		return false;
	*unix_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return true;
}

static bool take_time(struct replay *r, const cJSON *json)
{
	int64_t at;

	if (!read_time(maybe(json, "timestamp"), &at))
		return wrong(r, "timestamp is missing or no time");
	if (r->first_ms < 0)
		r->first_ms = at;
	r->now_ms = at > r->first_ms ? at - r->first_ms : 0;
	return true;
}

/* ---- what is known ----------------------------------------------------- */

static bool know(struct replay *r, const char *bot, const char *type)
{
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;
	struct deia_scheduler_bot_status st;
	deia_err err = deia_scheduler_add_type(r->s, type);

	if (err == DEIA_OK && deia_scheduler_bot_status(r->s, bot, &st))
		err = deia_scheduler_set_bot(r->s, bot, &b, r->now_ms);
	return err == DEIA_OK || wrong(r, "%s", deia_scheduler_errmsg(r->s));
}

static bool read_outcome(struct replay *r, const cJSON *json,
			 struct deia_scheduler_outcome *o)
{
	*o = (struct deia_scheduler_outcome)DEIA_SCHEDULER_OUTCOME_INIT;
	o->bot = name_of(r, json, "bot");
	o->type = o->bot != NULL ? name_of(r, json, "task_type") : NULL;
	o->seconds = number_or(json, "seconds", -1);
	return o->type != NULL && flag_of(r, json, "success", &o->success) &&
	       know(r, o->bot, o->type);
}

static bool on_recorded(struct replay *r, const cJSON *json)
{
	struct deia_scheduler_outcome o;

	if (!read_outcome(r, json, &o))
		return false;
	if (deia_scheduler_record(r->s, &o, r->now_ms))
		return wrong(r, "%s", deia_scheduler_errmsg(r->s));
	r->sum->outcomes++;
	return true;
}

static bool on_corrected(struct replay *r, const cJSON *json)
{
	struct deia_scheduler_outcome o;
	bool verdict = false;
	deia_err err;

	if (!read_outcome(r, json, &o) ||
	    !flag_of(r, json, "verdict", &verdict))
		return false;
	err = deia_scheduler_correct(r->s, &o, verdict, r->now_ms);
	if (err == DEIA_ESTATE) { /* the outcome is in an older file */
		r->sum->passed_over++;
		return true;
	}
	r->sum->verdicts++;
	return err == DEIA_OK || wrong(r, "%s", deia_scheduler_errmsg(r->s));
}

static bool on_reset(struct replay *r, const cJSON *json)
{
	/* A bot that was not seen here has nothing to forget. */
	if (deia_scheduler_reset(r->s, maybe(json, "bot"),
				 maybe(json, "task_type"), r->now_ms))
		r->sum->passed_over++;
	else
		r->sum->resets++;
	return true;
}

/* ---- decisions ---------------------------------------------------------- */

struct candidates {
	const char *bots[REPLAY_CANDIDATES];
	double wait[REPLAY_CANDIDATES];
	size_t n;
};

static bool is_candidate(const char *bot, void *user)
{
	const struct candidates *c = user;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->bots[i], bot) == 0)
			return true;
	return false;
}

static unsigned bounded(double v, unsigned min, unsigned max)
{
	if (!(v > min))
		return min;
	return v < max ? (unsigned)v : max;
}

/* The load that a candidate had. */
static bool set_load(struct replay *r, const char *bot, const cJSON *json)
{
	struct deia_scheduler_bot b = DEIA_SCHEDULER_BOT_INIT;

	b.max_concurrent = bounded(number_or(json, "max_concurrent", 1), 1,
				   DEIA_MAX_CONCURRENT);
	b.others = bounded(number_or(json, "running", 0) +
				   number_or(json, "others", 0),
			   0, DEIA_MAX_CONCURRENT + DEIA_MAX_QUEUE_LEN);
	if (deia_scheduler_set_bot(r->s, bot, &b, r->now_ms))
		return wrong(r, "%s", deia_scheduler_errmsg(r->s));
	return true;
}

static bool read_candidates(struct replay *r, const cJSON *json,
			    const char *type, struct candidates *c)
{
	const cJSON *list = member(json, "candidates"), *item;

	if (!cJSON_IsArray(list) ||
	    cJSON_GetArraySize(list) > REPLAY_CANDIDATES)
		return wrong(r,
			     "candidates is missing, or no list of at most %d",
			     REPLAY_CANDIDATES);
	cJSON_ArrayForEach(item, list) {
		const char *bot = name_of(r, item, "bot");

		if (bot == NULL || !know(r, bot, type) ||
		    !set_load(r, bot, item))
			return false;
		c->bots[c->n] = bot;
		c->wait[c->n++] = fmax(number_or(item, "wait_seconds", 0), 0);
	}
	return true;
}

/* By what is learned up to now, and the wait that was seen then. */
static double seconds_with(const struct replay *r, const struct candidates *c,
			   const char *bot, const char *type)
{
	struct deia_scheduler_pair p;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->bots[i], bot) == 0 &&
		    !deia_scheduler_pair(r->s, bot, type, &p))
			return c->wait[i] + p.seconds_to_success;
	return -1;
}

static void choose(struct replay *r, struct candidates *c,
		   struct replay_decision *d)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice choice;

	ask.type = d->type;
	ask.may = is_candidate;
	ask.user = c;
	deia_scheduler_plan(r->s, r->now_ms);
	if (deia_scheduler_choose(r->s, &ask, &choice)) {
		d->now = NULL;
		d->now_seconds = -1;
	} else {
		d->now = choice.bot;
		d->now_seconds = seconds_with(r, c, d->now, d->type);
	}
	d->was_seconds = seconds_with(r, c, d->was, d->type);
}

static void add_up(struct replay_sum *sum, const struct replay_decision *d)
{
	sum->decisions++;
	if (d->now == NULL)
		sum->without++;
	else if (strcmp(d->now, d->was) == 0)
		sum->agreed++;
	if (d->was_seconds < 0 || d->now_seconds < 0)
		return;
	sum->compared++;
	sum->was_seconds += d->was_seconds;
	sum->now_seconds += d->now_seconds;
}

static bool on_decision(struct replay *r, const cJSON *json)
{
	struct candidates c = { .n = 0 };
	struct replay_decision d = { .line = r->sum->lines };
	const char *task = maybe(json, "task");

	d.task = task != NULL ? task : "";
	d.was = name_of(r, json, "bot");
	d.type = d.was != NULL ? name_of(r, json, "task_type") : NULL;
	if (d.type == NULL || !know(r, d.was, d.type) ||
	    !read_candidates(r, json, d.type, &c))
		return false;
	choose(r, &c, &d);
	add_up(r->sum, &d);
	if (r->cb != NULL)
		r->cb(&d, r->user);
	return true;
}

/* ---- lines -------------------------------------------------------------- */

static const struct {
	const char *event;
	bool (*take)(struct replay *r, const cJSON *json);
} events[] = {
	{ "task_recorded", on_recorded },
	{ "task_corrected", on_corrected },
	{ "learning_reset", on_reset },
	{ "decision", on_decision },
};

static bool take_event(struct replay *r, const cJSON *json)
{
	const char *event = name_of(r, json, "event");

	if (event == NULL)
		return false;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (strcmp(events[i].event, event) == 0)
			return take_time(r, json) && events[i].take(r, json);
	r->sum->passed_over++; /* of a newer deia, or lines that were dropped */
	return true;
}

static bool take_line(struct replay *r, size_t len, bool ended)
{
	struct deia_json_error where = { 0 };
	cJSON *json = NULL;
	bool ok;

	if (deia_json_parse(&json, r->text, len, &where)) {
		if (!ended) { /* it was being written */
			r->sum->passed_over++;
			return true;
		}
		return wrong(r, "no JSON: column %u: %s", where.column,
			     where.detail);
	}
	ok = cJSON_IsObject(json) ? take_event(r, json)
				  : wrong(r, "no JSON object");
	cJSON_Delete(json);
	return ok;
}

static bool run_lines(struct replay *r, FILE *in)
{
	while (fgets(r->text, sizeof(r->text), in) != NULL) {
		size_t len = strlen(r->text);
		bool ended = len > 0 && r->text[len - 1] == '\n';

		r->sum->lines++;
		if (!ended && len == sizeof(r->text) - 1)
			return wrong(r, "longer than %d bytes",
				     REPLAY_LINE_MAX);
		if (!ended && !feof(in))
			return wrong(r, "it holds a NUL byte");
		if (ended)
			len--;
		if (len > 0 && !take_line(r, len, ended))
			return false;
	}
	if (ferror(in)) {
		*r->message = must_print("cannot be read: %s", strerror(errno));
		return false;
	}
	return true;
}

bool replay_run(FILE *in, deia_scheduler_policy policy, replay_cb cb,
		void *user, struct replay_sum *sum, char **message)
{
	struct deia_scheduler_opts opts = DEIA_SCHEDULER_OPTS_INIT;
	struct replay *r = must_alloc(sizeof(*r));
	bool ok;

	memset(sum, 0, sizeof(*sum));
	opts.policy = policy;
	opts.history_len = 0;
	r->sum = sum;
	r->cb = cb;
	r->user = user;
	r->first_ms = -1;
	r->message = message;
	if (deia_scheduler_new(&r->s, &opts)) {
		*message = must_dup("memory ran out");
		free(r);
		return false;
	}
	ok = run_lines(r, in);
	deia_scheduler_free(r->s);
	free(r);
	return ok;
}
