/* SPDX-License-Identifier: MIT */
/* chat_past.c - conversations and their history. */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

char *chat_path(const struct chat *c, const char *what)
{
	char *fmt = must_print("/api/v1/bots/%%s%s", what), *path, *part, *both;

	path = path_of(fmt, c->bot);
	free(fmt);
	if (c->conversation == NULL)
		return path;
	part = path_of(strchr(what, '?') != NULL ? "&conversation=%s"
						 : "?conversation=%s",
		       c->conversation);
	both = must_print("%s%s", path, part);
	free(part);
	free(path);
	return both;
}

int chat_begin(struct chat *c, const char *title)
{
	char *path = path_of("/api/v1/bots/%s/conversations", c->bot);
	cJSON *json = NULL;
	struct deia_jw w;
	int rc;

	deia_jw_init(&w);
	deia_jw_object(&w);
	if (title != NULL && *title != '\0')
		deia_jw_kstr(&w, "title", title);
	deia_jw_end_object(&w);
	rc = ask(c->cli, "POST", path, w.text, &json);
	if (rc == EXIT_DONE) {
		free(c->conversation);
		c->conversation = must_dup(jtext(json, "id"));
		note(c->cli, "new conversation %s", c->conversation);
	}
	deia_jw_fini(&w);
	cJSON_Delete(json);
	free(path);
	return rc;
}

static void tell_chat_line(const struct cli *cli, const cJSON *line)
{
	const char *status = jtext(line, "status");
	const char *author = jtext(line, "author");
	char when[32];

	time_print(when, jtext(line, "created_at"));
	style_on(stdout, STYLE_BOLD, cli->out_colour);
	tell_text(stdout, author, strlen(author));
	style_off(stdout, STYLE_BOLD, cli->out_colour);
	if (strcmp(status, "partial") == 0 || strcmp(status, "failed") == 0)
		tell("  %s  [%s]", when, status);
	else
		tell("  %s", when);
	tell("%s\n", jtext(line, "content"));
}

int chat_history(struct chat *c, int64_t limit)
{
	char *what = must_print("/chat?limit=%lld", (long long)limit);
	char *path = chat_path(c, what);
	const cJSON *items;
	cJSON *json = NULL;
	int rc = ask_raw(c->cli, "GET", path, NULL, &json);

	items = jitems(json);
	if (rc == EXIT_DONE && !c->cli->json) {
		/* Pages are newest first. */
		for (int i = cJSON_GetArraySize(items); i > 0; i--)
			tell_chat_line(c->cli,
				       cJSON_GetArrayItem(items, i - 1));
		if (cJSON_GetArraySize(items) == 0)
			note(c->cli, "nothing was said yet");
	}
	cJSON_Delete(json);
	free(path);
	free(what);
	return rc;
}

static const struct column columns[] = {
	{ "CONVERSATION", COLUMN_FIXED },
	{ "BEGUN", COLUMN_FIXED },
	{ "TITLE", COLUMN_FLEX },
	{ NULL, COLUMN_FIXED },
};

int chat_list(struct chat *c)
{
	char *path =
		path_of("/api/v1/bots/%s/conversations?limit=1000", c->bot);
	const cJSON *item;
	cJSON *json = NULL;
	struct table t;
	int rc = ask_raw(c->cli, "GET", path, NULL, &json);

	table_init(&t, columns);
	JSON_EACH_ITEM(item, json)
	{
		char when[32];

		time_print(when, jtext(item, "created_at"));
		table_add(&t, jtext(item, "id"));
		table_add(&t, when);
		table_add(&t, jtext(item, "title"));
	}
	if (rc == EXIT_DONE && !c->cli->json)
		tell_table(c->cli, &t);
	table_free(&t);
	cJSON_Delete(json);
	free(path);
	return rc;
}
