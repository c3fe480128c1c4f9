/* SPDX-License-Identifier: MIT */
/*
 * fuzz_task.c - any bytes as a task's content, and as a phrase of the owner's.
 *
 * Words lie in the content, in order, and stay within their maximum; two
 * analyses give the same bytes; what comes out is sound; a reason is one line
 * of UTF-8. A phrase that was accepted is found in a text that is the phrase.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deia/task_analysis.h>

#include "core/utf8.h"
#include "task/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_words(const char *text, size_t len)
{
	struct deia__words r;
	struct deia__word w;
	size_t at = 0;

	deia__words_init(&r, text, len, 0, len);
	while (deia__words_next(&r, &w)) {
		size_t n = strnlen(w.text, sizeof(w.text));

		must(n <= DEIA__WORD_BYTES && deia__utf8_valid(w.text, n));
		must(w.start >= at && w.len > 0 && w.start + w.len <= len);
		must(w.ext == NULL || w.ext[0] == '.');
		at = w.start + w.len;
	}
}

static void check(const struct deia_task_analysis *r)
{
	must(r->complexity >= 0 && r->complexity <= 1);
	must(isfinite(r->estimated_seconds) && r->estimated_seconds > 0 &&
	     r->estimated_seconds <= DEIA_TASK_MAX_ESTIMATE_SECONDS);
	must(r->n_capabilities <= DEIA_TASK_MAX_CAPABILITIES);
	must(r->n_reasons >= 3 && r->n_reasons <= DEIA_TASK_MAX_REASONS);
	for (size_t i = 0; i < r->n_reasons; i++) {
		size_t n = strnlen(r->reasons[i], DEIA_TASK_REASON_BYTES);

		must(n > 0 && n < DEIA_TASK_REASON_BYTES);
		must(deia__utf8_valid(r->reasons[i], n));
		for (size_t k = 0; k < n; k++)
			must((unsigned char)r->reasons[i][k] >= ' ' &&
			     r->reasons[i][k] != 0x7f);
	}
}

static void analyze(const deia_task_analyzer *a, const char *text, size_t len)
{
	static struct deia_task_analysis first, again;

	must(deia_task_analyze(a, text, len, NULL, &first) == DEIA_OK);
	must(deia_task_analyze(a, text, len, NULL, &again) == DEIA_OK);
	must(memcmp(&first, &again, sizeof(first)) == 0);
	check(&first);
}

/* An analyzer of its own, since phrases stay. */
static void add_phrase(const char *text, size_t len)
{
	static struct deia_task_analysis result;
	struct deia_task_analyzer_opts opts = DEIA_TASK_ANALYZER_OPTS_INIT;
	char phrase[DEIA_TASK_MAX_PHRASE_BYTES + 1] = "";
	deia_task_analyzer *a;

	if (len > DEIA_TASK_MAX_PHRASE_BYTES)
		return;
	memcpy(phrase, text, len);
	opts.no_builtin_words = true;
	must(deia_task_analyzer_new(&a, &opts) == DEIA_OK);
	if (deia_task_analyzer_add_phrase(a, "planning", phrase, 5) ==
		    DEIA_OK &&
	    phrase[0] != '.') {
		must(deia_task_analyze(a, phrase, strlen(phrase), NULL,
				       &result) == DEIA_OK);
		/* In a quotation it counts half, and that is enough. */
		must(strcmp(result.type, "planning") == 0);
	}
	deia_task_analyzer_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static deia_task_analyzer *a;
	const char *text = (const char *)data;

	if (a == NULL)
		must(deia_task_analyzer_new(&a, NULL) == DEIA_OK);
	if (size > DEIA_MAX_CONTENT_BYTES)
		return 0;
	read_words(text, size);
	analyze(a, text, size);
	add_phrase(text, size);
	return 0;
}
