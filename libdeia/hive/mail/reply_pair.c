/* SPDX-License-Identifier: MIT */
/*
 * reply_pair.c - the conversation of a bot with each of those who write to it.
 *
 * It is found by its title, "mail with BOT-002", so that people see whose mail
 * it is, may delete it, and find it again after a restart. What was found is
 * remembered for the last few who wrote.
 */
#include "hive/mail/reply.h"

#include <stdio.h>
#include <string.h>

#define PEERS_MAX 64

static deia_err list(struct deia__peer *p, const char *before);

struct wait {
	struct wait *next;
	deia__pair_cb cb;
	void *arg;
};

struct deia__peer {
	struct deia__replier *at;
	TAILQ_ENTRY(deia__peer) link;
	char name[DEIA_MAX_ID_LEN + 1];
	char conversation[37]; /* "": not known */
	bool busy;	       /* it is looked for */
	struct wait *waits;    /* oldest first */
};

static void print_title(char out[static DEIA_MAX_TITLE_BYTES + 1],
			const char *peer)
{
	snprintf(out, DEIA_MAX_TITLE_BYTES + 1, "mail with %s", peer);
}

static void drop(struct deia__peer *p)
{
	TAILQ_REMOVE(&p->at->peers, p, link);
	p->at->n_peers--;
	deia__free(p);
}

/* It is known now, or cannot be had: all who wait are told. */
static void found(struct deia__peer *p, deia_err err)
{
	struct deia__replier *r = p->at;
	struct wait *w = p->waits;
	char conversation[37];

	p->waits = NULL;
	p->busy = false;
	memcpy(conversation, p->conversation, sizeof(conversation));
	while (w) {
		struct wait *next = w->next;

		w->cb(err, err ? NULL : conversation, w->arg);
		deia__free(w);
		w = next;
	}
	deia__replier_check(r);
}

static void on_created(deia_err err, const struct deia_conversation *conv,
		       void *user)
{
	struct deia__peer *p = user;

	if (!err)
		memcpy(p->conversation, conv->id, 37);
	found(p, err);
}

static deia_err create(struct deia__peer *p)
{
	static const struct deia_actor hive = { .name = "system" };
	char title[DEIA_MAX_TITLE_BYTES + 1];

	print_title(title, p->name);
	return deia_chat_create(p->at->hive, &hive, p->at->id, title,
				on_created, p);
}

static void on_list(deia_err err, const struct deia_conversation *items,
		    size_t n, bool more, void *user)
{
	struct deia__peer *p = user;
	char title[DEIA_MAX_TITLE_BYTES + 1];

	print_title(title, p->name);
	for (size_t i = 0; i < n && !p->conversation[0]; i++)
		if (strcmp(items[i].title, title) == 0)
			memcpy(p->conversation, items[i].id, 37);
	if (!err && !p->conversation[0]) {
		err = more && n ? list(p, items[n - 1].id) : create(p);
		if (!err)
			return;
	}
	found(p, err);
}

static deia_err list(struct deia__peer *p, const char *before)
{
	return deia_chat_list(p->at->hive, p->at->id, before,
			      DEIA_MAX_CONVERSATIONS_PER_BOT, on_list, p);
}

static void on_cached(void *arg)
{
	found(arg, DEIA_OK);
}

static deia_err look_for(struct deia__peer *p)
{
	deia_hive *h = p->at->hive;
	deia_err err;

	if (p->conversation[0])
		err = deia__post_call(h->post, on_cached, p);
	else
		err = list(p, NULL);
	p->busy = !err;
	return err;
}

static void make_room(struct deia__replier *r)
{
	struct deia__peer *p, *next;

	for (p = TAILQ_FIRST(&r->peers); p && r->n_peers >= PEERS_MAX;
	     p = next) {
		next = TAILQ_NEXT(p, link);
		if (!p->busy)
			drop(p);
	}
}

static struct deia__peer *find(struct deia__replier *r, const char *name)
{
	struct deia__peer *p;

	TAILQ_FOREACH(p, &r->peers, link)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static struct deia__peer *get(struct deia__replier *r, const char *name)
{
	struct deia__peer *p = find(r, name);

	if (p) {
		TAILQ_REMOVE(&r->peers, p, link);
		TAILQ_INSERT_TAIL(&r->peers, p, link);
		return p;
	}
	make_room(r);
	p = deia__alloc(sizeof(*p));
	if (!p)
		return NULL;
	p->at = r;
	snprintf(p->name, sizeof(p->name), "%s", name);
	TAILQ_INSERT_TAIL(&r->peers, p, link);
	r->n_peers++;
	return p;
}

deia_err deia__pair_find(struct deia__replier *r, const char *peer,
			 deia__pair_cb cb, void *arg)
{
	struct deia__peer *p = get(r, peer);
	struct wait *w = deia__alloc(sizeof(*w)), **end;
	deia_err err = p && w ? DEIA_OK : DEIA_ENOMEM;

	if (!err && !p->busy)
		err = look_for(p);
	if (err) {
		deia__free(w);
		return err;
	}
	w->cb = cb;
	w->arg = arg;
	for (end = &p->waits; *end; end = &(*end)->next)
		;
	*end = w;
	return DEIA_OK;
}

void deia__pair_forget(struct deia__replier *r, const char *peer)
{
	struct deia__peer *p = find(r, peer);

	if (p && !p->busy)
		drop(p);
}

bool deia__pairs_busy(const struct deia__replier *r)
{
	const struct deia__peer *p;

	TAILQ_FOREACH(p, &r->peers, link)
		if (p->busy)
			return true;
	return false;
}

void deia__pairs_free(struct deia__replier *r)
{
	struct deia__peer *p;

	while ((p = TAILQ_FIRST(&r->peers))) {
		while (p->waits) {
			struct wait *w = p->waits;

			p->waits = w->next;
			deia__free(w);
		}
		drop(p);
	}
}
