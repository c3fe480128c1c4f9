/* SPDX-License-Identifier: MIT */
/*
 * queues.c - how queues moved in the last hour, and which one holds up most.
 *
 * The queue counts since the start; a mark of its counters is kept every ten
 * minutes, so the difference to the mark of an hour ago is the last hour's.
 */
#include "hive/insight/insight.h"

#include <stdio.h>
#include <string.h>

#include "hive/tasks/tasks.h"

#define HOUR_MARKS 6
#define WAIT_MIN_MS 60000
#define TREND_MIN 5
#define WAITED 0.95

/* ---- marks --------------------------------------------------------------- */

static uint64_t failed_of(const struct deia_task_type_status *s)
{
	return s->ended[DEIA_TASK_FAILED] + s->ended[DEIA_TASK_TIMED_OUT];
}

static struct deia__queue_mark mark_of(const struct deia_task_type_status *s)
{
	return (struct deia__queue_mark){
		.done = s->ended[DEIA_TASK_SUCCEEDED],
		.failed = failed_of(s),
		.waits = s->waits,
	};
}

/* Without memory for a type's marks it is as if it had moved since the start. */
void deia__queues_mark(deia_hive *h)
{
	struct deia__insight *in = h->insight;
	struct deia_task_type_status s;
	unsigned at = ++in->n_marks % DEIA__MARKS;

	in->at_ms[at] = deia__timers_now(h->timers);
	for (size_t i = 0; i < DEIA_MAX_TASK_TYPES &&
			   deia_tasks_type_at(h->tasks->queue, i, &s);
	     i++) {
		if (!in->past[i])
			in->past[i] = deia__alloc(sizeof(*in->past[i]));
		if (in->past[i])
			in->past[i]->marks[at] = mark_of(&s);
	}
}

/* ---- the difference ------------------------------------------------------ */

static double at_part(const struct deia_histogram *from,
		      const struct deia_histogram *to, double part)
{
	uint64_t all = deia_histogram_count(to) - deia_histogram_count(from);
	const uint64_t *bounds;
	unsigned n = deia_scale_bounds(to->scale, &bounds);
	uint64_t seen = 0;

	if (!all)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		seen += to->counts[i] - from->counts[i];
		if ((double)seen >= part * (double)all)
			return (double)bounds[i] / 1e6;
	}
	return (double)bounds[n - 1] / 1e6;
}

static struct deia__moved between(const struct deia__queue_mark *from,
				  const struct deia__queue_mark *to)
{
	return (struct deia__moved){
		.done = to->done - from->done,
		.failed = to->failed - from->failed,
		.p50 = at_part(&from->waits, &to->waits, 0.5),
		.p95 = at_part(&from->waits, &to->waits, WAITED),
	};
}

/* Its counters `back` marks ago; nothing before the first one. */
static struct deia__queue_mark past_of(const struct deia__insight *in,
				       size_t type, unsigned back)
{
	struct deia__queue_mark none = { 0 };

	if (in->n_marks < back || type >= DEIA_MAX_TASK_TYPES ||
	    !in->past[type])
		return none;
	return in->past[type]->marks[(in->n_marks - back + 1) % DEIA__MARKS];
}

bool deia__queue_moved(const deia_hive *h, size_t type,
		       const struct deia_task_type_status *s,
		       struct deia__moved *recent, struct deia__moved *before)
{
	const struct deia__insight *in = h->insight;
	struct deia__queue_mark now = mark_of(s);
	struct deia__queue_mark hour = past_of(in, type, HOUR_MARKS);
	struct deia__queue_mark hours = past_of(in, type, 2 * HOUR_MARKS);
	int64_t since = h->started_ms;

	if (in->n_marks >= HOUR_MARKS)
		since = in->at_ms[(in->n_marks - HOUR_MARKS + 1) % DEIA__MARKS];
	*recent = between(&hour, &now);
	recent->seconds = (double)(deia__timers_now(h->timers) - since) / 1000;
	*before = between(&hours, &hour);
	before->seconds = HOUR_MARKS * DEIA__MARK_MS / 1000.0;
	return in->n_marks >= 2 * HOUR_MARKS;
}

const char *deia__trend_word(uint64_t recent, uint64_t before)
{
	if (recent < TREND_MIN && before < TREND_MIN)
		return "steady";
	if (5 * recent >= 6 * before)
		return "up";
	return 5 * recent <= 4 * before ? "down" : "steady";
}

/* ---- what waits ---------------------------------------------------------- */

static void note_kind(const struct deia_tasks_waiting *w, void *user)
{
	struct deia__look *l = user;
	size_t at = l->n_kinds;

	while (at > 0 && l->kinds[at - 1].n < w->n)
		at--;
	if (at == DEIA__KINDS)
		return;
	if (l->n_kinds == DEIA__KINDS)
		l->n_kinds--;
	memmove(l->kinds + at + 1, l->kinds + at,
		(l->n_kinds - at) * sizeof(*l->kinds));
	l->n_kinds++;
	l->kinds[at] = (struct deia__kind){
		.type = w->type,
		.pinned = w->pinned,
		.capabilities = w->capabilities,
		.n_capabilities = w->n_capabilities,
		.n = w->n,
		.oldest_ms = w->oldest_wait_ms,
	};
}

static bool has(const struct deia_bot_info *info, const char *capability)
{
	for (size_t i = 0; i < info->n_capabilities; i++)
		if (strcmp(info->capabilities[i], capability) == 0)
			return true;
	return false;
}

bool deia__kind_fits(const struct deia__kind *k,
		     const struct deia_bot_info *info)
{
	if (*k->pinned)
		return strcmp(k->pinned, info->spec->id) == 0;
	for (size_t i = 0; i < k->n_capabilities; i++)
		if (!has(info, k->capabilities[i]))
			return false;
	return true;
}

static void add_able(struct deia__kind *k, const struct deia_bot_info *info)
{
	if (!deia__kind_fits(k, info))
		return;
	k->able++;
	k->places += info->max_concurrent;
	k->busy += info->running;
	if (!k->able_bot)
		k->able_bot = info->spec->id;
	if (!k->template_name)
		k->template_name = info->spec->template_name;
}

void deia__look_kinds(deia_hive *h, struct deia__look *l)
{
	deia_tasks_each_waiting(h->tasks->queue, note_kind, l);
	for (size_t i = 0; i < l->n_bots; i++) {
		deia_bot_state s = l->bots[i]->state;

		for (size_t k = 0; k < l->n_kinds &&
				   (s == DEIA_BOT_READY || s == DEIA_BOT_BUSY);
		     k++)
			add_able(&l->kinds[k], l->bots[i]);
	}
}

/* ---- the bottleneck ------------------------------------------------------ */

static void say_held(struct deia__bottleneck *b,
		     const struct deia_task_type_status *s)
{
	if (s->paused) {
		snprintf(b->text, sizeof(b->text),
			 "%s: %u wait, the type is paused: let it go on.",
			 s->name, s->queued);
		snprintf(b->command, sizeof(b->command), "deia task resume %s",
			 s->name);
	} else {
		snprintf(b->text, sizeof(b->text),
			 "%s: %u wait, its limit of %u at a time is reached: "
			 "raise it.",
			 s->name, s->queued, s->wip_limit);
		snprintf(b->command, sizeof(b->command), "deia task types");
	}
}

static void say_nobody(struct deia__bottleneck *b, const struct deia__kind *k)
{
	if (*k->pinned) {
		snprintf(b->text, sizeof(b->text),
			 "%s: %u wait for %s alone, which does not run: start "
			 "it.",
			 k->type, k->n, k->pinned);
		snprintf(b->command, sizeof(b->command), "deia bot start %s",
			 k->pinned);
		return;
	}
	snprintf(b->text, sizeof(b->text),
		 "%s: %u wait, no bot that runs can do them%s%s: launch one "
		 "that can.",
		 k->type, k->n, k->n_capabilities ? ", they need " : "",
		 k->n_capabilities ? k->capabilities[0] : "");
	snprintf(b->command, sizeof(b->command), "deia bot list");
}

static void say_few(struct deia__bottleneck *b, const struct deia__kind *k)
{
	snprintf(b->text, sizeof(b->text),
		 "%s: %u wait, %u bot%s can do %s, %u at a time, and %u turns "
		 "run there: add bots%s%s, or raise max_concurrent.",
		 k->type, k->n, k->able, k->able == 1 ? "" : "s",
		 k->n == 1 ? "it" : "them", k->places, k->busy,
		 k->template_name ? " of template " : "",
		 k->template_name ? k->template_name : "");
	if (k->template_name)
		snprintf(b->command, sizeof(b->command), "deia scale up %s",
			 k->template_name);
	else
		snprintf(b->command, sizeof(b->command), "deia bot describe %s",
			 k->able_bot);
}

/* Seconds until the last of n could begin, at the pace of the last hour; of a
 * type of which nothing ends, as long as one has waited for each of them. */
static double pressure(unsigned n, int64_t oldest_ms,
		       const struct deia__moved *m)
{
	uint64_t ended = m->done + m->failed;

	if (ended && m->seconds > 0)
		return n * m->seconds / (double)ended;
	return n * (double)oldest_ms / 1000;
}

static const struct deia__kind *kind_of(const struct deia__look *l,
					const char *type)
{
	for (size_t i = 0; i < l->n_kinds; i++)
		if (strcmp(l->kinds[i].type, type) == 0)
			return &l->kinds[i];
	return NULL;
}

void deia__bottleneck_say(struct deia__bottleneck *b,
			  const struct deia__look *l,
			  const struct deia_task_type_status *s)
{
	const struct deia__kind *k = kind_of(l, s->name);

	b->is = true;
	b->type = s->name;
	if (s->paused || (s->wip_limit && s->active >= s->wip_limit))
		say_held(b, s);
	else if (k && k->able)
		say_few(b, k);
	else if (k)
		say_nobody(b, k);
	else
		b->is = false;
}

void deia__queues_judge(deia_hive *h, const struct deia__look *l,
			struct deia__bottleneck *b)
{
	struct deia_task_type_status s, worst = { 0 };
	struct deia__moved recent, before;
	double most = 0, p;

	b->is = false;
	for (size_t i = 0; deia_tasks_type_at(h->tasks->queue, i, &s); i++) {
		int64_t waits = deia__unix_ms(NULL) - s.oldest_unix_ms;

		if (!s.queued || !s.oldest_unix_ms || waits < WAIT_MIN_MS)
			continue;
		deia__queue_moved(h, i, &s, &recent, &before);
		p = pressure(s.queued, waits, &recent);
		if (p > most) {
			most = p;
			worst = s;
		}
	}
	if (worst.name)
		deia__bottleneck_say(b, l, &worst);
}

/* ---- JSON ---------------------------------------------------------------- */

static void print_waits(struct deia_jw *w, const struct deia__moved *m)
{
	if (m->p50 < 0) {
		deia_jw_kraw(w, "wait_seconds", NULL);
		return;
	}
	deia_jw_key(w, "wait_seconds");
	deia_jw_object(w);
	deia_jw_knum(w, "p50", m->p50);
	deia_jw_knum(w, "p95", m->p95);
	deia_jw_end_object(w);
}

static void print_queue(deia_hive *h, size_t i,
			const struct deia_task_type_status *s,
			struct deia_jw *w)
{
	struct deia__moved recent, before;
	bool known = deia__queue_moved(h, i, s, &recent, &before);
	int64_t waits = deia__unix_ms(NULL) - s->oldest_unix_ms;

	deia_jw_object(w);
	deia_jw_kstr(w, "type", s->name);
	deia_jw_kbool(w, "paused", s->paused);
	deia_jw_kint(w, "queued", s->queued);
	deia_jw_kint(w, "active", s->active);
	deia_jw_knum(w, "oldest_wait_seconds",
		     s->oldest_unix_ms && waits > 0 ? (double)waits / 1000 : 0);
	print_waits(w, &recent);
	deia_jw_kint(w, "done", (int64_t)recent.done);
	deia_jw_kint(w, "failed", (int64_t)recent.failed);
	deia_jw_knum(w, "seconds", recent.seconds);
	deia_jw_kstr(w, "done_trend",
		     known ? deia__trend_word(recent.done, before.done) : NULL);
	deia_jw_kstr(w, "failed_trend",
		     known ? deia__trend_word(recent.failed, before.failed)
			   : NULL);
	deia_jw_end_object(w);
}

/* Types of which something waits, runs or ended; there are 64 at most. */
void deia__queues_print(deia_hive *h, struct deia_jw *w)
{
	struct deia_task_type_status s;

	deia_jw_key(w, "queues");
	deia_jw_array(w);
	for (size_t i = 0; deia_tasks_type_at(h->tasks->queue, i, &s); i++)
		if (s.queued || s.active || s.ended[DEIA_TASK_SUCCEEDED] ||
		    failed_of(&s))
			print_queue(h, i, &s, w);
	deia_jw_end_array(w);
}
