/* SPDX-License-Identifier: MIT */
/*
 * bench_chat.c - one chat round trip after the other through an echo bot, in
 * one process, with memory and with full durability.
 *
 *   bench_chat PROGRAM-DIR
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <deia/chat.h>
#include <deia/hive.h>

#include "bench.h"

#define TURNS 1001
#define WARM_UP 50

struct bench {
	deia_hive *hive;
	int64_t took[TURNS], began;
	size_t done;
};

static void say(struct bench *b);

static void stopped(void *user)
{
	struct bench *b = user;
	deia_hive_quit(b->hive);
}

static void on_done(deia_err err, const struct deia_chat_line *answer,
		    unsigned retry_after_seconds, void *user)
{
	struct bench *b = user;

	(void)answer;
	(void)retry_after_seconds;
	bench_must(err, deia_hive_errmsg(b->hive));
	if (b->done >= WARM_UP)
		b->took[b->done - WARM_UP] = bench_now_us() - b->began;
	if (++b->done < TURNS + WARM_UP)
		say(b);
	else
		bench_must(deia_hive_stop(b->hive, stopped, b), "stop");
}

static void say(struct bench *b)
{
	static const struct deia_chat_events events = { .on_done = on_done };

	b->began = bench_now_us();
	bench_must(deia_chat_send(b->hive, deia_actor_local(), "echo-1", NULL,
				  "hello", 5, &events, b, NULL),
		   "chat");
}

static void created(deia_err err, const struct deia_hive_bot *bot, void *user)
{
	struct bench *b = user;

	(void)bot;
	bench_must(err, deia_hive_errmsg(b->hive));
	say(b);
}

static int64_t median_us(const char *dir, const char *url,
			 enum deia_durability durability)
{
	static struct bench b;
	struct deia_hive_opts opts = DEIA_HIVE_OPTS_INIT;
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	char detail[256] = "cannot open";

	b = (struct bench){ 0 };
	opts.program_dir = dir;
	opts.store_url = url;
	opts.durability = durability;
	bench_must(deia_hive_new(&b.hive, NULL, &opts, detail, sizeof(detail)),
		   detail);
	bench_must(deia_hive_start(b.hive), "start");
	spec.id = "echo-1";
	spec.adapter = "echo";
	bench_must(deia_hive_bot_create(b.hive, deia_actor_local(), &spec, true,
					created, &b),
		   "create");
	bench_must(deia_hive_run(b.hive), "run");
	deia_hive_free(b.hive);
	return bench_median(b.took, TURNS);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : NULL;
	char folder[] = "/tmp/deia-bench-XXXXXX", path[64], url[80];

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder))
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/bench.db", folder);
	snprintf(url, sizeof(url), "sqlite:%s", path);
	printf("chat round trip, durability memory: %.3f ms median "
	       "(wanted: <= 1)\n",
	       (double)median_us(dir, "memory:", DEIA_DURABILITY_MEMORY) /
		       1000);
	printf("chat round trip, durability full: %.3f ms median\n",
	       (double)median_us(dir, url, DEIA_DURABILITY_FULL) / 1000);
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char file[80];

		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
	rmdir(folder);
	return EXIT_SUCCESS;
}
