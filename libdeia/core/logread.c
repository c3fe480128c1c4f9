/* SPDX-License-Identifier: MIT */
/*
 * logread.c - the public face of logs: one file with its thread, and reading
 * the end of one with a filter; see deia/logs.h.
 *
 * Reading goes backwards in blocks. Text that must be in a line is looked for
 * before the line is parsed, so that looking for an id is fast.
 */
#include <deia/logs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/logfile.h"
#include "core/mem.h"

#define BLOCK_BYTES (256u << 10)
#define LOOKED_AT_BYTES (16u << 20)
#define LINES_MAX 10000u
#define RESULT_BYTES (8u << 20)

/* ---- writing ------------------------------------------------------------ */

struct deia_logfile {
	deia__logs *logs;
	deia__logfile *file;
};

deia_err deia_logfile_open(deia_logfile **out, const char *path,
			   size_t max_file_bytes, unsigned keep,
			   size_t max_queue_bytes)
{
	deia_logfile *f = deia__alloc(sizeof(*f));
	deia_err err =
		f ? deia__logs_new(&f->logs, max_queue_bytes) : DEIA_ENOMEM;

	*out = NULL;
	if (!err)
		err = deia__logfile_open(&f->file, f->logs, path,
					 max_file_bytes, keep);
	if (!err) {
		*out = f;
		return DEIA_OK;
	}
	if (f && f->logs)
		deia__logs_free(f->logs);
	deia__free(f);
	return err;
}

void deia_logfile_write(deia_logfile *f, const char *line, size_t len)
{
	deia__logfile_write(f->file, line, len);
}

void deia_logfile_reopen(deia_logfile *f)
{
	deia__logs_reopen(f->logs);
}

uint64_t deia_logfile_dropped(const deia_logfile *f)
{
	return deia__logs_dropped(f->logs);
}

void deia_logfile_close(deia_logfile *f)
{
	if (!f)
		return;
	deia__logfile_close(f->file);
	deia__logs_free(f->logs);
	deia__free(f);
}

/* ---- matching ----------------------------------------------------------- */

static bool has_text(const char *p, size_t len, const char *text)
{
	size_t n = strlen(text);

	for (; len >= n; p++, len--)
		if (strncasecmp(p, text, n) == 0)
			return true;
	return false;
}

static bool has_word(const char *p, size_t len, const char *word)
{
	return !word || memmem(p, len, word, strlen(word)) != NULL;
}

static bool member_is(const cJSON *json, const char *name, const char *wanted)
{
	const char *is = wanted ? deia__json_str(json, name) : NULL;

	return !wanted || (is && strcmp(is, wanted) == 0);
}

static enum deia_log_level level_of(const cJSON *json)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	const char *name = deia__json_str(json, "log.level");

	for (int i = 0; name && i < 4; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum deia_log_level)i;
	return DEIA_LOG_INFO;
}

static bool is_late_enough(const cJSON *json, int64_t since)
{
	const char *at = deia__json_str(json, "@timestamp");
	char limit[25];

	if (!since)
		return true;
	if (!at)
		at = deia__json_str(json, "timestamp");
	deia__time_print(limit, since);
	return at && strcmp(at, limit) >= 0;
}

static bool members_match(const struct deia_log_filter *f, const cJSON *json)
{
	return cJSON_IsObject(json) && level_of(json) <= f->level &&
	       is_late_enough(json, f->since_unix_ms) &&
	       member_is(json, "http.request.id", f->request_id) &&
	       member_is(json, "trace.id", f->trace_id) &&
	       member_is(json, "deia.bot", f->bot) &&
	       member_is(json, "deia.task", f->task);
}

bool deia_log_matches(const struct deia_log_filter *f, const char *line,
		      size_t len)
{
	cJSON *json = NULL;
	bool ok;

	if (!has_word(line, len, f->request_id) ||
	    !has_word(line, len, f->trace_id) || !has_word(line, len, f->bot) ||
	    !has_word(line, len, f->task) ||
	    (f->text && !has_text(line, len, f->text)))
		return false;
	ok = deia_json_parse(&json, line, len, NULL) == DEIA_OK &&
	     members_match(f, json);
	cJSON_Delete(json);
	return ok;
}

/* ---- reading backwards -------------------------------------------------- */

/* Lines are put at the end of room, the newest first. */
struct reader {
	const struct deia_log_filter *filter;
	unsigned left;	  /* lines that are wanted still */
	size_t looked_at; /* bytes */
	char *room;
	size_t at, cap; /* lines stand from at to cap */
	bool full;
};

static bool keep_line(struct reader *r, const char *p, size_t len)
{
	if (!len || !deia_log_matches(r->filter, p, len))
		return true;
	if (!r->room || r->at < len + 1) {
		size_t used = r->cap - r->at;
		size_t cap = r->cap * 2 + len + 1;
		char *room = cap <= RESULT_BYTES ? malloc(cap) : NULL;

		r->full = cap > RESULT_BYTES;
		if (!room)
			return r->full;
		if (used)
			memcpy(room + cap - used, r->room + r->at, used);
		free(r->room);
		r->room = room;
		r->cap = cap;
		r->at = cap - used;
	}
	r->at -= len + 1;
	memcpy(r->room + r->at, p, len);
	r->room[r->at + len] = '\n';
	r->left--;
	return true;
}

static bool is_done(const struct reader *r)
{
	return !r->left || r->full || r->looked_at >= LOOKED_AT_BYTES;
}

/* Lines of a block, the last one first; *rest: how much of its beginning is of
 * a line that begins before it. False: no memory. */
static bool take_lines(struct reader *r, const char *block, size_t len,
		       bool from_start, size_t *rest)
{
	size_t end = len;

	while (end > 0 && !is_done(r)) {
		const char *nl = memrchr(block, '\n', end);
		size_t from = nl ? (size_t)(nl - block) + 1 : 0;

		if (!nl && !from_start)
			break;
		if (!keep_line(r, block + from, end - from))
			return false;
		end = nl ? from - 1 : 0;
	}
	*rest = end;
	return true;
}

static bool read_whole(int fd, char *p, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pread(fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* A line longer than a block is left out: there is none in our logs. */
static deia_err read_blocks(struct reader *r, int fd, off_t size, char *block)
{
	off_t end = size;
	size_t rest;

	while (end > 0 && !is_done(r)) {
		size_t len = end < BLOCK_BYTES ? (size_t)end : BLOCK_BYTES;

		if (!read_whole(fd, block, len, end - (off_t)len))
			return DEIA_EIO;
		if (!take_lines(r, block, len, end == (off_t)len, &rest))
			return DEIA_ENOMEM;
		r->looked_at += len - rest;
		if (rest == len)
			rest = 0;
		end -= (off_t)(len - rest);
	}
	return DEIA_OK;
}

static deia_err read_file(struct reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
				    O_NOCTTY);
	deia_err err = DEIA_EIO;
	struct stat st;
	char *block;

	if (fd < 0)
		return errno == ENOENT ? DEIA_OK : DEIA_EIO;
	block = malloc(BLOCK_BYTES);
	if (!block)
		err = DEIA_ENOMEM;
	else if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		err = read_blocks(r, fd, st.st_size, block);
	free(block);
	close(fd);
	return err;
}

deia_err deia_log_read(const char *path, const struct deia_log_filter *filter,
		       unsigned max_lines, char **text, size_t *len, bool *cut)
{
	struct deia_log_filter all = DEIA_LOG_FILTER_INIT;
	struct reader r = { .filter = filter ? filter : &all,
			    .left = max_lines };
	char older[4200];
	int n = snprintf(older, sizeof(older), "%s.1", path);
	deia_err err;

	*text = NULL;
	*len = 0;
	if (max_lines < 1 || max_lines > LINES_MAX || n < 0 ||
	    (size_t)n >= sizeof(older) || r.filter->size != sizeof(all))
		return DEIA_EINVAL;
	err = read_file(&r, path);
	if (!err && !is_done(&r))
		err = read_file(&r, older);
	if (cut)
		*cut = r.left && is_done(&r);
	if (!err && r.cap > r.at) {
		*len = r.cap - r.at;
		memmove(r.room, r.room + r.at, *len);
		*text = r.room;
		return DEIA_OK;
	}
	free(r.room);
	return err;
}
