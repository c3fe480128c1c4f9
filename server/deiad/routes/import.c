/* SPDX-License-Identifier: MIT */
/*
 * import.c - POST /chat/import: lines from elsewhere as a new conversation.
 *
 * Takes what the JSON export gives: members of the export that mean nothing
 * here (ids, usage) are accepted and left out.
 */
#include "routes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/chat.h>
#include <deia/limits.h>

#include "../http/idem.h"
#include "../http/reply.h"

static const char *text_of(const cJSON *item, const char *name)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(item, name));
}

static const char *wrong_member(const cJSON *item)
{
	static const char *const known[] = { "role",   "author", "content",
					     "status", "id",	 "created_at",
					     "bot",    "error",	 "conversation",
					     "usage",  "details" };
	const cJSON *m;

	cJSON_ArrayForEach(m, item) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(*known) &&
		       strcmp(known[i], m->string) != 0)
			i++;
		if (i == sizeof(known) / sizeof(*known))
			return m->string;
	}
	return NULL;
}

/* The status by its name; a line without one is complete. */
static bool read_status(const cJSON *item, deia_line_status *out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, "status");

	*out = DEIA_LINE_ANSWERED;
	if (!v)
		return true;
	for (int i = 0; cJSON_IsString(v) && i < DEIA_LINE_STATUSES; i++) {
		*out = (deia_line_status)i;
		if (strcmp(deia_line_status_name(*out), v->valuestring) == 0)
			return true;
	}
	return false;
}

static bool text_within(const cJSON *item, const char *name, bool required,
			size_t max)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, name);

	if (!v)
		return !required;
	return cJSON_IsString(v) && strlen(v->valuestring) <= max;
}

/* Printed anew; false: not an object, too large or out of memory. */
static bool read_details(const cJSON *item, struct deia_chat_line *l)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, "details");

	if (!v)
		return true;
	if (!cJSON_IsObject(v))
		return false;
	l->details = cJSON_PrintUnformatted(v);
	return l->details && strlen(l->details) <= DEIA_MAX_DETAILS_BYTES;
}

static void free_lines(struct deia_chat_line *lines, int n)
{
	for (int i = 0; i < n; i++)
		cJSON_free((char *)(uintptr_t)lines[i].details);
	free(lines);
}

/* One line; NULL, or the member that is wrong and in *why what was expected.
 */
static const char *read_line(const cJSON *item, struct deia_chat_line *l,
			     const char **why)
{
	const char *role = text_of(item, "role");
	const char *when = text_of(item, "created_at");
	const char *unknown = wrong_member(item);

	*why = "there is no such field here";
	if (unknown)
		return unknown;
	*why = "expected user or assistant";
	if (!role ||
	    (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0))
		return "role";
	*why = "expected text of at most 1048576 bytes";
	if (!text_within(item, "content", true, DEIA_MAX_CONTENT_BYTES))
		return "content";
	*why = "expected text of at most 256 bytes";
	if (!text_within(item, "author", false, DEIA_MAX_NAME_BYTES))
		return "author";
	*why = "expected sent, answered, partial or failed";
	if (!read_status(item, &l->status))
		return "status";
	*why = "expected a time like 2026-11-22T16:09:28.123Z";
	if (cJSON_GetObjectItemCaseSensitive(item, "created_at") &&
	    (!when || !time_parse(when, &l->created_unix_ms)))
		return "created_at";
	*why = "expected an object of at most 16384 bytes";
	if (!read_details(item, l))
		return "details";
	l->role = role;
	l->author = text_of(item, "author");
	l->content = text_of(item, "content");
	l->content_len = strlen(l->content);
	l->prompt_tokens = l->completion_tokens = -1;
	return NULL;
}

static bool read_lines(struct rq *rq, const cJSON *items,
		       struct deia_chat_line *lines)
{
	const cJSON *item;
	size_t i = 0;

	cJSON_ArrayForEach(item, items) {
		char pointer[128];
		const char *why = "expected an object", *name = "";

		if (cJSON_IsObject(item))
			name = read_line(item, &lines[i], &why);
		if (name) {
			snprintf(pointer, sizeof(pointer), "/items/%zu%s%.80s",
				 i, *name ? "/" : "", name);
			rq_bad_field(rq, pointer, "%s", why);
			return false;
		}
		i++;
	}
	return true;
}

static void imported(deia_err err, const struct deia_conversation *conv,
		     void *user)
{
	struct rq *rq = user;
	struct deia_jw w;

	if (err) {
		rq_fail(rq, err);
	} else {
		deia_jw_init(&w);
		print_conversation(&w, conv);
		rq_send_json(rq, 201, &w);
	}
	rq_drop(rq);
}

void route_chat_import(struct rq *rq)
{
	static const struct field fields[] = {
		{ "items", FIELD_ARRAY, true, 0, 0 },
		{ "title", FIELD_TEXT, false, 0, DEIA_MAX_TITLE_BYTES },
		{ "bot", FIELD_TEXT, false, 0, DEIA_MAX_ID_LEN },
		{ "conversation", FIELD_TEXT, false, 0, DEIA_MAX_ID_LEN },
	};
	struct deia_chat_line *lines;
	const cJSON *items;
	int n;

	if (!BODY_FIELDS(rq, fields))
		return;
	items = cJSON_GetObjectItemCaseSensitive(rq->json, "items");
	n = cJSON_GetArraySize(items);
	if (n < 1 || n > DEIA_MAX_BATCH_LEN) {
		rq_bad_field(rq, "/items", "expected 1 to %d lines",
			     DEIA_MAX_BATCH_LEN);
		return;
	}
	lines = calloc((size_t)n, sizeof(*lines));
	if (!lines) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return;
	}
	if (read_lines(rq, items, lines)) {
		rq_hold(rq);
		idem_join(rq, print_made);
		rq_begun(rq,
			 deia_chat_import(rq->srv->hive, &rq->actor,
					  rq->param[0], body_text(rq, "title"),
					  lines, (size_t)n, imported, rq));
	}
	free_lines(lines, n);
}
