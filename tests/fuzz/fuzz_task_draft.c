/* SPDX-License-Identifier: MIT */
/*
 * fuzz_task_draft.c - any JSON as a task to be, of a request and of a bot's
 * line.
 *
 * What is accepted is within its limits; what is refused owns nothing, and is
 * refused with a place and one line of UTF-8.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "core/json.h"
#include "core/utf8.h"
#include "hive/tasks/task_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_refusal(const struct deia_task_draft *d,
			    const struct deia_field_error *where)
{
	size_t n = strnlen(where->detail, sizeof(where->detail));
	size_t at = strnlen(where->pointer, sizeof(where->pointer));

	must(!d->capabilities && !d->depends_on && !d->expect && !d->content);
	must(n > 0 && n < sizeof(where->detail));
	must(deia__utf8_valid(where->detail, n));
	must(at < sizeof(where->pointer));
	must(deia__utf8_valid(where->pointer, at));
	must(at == 0 || where->pointer[0] == '/');
}

static void must_be_words(const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(words[i] && *words[i] &&
		     strlen(words[i]) <= DEIA_MAX_ID_LEN);
		for (const char *c = words[i]; *c; c++)
			must((unsigned char)*c > ' ' && *c != 0x7f);
	}
}

static void must_be_fine(const struct deia_task_draft *d)
{
	must(d->content && d->content_len == strlen(d->content));
	must(d->content_len > 0 && d->content_len <= DEIA_MAX_CONTENT_BYTES);
	must(d->priority < DEIA_TASK_PRIORITIES);
	must(d->max_attempts >= 1 && d->max_attempts <= DEIA_MAX_ATTEMPTS);
	must(d->timeout_seconds <= DEIA_TASK_MAX_TIMEOUT_SECONDS);
	must(d->every_seconds <= DEIA_TASK_MAX_EVERY_SECONDS);
	must(d->due_unix_ms >= 0 && d->deadline_unix_ms >= 0);
	must(d->complexity >= 0 && d->complexity <= 1);
	must(d->estimated_seconds >= 0 &&
	     d->estimated_seconds <= DEIA_TASK_MAX_ESTIMATE_SECONDS);
	must(d->n_capabilities <= DEIA_TASK_MAX_CAPABILITIES);
	must(d->n_depends_on <= DEIA_MAX_DEPENDS_LEN);
	must_be_words(d->capabilities, d->n_capabilities);
	must_be_words(d->depends_on, d->n_depends_on);
	must(!d->expect || strlen(d->expect) <= DEIA_TASK_MAX_EXPECT_BYTES);
}

static void read_one(const cJSON *json, bool is_line)
{
	struct deia_field_error where = { "", "" };
	struct deia_task_draft d;
	deia_err err = deia__task_draft_read(&d, json, is_line, &where);

	must(err == DEIA_OK || err == DEIA_EFIELD);
	if (err)
		must_be_refusal(&d, &where);
	else
		must_be_fine(&d);
	deia_task_draft_fini(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *json = NULL;

	if (deia_json_parse(&json, (const char *)data, size, NULL) != DEIA_OK)
		return 0;
	read_one(json, false);
	read_one(json, true);
	cJSON_Delete(json);
	return 0;
}
