/* SPDX-License-Identifier: MIT */
/*
 * fuzz_bots_file.c - any bytes as a file of declared bots.
 *
 * Either bots whose bodies are valid JSON, or errors with a detail and a place
 * inside the text. A bot that is whole, printed as a file, reads as one bot
 * again.
 */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deia/config.h>
#include <deia/sys/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static deia_bots_file *read_text(const char *text, size_t len)
{
	deia_bots_file *files;
	deia_err err;

	must(deia_bots_file_new(&files) == DEIA_OK);
	err = deia_bots_file_add(files, "f", text, len);
	must(err == DEIA_OK || err == DEIA_ELIMIT);
	must(deia_bots_file_finish(files) == DEIA_OK);
	return files;
}

static void check_errors(const deia_bots_file *files)
{
	const struct deia_config_error *list;
	size_t n = deia_bots_file_errors(files, &list);

	must(n <= 1000);
	for (size_t i = 0; i < n; i++)
		must(list[i].detail[0] && !strpbrk(list[i].detail, "\r\n\x1b"));
}

static void check_round_trip(const cJSON *bot)
{
	deia_bots_file *again;
	char *text;

	must(deia_bots_file_print(&text, &bot, 1) == DEIA_OK);
	again = read_text(text, strlen(text));
	must(deia_bots_file_errors(again, NULL) == 0);
	must(deia_bots_file_bot(again, 0) != NULL);
	must(deia_bots_file_bot(again, 1) == NULL);
	deia_bots_file_free(again);
	deia_config_free_text(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	deia_bots_file *files = read_text((const char *)data, size);
	const struct deia_declared_bot *bot;

	check_errors(files);
	for (size_t i = 0; deia_bots_file_errors(files, NULL) == 0 &&
			   (bot = deia_bots_file_bot(files, i)) != NULL;
	     i++) {
		cJSON *json;

		must(deia_json_parse(&json, bot->json, strlen(bot->json),
				     NULL) == DEIA_OK);
		if (!cJSON_HasObjectItem(json, "template"))
			check_round_trip(json);
		cJSON_Delete(json);
	}
	deia_bots_file_free(files);
	return 0;
}
