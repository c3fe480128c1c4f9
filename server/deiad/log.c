/* SPDX-License-Identifier: MIT */
/*
 * log.c - see log.h.
 *
 * A line is judged first (level, limits), then printed: once for stderr, once
 * as JSON for the file. What is left out costs nearly nothing.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <deia/limits.h>
#include <deia/logs.h>
#include <event2/event.h>

#include "log_counts.h"
#include "log_limit.h"
#include "log_stderr.h"

#define FILE_QUEUE_BYTES (4u << 20)
#define TEXT_BYTES 8192

static struct {
	struct log_settings set;
	struct log_limit limit;
	struct log_printer printer;
	deia_logfile *file;
	struct event *timer;
	bool runs;
} the_log = { .set = { .level = DEIA_LOG_INFO,
		       .requests = LOG_REQUESTS_ALL,
		       .slow_ms = 1000 } };

enum deia_log_level log_level_parse(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (strcasecmp(name, log_level_name((enum deia_log_level)i)) ==
		    0)
			return (enum deia_log_level)i;
	return DEIA_LOG_INFO;
}

enum log_form log_form_parse(const char *name)
{
	if (strcmp(name, "json") == 0)
		return LOG_JSON;
	return strcmp(name, "logfmt") == 0 ? LOG_LOGFMT : LOG_TEXT;
}

enum log_requests log_requests_parse(const char *name)
{
	if (strcmp(name, "none") == 0)
		return LOG_REQUESTS_NONE;
	return strcmp(name, "slow") == 0 ? LOG_REQUESTS_SLOW : LOG_REQUESTS_ALL;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- writing ------------------------------------------------------------ */

static void put(struct log_event *e)
{
	const char *line;
	size_t len;

	e->at_unix_ms = clock_ms(CLOCK_REALTIME);
	line = log_print(&the_log.printer, the_log.set.form, e, &len);
	if (line)
		log_stderr_write(line, len);
	if (!the_log.file)
		return;
	if (the_log.set.form != LOG_JSON)
		line = log_print(&the_log.printer, LOG_JSON, e, &len);
	if (line)
		deia_logfile_write(the_log.file, line, len);
}

/* ---- limits ------------------------------------------------------------- */

static void tell_one(int level, const char *sample, uint64_t n,
		     unsigned seconds, void *user)
{
	char text[LOG_LIMIT_SAMPLE + 100];

	(void)user;
	if (*sample)
		snprintf(text, sizeof(text),
			 "%s (said %llu more times in %u s)", sample,
			 (unsigned long long)n, seconds);
	else
		snprintf(text, sizeof(text),
			 "%llu lines were left out in %u s: more than "
			 "logging.lines_per_second",
			 (unsigned long long)n, seconds);
	put(&(struct log_event){ .level = (enum deia_log_level)level,
				 .action = "log.suppressed",
				 .message = text,
				 .suppressed = n });
}

static void tell(bool force)
{
	log_limit_tell(&the_log.limit, clock_ms(CLOCK_MONOTONIC), force,
		       tell_one, NULL);
}

/* Nothing polls while nothing was left out. */
static void wake_later(void)
{
	static const struct timeval second = { 1, 0 };

	if (the_log.timer && !event_pending(the_log.timer, EV_TIMEOUT, NULL))
		event_add(the_log.timer, &second);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	tell(false);
	if (the_log.limit.waits)
		wake_later();
}

static bool may_say(const void *key, enum deia_log_level level)
{
	if (level > the_log.set.level)
		return false;
	tell(false);
	if (log_limit_ask(&the_log.limit, key, (int)level,
			  clock_ms(CLOCK_MONOTONIC)))
		return true;
	wake_later();
	return false;
}

/* ---- what is said ------------------------------------------------------- */

void log_msg(enum deia_log_level level, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	bool may = may_say(fmt, level);
	va_list ap;

	log_count(level);
	if (level > the_log.set.level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (may)
		put(&(struct log_event){ .level = level, .message = text });
	else
		log_limit_note(&the_log.limit, fmt, text);
}

void log_hive(const struct deia_log_line *line)
{
	log_count(line->level);
	if (may_say(line->site, line->level))
		put(&(struct log_event){ .level = line->level,
					 .message = line->text });
	else if (line->level <= the_log.set.level)
		log_limit_note(&the_log.limit, line->site, line->text);
}

bool log_flow_wanted(enum deia_log_level level)
{
	return may_say(NULL, level);
}

void log_flow(struct log_event *e)
{
	put(e);
}

static enum deia_log_level access_level(bool quiet, const struct access_line *a)
{
	bool failed = a->status >= 500;
	bool slow = a->us >= (int64_t)the_log.set.slow_ms * 1000;

	if (quiet && !failed)
		return DEIA_LOG_DEBUG;
	switch (the_log.set.requests) {
	case LOG_REQUESTS_NONE:
		return DEIA_LOG_DEBUG;
	case LOG_REQUESTS_SLOW:
		return failed || slow ? DEIA_LOG_INFO : DEIA_LOG_DEBUG;
	default:
		return DEIA_LOG_INFO;
	}
}

void log_access(bool quiet, const struct access_line *a)
{
	enum deia_log_level level = access_level(quiet, a);
	char text[256];

	if (!may_say(NULL, level))
		return;
	snprintf(text, sizeof(text), "%s %.200s %d", a->method,
		 a->path ? a->path : "-", a->status);
	put(&(struct log_event){ .level = level,
				 .action = "request",
				 .message = text,
				 .request_id = a->request_id,
				 .traceparent = a->traceparent,
				 .method = a->method,
				 .path = a->path,
				 .route = a->route,
				 .who = a->who,
				 .address = a->address,
				 .status = a->status,
				 .bytes = a->bytes,
				 .us = a->us });
}

void log_recent(struct deia_check_log *out)
{
	log_counts_recent(out);
	out->lost = log_stderr_dropped();
	if (the_log.file)
		out->lost += deia_logfile_dropped(the_log.file);
}

/* ---- life --------------------------------------------------------------- */

void log_configure(const struct log_settings *s)
{
	tell(true);
	the_log.set = *s;
	the_log.limit.same_max = s->same_per_10s;
	the_log.limit.all_max = s->lines_per_second;
}

bool log_open_file(const char *path)
{
	deia_err err =
		deia_logfile_open(&the_log.file, path, DEIA_MAX_LOG_FILE_BYTES,
				  DEIA_LOG_FILES_KEPT, FILE_QUEUE_BYTES);

	if (err)
		log_msg(DEIA_LOG_WARN, "there is no log in %s: %s", path,
			deia_err_text(err));
	return !err;
}

void log_reopen(void)
{
	if (the_log.file)
		deia_logfile_reopen(the_log.file);
}

bool log_watch(struct event_base *base)
{
	the_log.timer = evtimer_new(base, on_timer, NULL);
	return the_log.timer != NULL;
}

void log_unwatch(void)
{
	if (the_log.timer)
		event_free(the_log.timer);
	the_log.timer = NULL;
}

bool log_start(void)
{
	the_log.runs = log_stderr_start();
	return the_log.runs;
}

bool log_runs(void)
{
	return the_log.runs;
}

void log_stop(void)
{
	tell(true);
	the_log.runs = false;
	deia_logfile_close(the_log.file);
	the_log.file = NULL;
	log_stderr_stop();
	log_printer_fini(&the_log.printer);
}
