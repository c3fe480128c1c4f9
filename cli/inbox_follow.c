/* SPDX-License-Identifier: MIT */
/*
 * inbox_follow.c - new mail as it comes, by the hive's stream of events.
 *
 * An event only names the messages; each is then asked for, on a connection
 * of its own. The stream goes on after a reconnect where it broke; where that
 * is no longer kept, the inbox is looked at anew. Nothing is shown twice, and
 * looking changes nothing.
 */
#include "inbox_follow.h"

#include <stdlib.h>
#include <string.h>

#include "mail.h"

/* Of what waits already, at most so many are shown. */
#define SHOWN_AT_FIRST "100"

struct follow {
	struct cli *cli;
	deia_client *other;
	const char *inbox, *priority;
	bool open; /* what waited was shown */
	int rc;
	struct mail_seen seen;
};

static bool is_wanted(const struct follow *f, const cJSON *item)
{
	return strcmp(jtext(item, "to"), f->inbox) == 0 &&
	       (f->priority == NULL ||
		strcmp(jtext(item, "priority"), f->priority) == 0);
}

static void show(struct follow *f, const cJSON *message)
{
	if (mail_seen_add(&f->seen, jtext(message, "id")))
		mail_show(f->cli, message);
}

/* Calls of the callback go over the other client. */
static int ask_other(struct follow *f, const char *path, cJSON **json)
{
	deia_client *stream = f->cli->client;
	int rc;

	f->cli->client = f->other;
	rc = ask(f->cli, "GET", path, NULL, json);
	f->cli->client = stream;
	return rc;
}

/* What is in the inbox and was not shown, in the order of the inbox. */
static void look(struct follow *f)
{
	char *path = path_of("/api/v1/bots/%s/inbox?limit=" SHOWN_AT_FIRST,
			     f->inbox);
	struct text full = { 0 };
	const cJSON *m;
	cJSON *json = NULL;

	text_adds(&full, path);
	query_add(&full, "priority", f->priority);
	f->rc = ask_other(f, full.data, &json);
	JSON_EACH_ITEM(m, json)
	show(f, m);
	if (*jtext(json, "next_cursor") != '\0')
		note(f->cli, "more is waiting: deia inbox %s --cursor %s",
		     f->inbox, jtext(json, "next_cursor"));
	if (f->rc == EXIT_DONE && !f->open)
		note(f->cli, "following the inbox of %s; Ctrl-C ends it",
		     f->inbox);
	f->open = true;
	cJSON_Delete(json);
	text_free(&full);
	free(path);
}

static void fetch(struct follow *f, const char *id)
{
	char *path = path_of("/api/v1/messages/%s", id);
	struct deia_reply reply;
	cJSON *json = NULL;
	deia_client *stream = f->cli->client;
	deia_err err;

	f->cli->client = f->other;
	err = ask_quietly(f->cli, "GET", path, NULL, &json, &reply);
	if (err == DEIA_OK)
		show(f, json);
	else if (err != DEIA_ENOTFOUND) /* deleted with its bot: never mind */
		f->rc = explain(f->cli, err, reply.retry_after_seconds);
	f->cli->client = stream;
	cJSON_Delete(json);
	free(path);
}

static void take(struct follow *f, const cJSON *event)
{
	const char *subject = jtext(event, "subject");
	const cJSON *item;

	if (strcmp(jtext(event, "type"), "message.queued") != 0 ||
	    (*subject != '\0' && strcmp(subject, f->inbox) != 0))
		return;
	JSON_EACH_ITEM(item, cJSON_GetObjectItemCaseSensitive(event, "data"))
	{
		if (f->rc == EXIT_DONE && !interrupts_seen() &&
		    is_wanted(f, item))
			fetch(f, jtext(item, "id"));
	}
}

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct follow *f = user;
	cJSON *json = NULL;

	(void)id;
	if (deia_json_parse(&json, data, len, NULL) != DEIA_OK)
		return true;
	if (strcmp(event, "resync") == 0 ||
	    (strcmp(event, "open") == 0 && !f->open))
		look(f);
	else
		take(f, json);
	cJSON_Delete(json);
	return fflush(stdout) == 0 && f->rc == EXIT_DONE;
}

int inbox_follow(struct cli *cli, const char *inbox, const char *priority)
{
	struct follow *f = must_alloc(sizeof(*f));
	deia_client *client;
	deia_err err = DEIA_OK;
	int rc;

	f->cli = cli;
	f->inbox = inbox;
	f->priority = priority;
	client = cli_client(cli, &rc);
	if (client != NULL && (rc = mail_inbox_check(cli, inbox)) == EXIT_DONE)
		f->other = cli_other_client(cli, &rc);
	if (f->other != NULL) {
		interrupts_watch(client);
		interrupts_watch_other(f->other);
		err = deia_client_follow(client, -1, 0, on_event, f);
		interrupts_watch_other(NULL);
		deia_client_free(f->other);
		rc = f->rc;
	}
	if (interrupts_seen())
		rc = EXIT_INTERRUPTED;
	else if (err != DEIA_OK)
		rc = explain(cli, err, 0);
	free(f);
	return rc;
}
