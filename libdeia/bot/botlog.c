/* SPDX-License-Identifier: MIT */
/*
 * botlog.c - a bot's log: its standard error, stray lines, our own notes.
 *
 * In the file each line begins with the time; control characters and invalid
 * UTF-8 are escaped, so that it is safe to show. One bot must not fill the
 * disk's time: above LOG_RATE_BYTES a second (after a burst) lines are left
 * out, and one line says how many. The latest lines are kept in memory as they
 * came and escaped only when someone looks: a flood costs little.
 */
#include "bot/priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"

#define LOG_RATE_BYTES (1u << 20) /* a second */
#define LOG_BURST_BYTES (8u << 20)
/* After an overflow it goes on when this much may be written again. */
#define LOG_RESUME_BYTES (256u << 10)
/* What a line costs beside its text. */
#define LINE_COST_BYTES 32

/* ---- escaping -------------------------------------------------------------- */

static bool is_control(const char *s, int n)
{
	unsigned char c = (unsigned char)s[0];

	if (n == 1)
		return (c < 0x20 && c != '\t') || c == 0x7f;
	/* C1: U+0080 to U+009F */
	return n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;
}

/* Adds text with control characters and bad bytes as \xNN. */
static void add_escaped(struct deia__buf *b, const char *s, size_t len)
{
	size_t i = 0, from = 0;
	int n;

	while (i < len) {
		n = deia__utf8_next(s + i, len - i);
		if (n > 0 && !is_control(s + i, n)) {
			i += (size_t)n;
			continue;
		}
		deia__buf_add(b, s + from, i - from);
		deia__buf_addf(b, "\\x%02x", (unsigned char)s[i]);
		from = ++i;
	}
	deia__buf_add(b, s + from, len - from);
}

/* ---- the file ---------------------------------------------------------------- */

bool deia__log_open(struct deia__bot *bot)
{
	struct deia_bots *bots = bot->bots;
	char *path;

	if (bots->logs == NULL || bot->log.file != NULL)
		return bot->log.file != NULL;
	path = deia__asprintf("%s/%s.log", bots->log_dir, bot->spec->id);
	if (path == NULL ||
	    deia__logfile_open(&bot->log.file, bots->logs, path,
			       DEIA_MAX_LOG_FILE_BYTES, DEIA_LOG_FILES_KEPT))
		bot->log.file = NULL;
	deia__free(path);
	return bot->log.file != NULL;
}

static void put_line(struct deia__bot *bot, const char *tag, const char *text,
		     size_t len)
{
	struct deia__buf b;
	char time[25];

	deia__time_print(
		time, deia__unix_ms(deia__timers_clock(bot->bots->env.timers)));
	deia__buf_init(&b, 0);
	deia__buf_adds(&b, time);
	deia__buf_adds(&b, tag);
	add_escaped(&b, text, len);
	deia__buf_add(&b, "\n", 1);
	if (!b.err)
		deia__logfile_write(bot->log.file, b.data, b.len);
	deia__buf_fini(&b);
}

/* The bucket fills with time. */
static void refill(struct deia__botlog *log, int64_t now_ms)
{
	int64_t passed = now_ms - log->refilled_ms;

	if (log->refilled_ms == 0 ||
	    passed > (int64_t)(LOG_BURST_BYTES / (LOG_RATE_BYTES / 1000)))
		log->room = LOG_BURST_BYTES;
	else
		log->room += passed * (LOG_RATE_BYTES / 1000);
	if (log->room > LOG_BURST_BYTES)
		log->room = LOG_BURST_BYTES;
	log->refilled_ms = now_ms;
}

/* Says what was left out. */
static void say_dropped(struct deia__bot *bot)
{
	struct deia__botlog *log = &bot->log;
	char text[128];

	snprintf(text, sizeof(text),
		 "%llu lines (%llu bytes) left out: more than %u KiB a second",
		 (unsigned long long)log->dropped_lines,
		 (unsigned long long)log->dropped_bytes, LOG_RATE_BYTES >> 10);
	log->dropped_lines = log->dropped_bytes = 0;
	put_line(bot, " [deia] ", text, strlen(text));
}

/* Whether a line of this length is written; else it is counted. */
static bool may_write(struct deia__bot *bot, size_t len)
{
	struct deia__botlog *log = &bot->log;
	int64_t cost = (int64_t)len + LINE_COST_BYTES;

	refill(log, deia__timers_now(bot->bots->env.timers));
	if (log->dropped_lines != 0 && log->room >= LOG_RESUME_BYTES)
		say_dropped(bot);
	if (log->dropped_lines != 0 || log->room < cost) {
		log->dropped_lines++;
		log->dropped_bytes += len;
		return false;
	}
	log->room -= cost;
	return true;
}

void deia__log_line(struct deia__bot *bot, const char *tag, const char *text,
		    size_t len)
{
	if (deia__log_open(bot) && may_write(bot, len))
		put_line(bot, tag, text, len);
}

void deia__talk_log(struct deia__bot *bot, const char *fmt, ...)
{
	char text[DEIA__REASON_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!deia__log_open(bot))
		return;
	if (bot->log.dropped_lines != 0)
		say_dropped(bot);
	put_line(bot, " [deia] ", text, strlen(text));
}

/* ---- the latest lines -------------------------------------------------------- */

/* Takes the line into the oldest slot, as it is. */
static void remember(struct deia__botlog *log, const char *text, size_t len)
{
	struct deia__err_line *slot =
		&log->last[log->next % DEIA__STDERR_LINES];
	char *room = slot->text;

	if (slot->cap < len + 1)
		room = deia__realloc(slot->text, len + 1);
	if (room == NULL)
		return;
	if (slot->cap < len + 1)
		slot->cap = (unsigned)(len + 1);
	slot->text = room;
	memcpy(room, text, len);
	room[len] = '\0';
	slot->len = (unsigned)len;
	slot->raw = true;
	log->next++;
}

void deia__talk_err_line(void *arg, const char *text, size_t len)
{
	struct deia__bot *bot = arg;
	size_t keep = deia__utf8_whole(text, len < DEIA__STDERR_LINE_BYTES
						     ? len
						     : DEIA__STDERR_LINE_BYTES);

	deia__log_line(bot, " ", text, len);
	if (keep != 0)
		remember(&bot->log, text, keep);
}

static const char *shown(struct deia__err_line *slot)
{
	struct deia__buf b;
	char *text;

	if (!slot->raw)
		return slot->text;
	deia__buf_init(&b, 0);
	add_escaped(&b, slot->text, slot->len);
	text = deia__buf_take(&b);
	if (text == NULL)
		return NULL;
	deia__free(slot->text);
	slot->text = text;
	slot->len = (unsigned)strlen(text);
	slot->cap = slot->len + 1;
	slot->raw = false;
	return text;
}

size_t deia__talk_last_errs(struct deia__bot *bot, const char **lines,
			    size_t max)
{
	struct deia__botlog *log = &bot->log;
	unsigned i, have = log->next < DEIA__STDERR_LINES ? log->next
							  : DEIA__STDERR_LINES;
	const char *text;
	size_t n = 0;

	if (have > max)
		have = (unsigned)max;
	for (i = log->next - have; i != log->next; i++) {
		text = shown(&log->last[i % DEIA__STDERR_LINES]);
		if (text != NULL)
			lines[n++] = text;
	}
	return n;
}

const char *deia__talk_last_err(struct deia__bot *bot)
{
	const char *line;

	return deia__talk_last_errs(bot, &line, 1) == 1 ? line : NULL;
}

void deia__talk_forget(struct deia__bot *bot)
{
	unsigned i;

	for (i = 0; i < DEIA__STDERR_LINES; i++)
		deia__free(bot->log.last[i].text);
	memset(bot->log.last, 0, sizeof(bot->log.last));
	bot->log.next = 0;
}

void deia__log_close(struct deia__bot *bot)
{
	if (bot->log.file == NULL)
		return;
	if (bot->log.dropped_lines != 0)
		say_dropped(bot);
	if (bot->delete_log)
		deia__logfile_delete(bot->log.file);
	else
		deia__logfile_close(bot->log.file);
	bot->log.file = NULL;
}
