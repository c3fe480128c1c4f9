/* SPDX-License-Identifier: MIT */
/* edge.c - what comes from outside is checked here, and nowhere else. */
#include <string.h>

#include "core/opts.h"
#include "scaler/scaler.h"

#define DAY_MS 86400000
#define RATIO_MAX 1000.0
#define RATE_MAX 1e6
#define RUN_MAX 1e7
#define WAIT_MAX_MS (10 * 365 * (int64_t)DAY_MS)
#define QUEUE_MAX 100000000u

/* NaN is within nothing. */
static bool within(double x, double low, double high)
{
	return x >= low && x <= high;
}

static bool is_ms(int64_t ms)
{
	return ms >= 0 && ms <= DAY_MS;
}

bool deia__scaler_is_id(const char *id)
{
	size_t len = id ? strnlen(id, DEIA_MAX_ID_LEN + 1) : 0;

	for (size_t i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] > '~')
			return false;
	return len >= 1 && len <= DEIA_MAX_ID_LEN;
}

static const char *wrong_opt(const struct deia_scaler_opts *o)
{
	if (o->max_bots < 1 || o->max_bots > DEIA_MAX_BOTS)
		return "max_bots";
	if (o->history_len < 1 || o->history_len > DEIA_SCALER_MAX_HISTORY)
		return "history_len";
	if (!is_ms(o->up_cooldown_ms))
		return "up_cooldown_ms";
	if (!is_ms(o->down_cooldown_ms))
		return "down_cooldown_ms";
	if (!is_ms(o->down_window_ms))
		return "down_window_ms";
	if (o->step_min < 1 || o->step_min > 1000)
		return "step_min";
	if (!within(o->cpu_max, 0, RATIO_MAX))
		return "cpu_max";
	if (!within(o->cpu_resume, 0, o->cpu_max) || o->cpu_resume <= 0)
		return "cpu_resume";
	if (!is_ms(o->pause_ms) || o->pause_ms < 1)
		return "pause_ms";
	if (!is_ms(o->max_pause_ms) || o->max_pause_ms < o->pause_ms)
		return "max_pause_ms";
	return NULL;
}

deia_err deia__scaler_take_opts(struct deia_scaler_opts *to,
				const struct deia_scaler_opts *from,
				struct deia__errmsg *msg)
{
	struct deia_scaler_opts o = DEIA_SCALER_OPTS_INIT;
	const char *wrong;

	if (from && !deia__opts_take(&o, sizeof(o), from))
		return deia__fail(msg, DEIA_EINVAL,
				  "opts.size is not of this library");
	wrong = wrong_opt(&o);
	if (wrong)
		return deia__fail(msg, DEIA_EINVAL, "%s is out of its range",
				  wrong);
	*to = o;
	return DEIA_OK;
}

/* ---- looks -------------------------------------------------------------- */

static const char *wrong_bot(const struct deia_scaler_bot *b, int64_t now_ms)
{
	if (!deia__scaler_is_id(b->id))
		return "id";
	if ((unsigned)b->state >= DEIA_SCALER_STATES)
		return "state";
	if (b->since_ms < 0 || b->since_ms > now_ms)
		return "since_ms";
	if (b->ready_ms < -1 || b->ready_ms > now_ms)
		return "ready_ms";
	return NULL;
}

static const char *wrong_view(const struct deia_scaler_view *v)
{
	if (v->n_bots > DEIA_MAX_BOTS || (v->n_bots > 0 && !v->bots))
		return "n_bots";
	if (v->queued > QUEUE_MAX)
		return "queued";
	if (v->oldest_wait_ms < 0 || v->oldest_wait_ms > WAIT_MAX_MS)
		return "oldest_wait_ms";
	if (v->running > DEIA_MAX_BOTS * DEIA_MAX_CONCURRENT)
		return "running";
	if (v->has_rates && !within(v->arrivals_per_second, 0, RATE_MAX))
		return "arrivals_per_second";
	if (v->has_rates && !within(v->run_seconds, 0, RUN_MAX))
		return "run_seconds";
	if (!within(v->launch_seconds, 0, (double)DAY_MS / 1000))
		return "launch_seconds";
	if (v->bot_memory_bytes > UINT64_MAX / DEIA_MAX_BOTS)
		return "bot_memory_bytes";
	return NULL;
}

static deia_err check_view(deia_scaler *s, const struct deia_scaler_view *v,
			   int64_t now_ms)
{
	const char *wrong = wrong_view(v);

	if (wrong)
		return deia__fail(&s->msg, DEIA_EINVAL,
				  "template \"%s\": %s is absurd",
				  v->template_id, wrong);
	for (size_t i = 0; i < v->n_bots; i++) {
		wrong = wrong_bot(&v->bots[i], now_ms);
		if (wrong)
			return deia__fail(
				&s->msg, DEIA_EINVAL,
				"template \"%s\", bot %zu: %s is absurd",
				v->template_id, i, wrong);
	}
	return DEIA_OK;
}

static deia_err find(deia_scaler *s, struct deia__scaler_pair *p,
		     const struct deia_scaler_view *v)
{
	struct deia__scaler_template *t = NULL;

	if (!deia__scaler_is_id(v->template_id))
		return deia__fail(&s->msg, DEIA_EINVAL,
				  "template_id is not an id");
	HASH_FIND_STR(s->by_id, v->template_id, t);
	if (!t)
		return deia__fail(&s->msg, DEIA_ENOTFOUND,
				  "there is no template \"%s\"",
				  v->template_id);
	if (t->look == s->looks)
		return deia__fail(&s->msg, DEIA_EINVAL,
				  "template \"%s\" comes twice", t->id);
	t->look = s->looks;
	p->t = t;
	p->v = v;
	return DEIA_OK;
}

deia_err deia__scaler_check_look(deia_scaler *s,
				 const struct deia_scaler_look *look,
				 int64_t now_ms)
{
	deia_err err = DEIA_OK;

	if (!look || look->size < sizeof(*look))
		return deia__fail(&s->msg, DEIA_EINVAL,
				  "look.size is not of this library");
	if (now_ms < 0)
		return deia__fail(&s->msg, DEIA_EINVAL, "now_ms is negative");
	if (now_ms < s->now_ms)
		now_ms = s->now_ms;
	if (!within(look->cpu_ratio, 0, RATIO_MAX))
		return deia__fail(&s->msg, DEIA_EINVAL, "cpu_ratio is absurd");
	if (look->n_views > 0 && !look->views)
		return deia__fail(&s->msg, DEIA_EINVAL, "views is NULL");
	s->looks++;
	for (size_t i = 0; i < look->n_views && !err; i++) {
		struct deia__scaler_pair p;

		err = find(s, &p, &look->views[i]);
		if (!err)
			err = check_view(s, p.v, now_ms);
		if (!err) /* none twice, so there is room for each */
			s->pairs[i] = p;
	}
	return err;
}
