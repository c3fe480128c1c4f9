/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json.c - any bytes as JSON, and any bytes as a string to print.
 *
 * What the strict check accepts, the parser must accept; what the parser gave
 * back must print as JSON that the check accepts again; and the printer's
 * escaping must turn any bytes into one valid line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <deia/sys/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void parse(const char *text, size_t len)
{
	struct deia_json_error where;
	cJSON *json = NULL;
	deia_err err = deia_json_parse(&json, text, len, &where);

	must((err == DEIA_OK) == (json != NULL));
	must(deia_json_check(text, len, NULL) == err);
	if (err) {
		must(where.line >= 1 && where.column >= 1 &&
		     where.offset <= len && where.detail[0]);
		return;
	}
	char *printed = cJSON_PrintUnformatted(json);

	must(printed && !deia_json_check(printed, strlen(printed), NULL));
	cJSON_free(printed);
	cJSON_Delete(json);
}

static void print(const char *text, size_t len)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_key(&w, "text");
	deia_jw_strn(&w, text, len);
	deia_jw_end_object(&w);
	must(!deia_jw_status(&w));
	must(!memchr(w.text, '\n', w.len));
	/* U+0000 is printed escaped, and refused on the way in. */
	if (!memchr(text, 0, len))
		must(!deia_json_check(w.text, w.len, NULL));
	deia_jw_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse((const char *)data, size);
	print((const char *)data, size);
	return 0;
}
