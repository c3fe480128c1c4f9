/* SPDX-License-Identifier: MIT */
/*
 * scaler.c - life, templates, and a look from beginning to end.
 *
 * A look is checked whole before anything changes. Then each template takes in
 * what it sees, all get what min_bots asks for, and the rest decide in the
 * order of their oldest waiting task, so that what the machine has left goes
 * where it is missed most.
 */
#include "scaler/scaler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

#define GAP_MS 60000 /* between looks: nobody looked */

/* ---- life --------------------------------------------------------------- */

deia_err deia_scaler_new(deia_scaler **out, const struct deia_scaler_opts *opts)
{
	deia_scaler *s;
	deia_err err;

	if (!out)
		return DEIA_EINVAL;
	*out = NULL;
	s = deia__alloc(sizeof(*s));
	if (!s)
		return DEIA_ENOMEM;
	err = deia_scaler_set_opts(s, opts);
	if (err) {
		deia_scaler_free(s);
		return err;
	}
	*out = s;
	return DEIA_OK;
}

void deia_scaler_free(deia_scaler *s)
{
	struct deia__scaler_template *t, *next;

	if (!s)
		return;
	HASH_ITER(hh, s->by_id, t, next) {
		HASH_DEL(s->by_id, t);
		deia__free(t);
	}
	deia__free(s->pairs);
	deia__free(s->actions);
	deia__free(s->history);
	deia__free(s);
}

const char *deia_scaler_errmsg(const deia_scaler *s)
{
	return s->msg.text;
}

/* A ring of another length with the newest of the old one. */
static bool move_history(deia_scaler *s, unsigned len)
{
	struct deia_scaler_decision *ring;

	if (s->history && len == s->opts.history_len)
		return true;
	ring = deia__alloc(len * sizeof(*ring));
	if (!ring)
		return false;
	if (s->kept > len)
		s->kept = len;
	for (uint64_t i = s->seq - s->kept; s->history && i < s->seq; i++)
		ring[i % len] = s->history[i % s->opts.history_len];
	deia__free(s->history);
	s->history = ring;
	return true;
}

deia_err deia_scaler_set_opts(deia_scaler *s,
			      const struct deia_scaler_opts *opts)
{
	struct deia_scaler_opts full;
	struct deia__scaler_template *t, *next;
	deia_err err = deia__scaler_take_opts(&full, opts, &s->msg);

	if (err)
		return err;
	if (!move_history(s, full.history_len))
		return deia__fail(&s->msg, DEIA_ENOMEM,
				  "no memory for a history");
	if (full.down_window_ms != s->opts.down_window_ms)
		HASH_ITER(hh, s->by_id, t, next)
			deia__scaler_set_window(t, full.down_window_ms,
						s->now_ms);
	s->opts = full;
	return DEIA_OK;
}

const struct deia_scaler_opts *deia_scaler_get_opts(const deia_scaler *s)
{
	return &s->opts;
}

/* ---- templates ---------------------------------------------------------- */

static struct deia__scaler_template *find(const deia_scaler *s, const char *id)
{
	struct deia__scaler_template *t = NULL;

	if (id)
		HASH_FIND_STR(s->by_id, id, t);
	return t;
}

static const char *wrong_template(const struct deia_scaler_template *t)
{
	if (!t || t->size < sizeof(*t))
		return "size";
	if (t->max_bots < 1 || t->max_bots > DEIA_MAX_BOTS)
		return "max_bots";
	if (t->min_bots > t->max_bots)
		return "min_bots";
	if (t->max_concurrent < 1 || t->max_concurrent > DEIA_MAX_CONCURRENT)
		return "max_concurrent";
	if (!(t->wait_seconds >= 0.1 && t->wait_seconds <= 86400))
		return "wait_seconds";
	return NULL;
}

/* Room for one more template. On failure what there was is enough for those
 * that there are. */
static bool make_room(deia_scaler *s)
{
	unsigned n = HASH_COUNT(s->by_id) + 1, to = s->room ? 2 * s->room : 4;
	void *p;

	if (n <= s->room)
		return true;
	p = deia__realloc(s->pairs, to * sizeof(*s->pairs));
	if (!p)
		return false;
	s->pairs = p;
	p = deia__realloc(s->actions, 2 * (size_t)to * sizeof(*s->actions));
	if (!p)
		return false;
	s->actions = p;
	s->room = to;
	return true;
}

static void begin(const deia_scaler *s, struct deia__scaler_template *t)
{
	t->rates.arrival_ms = DEIA__SCALER_NEVER;
	t->up_ms = t->down_ms = t->regret_ms = DEIA__SCALER_NEVER;
	t->failed_ms = t->resume_ms = DEIA__SCALER_NEVER;
	for (int i = 0; i < DEIA_SCALER_CAUSES; i++)
		t->held_ms[i] = DEIA__SCALER_NEVER;
	for (int i = 0; i < DEIA_SCALER_KINDS; i++)
		t->dry_ms[i] = DEIA__SCALER_NEVER;
	deia__scaler_set_window(t, s->opts.down_window_ms, s->now_ms);
	deia__scaler_say(t->reason, sizeof(t->reason), "not looked at yet");
}

deia_err deia_scaler_set(deia_scaler *s, const char *id,
			 const struct deia_scaler_template *conf)
{
	struct deia__scaler_template *t = find(s, id);
	const char *wrong =
		deia__scaler_is_id(id) ? wrong_template(conf) : "id";

	if (wrong)
		return deia__fail(&s->msg, DEIA_EINVAL,
				  "template \"%.64s\": %s is out of its range",
				  id ? id : "", wrong);
	if (t) {
		t->conf = *conf;
		return DEIA_OK;
	}
	if (HASH_COUNT(s->by_id) >= DEIA_SCALER_MAX_TEMPLATES)
		return deia__fail(&s->msg, DEIA_ELIMIT,
				  "there are %d templates already",
				  DEIA_SCALER_MAX_TEMPLATES);
	t = make_room(s) ? deia__alloc(sizeof(*t)) : NULL;
	if (!t)
		return deia__fail(&s->msg, DEIA_ENOMEM,
				  "no memory for a template");
	snprintf(t->id, sizeof(t->id), "%s", id);
	t->conf = *conf;
	begin(s, t);
	HASH_ADD_STR(s->by_id, id, t);
	return DEIA_OK;
}

deia_err deia_scaler_remove(deia_scaler *s, const char *id)
{
	struct deia__scaler_template *t = find(s, id);

	if (!t)
		return deia__fail(&s->msg, DEIA_ENOTFOUND,
				  "there is no template \"%.64s\"",
				  id ? id : "");
	HASH_DEL(s->by_id, t);
	deia__free(t);
	return DEIA_OK;
}

/* ---- a look ------------------------------------------------------------- */

static void see_machine(deia_scaler *s, const struct deia_scaler_look *look)
{
	s->cpu_ratio = look->cpu_ratio;
	if (look->cpu_ratio > s->opts.cpu_max)
		s->cpu_taken = true;
	else if (look->cpu_ratio < s->opts.cpu_resume)
		s->cpu_taken = false;
	s->memory_known = look->memory_known;
	s->free_bytes = look->free_bytes;
	s->memory_left = look->free_bytes > s->opts.reserve_bytes
				 ? look->free_bytes - s->opts.reserve_bytes
				 : 0;
	s->cap_left = s->opts.max_bots > look->other_bots
			      ? s->opts.max_bots - look->other_bots
			      : 0;
}

/* What its bots take of the machine; those that start have not yet taken
 * their memory. */
static void charge(deia_scaler *s, const struct deia__scaler_pair *p)
{
	const struct deia__scaler_seen *n = &p->t->seen;
	uint64_t bytes = n->counts[DEIA_SCALER_STARTING] *
			 deia__scaler_bot_bytes(s, p->v);

	s->cap_left = s->cap_left > n->all ? s->cap_left - n->all : 0;
	s->memory_left = s->memory_left > bytes ? s->memory_left - bytes : 0;
}

static void take_in(deia_scaler *s, const struct deia__scaler_pair *p)
{
	struct deia__scaler_template *t = p->t;
	int64_t dt_ms = t->looked ? s->now_ms - t->look_ms : 0;

	if (!t->looked || dt_ms > GAP_MS) {
		t->watched_ms = s->now_ms;
		t->rates.counting = false;
	}
	deia__scaler_rates_look(&t->rates, p->v, dt_ms, s->now_ms);
	deia__scaler_see(s, t, p->v);
	deia__scaler_peak_add(t, s->now_ms);
	deia__scaler_failures_look(s, t, p->v);
	t->looked = true;
	t->look_ms = s->now_ms;
	charge(s, p);
}

static bool comes_before(const struct deia__scaler_pair *a,
			 const struct deia__scaler_pair *b)
{
	if (a->v->oldest_wait_ms != b->v->oldest_wait_ms)
		return a->v->oldest_wait_ms > b->v->oldest_wait_ms;
	return strcmp(a->t->id, b->t->id) < 0;
}

/* By insertion: few templates, most of them in order since nothing waits. */
static void sort_pairs(struct deia__scaler_pair *pairs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct deia__scaler_pair p = pairs[i];
		size_t k = i;

		for (; k > 0 && comes_before(&p, &pairs[k - 1]); k--)
			pairs[k] = pairs[k - 1];
		pairs[k] = p;
	}
}

deia_err deia_scaler_look(deia_scaler *s, const struct deia_scaler_look *look,
			  int64_t now_ms,
			  const struct deia_scaler_decision **actions,
			  size_t *n)
{
	deia_err err;

	*actions = NULL;
	*n = 0;
	err = deia__scaler_check_look(s, look, now_ms);
	if (err)
		return err;
	if (now_ms > s->now_ms)
		s->now_ms = now_ms;
	s->n_actions = 0;
	see_machine(s, look);
	for (size_t i = 0; i < look->n_views; i++)
		take_in(s, &s->pairs[i]);
	sort_pairs(s->pairs, look->n_views);
	for (size_t i = 0; i < look->n_views; i++)
		deia__scaler_fill(s, s->pairs[i].t, s->pairs[i].v);
	for (size_t i = 0; i < look->n_views; i++)
		deia__scaler_decide(s, s->pairs[i].t, s->pairs[i].v);
	for (size_t i = 0; i < look->n_views; i++)
		deia__scaler_sweep(s, s->pairs[i].t, s->pairs[i].v);
	*actions = s->actions;
	*n = s->n_actions;
	return DEIA_OK;
}

deia_err deia_scaler_refused(deia_scaler *s, const char *id, const char *reason,
			     int64_t now_ms)
{
	struct deia__scaler_template *t = find(s, id);
	struct deia_scaler_decision *d;

	if (!t)
		return deia__fail(&s->msg, DEIA_ENOTFOUND,
				  "there is no template \"%.64s\"",
				  id ? id : "");
	if (!reason || now_ms < 0)
		return deia__fail(&s->msg, DEIA_EINVAL, "%s",
				  reason ? "now_ms is negative"
					 : "reason is NULL");
	if (now_ms > s->now_ms)
		s->now_ms = now_ms;
	deia__scaler_failed(s, t, s->now_ms);
	deia__scaler_say(t->reason, sizeof(t->reason), "%s", reason);
	d = deia__scaler_enter(s, t, DEIA_SCALER_REFUSED,
			       DEIA_SCALER_BY_FAILURES);
	deia__scaler_say(d->reason, sizeof(d->reason), "%s", reason);
	return DEIA_OK;
}

deia_err deia_scaler_get_status(const deia_scaler *s, const char *id,
				struct deia_scaler_status *out)
{
	const struct deia__scaler_template *t = find(s, id);
	const struct deia__scaler_seen *n;

	memset(out, 0, sizeof(*out));
	if (!t)
		return DEIA_ENOTFOUND;
	n = &t->seen;
	memcpy(out->counts, n->counts, sizeof(out->counts));
	out->bots = n->bots;
	out->wanted = n->need < t->conf.min_bots ? t->conf.min_bots : n->need;
	if (out->wanted > t->conf.max_bots)
		out->wanted = t->conf.max_bots;
	out->queued = n->queued;
	out->arrivals_per_second = n->arrivals;
	out->run_seconds = n->run;
	out->load = n->arrivals * n->run;
	out->wait_seconds = isfinite(n->wait) ? n->wait : -1;
	out->failures = t->failures;
	if (t->failures > 0 && t->resume_ms > s->now_ms)
		out->paused_ms = t->resume_ms - s->now_ms;
	out->down_window_ms = t->window_ms;
	out->reason = t->reason;
	return DEIA_OK;
}
