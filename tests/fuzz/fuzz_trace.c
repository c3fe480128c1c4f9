/* SPDX-License-Identifier: MIT */
/*
 * fuzz_trace.c - any text as a traceparent: what is read reads as itself, and
 * the next step of it has its trace id.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deia/trace.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char read[DEIA_TRACEPARENT_LEN + 1], again[DEIA_TRACEPARENT_LEN + 1];
	struct deia_trace_source source = { { size, 1 } };
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (deia_trace_parse(read, text)) {
		must(strlen(read) == DEIA_TRACEPARENT_LEN);
		must(deia_trace_parse(again, read) && !strcmp(again, read));
		deia_trace_go_on(&source, read, again);
		must(memcmp(again, read, 35) == 0);
		must(deia_trace_parse(read, again));
	} else {
		must(!*read);
	}
	free(text);
	return 0;
}
