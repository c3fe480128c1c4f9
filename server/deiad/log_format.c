/* SPDX-License-Identifier: MIT */
/*
 * log_format.c - see log_format.h.
 *
 * Values of logfmt are bare when they are made of harmless characters, else
 * strings of JSON, so that all that could end a line is escaped by one printer.
 */
#include "log_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <deia/trace.h>

#define MESSAGE_BYTES 8192 /* of a message in JSON */
#define VALUE_BYTES 4096   /* of a printed value elsewhere */
#define SPAN_AT 36
#define SPAN_LEN 16

static const char *const level_names[] = { "error", "warn", "info", "debug" };

const char *log_level_name(enum deia_log_level level)
{
	return level_names[level];
}

static bool some(const char *s)
{
	return s && *s;
}

/* Ids of an event's trace; "" when it has none. */
struct ids {
	char trace[DEIA_TRACE_ID_LEN + 1], span[SPAN_LEN + 1];
};

static void find_ids(struct ids *ids, const struct log_event *e)
{
	ids->span[0] = '\0';
	deia_trace_id(ids->trace, e->traceparent);
	if (ids->trace[0])
		snprintf(ids->span, sizeof(ids->span), "%.16s",
			 e->traceparent + SPAN_AT);
	else if (some(e->trace_id))
		snprintf(ids->trace, sizeof(ids->trace), "%.32s", e->trace_id);
}

/* ---- JSON --------------------------------------------------------------- */

static void json_text(struct deia_jw *w, const char *key, const char *s)
{
	if (some(s))
		deia_jw_kstr(w, key, s);
}

static void json_request(struct deia_jw *w, const struct log_event *e)
{
	json_text(w, "http.request.method", e->method);
	json_text(w, "url.path", e->path);
	json_text(w, "deia.route", e->route);
	if (e->status) {
		deia_jw_kint(w, "http.response.status_code", e->status);
		deia_jw_kint(w, "http.response.bytes", (int64_t)e->bytes);
		deia_jw_kint(w, "event.duration", e->us * 1000);
	}
	json_text(w, "user.name", e->who);
	json_text(w, "client.address", e->address);
}

static void print_json(struct deia_jw *w, const struct log_event *e)
{
	struct ids ids;

	find_ids(&ids, e);
	deia_jw_object(w);
	deia_jw_ktime(w, "@timestamp", e->at_unix_ms);
	deia_jw_kstr(w, "log.level", level_names[e->level]);
	deia_jw_key(w, "message");
	deia_jw_strn(w, e->message, strnlen(e->message, MESSAGE_BYTES));
	deia_jw_kstr(w, "ecs.version", "8.11");
	deia_jw_kstr(w, "service.name", "deiad");
	deia_jw_kstr(w, "event.action", e->action ? e->action : "log");
	json_text(w, "http.request.id", e->request_id);
	json_text(w, "trace.id", ids.trace);
	json_text(w, "span.id", ids.span);
	json_request(w, e);
	json_text(w, "deia.bot", e->bot);
	json_text(w, "deia.task", e->task);
	json_text(w, "deia.message", e->mail);
	if (e->suppressed)
		deia_jw_kint(w, "deia.suppressed", (int64_t)e->suppressed);
	deia_jw_end_object(w);
}

/* ---- lines -------------------------------------------------------------- */

static void add_n(struct log_printer *p, const char *s, size_t n)
{
	size_t left = sizeof(p->line) - 1 - p->len; /* the newline's place */

	n = n < left ? n : left;
	memcpy(p->line + p->len, s, n);
	p->len += n;
}

static void add(struct log_printer *p, const char *s)
{
	add_n(p, s, strlen(s));
}

static void add_number(struct log_printer *p, uint64_t v)
{
	char text[24];

	add_n(p, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, v));
}

static void add_ms(struct log_printer *p, int64_t us)
{
	char text[40];

	add_n(p, text,
	      (size_t)snprintf(text, sizeof(text), "%" PRId64 ".%03d",
			       us / 1000, (int)(us % 1000)));
}

/* All but the milliseconds is the same for a second. */
static void add_time(struct log_printer *p, int64_t ms)
{
	static char kept[40];
	static int64_t second = -1;
	char rest[8];

	if (ms / 1000 != second) {
		time_t s = (time_t)(ms / 1000);
		struct tm tm;

		gmtime_r(&s, &tm);
		strftime(kept, sizeof(kept), "%Y-%m-%dT%H:%M:%S.", &tm);
		second = ms / 1000;
	}
	add(p, kept);
	add_n(p, rest,
	      (size_t)snprintf(rest, sizeof(rest), "%03dZ", (int)(ms % 1000)));
}

static bool is_bare(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "._-:/@+,~%?&*{}[]");

	return len > 0 && len < VALUE_BYTES && !s[len];
}

/* As a string of JSON; what is too long is cut. */
static void add_quoted(struct log_printer *p, const char *s)
{
	size_t n = strlen(s);

	do {
		deia_jw_reset(&p->word);
		deia_jw_strn(&p->word, s, n);
		n /= 2;
	} while (p->word.len > VALUE_BYTES);
	if (p->word.text)
		add_n(p, p->word.text, p->word.len);
}

static void add_value(struct log_printer *p, const char *s)
{
	if (is_bare(s))
		add(p, s);
	else
		add_quoted(p, s);
}

static void add_field(struct log_printer *p, const char *key, const char *s)
{
	if (!some(s))
		return;
	add(p, key);
	add_value(p, s);
}

static void add_subjects(struct log_printer *p, const struct log_event *e)
{
	add_field(p, " bot=", e->bot);
	add_field(p, " task=", e->task);
	add_field(p, " mail=", e->mail);
	if (e->suppressed) {
		add(p, " suppressed=");
		add_number(p, e->suppressed);
	}
}

static void add_result(struct log_printer *p, const struct log_event *e)
{
	if (!e->status)
		return;
	add(p, " status=");
	add_number(p, (uint64_t)e->status);
	add(p, " bytes=");
	add_number(p, e->bytes);
	add(p, " ms=");
	add_ms(p, e->us);
}

static void print_logfmt(struct log_printer *p, const struct log_event *e)
{
	struct ids ids;

	find_ids(&ids, e);
	add(p, "time=");
	add_time(p, e->at_unix_ms);
	add_field(p, " level=", level_names[e->level]);
	add_field(p, " event=", e->action ? e->action : "log");
	add(p, " msg=");
	add_quoted(p, e->message);
	add_field(p, " request_id=", e->request_id);
	add_field(p, " trace_id=", ids.trace);
	add_field(p, " span_id=", ids.span);
	add_field(p, " method=", e->method);
	add_field(p, " path=", e->path);
	add_field(p, " route=", e->route);
	add_result(p, e);
	add_field(p, " who=", e->who);
	add_field(p, " from=", e->address);
	add_subjects(p, e);
}

/* Words for people: nothing that steers a terminal, nothing quoted. */
static void add_plain(struct log_printer *p, const char *s)
{
	size_t from;

	deia_jw_reset(&p->word);
	deia_jw_strn(&p->word, s, strnlen(s, MESSAGE_BYTES));
	if (!p->word.text || p->word.len < 2)
		return;
	from = p->len;
	add_n(p, p->word.text + 1, p->word.len - 2);
	/* What only JSON has escaped is as it was. */
	for (size_t i = from, to = from;; i++) {
		if (i == p->len) {
			p->len = to;
			break;
		}
		if (p->line[i] == '\\' && i + 1 < p->len &&
		    (p->line[i + 1] == '"' || p->line[i + 1] == '\\'))
			i++;
		p->line[to++] = p->line[i];
	}
}

static void text_request(struct log_printer *p, const struct log_event *e)
{
	add(p, "request");
	add_field(p, " id=", e->request_id);
	add(p, " ");
	add_plain(p, e->method ? e->method : "-");
	add(p, " ");
	add_value(p, some(e->path) ? e->path : "-");
	add_result(p, e);
	add_field(p, " who=", some(e->who) ? e->who : "-");
	add_field(p, " from=", some(e->address) ? e->address : "-");
}

static void print_text(struct log_printer *p, const struct log_event *e)
{
	struct ids ids;

	find_ids(&ids, e);
	add_time(p, e->at_unix_ms);
	add(p, " ");
	add(p, level_names[e->level]);
	add(p, strlen(level_names[e->level]) == 4 ? "  " : " ");
	if (e->method) {
		text_request(p, e);
	} else {
		add_plain(p, e->message);
		add_subjects(p, e);
	}
	add_field(p, " trace=", ids.trace);
}

const char *log_print(struct log_printer *p, enum log_form form,
		      const struct log_event *e, size_t *len)
{
	if (form == LOG_JSON) {
		deia_jw_reset(&p->json);
		print_json(&p->json, e);
		if (deia_jw_status(&p->json))
			return NULL;
		p->json.text[p->json.len] = '\n'; /* in place of the NUL */
		*len = p->json.len + 1;
		return p->json.text;
	}
	p->len = 0;
	if (form == LOG_LOGFMT)
		print_logfmt(p, e);
	else
		print_text(p, e);
	p->line[p->len++] = '\n';
	*len = p->len;
	return p->line;
}

void log_printer_fini(struct log_printer *p)
{
	deia_jw_fini(&p->json);
	deia_jw_fini(&p->word);
}
