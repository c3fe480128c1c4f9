/* SPDX-License-Identifier: MIT */
/*
 * bench_bots.c - launching echo bots: one after the other against a bare
 * posix_spawn, then 200 and 1,000 at once, and their proportional memory.
 *
 *   bench_bots PROGRAM-DIR
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include <deia/bot.h>
#include <deia/limits.h>

#include "bench.h"

#define SINGLE 51

struct bench {
	struct event_base *base;
	deia_bots *bots;
	char guard[DEIA_MAX_PATH_BYTES], bot[DEIA_MAX_PATH_BYTES];
	unsigned ready, wanted;
};

static void on_state(const struct deia_bot_info *info, deia_bot_state from,
		     void *user)
{
	struct bench *b = user;

	if (info->state == from)
		return;
	if (info->state == DEIA_BOT_FAILED || info->state == DEIA_BOT_BACKOFF) {
		fprintf(stderr, "%s: %s\n", info->spec->id, info->state_reason);
		exit(EXIT_FAILURE);
	}
	if (info->state == DEIA_BOT_READY && ++b->ready == b->wanted)
		event_base_loopbreak(b->base);
}

static void launch(struct bench *b, unsigned number)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	char id[32];

	snprintf(id, sizeof(id), "BOT-%04u", number);
	spec.id = id;
	spec.adapter = "echo";
	bench_must(deia_bots_add(b->bots, &spec), "add");
	bench_must(deia_bots_start(b->bots, id), "start");
}

static void stopped(void *user)
{
	struct bench *b = user;
	event_base_loopbreak(b->base);
}

static void open_bots(struct bench *b)
{
	struct deia_bots_opts opts = DEIA_BOTS_OPTS_INIT;

	opts.guard_program = b->guard;
	opts.bot_program = b->bot;
	opts.on_state = on_state;
	opts.user = b;
	bench_must(deia_bots_new(&b->bots, b->base, &opts), "new");
}

static void close_bots(struct bench *b)
{
	bench_must(deia_bots_stop_all(b->bots, stopped, b), "stop_all");
	event_base_dispatch(b->base);
	deia_bots_free(b->bots);
}

static int64_t launch_one(struct bench *b, unsigned number)
{
	int64_t began = bench_now_us();

	b->ready = 0;
	b->wanted = 1;
	launch(b, number);
	event_base_dispatch(b->base);
	return bench_now_us() - began;
}

static void one_by_one(struct bench *b)
{
	int64_t took[SINGLE];
	int64_t spawn = bench_spawn_us();

	open_bots(b);
	for (unsigned i = 0; i < SINGLE; i++)
		took[i] = launch_one(b, i);
	int64_t median = bench_median(took, SINGLE);

	printf("launch to ready: %.2f ms median, bare posix_spawn %.2f ms, "
	       "ratio %.1f (wanted: <= 15 ms)\n",
	       (double)median / 1000, (double)spawn / 1000,
	       (double)median / (double)spawn);
	close_bots(b);
}

/* Each bot with its guard; shared pages are divided by who shares them. */
static double memory_each(struct bench *b)
{
	const struct deia_bot_info *info;
	const char *after = NULL;
	char last[DEIA_MAX_ID_LEN + 1];
	long kb = 0;
	unsigned n = 0;

	while (deia_bots_list(b->bots, after, &info, 1)) {
		kb += bench_pss_kb((pid_t)info->pid);
		kb += bench_pss_kb(bench_parent((pid_t)info->pid));
		n++;
		snprintf(last, sizeof(last), "%s", info->spec->id);
		after = last;
	}
	return n ? (double)kb / 1024 / n : 0;
}

static void at_once(struct bench *b, unsigned count, double wanted_s)
{
	open_bots(b);
	int64_t began = bench_now_us();

	b->ready = 0;
	b->wanted = count;
	for (unsigned i = 0; i < count; i++)
		launch(b, i);
	event_base_dispatch(b->base);
	double took = (double)(bench_now_us() - began) / 1e6;

	printf("%u bots ready: %.2f s (wanted: <= %.0f s), %.2f MiB each, "
	       "guard included (wanted: <= 1)\n",
	       count, took, wanted_s, memory_each(b));
	close_bots(b);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/usr/local/bin";
	static struct bench b;

	b.base = event_base_new();
	snprintf(b.guard, sizeof(b.guard), "%s/deia-guard", dir);
	snprintf(b.bot, sizeof(b.bot), "%s/deia-bot", dir);
	signal(SIGPIPE, SIG_IGN);
	one_by_one(&b);
	at_once(&b, 200, 1);
	at_once(&b, 1000, 4);
	event_base_free(b.base);
	return EXIT_SUCCESS;
}
