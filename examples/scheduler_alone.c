/* SPDX-License-Identifier: MIT */
/*
 * scheduler_alone.c - the scheduler inside a program, without a hive.
 *
 * Three workers do two kinds of work, each in its own time and with its own
 * luck; nobody knows how. The program sends one hundred tasks, tells the
 * scheduler how each ended, and prints what it learned. Time is a number here:
 * a program of your own passes milliseconds of a clock.
 *
 *	cc scheduler_alone.c $(pkg-config --static --cflags --libs \
 *		deia-scheduler)
 *	./a.out
 */
#include <deia/scheduler.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS 100
#define LAST 20

static const char *const workers[] = { "quick", "careful", "sloppy" };
static const char *const types[] = { "letters", "numbers" };

/* What the scheduler is to find out: seconds, and successes of ten. */
static const struct {
	double seconds;
	unsigned successes;
} truth[3][2] = {
	{ { 1, 10 }, { 8, 5 } },   /* quick: letters */
	{ { 4, 9 }, { 3, 10 } },   /* careful: numbers */
	{ { 0.2, 1 }, { 0.2, 1 } } /* sloppy: wrong, though fast */
};

/* A made-up random number below n. */
static unsigned chance(unsigned n)
{
	static uint32_t x = 1;

	x = x * 1664525 + 1013904223;
	return (x >> 16) % n;
}

static int fail(const deia_scheduler *s)
{
	fprintf(stderr, "%s\n", deia_scheduler_errmsg(s));
	return EXIT_FAILURE;
}

/* One task from beginning to end; *worker: who did it. */
static deia_err do_task(deia_scheduler *s, unsigned type, int64_t *now_ms,
			unsigned *worker)
{
	struct deia_scheduler_outcome outcome = DEIA_SCHEDULER_OUTCOME_INIT;
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_choice choice = { 0 };
	uint64_t run;
	deia_err err;

	ask.type = types[type];
	deia_scheduler_plan(s, *now_ms);
	err = deia_scheduler_choose(s, &ask, &choice);
	if (!err)
		err = deia_scheduler_start(s, choice.bot, ask.type, *now_ms,
					   &run);
	if (err || !choice.bot)
		return err;

	*worker = 0;
	while (*worker < 2 && strcmp(workers[*worker], choice.bot) != 0)
		++*worker;
	outcome.bot = choice.bot;
	outcome.type = ask.type;
	outcome.seconds =
		truth[*worker][type].seconds * (0.5 + chance(1000) / 1000.0);
	outcome.success = chance(10) < truth[*worker][type].successes;

	*now_ms += (int64_t)(outcome.seconds * 1000);
	deia_scheduler_end(s, run, *now_ms);
	return deia_scheduler_record(s, &outcome, *now_ms);
}

static deia_err explain(deia_scheduler *s, int64_t now_ms)
{
	struct deia_scheduler_ask ask = DEIA_SCHEDULER_ASK_INIT;
	struct deia_scheduler_recommendation r;
	char reason[300];

	for (unsigned type = 0; type < 2; type++) {
		deia_err err;

		ask.type = types[type];
		err = deia_scheduler_recommend(s, &ask, 2, now_ms, &r);
		if (err)
			return err;
		deia_scheduler_reason(&r, reason, sizeof(reason));
		printf("%s: %s, confidence %.2f\n  %s\n", types[type],
		       r.best[0].choice.bot, r.confidence, reason);
	}
	return DEIA_OK;
}

int main(void)
{
	struct deia_scheduler_bot bot = DEIA_SCHEDULER_BOT_INIT;
	unsigned done[3][2] = { { 0 } };
	deia_err err = DEIA_OK;
	deia_scheduler *s;
	int64_t now_ms = 0;
	int status = EXIT_SUCCESS;

	if (deia_scheduler_new(&s, NULL))
		return EXIT_FAILURE;
	for (unsigned i = 0; i < 2 && !err; i++)
		err = deia_scheduler_add_type(s, types[i]);
	for (unsigned i = 0; i < 3 && !err; i++)
		err = deia_scheduler_set_bot(s, workers[i], &bot, now_ms);
	for (unsigned n = 0; n < TASKS && !err; n++) {
		unsigned worker = 0, type = n % 2;

		err = do_task(s, type, &now_ms, &worker);
		if (!err && n >= TASKS - LAST)
			done[worker][type]++;
	}
	if (!err)
		err = explain(s, now_ms);
	for (unsigned i = 0; i < 3 && !err; i++)
		printf("%s did %u letters and %u numbers of the last %d\n",
		       workers[i], done[i][0], done[i][1], LAST);
	if (err)
		status = fail(s);
	deia_scheduler_free(s);
	return status;
}
