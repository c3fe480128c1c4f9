/* SPDX-License-Identifier: MIT */
/*
 * health_alone.c - the health monitor inside a program, without a hive.
 *
 * A bakery watches its two ovens: with a metric and a rule of its own, beside
 * the built-in rule for memory. One afternoon goes by; an oven gets too hot,
 * somebody sees to it, and it cools down. Time is a number here: a program of
 * your own passes milliseconds of its clocks, about once a second.
 *
 *	cc health_alone.c $(pkg-config --static --cflags --libs deia-health)
 *	./a.out
 */
#include <deia/health.h>

#include <stdio.h>
#include <stdlib.h>

#define NOON_UNIX_MS INT64_C(1796040000000) /* 2026-11-30 12:00 UTC */

/* What the thermometer of the second oven says, minute by minute. */
static const double degrees[] = { 240, 262, 265, 284, 285, 283,
				  266, 240, 238, 239, 240, 240 };

static void tell(const struct deia_health_event *e, void *user)
{
	(void)user;
	if (e->change == DEIA_HEALTH_NOTIFY)
		printf("  call somebody: %s\n  %s\n", e->alert->summary,
		       e->alert->text);
	else
		printf("%s: %s, %s\n", deia_health_change_name(e->change),
		       e->alert->rule, deia_health_level_name(e->alert->level));
}

static deia_err add_oven(deia_health *h)
{
	struct deia_health_metric metric = DEIA_HEALTH_METRIC_INIT;
	struct deia_health_rule rules[2] = { DEIA_HEALTH_RULE_INIT };
	const struct deia_health_rule *builtin;
	deia_err err;
	size_t n;

	metric.name = "oven.degrees";
	metric.scope = "oven";
	metric.max = 1000;
	metric.text = "heat";
	err = deia_health_add_metric(h, &metric);

	rules[0].id = "too_hot";
	rules[0].metric = "oven.degrees";
	rules[0].levels[DEIA_HEALTH_WARNING] =
		(struct deia_health_limit){ true, 260, 250, 30000 };
	rules[0].levels[DEIA_HEALTH_CRITICAL] =
		(struct deia_health_limit){ true, 280, 270, 0 };
	rules[0].keep_ms = 60000;
	rules[0].text = "Open the door, then turn it down.";

	builtin = deia_health_default_rules(&n);
	for (size_t i = 0; i < n; i++) /* memory is the second of them */
		if (i == 1)
			rules[1] = builtin[i];
	return err ? err : deia_health_set_rules(h, rules, 2, NULL);
}

static deia_err minute(deia_health *h, unsigned m)
{
	struct deia_health_sample samples[] = {
		{ "oven.degrees", "left", 230 },
		{ "oven.degrees", "right", degrees[m] },
		{ "host.memory_ratio", NULL, 0.4 },
	};
	deia_err err = deia_health_put(h, samples, 3);

	for (int s = 0; s < 60 && !err; s++) {
		int64_t ms = (m * 60 + s) * INT64_C(1000);

		err = deia_health_look(h, ms, NOON_UNIX_MS + ms);
	}
	return err;
}

/* Somebody comes in the sixth minute. */
static deia_err see_to_it(deia_health *h)
{
	const struct deia_health_alert *a = deia_health_next_alert(h, NULL);

	return a ? deia_health_acknowledge(h, a->id, "ben", "on my way",
					   NOON_UNIX_MS + 5 * 60000)
		 : DEIA_OK;
}

static void report(const deia_health *h)
{
	struct deia_health_point points[60];
	struct deia_health_summary now;
	size_t n = deia_health_timeline(h, 24, points, 60);

	deia_health_get_summary(h, &now);
	printf("now %s, score %u; minute by minute:",
	       deia_health_status_name(now.status), now.score);
	for (size_t i = 0; i < n; i++)
		printf(" %u", points[i].score);
	printf("\n");
}

int main(void)
{
	struct deia_health_opts opts = DEIA_HEALTH_OPTS_INIT;
	int status = EXIT_SUCCESS;
	deia_health *h;
	deia_err err;

	opts.on_change = tell;
	if (deia_health_new(&h, &opts))
		return EXIT_FAILURE;
	err = add_oven(h);
	for (unsigned m = 0; m < sizeof(degrees) / sizeof(*degrees); m++) {
		if (!err && m == 5)
			err = see_to_it(h);
		if (!err)
			err = minute(h, m);
	}
	if (err) {
		fprintf(stderr, "%s\n", deia_health_errmsg(h));
		status = EXIT_FAILURE;
	}
	report(h);
	deia_health_free(h);
	return status;
}
