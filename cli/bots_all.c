/* SPDX-License-Identifier: MIT */
/* bots_all.c - asks for the bots page by page; chooses some of them. */
#include "bots_all.h"

#include <stdlib.h>
#include <string.h>

#include <deia/bot.h>

/* A hive holds at most a fifth of this; who sends more is none. */
#define MAX_LIST_PAGES 50

static int next_page(struct cli *cli, cJSON *bots, char **cursor)
{
	char *path =
		*cursor == NULL
			? must_dup("/api/v1/bots?limit=1000")
			: path_of("/api/v1/bots?limit=1000&cursor=%s", *cursor);
	cJSON *json = NULL, *items;
	int rc = ask(cli, "GET", path, NULL, &json);

	free(path);
	free(*cursor);
	*cursor = NULL;
	items = cJSON_GetObjectItemCaseSensitive(json, "items");
	while (rc == EXIT_DONE && cJSON_GetArraySize(items) > 0)
		cJSON_AddItemToArray(bots, cJSON_DetachItemFromArray(items, 0));
	if (*jtext(json, "next_cursor") != '\0')
		*cursor = must_dup(jtext(json, "next_cursor"));
	cJSON_Delete(json);
	return rc;
}

int bots_all(struct cli *cli, cJSON **bots)
{
	char *cursor = NULL;
	int rc, pages = 0;

	*bots = cJSON_CreateArray();
	do {
		rc = next_page(cli, *bots, &cursor);
	} while (rc == EXIT_DONE && cursor != NULL && ++pages < MAX_LIST_PAGES);
	if (rc == EXIT_DONE && cursor != NULL)
		rc = explain_stranger(cli);
	free(cursor);
	if (rc != EXIT_DONE) {
		cJSON_Delete(*bots);
		*bots = NULL;
	}
	return rc;
}

const cJSON *bots_find(const cJSON *bots, const char *id)
{
	const cJSON *bot;

	cJSON_ArrayForEach(bot, bots) {
		if (strcmp(jtext(bot, "id"), id) == 0)
			return bot;
	}
	return NULL;
}

static bool is_chosen(const struct args *a, const cJSON *bot)
{
	static const char *const by[] = { "type", "state" };

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		const char *wanted = args_text(a, by[i]);

		if (wanted != NULL && strcmp(wanted, jtext(bot, by[i])) != 0)
			return false;
	}
	return true;
}

int bots_chosen(struct cli *cli, cJSON **bots)
{
	int rc = bots_all(cli, bots);

	if (rc != EXIT_DONE)
		return rc;
	for (cJSON *bot = (*bots)->child, *next; bot != NULL; bot = next) {
		next = bot->next;
		if (!is_chosen(&cli->args, bot))
			cJSON_Delete(cJSON_DetachItemViaPointer(*bots, bot));
	}
	return EXIT_DONE;
}

static bool is_state(const char *word)
{
	for (int i = 0; i < DEIA_BOT_STATES; i++) {
		if (strcmp(deia_bot_state_name((deia_bot_state)i), word) == 0)
			return true;
	}
	return false;
}

int bots_check_choice(const struct cli *cli)
{
	const struct args *a = &cli->args;
	const char *state = args_text(a, "state");
	bool some = args_has(a, "type") || state != NULL;
	int ways = (a->n_words > 0) + some + args_has(a, "all");

	if (ways == 0)
		return usage_error(cli, "which bot? Name one or more, or give "
					"--type, --state or --all");
	if (ways > 1)
		return usage_error(cli, "name bots, or give --type and "
					"--state, or --all; not two of these");
	if (state != NULL && !is_state(state))
		return usage_error(cli, "--state: '%s' is none of " BOT_STATES,
				   state);
	return EXIT_DONE;
}

cJSON *bot_plain_spec(void)
{
	struct deia_bot_spec plain = DEIA_BOT_SPEC_INIT;
	cJSON *json = NULL;
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_bot_spec_print(&plain, true, &w);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) != DEIA_OK ||
	    deia_json_parse(&json, w.text, w.len, NULL) != DEIA_OK)
		json = NULL;
	deia_jw_fini(&w);
	return json;
}
