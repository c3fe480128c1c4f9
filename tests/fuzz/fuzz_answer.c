/* SPDX-License-Identifier: MIT */
/*
 * fuzz_answer.c - any bytes as a model server's answer: NDJSON lines, events,
 * and the JSON in them.
 *
 * Cut in any two ways, the same bytes give the same lines and events; nothing
 * handed out is longer than the maximum; memory stays within it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "worker/lines.h"
#include "model/events.h"
#include "worker/ndjson.h"

/* Small, so that the fuzzer meets it. */
#define MAX_BYTES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sum of what was handed out, in order. */
struct seen {
	uint64_t sum;
	size_t n;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void add(struct seen *seen, int kind, const char *p, size_t len)
{
	must(len <= MAX_BYTES + 1);
	seen->n++;
	seen->sum = seen->sum * 1099511628211u + (uint64_t)kind + len;
	for (size_t i = 0; i < len; i++)
		seen->sum = (seen->sum ^ (uint8_t)p[i]) * 1099511628211u;
}

static bool on_line(const char *line, size_t len, void *user)
{
	cJSON *json = NULL;

	add(user, line ? 1 : 2, line, len);
	if (line && !deia__ndjson_parse(&json, line, len))
		must(json != NULL);
	cJSON_Delete(json);
	return true;
}

static bool on_event(enum deia__event_kind kind, const char *p, size_t len,
		     void *user)
{
	must((kind == DEIA__EVENT_TOO_LONG) == (p == NULL));
	add(user, 3 + (int)kind, p, len);
	return true;
}

static struct seen run_lines(const char *p, size_t size, size_t piece)
{
	struct seen seen = { 0 };
	struct deia__lines lines;

	deia__lines_init(&lines, MAX_BYTES, on_line, &seen);
	for (size_t at = 0; at < size; at += piece)
		must(!deia__lines_feed(&lines, p + at,
				       size - at < piece ? size - at : piece));
	must(!deia__lines_end(&lines));
	must(lines.part.cap <= 4 * MAX_BYTES + 256);
	deia__lines_fini(&lines);
	return seen;
}

static struct seen run_events(const char *p, size_t size, size_t piece)
{
	struct seen seen = { 0 };
	struct deia__model_events events;

	deia__model_events_init(&events, MAX_BYTES, on_event, &seen);
	for (size_t at = 0; at < size; at += piece)
		must(!deia__model_events_feed(&events, p + at,
					      size - at < piece ? size - at
								: piece));
	must(!deia__model_events_end(&events));
	must(events.data.cap <= 4 * MAX_BYTES + 256);
	deia__model_events_fini(&events);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	size_t piece = size ? 1 + data[0] % 7 : 1;
	struct seen whole = run_lines(p, size, size + 1);
	struct seen cut = run_lines(p, size, piece);

	must(whole.n == cut.n && whole.sum == cut.sum);
	whole = run_events(p, size, size + 1);
	cut = run_events(p, size, piece);
	must(whole.n == cut.n && whole.sum == cut.sum);
	return 0;
}
