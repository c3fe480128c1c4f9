/* SPDX-License-Identifier: MIT */
/*
 * scaling.c - life of the auto-scaler, its timer, templates, and which of
 * their settings are in force: what was put, then what the file says.
 */
#include "hive/scaling/scaling.h"

#include <stdio.h>
#include <string.h>

#include "hive/nodes/nodes.h"

#define LOOK_MS 1000
#define LAUNCH_WEIGHT 0.3 /* of the newest in the mean time of a launch */
#define CPU_RESUME 8 / 9  /* of cpu_max: room between the two */

const char *deia_scaling_source_name(deia_scaling_source source)
{
	static const char *const names[] = { "default", "file", "api" };

	return (unsigned)source < sizeof(names) / sizeof(names[0])
		       ? names[source]
		       : "unknown";
}

const struct deia_actor *deia__scaling_actor(void)
{
	static const struct deia_actor scaler = {
		.name = DEIA_SCALING_ACTOR,
		.role = DEIA_ROLE_OPERATOR,
	};

	return &scaler;
}

int64_t deia__scaling_now(const deia_hive *h)
{
	return deia__timers_now(h->timers) + h->scaling->skew_ms;
}

/* ---- the timer ---------------------------------------------------------- */

static void on_time(void *arg)
{
	deia__scaling_look(arg);
	deia__scaling_arm(arg);
}

void deia__scaling_arm(deia_hive *h)
{
	struct deia__scaling *s = h->scaling;

	if (!h->started || h->stopping || h->freeing ||
	    (!s->n_scaled && !s->n_draining) || deia__timer_armed(&s->timer))
		return;
	s->timer.fn = on_time;
	s->timer.arg = h;
	if (deia__timer_set(h->timers, &s->timer, LOOK_MS))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "nothing is scaled any more: "
			       "out of memory");
}

void deia__scaling_stop(deia_hive *h)
{
	if (h->scaling)
		deia__timer_clear(h->timers, &h->scaling->timer);
}

void deia__scaling_set_load(deia_hive *h, deia__load_fn fn, void *user)
{
	h->scaling->load = fn;
	h->scaling->load_user = user;
}

/* ---- bots that moved ---------------------------------------------------- */

static void note_launch(deia_hive *h, const struct deia__hbot *b, int64_t took)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);
	struct deia__scaled *t =
		info ? deia__scaled_get(h, info->spec->template_name) : NULL;
	double seconds = (double)took / 1000;

	if (!t)
		return;
	if (t->launch_seconds > 0)
		seconds = LAUNCH_WEIGHT * seconds +
			  (1 - LAUNCH_WEIGHT) * t->launch_seconds;
	t->launch_seconds = seconds;
}

void deia__scaling_bot_moved(deia_hive *h, struct deia__hbot *b,
			     deia_bot_state state, deia_bot_state from)
{
	int64_t now = deia__scaling_now(h);

	if (state == DEIA_BOT_STARTING) {
		b->ready_ms = -1;
	} else if (from == DEIA_BOT_STARTING && state == DEIA_BOT_READY) {
		b->ready_ms = now;
		note_launch(h, b, now - b->moved_ms);
	}
	b->moved_ms = now;
}

/* ---- templates ---------------------------------------------------------- */

struct deia__scaled *deia__scaled_get(const deia_hive *h, const char *name)
{
	struct deia__scaled *t = NULL;

	if (name)
		HASH_FIND_STR(h->scaling->templates, name, t);
	return t;
}

static int by_name(const struct deia__scaled *a, const struct deia__scaled *b)
{
	return strcmp(a->name, b->name);
}

struct deia__scaled *deia__scaled_add(deia_hive *h, const char *name)
{
	struct deia__scaled *t = deia__scaled_get(h, name);
	struct deia__scaling *s = h->scaling;

	if (t)
		return t;
	if (HASH_COUNT(s->templates) >= DEIA_SCALER_MAX_TEMPLATES) {
		deia__hive_fail(h, DEIA_ELIMIT,
				"a hive knows at most %d templates",
				DEIA_SCALER_MAX_TEMPLATES);
		return NULL;
	}
	t = deia__alloc(sizeof(*t));
	if (t) {
		snprintf(t->name, sizeof(t->name), "%s", name);
		t->sets[DEIA_SCALING_DEFAULT] = (struct deia_scaling_template)
			DEIA_SCALING_TEMPLATE_INIT;
		t->sets[DEIA_SCALING_DEFAULT].enabled = false;
		HASH_ADD_STR(s->templates, name, t);
	}
	if (!t || !t->hh.tbl) {
		deia__free(t);
		deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
		return NULL;
	}
	HASH_SORT(s->templates, by_name);
	return t;
}

static void scaled_free(struct deia__scaled *t)
{
	deia_bot_spec_free(t->spec);
	deia__free(t->bots);
	deia__free(t);
}

deia_scaling_source deia__scaled_source(const struct deia__scaled *t)
{
	if (t->has[DEIA_SCALING_API])
		return DEIA_SCALING_API;
	return t->has[DEIA_SCALING_FILE] ? DEIA_SCALING_FILE
					 : DEIA_SCALING_DEFAULT;
}

const char *deia__scaled_unfit(const struct deia__scaled *t)
{
	if (!t->spec)
		return "there is no template of this name";
	if (strcmp(t->spec->adapter, "external") == 0)
		return "bots of adapter external are programs that run "
		       "elsewhere, so they cannot be launched";
	return NULL;
}

static void tell_scaler(deia_hive *h, struct deia__scaled *t)
{
	const struct deia_scaling_template *set =
		&t->sets[deia__scaled_source(t)];
	struct deia_scaler_template st = DEIA_SCALER_TEMPLATE_INIT;

	st.min_bots = set->min_bots;
	st.max_bots = set->max_bots;
	st.wait_seconds = set->wait_seconds;
	st.max_concurrent = t->spec->max_concurrent;
	if (deia_scaler_set(h->scaling->scaler, t->name, &st)) {
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "template %s is not scaled: %s", t->name,
			       deia_scaler_errmsg(h->scaling->scaler));
		return;
	}
	h->scaling->n_scaled += !t->scaled;
	t->scaled = true;
}

static void take_from_scaler(deia_hive *h, struct deia__scaled *t)
{
	if (!t->scaled)
		return;
	t->scaled = false;
	h->scaling->n_scaled--;
	if (deia_scaler_remove(h->scaling->scaler, t->name))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "template %s was scaled and is not known",
			       t->name);
}

void deia__scaled_changed(deia_hive *h, struct deia__scaled *t)
{
	deia_scaling_source source = deia__scaled_source(t);

	if (source != DEIA_SCALING_DEFAULT && t->sets[source].enabled &&
	    !deia__scaled_unfit(t))
		tell_scaler(h, t);
	else
		take_from_scaler(h, t);
	deia__scaling_arm(h);
	/* The numbers of its bots are not given again. */
	if (t->spec || source != DEIA_SCALING_DEFAULT || t->counter)
		return;
	HASH_DEL(h->scaling->templates, t);
	scaled_free(t);
}

deia_err deia_hive_set_template(deia_hive *h, const char *name,
				const struct deia_bot_spec *spec)
{
	struct deia__scaled *t = deia__scaled_get(h, name);
	struct deia_bot_spec *copy = NULL;

	if (!deia_bot_id_valid(name))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "name: 1 to 64 letters, digits, '.', "
				       "'_' or '-'");
	if (!spec && !t)
		return DEIA_OK;
	if (spec && deia_bot_spec_dup(&copy, spec))
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	if (!t)
		t = deia__scaled_add(h, name);
	if (!t) {
		deia_bot_spec_free(copy);
		return HASH_COUNT(h->scaling->templates) >=
				       DEIA_SCALER_MAX_TEMPLATES
			       ? DEIA_ELIMIT
			       : DEIA_ENOMEM;
	}
	deia_bot_spec_free(t->spec);
	t->spec = copy;
	deia__scaled_changed(h, t);
	return DEIA_OK;
}

/* ---- limits ------------------------------------------------------------- */

deia_scaling_source deia__limits_source(const struct deia__scaling *s)
{
	if (s->has_limits[DEIA_SCALING_API])
		return DEIA_SCALING_API;
	return s->has_limits[DEIA_SCALING_FILE] ? DEIA_SCALING_FILE
						: DEIA_SCALING_DEFAULT;
}

void deia__scaling_limits_changed(deia_hive *h)
{
	struct deia__scaling *s = h->scaling;
	const struct deia_scaling_limits *l =
		&s->limits[deia__limits_source(s)];
	struct deia_scaler_opts o = DEIA_SCALER_OPTS_INIT;

	o.max_bots = l->max_bots;
	o.dry_run = l->dry_run;
	o.up_cooldown_ms = (int64_t)l->up_cooldown_seconds * 1000;
	o.down_cooldown_ms = (int64_t)l->down_cooldown_seconds * 1000;
	o.down_window_ms = (int64_t)l->down_window_seconds * 1000;
	o.cpu_max = l->cpu_max_percent / 100.0;
	o.cpu_resume = o.cpu_max * CPU_RESUME;
	o.reserve_bytes = (uint64_t)l->reserve_mib << 20;
	if (deia_scaler_set_opts(s->scaler, &o))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "the limits of scaling are not used: %s",
			       deia_scaler_errmsg(s->scaler));
}

/* ---- the file ----------------------------------------------------------- */

static deia_err check(deia_hive *h, const struct deia_scaling_limits *limits,
		      const struct deia_scaling_setting *items, size_t n)
{
	struct deia_field_error where = { "", "" };
	char prefix[96];

	if (limits && !deia__scaling_check_limits(limits, "/limits", &where))
		return deia__hive_fail(h, DEIA_EINVAL, "%s: %s", where.pointer,
				       where.detail);
	for (size_t i = 0; i < n; i++) {
		if (!deia_bot_id_valid(items[i].name))
			return deia__hive_fail(h, DEIA_EINVAL, "item %zu: name",
					       i);
		snprintf(prefix, sizeof(prefix), "/templates/%s",
			 items[i].name);
		if (!deia__scaling_check_template(&items[i].set, prefix,
						  &where))
			return deia__hive_fail(h, DEIA_EINVAL, "%s: %s",
					       where.pointer, where.detail);
	}
	return DEIA_OK;
}

deia_err deia_hive_scaling_configure(deia_hive *h,
				     const struct deia_scaling_limits *limits,
				     const struct deia_scaling_setting *items,
				     size_t n)
{
	struct deia__scaling *s = h->scaling;
	struct deia__scaled *t, *next;
	deia_err err = check(h, limits, items, n);

	for (size_t i = 0; i < n && !err; i++)
		if (!deia__scaled_add(h, items[i].name))
			err = HASH_COUNT(s->templates) >=
					      DEIA_SCALER_MAX_TEMPLATES
				      ? DEIA_ELIMIT
				      : DEIA_ENOMEM;
	if (err)
		return err;
	HASH_ITER(hh, s->templates, t, next)
		t->has[DEIA_SCALING_FILE] = false;
	for (size_t i = 0; i < n; i++) {
		t = deia__scaled_get(h, items[i].name);
		t->sets[DEIA_SCALING_FILE] = items[i].set;
		t->has[DEIA_SCALING_FILE] = true;
	}
	s->has_limits[DEIA_SCALING_FILE] = limits != NULL;
	if (limits)
		s->limits[DEIA_SCALING_FILE] = *limits;
	deia__scaling_limits_changed(h);
	HASH_ITER(hh, s->templates, t, next)
		deia__scaled_changed(h, t);
	return DEIA_OK;
}

/* ---- life --------------------------------------------------------------- */

deia_err deia__scaling_new(deia_hive *h)
{
	struct deia__scaling *s = deia__alloc(sizeof(*s));
	deia_err err;

	if (!s)
		return DEIA_ENOMEM;
	TAILQ_INIT(&s->launches);
	s->limits[DEIA_SCALING_DEFAULT] =
		(struct deia_scaling_limits)DEIA_SCALING_LIMITS_INIT;
	err = deia_scaler_new(&s->scaler, NULL);
	if (err) {
		deia__free(s);
		return err;
	}
	h->scaling = s;
	return DEIA_OK;
}

void deia__scaling_free(deia_hive *h)
{
	struct deia__scaling *s = h->scaling;
	struct deia__scaled *t, *next;

	if (!s)
		return;
	HASH_ITER(hh, s->templates, t, next) {
		HASH_DEL(s->templates, t);
		scaled_free(t);
	}
	deia_scaler_free(s->scaler);
	deia__free(s->views);
	deia__free(s);
	h->scaling = NULL;
}
