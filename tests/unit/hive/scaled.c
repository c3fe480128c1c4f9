/* SPDX-License-Identifier: MIT */
/* scaled.c - see scaled.h. */
#include "scaled.h"

#include <stdio.h>
#include <string.h>

#include <deia/sys/json.h>

void scaled_template(const char *name, const char *adapter,
		     const char *const *argv, size_t n_argv)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.adapter = adapter;
	spec.argv = argv;
	spec.n_argv = n_argv;
	spec.max_concurrent = 1;
	ck_assert_int_eq(deia_hive_set_template(f.hive, name, &spec), DEIA_OK);
}

/* Short windows, and a machine that is never short of anything. */
struct deia_scaling_limits scaled_quick(void)
{
	struct deia_scaling_limits l = DEIA_SCALING_LIMITS_INIT;

	l.up_cooldown_seconds = 1;
	l.down_cooldown_seconds = 1;
	l.down_window_seconds = 10;
	l.cpu_max_percent = 1000;
	l.reserve_mib = 0;
	return l;
}

void scaled_configure(const char *name, unsigned min, unsigned max,
		      const struct deia_scaling_limits *limits)
{
	struct deia_scaling_setting s = {
		.name = name,
		.set = DEIA_SCALING_TEMPLATE_INIT,
	};

	s.set.min_bots = min;
	s.set.max_bots = max;
	s.set.wait_seconds = 1;
	ck_assert_int_eq(deia_hive_scaling_configure(f.hive, limits, &s, 1),
			 DEIA_OK);
}

void scaled_echo(unsigned min, unsigned max)
{
	struct deia_scaling_limits l = scaled_quick();

	scaled_template("parrot", "echo", NULL, 0);
	scaled_configure("parrot", min, max, &l);
}

/* A look, so many seconds after the one before. */
void scaled_look(int seconds)
{
	f.hive->scaling->skew_ms += seconds * 1000;
	deia__scaling_look(f.hive);
}

struct deia_scaling_status scaled_status(const char *name)
{
	struct deia_scaling_status all[8];
	size_t n = deia_hive_scaling_list(f.hive, NULL, all, 8);

	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i];
	ck_abort_msg("no template %s", name);
}

unsigned count_bots(void)
{
	struct deia_hive_bot all[32];

	return (unsigned)deia_hive_bot_list(f.hive, NULL, all, 32);
}

bool has_bot(const char *id)
{
	struct deia_hive_bot b;

	return deia_hive_bot_get(f.hive, id, &b) == DEIA_OK;
}

void wait_gone(const char *id)
{
	run_until_bot(&f, id, false);
}

void wait_there(const char *id)
{
	run_until_bot(&f, id, true);
	run_until_state(&f, id, DEIA_BOT_READY);
}

static void on_history(deia_err err, const struct deia_scaling_decision *items,
		       size_t n, bool more, void *user)
{
	struct decisions *p = user;

	p->done = true;
	p->err = err;
	p->more = more;
	p->n = n;
	ck_assert_uint_le(n, 64);
	for (size_t i = 0; i < n; i++) {
		snprintf(p->items[i].name, 72, "%s", items[i].name);
		snprintf(p->items[i].kind, 16, "%s", items[i].kind);
		snprintf(p->items[i].cause, 16, "%s", items[i].cause);
		snprintf(p->items[i].bot, 72, "%s", items[i].bot);
		snprintf(p->items[i].by, 72, "%s", items[i].by);
		snprintf(p->items[i].reason, 256, "%s", items[i].reason);
		p->items[i].done = items[i].done;
		p->items[i].count = items[i].count;
		p->items[i].seq = items[i].seq;
	}
}

static void on_settled(deia_err err, void *user)
{
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

void scaled_settle(void)
{
	bool settled = false;

	ck_assert_int_eq(deia_hive_replay_keep(f.hive, "t", "k", "f", 200, "x",
					       on_settled, &settled),
			 DEIA_OK);
	run_until(&f, &settled);
}

/* Newest first, with all that was decided so far. */
void read_decisions(struct decisions *p, int64_t before, unsigned limit)
{
	scaled_settle();
	memset(p, 0, sizeof(*p));
	ck_assert_int_eq(
		deia_hive_scaling_history(f.hive, before, limit, on_history, p),
		DEIA_OK);
	run_until(&f, &p->done);
	ck_assert_int_eq(p->err, DEIA_OK);
}

static void on_put(deia_err err, void *user)
{
	int *result = user;

	*result = (int)err;
}

deia_err scaled_put(const char *text)
{
	struct cJSON *json;
	int result = -1;
	deia_err err;

	ck_assert_int_eq(deia_json_parse(&json, text, strlen(text), NULL),
			 DEIA_OK);
	err = deia_hive_scaling_put(f.hive, deia_actor_local(), json, on_put,
				    &result);
	cJSON_Delete(json);
	if (err)
		return err;
	ck_assert_int_eq(result, -1);
	scaled_settle();
	ck_assert_int_ne(result, -1);
	return (deia_err)result;
}

void scaled_on_hand(deia_err err, const char *const *bots, size_t n, void *user)
{
	struct hand *x = user;

	x->done = true;
	x->err = err;
	x->n = n;
	for (size_t i = 0; i < n && i < 8; i++)
		snprintf(x->ids[i], 72, "%s", bots[i]);
}

deia_err scaled_by_hand(deia_scaling_direction d, unsigned n, struct hand *x)
{
	deia_err err;

	memset(x, 0, sizeof(*x));
	err = deia_hive_scale(f.hive, deia_actor_local(), "parrot", d, n,
			      scaled_on_hand, x);
	if (err)
		return err;
	ck_assert(!x->done);
	run_until(&f, &x->done);
	return x->err;
}
