/* SPDX-License-Identifier: MIT */
/*
 * log.c - see log.h.
 *
 * Two buffers: the loop fills one while the thread writes the other. After it
 * was woken the thread waits a moment, so that one write takes many lines.
 */
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <deia/hive_checks.h>
#include <deia/sys/json.h>

#define QUEUE_BYTES (1u << 20)
#define LINE_BYTES 8192
#define MINUTES 10 /* of errors and warnings, that are counted */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool running, stopping, json;
	enum deia_log_level level;
	char *queue;
	size_t len, cap;
	unsigned long dropped;
	uint64_t lost; /* lines, since the start */
	/* Loop thread only: by minute, up to the newest. */
	unsigned counts[2][MINUTES];
	int64_t minute;
} the_log = { .lock = PTHREAD_MUTEX_INITIALIZER,
	      .wake = PTHREAD_COND_INITIALIZER,
	      .level = DEIA_LOG_INFO };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

enum deia_log_level log_level_parse(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (strcasecmp(name, level_names[i]) == 0)
			return (enum deia_log_level)i;
	return DEIA_LOG_INFO;
}

static void write_all(const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, p, len);

		if (n <= 0)
			return; /* nobody is there to be told */
		p += n;
		len -= (size_t)n;
	}
}

static void note_dropped(unsigned long n)
{
	char line[80];

	if (n)
		write_all(line,
			  (size_t)snprintf(line, sizeof(line),
					   "log: %lu lines were dropped\n", n));
}

static void *writer(void *arg)
{
	static const struct timespec moment = { 0, 10 * 1000000 };
	char *mine = NULL;
	size_t mine_cap = 0;

	(void)arg;
	pthread_mutex_lock(&the_log.lock);
	for (;;) {
		unsigned long dropped;
		size_t len, cap;
		char *full;

		while (the_log.len == 0 && !the_log.stopping)
			pthread_cond_wait(&the_log.wake, &the_log.lock);
		if (the_log.len == 0)
			break;
		if (!the_log.stopping) {
			pthread_mutex_unlock(&the_log.lock);
			nanosleep(&moment, NULL);
			pthread_mutex_lock(&the_log.lock);
		}
		full = the_log.queue;
		len = the_log.len;
		cap = the_log.cap;
		dropped = the_log.dropped;
		the_log.queue = mine;
		the_log.cap = mine_cap;
		the_log.len = 0;
		the_log.dropped = 0;
		pthread_mutex_unlock(&the_log.lock);
		write_all(full, len);
		note_dropped(dropped);
		mine = full;
		mine_cap = cap;
		pthread_mutex_lock(&the_log.lock);
	}
	pthread_mutex_unlock(&the_log.lock);
	free(mine);
	return NULL;
}

static bool make_room(size_t len)
{
	size_t cap = the_log.cap ? the_log.cap : 16384;
	char *grown;

	while (cap < the_log.len + len)
		cap *= 2;
	if (cap == the_log.cap)
		return true;
	if (cap > QUEUE_BYTES)
		return false;
	grown = realloc(the_log.queue, cap);
	if (!grown)
		return false;
	the_log.queue = grown;
	the_log.cap = cap;
	return true;
}

static void queue_line(const char *p, size_t len)
{
	bool was_empty;

	if (!the_log.running) {
		write_all(p, len);
		return;
	}
	pthread_mutex_lock(&the_log.lock);
	was_empty = the_log.len == 0;
	if (make_room(len)) {
		memcpy(the_log.queue + the_log.len, p, len);
		the_log.len += len;
	} else {
		the_log.dropped++;
		the_log.lost++;
	}
	if (was_empty)
		pthread_cond_signal(&the_log.wake);
	pthread_mutex_unlock(&the_log.lock);
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- how much of it was bad ---------------------------------------------- */

static int64_t this_minute(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec / 60;
}

static void turn_minutes(void)
{
	int64_t now = this_minute();

	if (now - the_log.minute >= MINUTES)
		the_log.minute = now - MINUTES;
	while (the_log.minute < now) {
		the_log.minute++;
		for (int i = 0; i < 2; i++)
			the_log.counts[i][the_log.minute % MINUTES] = 0;
	}
}

static void count(enum deia_log_level level)
{
	if (level > DEIA_LOG_WARN)
		return;
	turn_minutes();
	the_log.counts[level == DEIA_LOG_WARN][the_log.minute % MINUTES]++;
}

void log_recent(struct deia_check_log *out)
{
	turn_minutes();
	for (int i = 0; i < MINUTES; i++) {
		out->errors += the_log.counts[0][i];
		out->warnings += the_log.counts[1][i];
	}
	out->seconds = MINUTES * 60;
	pthread_mutex_lock(&the_log.lock);
	out->lost = the_log.lost;
	pthread_mutex_unlock(&the_log.lock);
}

/* "2026-11-22T16:00:00.123Z level " */
static size_t text_prefix(char *line, size_t cap, enum deia_log_level level,
			  int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	return (size_t)snprintf(
		line, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %-5s ",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, (int)(ms % 1000), level_names[level]);
}

static void json_begin(struct deia_jw *w, enum deia_log_level level,
		       const char *text)
{
	deia_jw_init(w);
	deia_jw_object(w);
	deia_jw_ktime(w, "timestamp", wall_ms());
	deia_jw_kstr(w, "level", level_names[level]);
	deia_jw_kstr(w, "message", text);
}

static void json_end(struct deia_jw *w)
{
	deia_jw_end_object(w);
	if (deia_jw_status(w) == DEIA_OK) {
		w->text[w->len] = '\n'; /* in place of the final NUL */
		queue_line(w->text, w->len + 1);
	}
	deia_jw_fini(w);
}

/* Control characters never reach the terminal or start a line. */
static void make_plain(char *p)
{
	for (; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
}

void log_msg(enum deia_log_level level, const char *fmt, ...)
{
	char line[LINE_BYTES];
	struct deia_jw w;
	size_t n = 0;
	va_list ap;

	count(level);
	if (level > the_log.level)
		return;
	if (!the_log.json)
		n = text_prefix(line, sizeof(line), level, wall_ms());
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	make_plain(line);
	if (the_log.json) {
		json_begin(&w, level, line);
		json_end(&w);
		return;
	}
	n = strlen(line);
	line[n] = '\n';
	queue_line(line, n + 1);
}

/* A line that is put together by hand: there is one for each request. */
struct line {
	char text[LINE_BYTES];
	size_t len;
};

static void add(struct line *l, const char *s)
{
	size_t left = sizeof(l->text) - 1 - l->len, n = strlen(s);

	n = n < left ? n : left;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

/* At least `digits` of them. */
static void add_number(struct line *l, uint64_t v, int digits)
{
	char text[24], *p = text + sizeof(text) - 1;

	*p = '\0';
	while (v || digits > 0) {
		*--p = (char)('0' + v % 10);
		v /= 10;
		digits--;
	}
	add(l, p);
}

/* As text_prefix; all but the milliseconds is the same for a second. */
static void add_prefix(struct line *l, enum deia_log_level level)
{
	static char kept[64];
	static int64_t second = -1;
	int64_t ms = wall_ms();

	if (ms / 1000 != second) {
		text_prefix(kept, sizeof(kept), level, ms);
		kept[20] = '\0'; /* behind the dot of the seconds */
		second = ms / 1000;
	}
	add(l, kept);
	add_number(l, (uint64_t)(ms % 1000), 3);
	add(l, level == DEIA_LOG_DEBUG ? "Z debug " : "Z info  ");
}

static void text_access(enum deia_log_level level, const struct access_line *a)
{
	struct line l;

	l.len = 0;
	add_prefix(&l, level);
	add(&l, "request id=");
	add(&l, a->request_id);
	add(&l, " ");
	add(&l, a->method);
	add(&l, " ");
	add(&l, a->path ? a->path : "-");
	add(&l, " status=");
	add_number(&l, (uint64_t)a->status, 1);
	add(&l, " bytes=");
	add_number(&l, a->bytes, 1);
	add(&l, " ms=");
	add_number(&l, (uint64_t)a->us / 1000, 1);
	add(&l, ".");
	add_number(&l, (uint64_t)a->us % 1000, 3);
	add(&l, " who=");
	add(&l, a->who[0] ? a->who : "-");
	add(&l, " from=");
	add(&l, a->address);
	l.text[l.len] = '\0';
	make_plain(l.text);
	l.text[l.len++] = '\n';
	queue_line(l.text, l.len);
}

void log_access(bool quiet, const struct access_line *a)
{
	enum deia_log_level level = quiet ? DEIA_LOG_DEBUG : DEIA_LOG_INFO;
	struct deia_jw w;

	if (level > the_log.level)
		return;
	if (!the_log.json) {
		text_access(level, a);
		return;
	}
	json_begin(&w, level, "request");
	deia_jw_kstr(&w, "request_id", a->request_id);
	deia_jw_kstr(&w, "method", a->method);
	deia_jw_kstr(&w, "path", a->path);
	deia_jw_kint(&w, "status", a->status);
	deia_jw_kint(&w, "bytes", (int64_t)a->bytes);
	deia_jw_knum(&w, "ms", (double)a->us / 1000);
	deia_jw_kstr(&w, "who", a->who);
	deia_jw_kstr(&w, "address", a->address);
	json_end(&w);
}

void log_configure(enum deia_log_level level, bool json)
{
	the_log.level = level;
	the_log.json = json;
}

bool log_start(void)
{
	the_log.running =
		pthread_create(&the_log.thread, NULL, writer, NULL) == 0;
	return the_log.running;
}

void log_stop(void)
{
	if (!the_log.running)
		return;
	pthread_mutex_lock(&the_log.lock);
	the_log.stopping = true;
	pthread_cond_signal(&the_log.wake);
	pthread_mutex_unlock(&the_log.lock);
	pthread_join(the_log.thread, NULL);
	the_log.running = the_log.stopping = false;
	free(the_log.queue);
	the_log.queue = NULL;
	the_log.len = the_log.cap = 0;
}
