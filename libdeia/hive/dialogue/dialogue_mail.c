/* SPDX-License-Identifier: MIT */
/*
 * dialogue_mail.c - the messages of a dialogue.
 *
 * They are among the mail between its two bots, from the one with the topic
 * on. Its n-th answer has n hops: so the newest message tells how many turns
 * were taken, exactly, whatever died when.
 */
#include "hive/dialogue/dialogue.h"

#include <stdio.h>
#include <string.h>

#define READ_LEN                                                               \
	200 /* messages of a page, while it is looked where it stands */

/* The id right before this one: what is newer than that follows. */
static void id_before(char out[static 37], const char *id)
{
	static const char hex[] = "0123456789abcdef";
	size_t i = 36;

	snprintf(out, 37, "%s", id);
	while (i-- > 0) {
		const char *at = strchr(hex, out[i]);

		if (!at) /* a hyphen */
			continue;
		if (at != hex) {
			out[i] = at[-1];
			return;
		}
		out[i] = 'f';
	}
}

/* ---- where it stands ---------------------------------------------------------- */

static int64_t tokens_of(const struct deia_message *m)
{
	cJSON *json = NULL;
	const cJSON *usage;
	int64_t prompt = 0, completion = 0;

	if (!m->metadata ||
	    deia_json_parse(&json, m->metadata, strlen(m->metadata), NULL))
		return 0;
	usage = deia__json_get(json, "usage");
	if (usage) {
		deia__json_int(usage, "prompt_tokens", 0, INT32_MAX, &prompt);
		deia__json_int(usage, "completion_tokens", 0, INT32_MAX,
			       &completion);
	}
	cJSON_Delete(json);
	return prompt + completion;
}

static void read_on(struct deia__dialogue *d, const char *after);

static void on_mail(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct deia__dialogue *d = user;

	if (d->hive->freeing)
		return;
	if (err) {
		deia__hive_log(d->hive, DEIA_LOG_WARN,
			       "the messages of dialogue %s cannot be read: %s",
			       d->id, deia_err_text(err));
		deia__dialogue_later(d, DEIA__MAIL_AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (strcmp(items[i].dialogue, d->id) != 0)
			continue;
		if (items[i].hops)
			d->tokens += tokens_of(&items[i]);
		d->turns_done = items[i].hops;
		snprintf(d->next, sizeof(d->next), "%s", items[i].id);
	}
	if (more && n)
		read_on(d, items[n - 1].id);
	else if (d->next[0])
		deia__dialogue_step(d);
	else
		deia__dialogue_gone(d);
}

static void read_on(struct deia__dialogue *d, const char *after)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	deia_err err;

	q.a = d->a;
	q.b = d->b;
	q.oldest_first = true;
	q.after = after;
	q.limit = READ_LEN;
	err = deia_messenger_page(deia_hive_messenger(d->hive), &q, on_mail, d);
	if (err)
		on_mail(err, NULL, 0, false, d);
}

void deia__dialogue_read(struct deia__dialogue *d)
{
	char after[37];

	id_before(after, d->first);
	d->phase = TALK_READING;
	d->next[0] = '\0';
	d->turns_done = 0;
	d->tokens = 0;
	read_on(d, after);
}

/* ---- pages for callers ----------------------------------------------------------- */

struct page {
	deia_hive *hive;
	char id[37], after[37];
	char a[DEIA_MAX_ID_LEN + 1], b[DEIA_MAX_ID_LEN + 1];
	unsigned limit;
	deia_messages_cb cb;
	void *user;
};

static void end_page(struct page *p, deia_err err)
{
	p->cb(err, NULL, 0, false, p->user);
	deia__free(p);
}

static void read_page(struct page *p);

/* Those of the dialogue; a page with none of them is not shown. */
static void on_page(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct page *p = user;
	struct deia_message *own;
	size_t n_own = 0;

	if (err) {
		deia__hive_fail(p->hive, err, "%s",
				p->hive->freeing ? deia_err_text(err)
						 : deia_messenger_errmsg(
							   deia_hive_messenger(
								   p->hive)));
		end_page(p, err);
		return;
	}
	own = deia__alloc((n + 1) * sizeof(*own));
	if (!own) {
		end_page(p, deia__hive_fail(p->hive, DEIA_ENOMEM,
					    "out of memory"));
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].dialogue, p->id) == 0) {
			own[n_own] = items[i];
			own[n_own++].lease_token = ""; /* the hive's own */
		}
	if (!n_own && more && n) {
		snprintf(p->after, sizeof(p->after), "%s", items[n - 1].id);
		read_page(p);
	} else {
		p->cb(DEIA_OK, own, n_own, more, p->user);
		deia__free(p);
	}
	deia__free(own);
}

static void read_page(struct page *p)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	deia_err err;

	q.a = p->a;
	q.b = p->b;
	q.oldest_first = true;
	q.after = p->after;
	q.limit = p->limit;
	err = p->hive->freeing
		      ? DEIA_ECANCELED
		      : deia_messenger_page(deia_hive_messenger(p->hive), &q,
					    on_page, p);
	if (err)
		on_page(err, NULL, 0, false, p);
}

static void on_row(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;
	struct deia_dialogue d;
	const char *first;

	if (err) {
		deia__hive_unreadable(p->hive, err);
	} else if (!deia_rows_count(rows)) {
		err = deia__no_dialogue(p->hive, p->id);
	}
	if (err) {
		end_page(p, err);
		return;
	}
	deia__dialogue_from_row(&d, rows, 0);
	first = deia_rows_text(rows, 0, DIALOGUE_FIRST);
	if (!first[0]) { /* the topic is not sent yet */
		end_page(p, DEIA_OK);
		return;
	}
	snprintf(p->a, sizeof(p->a), "%s", d.a);
	snprintf(p->b, sizeof(p->b), "%s", d.b);
	if (!p->after[0])
		id_before(p->after, first);
	read_page(p);
}

deia_err deia_dialogue_messages(deia_hive *h, const char *id, const char *after,
				unsigned limit, deia_messages_cb cb, void *user)
{
	struct deia_value key = deia_text(id);
	struct deia_page_query q = {
		.table = &deia__table_dialogues,
		.index = -1,
		.equal = &key,
		.n_equal = 1,
		.limit = 1,
	};
	struct page *p;
	deia_err err = deia__hive_check_limit(h, limit);

	if (err)
		return err;
	if (!id || !deia__uuid_valid(id))
		return deia__no_dialogue(h, id);
	if (after && !deia__uuid_valid(after))
		return deia__hive_field(h, "/after", "the id of a message");
	p = deia__alloc(sizeof(*p));
	if (!p)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	p->hive = h;
	p->limit = limit;
	p->cb = cb;
	p->user = user;
	snprintf(p->id, sizeof(p->id), "%s", id);
	snprintf(p->after, sizeof(p->after), "%s", after ? after : "");
	err = deia_store_page(h->store, &q, on_row, p);
	if (err) {
		deia__free(p);
		return deia__hive_unreadable(h, err);
	}
	return DEIA_OK;
}
