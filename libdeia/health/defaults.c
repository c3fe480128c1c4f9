/* SPDX-License-Identifier: MIT */
/*
 * defaults.c - the metrics and rules that are there from the start.
 *
 * Where a number comes from: docs/health.md. Texts say what to do, in the
 * order in which it is worth trying.
 */
#include "health/health.h"

#include <stddef.h>

#define SECONDS(n) ((n)*INT64_C(1000))
#define MINUTES(n) SECONDS((n)*60)
#define HOUR_SECONDS 3600.0
#define YEAR_SECONDS (366 * 24 * HOUR_SECONDS)
#define MANY 1e9
#define MAX_BYTES 1e15
#define MIB 1048576.0

#define METRIC(n, s, low, high, keep, t)                                       \
	{                                                                      \
		.size = sizeof(struct deia_health_metric), .name = n,          \
		.scope = s, .min = low, .max = high, .kept = keep, .text = t   \
	}
#define OF_HOST(n, high, keep, t) METRIC(n, NULL, 0, high, keep, t)
#define OF_BOT(n, high, t) METRIC(n, "bot", 0, high, false, t)

const struct deia_health_metric deia__health_metrics[] = {
	OF_HOST("host.cpu_ratio", 1, true, "CPU of the machine"),
	OF_HOST("host.memory_ratio", 1, true, "memory of the machine in use"),
	/* Turns that models of this very machine work on. */
	OF_HOST("host.local_turns", MANY, true, "turns of local models"),
	METRIC("disk.used_ratio", "disk", 0, 1, false, "space in use"),

	OF_HOST("process.cpu_ratio", MANY, false, "CPU of deiad, of one core"),
	OF_HOST("process.memory_bytes", MAX_BYTES, true, "memory of deiad"),
	OF_HOST("process.descriptors_ratio", 1, true,
		"file descriptors of deiad in use"),
	OF_HOST("process.loop_delay_seconds", YEAR_SECONDS, true,
		"delay of the loop"),

	OF_HOST("store.down", 1, true, "the store does not answer"),
	OF_HOST("store.latency_seconds", YEAR_SECONDS, true,
		"time of a commit, p95"),
	OF_HOST("cache.down", 1, true, "the cache does not answer"),
	OF_HOST("cache.latency_seconds", YEAR_SECONDS, false,
		"time of a cache operation, p95"),
	METRIC("model.down", "model", 0, 1, false,
	       "the model server does not answer"),
	METRIC("model.latency_seconds", "model", 0, YEAR_SECONDS, false,
	       "time to the first token, p95"),

	OF_HOST("hive.bots", MANY, true, "bots that run"),
	OF_HOST("hive.bots_wanted", MANY, false, "bots that should run"),
	/* Of those that should run; unknown when none should. */
	OF_HOST("hive.bots_down_ratio", 1, true, "bots that do not run"),
	OF_HOST("hive.tasks_waiting", MANY, true, "tasks that wait"),
	OF_HOST("hive.success_ratio", 1, true, "tasks that succeed"),
	/* Dead letters of the last hour. */
	OF_HOST("hive.failed_messages", MANY, true, "failed messages"),
	/* Age of the oldest task that could run; how many wait. */
	METRIC("queue.wait_seconds", "queue", 0, YEAR_SECONDS, false,
	       "wait of the oldest task"),
	METRIC("queue.depth", "queue", 0, MANY, false, "tasks that wait"),

	OF_BOT("bot.failed", 1, "the bot has failed"),
	OF_BOT("bot.offline", 1, "the bot is offline"),
	OF_BOT("bot.success_ratio", 1, "tasks that succeed"),
	/* How many tasks the success ratio is of. */
	OF_BOT("bot.finished", MANY, "finished tasks"),
	OF_BOT("bot.load_ratio", MANY, "load of the bot"),
	OF_BOT("bot.cpu_ratio", MANY, "CPU of the bot, of one core"),
	OF_BOT("bot.memory_bytes", MAX_BYTES, "memory of the bot"),
	/* Slope of a trend that is there; unknown or 0 without one. */
	OF_BOT("bot.leak_bytes_per_hour", MAX_BYTES, "memory grows by"),
	/* Within the last ten minutes. */
	OF_BOT("bot.restarts", MANY, "restarts"),
	OF_BOT("bot.latency_seconds", YEAR_SECONDS, "time of a turn, p95"),
};
const size_t deia__health_n_metrics =
	sizeof(deia__health_metrics) / sizeof(*deia__health_metrics);

/* ---- rules -------------------------------------------------------------- */

#define ON(level, a, c, ms)                                                    \
	[DEIA_HEALTH_##level] = {                                              \
		.used = true, .at = (a), .clear = (c), .for_ms = (ms)          \
	}
#define RULE(i, m) RULE_ON(i, m, DEIA_HEALTH_AT_LEAST)
#define RULE_ON(i, m, c)                                                       \
	.size = sizeof(struct deia_health_rule), .id = i, .metric = m,         \
	.compare = c

static const struct deia_health_rule rules[] = {
	{ RULE("cpu", "host.cpu_ratio"),
	  .levels = { ON(WARNING, 0.80, 0.70, MINUTES(1)),
		      ON(CRITICAL, 0.95, 0.85, MINUTES(1)) },
	  .keep_ms = MINUTES(2),
	  /* That is what it is for. Harm shows in delays and waits. */
	  .unless = { { .metric = "host.local_turns",
			.compare = DEIA_HEALTH_ABOVE } },
	  .n_unless = 1,
	  .text = "Something other than the local models takes the CPU. "
		  "`top` shows what; stop it or give the hive fewer bots." },
	{ RULE("memory", "host.memory_ratio"),
	  .levels = { ON(WARNING, 0.75, 0.70, MINUTES(1)),
		      ON(CRITICAL, 0.90, 0.85, MINUTES(1)) },
	  .keep_ms = MINUTES(2),
	  .text = "`deia bot show BOT` has the memory of each bot. Give bots "
		  "memory_max_mib, use a smaller model, or stop some." },
	{ RULE("resources_exhausted", "host.cpu_ratio"),
	  .levels = { ON(CRITICAL, 0.90, 0.80, MINUTES(1)) },
	  .keep_ms = MINUTES(2),
	  .also = { { .metric = "host.memory_ratio",
		      .compare = DEIA_HEALTH_AT_LEAST,
		      .at = 0.85,
		      .clear = 0.80 } },
	  .n_also = 1,
	  .text = "Neither CPU nor memory is left: the next bot may make the "
		  "machine swap. Stop bots, or lower scaling.max_bots." },
	{ RULE("disk", "disk.used_ratio"),
	  .levels = { ON(WARNING, 0.90, 0.88, MINUTES(1)),
		      ON(CRITICAL, 0.95, 0.93, MINUTES(1)) },
	  .keep_ms = MINUTES(1),
	  .text = "Make room: old logs and backups first. At 100 % nothing "
		  "can be stored, and what comes in is refused." },
	{ RULE("descriptors", "process.descriptors_ratio"),
	  .levels = { ON(WARNING, 0.80, 0.70, MINUTES(1)),
		      ON(CRITICAL, 0.95, 0.85, SECONDS(10)) },
	  .keep_ms = MINUTES(2),
	  .text = "Raise LimitNOFILE of the service (or ulimit -n), or find "
		  "who holds so many connections." },
	{ RULE("loop_delay", "process.loop_delay_seconds"),
	  .levels = { ON(WARNING, 0.25, 0.10, MINUTES(1)),
		      ON(CRITICAL, 2, 1, MINUTES(1)) },
	  .keep_ms = MINUTES(2),
	  .text = "deiad gets to its work late. Is the machine swapping, or "
		  "short of CPU? Give deiad a better nice value than bots." },
	{ RULE("store_down", "store.down"),
	  .levels = { ON(CRITICAL, 1, 1, SECONDS(5)) }, .keep_ms = SECONDS(10),
	  .text = "Nothing can be accepted. Is the disk full or read-only, is "
		  "PostgreSQL running? The log says what the store answered." },
	{ RULE("store_latency", "store.latency_seconds"),
	  .levels = { ON(WARNING, 0.5, 0.25, MINUTES(1)),
		      ON(CRITICAL, 5, 2, MINUTES(1)) },
	  .keep_ms = MINUTES(2),
	  .text = "Each acknowledgement waits for a commit. Look at the disk "
		  "(iostat) or at the database's host." },
	{ RULE("cache_down", "cache.down"),
	  .levels = { ON(WARNING, 1, 1, SECONDS(30)) }, .keep_ms = SECONDS(30),
	  .text = "The hive works without it, more slowly. Is Redis running?" },
	{ RULE("model_down", "model.down"),
	  .levels = { ON(WARNING, 1, 1, SECONDS(30)) }, .keep_ms = SECONDS(30),
	  .text = "Its bots cannot answer. Start the model server; "
		  "`deia models` asks it what it has." },
	{ RULE("bots_down", "hive.bots_down_ratio"),
	  .levels = { ON(WARNING, 0.5, 0.3, MINUTES(1)),
		      ON(CRITICAL, 1, 0.9, MINUTES(1)) },
	  .keep_ms = SECONDS(30),
	  /* Of few bots each is told by itself, and once is enough. */
	  .also = { { .metric = "hive.bots_wanted",
		      .compare = DEIA_HEALTH_AT_LEAST,
		      .at = 4,
		      .clear = 3 } },
	  .n_also = 1,
	  .text = "`deia bot list` shows why each does not run. Often it is "
		  "one cause: a model server, a program that is missing." },
	{ RULE("bot_failed", "bot.failed"), .levels = { ON(WARNING, 1, 1, 0) },
	  .text = "It is not started again by itself. See `deia bot logs`, "
		  "then `deia bot start` or `deia bot remove`." },
	{ RULE("bot_offline", "bot.offline"),
	  .levels = { ON(WARNING, 1, 1, SECONDS(30)) }, .keep_ms = MINUTES(1),
	  .text = "No heartbeat came for heartbeat_timeout_seconds. Is its "
		  "program running, does it reach deiad?" },
	{ RULE_ON("bot_success", "bot.success_ratio", DEIA_HEALTH_BELOW),
	  .levels = { ON(WARNING, 0.30, 0.50, MINUTES(1)) },
	  .keep_ms = MINUTES(5),
	  .also = { { .metric = "bot.finished",
		      .compare = DEIA_HEALTH_AT_LEAST,
		      .at = 5,
		      .clear = 1 } },
	  .n_also = 1,
	  .text = "Look at its failed tasks (`deia task list --status "
		  "failed`): a model that is too small, a tool that is "
		  "missing, or a check that is too strict." },
	{ RULE("bot_leak", "bot.leak_bytes_per_hour"),
	  .levels = { ON(WARNING, 100 * MIB, 50 * MIB, MINUTES(60)) },
	  .keep_ms = MINUTES(30),
	  .text = "Its memory only grows. Restart it at a quiet hour, or give "
		  "it memory_max_mib; then look for the leak." },
	{ RULE("queue_backlog", "queue.wait_seconds"),
	  .levels = { ON(WARNING, 600, 300, MINUTES(1)) },
	  .keep_ms = MINUTES(2),
	  .also = { { .metric = "queue.depth",
		      .compare = DEIA_HEALTH_AT_LEAST,
		      .at = 10,
		      .clear = 5 } },
	  .n_also = 1,
	  .text = "More comes in than is done. Launch bots for this kind of "
		  "task (`deia scale`), or take some tasks back." },
	{ RULE("failed_messages", "hive.failed_messages"),
	  .levels = { ON(WARNING, 5, 1, 0) }, .keep_ms = MINUTES(5),
	  .text = "`deia messages failed` shows them and why; `deia messages "
		  "requeue` sends them once more." },
};

const struct deia_health_rule *deia_health_default_rules(size_t *n)
{
	*n = sizeof(rules) / sizeof(*rules);
	return rules;
}
