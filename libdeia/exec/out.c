/* SPDX-License-Identifier: MIT */
/*
 * out.c - what comes from a command, and what its format makes of it.
 *
 * stdout goes to the turn's format, as it is or as JSON objects, one a line;
 * what is no JSON there (a banner, a warning) is logged and passed over. stderr
 * goes to the bot's log, and its last lines are kept for the error. Everything
 * has a limit: an answer is cut off at 8 MiB with an error, noise in the log
 * after so many lines.
 */
#include "exec/exec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "worker/ndjson.h"
#include "core/mem.h"
#include "core/utf8.h"

#define ERR_LINE_BYTES (64u << 10)
#define STRAYS_LOGGED 20
#define SHOWN_BYTES 400u
#define TOOL_BYTES 2000
#define OTHER_BYTES (4u * DEIA_MAX_ANSWER_BYTES)
/* How long a command may go on after its result. */
#define LINGER_SECONDS 10

/* ---- lines ------------------------------------------------------------------- */

static void note_line(struct exec_turn *t, const char *what, const char *line,
		      size_t len)
{
	size_t shown =
		len > SHOWN_BYTES ? deia__utf8_whole(line, SHOWN_BYTES) : len;

	deia_worker_note(t->x->w, "%s%.*s%s", what, (int)shown, line,
			 shown < len ? " ..." : "");
}

static void stray(struct exec_turn *t, const char *line, size_t len)
{
	if (t->n_strays++ < STRAYS_LOGGED)
		note_line(t, "stdout: ", line, len);
	else if (t->n_strays == STRAYS_LOGGED + 1)
		deia_worker_note(t->x->w, "stdout: more lines that are no "
					  "JSON are not logged");
}

static bool on_line(const char *line, size_t len, void *user)
{
	static const char too_long[] = "a line above 8 MiB was left out";
	struct exec_turn *t = user;
	cJSON *json = NULL;

	if (!line)
		stray(t, too_long, sizeof(too_long) - 1);
	else if (deia__ndjson_parse(&json, line, len) || !cJSON_IsObject(json))
		stray(t, line, len);
	else if (!t->stopped)
		t->x->config.format->object(t, json);
	cJSON_Delete(json);
	return true;
}

static bool on_err_line(const char *line, size_t len, void *user)
{
	struct exec_turn *t = user;
	char *kept = t->err_lines[t->n_err_lines % EXEC_ERR_LINES];

	if (!line) {
		line = "(a line above 64 KiB was left out)";
		len = strlen(line);
	}
	if (t->n_err_lines++ < EXEC_ERR_LOGGED)
		note_line(t, "stderr: ", line, len);
	else if (t->n_err_lines == EXEC_ERR_LOGGED + 1)
		deia_worker_note(t->x->w,
				 "stderr: more of this turn is not logged");
	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (len >= EXEC_ERR_BYTES)
		len = deia__utf8_whole(line, EXEC_ERR_BYTES - 1);
	memcpy(kept, line, len);
	kept[len] = '\0';
	return true;
}

static void no_memory(struct exec_turn *t, deia_err err)
{
	if (err)
		deia__exec_turn_stop(t, "out_of_memory", true, "%s",
				     deia_err_text(err));
}

void deia__exec_out(const char *p, size_t len, void *user)
{
	struct exec_turn *t = user;
	const struct exec_format *format = t->x->config.format;
	struct timeval tv = { t->x->config.silence_seconds, 0 };

	if (tv.tv_sec && event_pending(&t->ev_silence, EV_TIMEOUT, NULL))
		event_add(&t->ev_silence, &tv);
	if (!format->bytes)
		no_memory(t, deia__lines_feed(&t->lines, p, len));
	else if (!t->stopped)
		format->bytes(t, p, len);
	if (deia_worker_is_full(t->x->w) && !t->stopped)
		deia__child_pause(t->child, true);
}

void deia__exec_err(const char *p, size_t len, void *user)
{
	struct exec_turn *t = user;

	no_memory(t, deia__lines_feed(&t->err, p, len));
}

void deia__exec_out_init(struct exec_turn *t)
{
	deia__lines_init(&t->lines, EXEC_LINE_BYTES, on_line, t);
	deia__lines_init(&t->err, ERR_LINE_BYTES, on_err_line, t);
	t->n_err_lines = t->n_strays = 0;
	t->s = (struct exec_stream){ 0 };
}

void deia__exec_out_end(struct exec_turn *t)
{
	no_memory(t, deia__lines_end(&t->lines));
	no_memory(t, deia__lines_end(&t->err));
	if (t->s.has_status)
		deia_worker_status(t->x->w, "");
}

void deia__exec_out_fini(struct exec_turn *t)
{
	deia__lines_fini(&t->lines);
	deia__lines_fini(&t->err);
}

/* ---- what the formats say ------------------------------------------------------ */

void deia__exec_say(struct exec_turn *t, const char *channel, const char *p,
		    size_t len)
{
	bool answer = !channel || strcmp(channel, "answer") == 0;
	size_t *bytes = answer ? &t->answer_bytes : &t->other_bytes;

	if (t->stopped || !len)
		return;
	if (len > (answer ? DEIA_MAX_ANSWER_BYTES : OTHER_BYTES) - *bytes) {
		deia__exec_turn_stop(t, "answer_too_long", false,
				     answer ? "the answer is above 8 MiB"
					    : "thinking and tool output is "
					      "above 32 MiB");
		return;
	}
	*bytes += len;
	deia_turn_chunk(t->turn, channel, p, len);
}

void deia__exec_say_block(struct exec_turn *t, const char *text)
{
	if (!*text)
		return;
	if (t->s.gap)
		deia__exec_say(t, NULL, "\n\n", 2);
	t->s.gap = true;
	deia__exec_say(t, NULL, text, strlen(text));
}

void deia__exec_tool(struct exec_turn *t, const char *fmt, ...)
{
	char text[TOOL_BYTES];
	va_list ap;
	size_t len;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	len = deia__utf8_whole(text, strlen(text));
	if (text[len - 1] != '\n')
		text[len++] = '\n';
	deia__exec_say(t, "tool", text, len);
}

void deia__exec_session(struct exec_turn *t, const char *id)
{
	if (id && *id)
		deia_turn_set_session(t->turn, id);
}

void deia__exec_status(struct exec_turn *t, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!*text && !t->s.has_status)
		return;
	deia_worker_status(t->x->w, text);
	t->s.has_status = *text != '\0';
}

static void linger(struct exec_turn *t)
{
	static const struct timeval tv = { LINGER_SECONDS, 0 };

	event_del(&t->ev_silence);
	if (t->child)
		event_add(&t->ev_linger, &tv);
}

void deia__exec_good(struct exec_turn *t, const char *text)
{
	if (t->end != EXEC_OPEN)
		return;
	t->end = EXEC_GOOD;
	if (text && !t->answer_bytes)
		t->text = deia__strdup(text);
	linger(t);
}

static void fail(struct exec_turn *t, const char *code, const char *fmt,
		 va_list ap) DEIA_PRINTF(3, 0);

static void fail(struct exec_turn *t, const char *code, const char *fmt,
		 va_list ap)
{
	t->end = EXEC_BAD;
	(void)snprintf(t->code, sizeof(t->code), "%s", code);
	(void)vsnprintf(t->message, sizeof(t->message), fmt, ap);
	for (char *p = t->message; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	linger(t);
}

void deia__exec_turn_fail(struct exec_turn *t, const char *code, bool retryable,
			  unsigned retry_after_seconds, const char *fmt, ...)
{
	va_list ap;

	if (t->end != EXEC_OPEN)
		return;
	va_start(ap, fmt);
	fail(t, code, fmt, ap);
	va_end(ap);
	t->retryable = retryable;
	t->retry_after = retry_after_seconds;
}

void deia__exec_turn_stop(struct exec_turn *t, const char *code, bool retryable,
			  const char *fmt, ...)
{
	va_list ap;

	if (t->end == EXEC_OPEN) {
		va_start(ap, fmt);
		fail(t, code, fmt, ap);
		va_end(ap);
		t->retryable = retryable;
	}
	t->stopped = true;
	event_del(&t->ev_silence);
	if (!t->child)
		return;
	deia__child_pause(t->child, false); /* what comes is thrown away */
	deia__child_stop(t->child);
}
