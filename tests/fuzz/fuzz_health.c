/* SPDX-License-Identifier: MIT */
/*
 * fuzz_health.c - any JSON as the rules of a health monitor, and as an alert.
 *
 * Rules that are accepted print as rules that are accepted and print the same;
 * looks under them do no harm. What is refused changes nothing and says where,
 * in one line of UTF-8.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <deia/bot.h>
#include <deia/health.h>
#include <deia/sys/json.h>

#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void print_rules(const deia_health *h, deia_jw *w)
{
	deia_jw_init(w);
	deia_health_print_rules(h, w);
	must(deia_jw_status(w) == DEIA_OK);
}

static void must_be_refusal(const struct deia_field_error *where)
{
	size_t n = strnlen(where->detail, sizeof(where->detail));
	size_t at = strnlen(where->pointer, sizeof(where->pointer));

	must(n > 0 && n < sizeof(where->detail));
	must(deia__utf8_valid(where->detail, n));
	must(at < sizeof(where->pointer));
	must(deia__utf8_valid(where->pointer, at));
	must(at == 0 || where->pointer[0] == '/');
}

/* Every metric at its least and most by turns. */
static void live(deia_health *h)
{
	struct deia_health_metric m;

	for (int64_t t = 0; t < 6; t++) {
		for (size_t i = 0; deia_health_get_metric(h, i, &m); i++) {
			struct deia_health_sample s = { m.name,
							m.scope ? "x" : NULL,
							t % 2 ? m.max : m.min };

			must(deia_health_put(h, &s, 1) == DEIA_OK);
		}
		must(deia_health_look(h, t * 40000, 1 + t * 40000) == DEIA_OK);
	}
}

static void read_rules(deia_health *h, const cJSON *json)
{
	struct deia_field_error where = { "", "" };
	deia_jw before, after;
	cJSON *again = NULL;
	deia_err err;

	print_rules(h, &before);
	err = deia_health_set_rules_json(h, json, &where);
	must(err == DEIA_OK || err == DEIA_EFIELD);
	print_rules(h, &after);
	if (err) {
		must_be_refusal(&where);
		must(strcmp(before.text, after.text) == 0);
	} else {
		deia_jw_fini(&before);
		must(!deia_json_parse(&again, after.text, after.len, NULL));
		must(!deia_health_set_rules_json(h, again, NULL));
		print_rules(h, &before);
		must(strcmp(before.text, after.text) == 0);
		live(h);
	}
	cJSON_Delete(again);
	deia_jw_fini(&before);
	deia_jw_fini(&after);
}

static void read_alert(deia_health *h, const cJSON *json)
{
	struct deia_field_error where = { "", "" };
	deia_err err = deia_health_restore_alert(h, json, &where);
	deia_jw w;

	must(err == DEIA_OK || err == DEIA_EFIELD || err == DEIA_EEXIST);
	if (err == DEIA_EFIELD)
		must_be_refusal(&where);
	if (err)
		return;
	deia_jw_init(&w);
	deia_health_print_alert(deia_health_next_alert(h, NULL), &w);
	must(deia_jw_status(&w) == DEIA_OK);
	deia_jw_fini(&w);
	live(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct deia_health_opts opts = DEIA_HEALTH_OPTS_INIT;
	cJSON *json = NULL;
	deia_health *h;

	if (deia_json_parse(&json, (const char *)data, size, NULL) != DEIA_OK)
		return 0;
	opts.no_timeline = true;
	must(deia_health_new(&h, &opts) == DEIA_OK);
	read_alert(h, json);
	read_rules(h, json);
	deia_health_free(h);
	cJSON_Delete(json);
	return 0;
}
