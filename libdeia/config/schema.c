/* SPDX-License-Identifier: MIT */
/*
 * schema.c - the table of keys, and finding one that was misspelt.
 *
 * Rows of one section stand together: the default file is printed in this
 * order. What a value may look like is in checks.c.
 */
#include "config/schema.h"

#include <string.h>

#include <deia/limits.h>
#include <deia/node.h>

#include "config/checks.h"
#include "config/nearest.h"

#define TEXT(n, d) .name = n, .type = DEIA__KEY_TEXT, .fallback = d
#define INT(n, d, lo, hi)                                                      \
	.name = n, .type = DEIA__KEY_INT, .fallback = d, .min = lo, .max = hi
#define BOOL(n, d) .name = n, .type = DEIA__KEY_BOOL, .fallback = d
#define LIST(n) .name = n, .type = DEIA__KEY_LIST, .fallback = ""

#ifdef DEIA_HAVE_REDIS
#define CACHE_EXAMPLE "redis://127.0.0.1:6379/0"
#else
#define CACHE_EXAMPLE "\"memory:\"" /* what this build takes */
#endif

const struct deia__key deia__keys[] = {
	{ TEXT("server.host", "127.0.0.1"), .check = deia__check_host,
	  .env = "DEIA_HOST",
	  .about = "The address deiad listens on. With 127.0.0.1 only programs "
		   "on this\nmachine can reach it." },
	{ INT("server.port", "8000", 0, 65535), .env = "DEIA_PORT",
	  .about = "The TCP port. 0 takes a free one; deiad prints which." },
	{ BOOL("server.allow_remote", "false"),
	  .about = "Must be true before server.host may be an address that "
		   "other machines\ncan reach. Whoever reaches it and has a "
		   "token can run programs through bots,\nand plain HTTP shows "
		   "tokens to the network: put a TLS proxy in front." },
	{ LIST("server.allowed_hosts"), .check = deia__check_host_name,
	  .reload = true, .example = "[deia.example.org]",
	  .about = "Further names under which browsers may reach deiad (the "
		   "Host header), such\nas the name of a proxy. localhost and "
		   "server.host are always allowed." },
	{ LIST("server.allowed_origins"), .check = deia__check_origin,
	  .reload = true, .example = "[\"https://deia.example.org\"]",
	  .about = "Further origins whose web pages may call the API from a "
		   "browser." },
	{ INT("server.max_connections", "10000", 16, DEIA_MAX_CONNECTIONS),
	  .about = "Connections at a time; never more than the limit of open "
		   "files allows." },
	{ INT("server.max_connections_per_address", "256", 1, 10000),
	  .about = "The same for each address but this machine's own." },
	{ INT("server.head_timeout_seconds", "10", 1, 600),
	  .about = "A request must have its whole head here within this." },
	{ INT("server.body_timeout_seconds", "30", 1, 3600),
	  .about = "The same for its body." },
	{ INT("server.idle_timeout_seconds", "60", 1, 3600),
	  .about = "A connection without a request is closed after this." },
	{ INT("server.drain_timeout_seconds", "10", 0, 600), .reload = true,
	  .about = "How long requests may go on once deiad is told to stop." },

	{ TEXT("store.url", ""), .check = deia__check_store_url,
	  .password = true, .env = "DEIA_DATABASE_URL",
	  .example = "sqlite:/var/lib/deia/deia.db",
	  .about = "Where the hive is kept: sqlite:PATH, or\n"
		   "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or memory: "
		   "for nothing on\ndisk. Empty: the file state/deia.db beside "
		   "this one. A password is better\ngiven in "
		   "DEIA_DATABASE_URL or PostgreSQL's own ~/.pgpass." },
	{ TEXT("store.durability", "full"), .choices = "full|normal|memory",
	  .about =
		  "full: what was acknowledged is on disk, also after a power "
		  "cut.\nnormal: survives a killed deiad; a power cut may lose "
		  "the last moments.\nmemory: nothing is written to disk, all "
		  "is gone when deiad ends." },

	{ TEXT("node.name", DEIA_NODE_NAME_DEFAULT),
	  .check = deia__check_node_name, .env = "DEIA_NODE_NAME",
	  .about = "Which of them this is. By it the database knows which bots "
		   "are its own: each\nneeds one that no other has, and keeps "
		   "it." },
	{ TEXT("node.url", ""), .check = deia__check_node_url,
	  .example = "https://deia-1.example.org",
	  .about = "Where people reach this one's API; the others tell it "
		   "whoever asks them\nfor its bots." },

	{ TEXT("cache.url", ""), .check = deia__check_cache_url,
	  .env = "DEIA_REDIS_URL", .password = true, .example = CACHE_EXAMPLE,
	  .about = "Where what was read is kept for a while: memory: (the "
		   "same as empty), or\nredis://[user:password@]host[:port]"
		   "[/db], which several deiad share. Without\nit all goes on, "
		   "only slower." },
	{ TEXT("cache.password_file", ""), .example = "/run/secrets/redis",
	  .about = "A file whose first line is the password, instead of one in "
		   "cache.url." },
	{ TEXT("cache.prefix", "deia"), .check = deia__check_cache_prefix,
	  .about = "What all keys begin with. Hives that share a Redis have "
		   "one each." },
	{ INT("cache.memory_bytes", "16777216", 65536, 1 << 30),
	  .about = "How much memory: takes at most." },

	{ TEXT("logging.level", "info"), .choices = "error|warn|info|debug",
	  .env = "DEIA_LOG_LEVEL", .reload = true,
	  .about = "How much deiad writes to its standard error." },
	{ TEXT("logging.format", "text"), .choices = "text|logfmt|json",
	  .env = "DEIA_LOG_FORMAT", .reload = true,
	  .about = "What that looks like: lines for people, logfmt, or JSON. "
		   "The file\nbot-logs/deiad.jsonl is always JSON." },
	{ BOOL("logging.file", "true"),
	  .about = "Whether there is bot-logs/deiad.jsonl, which `deia logs` "
		   "reads." },
	{ TEXT("logging.requests", "all"), .choices = "all|slow|none",
	  .reload = true,
	  .about = "Requests that are a line in the log: all; slow, those that "
		   "took\nslow_ms or failed with 5xx; none." },
	{ INT("logging.slow_ms", "1000", 1, 3600000), .reload = true,
	  .about = "How long a slow request takes." },
	{ INT("logging.same_per_10s", "100", 0, 1000000), .reload = true,
	  .about =
		  "Lines of one kind in 10 s; what is more is counted and told "
		  "in one line.\n0: any number." },
	{ INT("logging.lines_per_second", "1000", 0, 10000000), .reload = true,
	  .about = "All lines in a second; likewise. 0: any number." },

	{ BOOL("health.enabled", "true"),
	  .about = "Whether deiad watches its health: measures, judges by "
		   "rules, and fires\nalerts. Without, GET /health says what "
		   "can be "
		   "seen at a glance." },
	{ INT("health.probe_interval_seconds", "600", 0, 86400), .reload = true,
	  .about = "How often the seven health checks are run by themselves. "
		   "0: only when\nsomebody asks, as with `deia doctor`." },

	{ INT("retention.events", "100000", 1000, 100000000), .reload = true,
	  .about = "How many events are kept, and how many KiB of them. The "
		   "oldest go\n"
		   "first." },
	{ INT("retention.audit_days", "180", 1, 36500), .reload = true,
	  .about = "How long is kept who changed what." },
	{ INT("retention.chat_days", "0", 0, 36500), .reload = true,
	  .fresh = "90",
	  .about = "How long chat lines are kept. 0, or no such line: for ever."
		   " A new hive\nbegins with 90 days." },
	{ INT("retention.bot_status_days", "7", 1, 36500), .reload = true,
	  .about = "How long is kept what each bot needed, a sample a "
		   "minute." },

	{ INT("messages.ttl_seconds", "604800", 1, DEIA_MAX_TTL_SECONDS),
	  .reload = true,
	  .about = "How long mail waits for its reader unless its sender says: "
		   "7 days.\nAfter that it expires." },
	{ INT("messages.max_attempts", "3", 1, DEIA_MAX_ATTEMPTS),
	  .reload = true,
	  .about = "So often a message is handed over without being "
		   "acknowledged; then it\nis a dead letter, until somebody "
		   "requeues it." },
	{ INT("messages.inbox_length", "100000", 1, 10000000), .reload = true,
	  .about = "Messages that one bot has not read yet. Above that its "
		   "senders are\nrefused with 429." },
	{ INT("messages.retention_days", "90", 1, 36500), .reload = true,
	  .about = "How long messages are kept that were read, failed or "
		   "expired." },
	{ INT("messages.ageing_seconds", "60", 1, 86400), .reload = true,
	  .about =
		  "Mail that has waited longer gets every 8th hand-over of its "
		  "inbox,\nwhatever its priority." },
	{ INT("messages.max_hops", "32", 1, 1000), .reload = true,
	  .about = "A message that is the answer to an answer ... this often "
		   "is not answered\nby itself any more: two bots could go on "
		   "for ever." },
	{ INT("messages.answers_per_minute", "120", 1, 100000), .reload = true,
	  .about = "Answers by themselves between the same two bots in a "
		   "minute." },
	{ BOOL("messages.journal_content", "false"), .reload = true,
	  .about = "Whether bot-logs/bot-messaging.jsonl shows what messages "
		   "say, or only\nwho sent them to whom." },

	{ LIST("tasks.types"), .check = deia__check_task_type,
	  .example = "[translation, invoices]",
	  .about = "Types of tasks of your own, beside development, analysis, "
		   "writing,\nplanning, validation and general." },

	{ TEXT("scheduler.policy", "learned"),
	  .choices = "learned|least-loaded|round-robin", .reload = true,
	  .about = "learned: the bot that will finish a task soonest and well, "
		   "by what is\nknown of it. The others are for comparison." },
	{ INT("scheduler.half_life_seconds", "2400", 1, 31536000),
	  .about = "What was learned counts half after this time and ..." },
	{ INT("scheduler.half_life_outcomes", "50", 1, 1000000),
	  .about =
		  "... after so many tasks of its type for each bot: when both "
		  "are over." },
	{ INT("scheduler.pause_seconds", "10", 1, 86400),
	  .about =
		  "A bot that keeps failing gets no task for so long; the next "
		  "time for\ntwice as long ..." },
	{ INT("scheduler.max_pause_seconds", "600", 1, 86400),
	  .about = "... up to this." },
	{ INT("scheduler.history_length", "1000", 0, 100000),
	  .about = "Outcomes that are kept in memory to be shown." },

	{ TEXT("ollama.url", "http://127.0.0.1:11434"),
	  .check = deia__check_ollama, .env = "OLLAMA_HOST", .reload = true,
	  .about =
		  "Where Ollama answers, for bots that name no base_url: HOST, "
		  "HOST:PORT or a\nURL, as Ollama itself reads OLLAMA_HOST." },

	{ INT("bots.defaults.max_concurrent", "1", 1, DEIA_MAX_CONCURRENT),
	  .reload = true,
	  .about = "Chats and tasks that one bot works on at a time." },
	{ INT("bots.defaults.ready_timeout_seconds", "60", 1, 86400),
	  .reload = true,
	  .about = "A bot that is not ready by then counts as dead." },
	{ INT("bots.defaults.stop_timeout_seconds", "5", 0, 3600),
	  .reload = true,
	  .about = "Grace between asking a bot to stop, SIGTERM and SIGKILL." },
	{ INT("bots.defaults.max_restarts", "10", 0, 1000), .reload = true,
	  .about = "A bot that dies more often than this within window_seconds "
		   "is not started\nagain: it is failed." },
	{ INT("bots.defaults.window_seconds", "600", 1, 86400), .reload = true,
	  .about = "The window in which deaths are counted." },

	{ INT("alerts.group_seconds", "5", 0, 600), .reload = true,
	  .about = "What happens to alerts within so long goes out as one "
		   "message." },
	{ INT("alerts.messages_per_hour", "20", 1, 3600), .reload = true,
	  .about = "To each receiver, at most; what is more waits and is "
		   "merged into the next\none." },
	{ INT("alerts.burst", "5", 1, 1000), .reload = true,
	  .about = "So many of them at once." },
	{ INT("alerts.resend_seconds", "60", 1, 3600), .reload = true,
	  .about = "How often an Alertmanager is told again of what still "
		   "fires; what it does\nnot hear of for four times as long is "
		   "over for it." },

	{ INT("scaling.max_bots", "64", 1, DEIA_MAX_BOTS), .reload = true,
	  .about = "Bots of all scaled templates together, at most." },
	{ BOOL("scaling.dry_run", "false"), .reload = true,
	  .about = "Decide and record, but launch and remove nothing." },
	{ INT("scaling.up_cooldown_seconds", "15", 0, 86400), .reload = true,
	  .about = "After a step up, before the next." },
	{ INT("scaling.down_cooldown_seconds", "30", 0, 86400), .reload = true,
	  .about = "After a bot was drained, before the next." },
	{ INT("scaling.down_window_seconds", "300", 0, 86400), .reload = true,
	  .about = "So long fewer must have been enough before one goes." },
	{ INT("scaling.cpu_max_percent", "90", 1, 1000), .reload = true,
	  .about = "While the processors are busier nothing is launched but "
		   "min_bots." },
	{ INT("scaling.reserve_mib", "512", 0, 16 << 20), .reload = true,
	  .about = "Memory that stays free: no bot is launched into it." },
};
const size_t deia__n_keys = sizeof(deia__keys) / sizeof(deia__keys[0]);

static const struct {
	const char *name, *about;
} sections[] = {
	{ "server", "The HTTP server: API and web page." },
	{ "store", "What must survive." },
	{ "node", "Several deiad on one PostgreSQL. Nothing of this counts "
		  "with one file." },
	{ "cache", "What may be lost at any time." },
	{ "logging", NULL },
	{ "retention", "How much history is kept." },
	{ "health", "What is wrong, since when, and what to do." },
	{ "messages", "Mail between bots." },
	{ "tasks", "Work that no bot is named for." },
	{ "scheduler", "Which bot does a task." },
	{ "ollama", NULL },
	{ "bots", NULL },
	{ "bots.defaults", "For bots whose specification does not say it." },
	{ "alerts", "Who is told of alerts (docs/alerts.md). Nobody is, until "
		    "somebody stands\nbelow alerts.receivers." },
	{ "scaling", "The auto-scaler: as many bots of a template as the work "
		     "needs. It is\noff until a template stands below "
		     "scaling.templates." },
	{ "scaling.templates", NULL },
	{ "templates", NULL },
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

const char *deia__section_about(const char *section)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (strcmp(sections[i].name, section) == 0)
			return sections[i].about;
	return NULL;
}

size_t deia__key_find(const char *name)
{
	for (size_t i = 0; i < deia__n_keys; i++)
		if (strcmp(deia__keys[i].name, name) == 0)
			return i;
	return deia__n_keys;
}

bool deia__key_is_section(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < deia__n_keys; i++)
		if (strncmp(deia__keys[i].name, name, len) == 0 &&
		    deia__keys[i].name[len] == '.')
			return true;
	return false;
}

/* ---- suggestions ------------------------------------------------------- */

static unsigned depth_of(const char *name)
{
	unsigned n = 0;

	while ((name = strchr(name, '.'))) {
		name++;
		n++;
	}
	return n;
}

static const char *last_word(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

const char *deia__key_suggest(const char *name)
{
	struct deia__nearest best = { .typed = name };

	for (size_t i = 0; i < deia__n_keys; i++)
		deia__nearest_offer(&best, deia__keys[i].name);
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (depth_of(sections[i].name) == depth_of(name))
			deia__nearest_offer(&best, sections[i].name);
	if (best.word)
		return best.word;
	/* The right word in the wrong section. */
	for (size_t i = 0; i < deia__n_keys; i++)
		if (strcmp(last_word(deia__keys[i].name), last_word(name)) == 0)
			return deia__keys[i].name;
	return NULL;
}
