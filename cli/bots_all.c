/* SPDX-License-Identifier: MIT */
/* bots_all.c - asks for the bots page by page. */
#include "bots_all.h"

#include <stdlib.h>
#include <string.h>

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
