/* SPDX-License-Identifier: MIT */
/*
 * fuzz_config.c - any bytes as config.yaml.
 *
 * Either a whole configuration that prints as valid JSON, or a refusal with a
 * detail and a place inside the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deia/config.h>
#include <deia/sys/json.h>

#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_print(const deia_config *config)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_config_print(config, &w);
	must(deia_jw_status(&w) == DEIA_OK);
	must(deia_json_check(w.text, w.len, NULL) == DEIA_OK);
	deia_jw_fini(&w);
}

static unsigned count_lines(const uint8_t *data, size_t size)
{
	unsigned n = 1;

	/* YAML ends lines with CR, LF, NEL, LS and PS. */
	for (size_t i = 0; i < size; i++)
		n += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 ||
		     data[i] == 0xa8 || data[i] == 0xa9;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct deia_config_error where = { 0 };
	deia_config *config;
	deia_err err;

	err = deia__config_load_text(&config, (const char *)data, size, &where);
	must((err == DEIA_OK) == (config != NULL));
	if (err) {
		must(err == DEIA_EPARSE || err == DEIA_EFIELD);
		must(where.detail[0] && !strpbrk(where.detail, "\r\n\x1b"));
		must(where.line <= count_lines(data, size) + 1);
		return 0;
	}
	check_print(config);
	deia_config_free(config);
	return 0;
}
