/* SPDX-License-Identifier: MIT */
/*
 * messenger_alone.c - durable mail inside a program: the messenger without a
 * hive, and without the libraries that a hive needs.
 *
 * Build it against an installed libdeia; deia-messenger.pc asks for libevent,
 * SQLite and what else the messenger itself needs:
 *
 *   cc messenger_alone.c -o messenger_alone \
 *      $(pkg-config --static --cflags --libs deia-messenger)
 *   ./messenger_alone mail.db 3
 *
 * One loop, two inboxes. "shop" sends orders to "press", which waits for them
 * (a long poll inside the process), does the work and answers; shop waits for
 * the answers. Everything is on the disk before it is reported here, so kill
 * the program at any moment and run it again: it goes on where it was. Orders
 * are sent under a key each, so that a second run sends none of them twice and,
 * when the first one finished, has nothing to say.
 *
 * Without a store (NULL) the same works in memory.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <deia/messenger.h>
#include <deia/sys/store.h>

struct app {
	struct event_base *base;
	deia_store *store;
	deia_messenger *m;
	unsigned orders, sent;
	int status;
};

static void leave(struct app *app, const char *problem)
{
	if (problem) {
		fprintf(stderr, "%s: %s\n", problem,
			deia_messenger_errmsg(app->m));
		app->status = EXIT_FAILURE;
	}
	event_base_loopbreak(app->base);
}

static bool is_empty(const struct app *app, const char *inbox)
{
	struct deia_inbox_status s;

	return !deia_messenger_inbox(app->m, inbox, &s) &&
	       s.pending + s.delivered == 0;
}

/* An answer is sent in one step with its order's end: nothing is in between. */
static void leave_when_done(struct app *app)
{
	if (app->sent == app->orders && is_empty(app, "press") &&
	    is_empty(app, "shop"))
		leave(app, NULL);
}

/*
 * The next message of an inbox goes to cb, however long that takes. It is ours
 * as long as this process lives; the next one gets what was left in hand.
 */
static void wait_for_mail(struct app *app, const char *inbox,
			  deia_messages_cb cb)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;

	what.inbox = inbox;
	what.wait_ms = DEIA_WAIT_FOR_EVER;
	what.held = true;
	if (deia_messenger_receive(app->m, &what, NULL, cb, app))
		leave(app, "cannot receive");
}

/* ---- press: does the work ---------------------------------------------- */

static void on_order(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user);

/* Sent and acknowledged in one durable step: now, and not before, the order is
 * done. */
static void on_sent_back(deia_err err, const struct deia_message *items,
			 size_t n, bool more, void *user)
{
	struct app *app = user;

	(void)items;
	(void)n;
	(void)more;
	if (err)
		leave(app, "cannot answer");
	else
		wait_for_mail(app, "press", on_order);
}

static void on_order(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct deia_message_draft answer = DEIA_MESSAGE_DRAFT_INIT;
	struct deia_message_claim claim = { .inbox = "press" };
	struct app *app = user;
	char text[64];

	(void)more;
	if (err == DEIA_ECANCELED || (!err && n == 0))
		return; /* the program ends */
	if (err) {
		leave(app, "no order");
		return;
	}
	printf("press got \"%s\"%s\n", items->content,
	       items->redelivered ? " (again)" : "");
	snprintf(text, sizeof(text), "%s", items->content);
	for (char *p = text; *p; p++)
		*p = (char)toupper((unsigned char)*p);

	claim.id = items->id;
	claim.token = items->lease_token;
	answer.from = "press";
	answer.to = items->from;
	answer.content = text;
	answer.content_len = strlen(text);
	answer.reply_to = items->id;
	if (deia_messenger_answer(app->m, &claim, &answer, on_sent_back, app))
		leave(app, "cannot answer");
}

/* ---- shop: orders, and takes what comes back ---------------------------- */

static void on_answer(deia_err err, const struct deia_message *items, size_t n,
		      bool more, void *user);

static void on_read(deia_err err, void *user)
{
	struct app *app = user;

	if (err) {
		leave(app, "cannot acknowledge");
		return;
	}
	wait_for_mail(app, "shop", on_answer);
	leave_when_done(app);
}

static void on_answer(deia_err err, const struct deia_message *items, size_t n,
		      bool more, void *user)
{
	struct deia_message_claim claim = { .inbox = "shop" };
	struct app *app = user;

	(void)more;
	if (err == DEIA_ECANCELED || (!err && n == 0))
		return;
	if (err) {
		leave(app, "no answer");
		return;
	}
	printf("shop got \"%s\"\n", items->content);
	claim.id = items->id;
	claim.token = items->lease_token;
	if (deia_messenger_read(app->m, &claim, 1, NULL, on_read, app))
		leave(app, "cannot acknowledge");
}

static void on_ordered(deia_err err, const struct deia_message *items, size_t n,
		       bool more, void *user)
{
	struct app *app = user;

	(void)items;
	(void)n;
	(void)more;
	if (err) {
		leave(app, "cannot order");
		return;
	}
	app->sent++;
	leave_when_done(app); /* all was done in an earlier run */
}

static deia_err order(struct app *app, unsigned number)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;
	char text[32], key[32];

	snprintf(text, sizeof(text), "%u posters", number);
	snprintf(key, sizeof(key), "order %u", number);
	d.from = "shop";
	d.to = "press";
	d.content = text;
	d.content_len = strlen(text);
	return deia_messenger_send(app->m, &d, 1, key, NULL, on_ordered, app);
}

/* ---- the program --------------------------------------------------------- */

static deia_err open_all(struct app *app, const char *file, char *detail,
			 size_t len)
{
	char url[4096];
	deia_err err;

	snprintf(url, sizeof(url), "sqlite:%s", file);
	err = deia_store_open(&app->store, app->base, url, NULL, detail, len);
	if (!err)
		err = deia_messenger_new(&app->m, app->base, app->store, NULL,
					 detail, len);
	if (!err)
		err = deia_messenger_open_inbox(app->m, "shop");
	if (!err)
		err = deia_messenger_open_inbox(app->m, "press");
	return err;
}

int main(int argc, char **argv)
{
	struct app app = { .orders = 3 };
	char detail[256] = "out of memory";
	deia_err err;

	if (argc > 2)
		app.orders = (unsigned)strtoul(argv[2], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0); /* also into a file, to the line */
	app.base = event_base_new();
	if (!app.base)
		return EXIT_FAILURE;
	err = open_all(&app, argc > 1 ? argv[1] : "mail.db", detail,
		       sizeof(detail));
	if (err)
		fprintf(stderr, "cannot open the mail: %s\n", detail);
	for (unsigned i = 1; i <= app.orders && !err; i++)
		err = order(&app, i);
	if (!err) {
		wait_for_mail(&app, "press", on_order);
		wait_for_mail(&app, "shop", on_answer);
		event_base_dispatch(app.base);
	}

	/* In this order: what was begun is finished by closing the store. */
	if (app.m)
		deia_messenger_stop(app.m);
	deia_store_close(app.store);
	deia_messenger_free(app.m);
	event_base_free(app.base);
	return err ? EXIT_FAILURE : app.status;
}
