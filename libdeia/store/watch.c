/* SPDX-License-Identifier: MIT */
/*
 * watch.c - notices on their way from the database to the watchers.
 *
 * The backend hears them on a thread of its own, which is started with the
 * first watcher and ends with the store. They wait in a bounded queue; what
 * the loop does not take in time is forgotten, all of it, and the watchers are
 * told so: they read anew instead. The same is done when the connection was
 * lost, since nobody knows what was told meanwhile.
 */
#include "store/store.h"

#include <signal.h>
#include <string.h>

#include "core/mem.h"

/* ---- on the hearing thread --------------------------------------------- */

static void free_notices(struct deia__notice *n)
{
	struct deia__notice *next;

	for (; n; n = next) {
		next = n->next;
		deia__free(n);
	}
}

/* What waits is out of date; the watchers are to read anew. Under lock. */
static struct deia__notice *forget(struct deia__watch *w)
{
	struct deia__notice *all = w->first;

	w->first = w->last = NULL;
	w->n = 0;
	w->missed = true;
	return all;
}

static void on_hearing(void *user)
{
	deia_store *s = user;
	struct deia__notice *all;

	pthread_mutex_lock(&s->lock);
	s->watch.hears = true;
	all = forget(&s->watch);
	pthread_mutex_unlock(&s->lock);
	free_notices(all);
	deia__wake(s);
}

static void on_deaf(void *user)
{
	deia_store *s = user;

	pthread_mutex_lock(&s->lock);
	s->watch.hears = false;
	pthread_mutex_unlock(&s->lock);
}

static struct deia__notice *notice_new(const char *topic, size_t topic_len,
				       const char *text, uint64_t commit)
{
	size_t text_len = strlen(text);
	struct deia__notice *n =
		deia__alloc(sizeof(*n) + topic_len + text_len + 2);
	char *at;

	if (!n)
		return NULL;
	at = (char *)(n + 1);
	memcpy(at, topic, topic_len);
	at[topic_len] = '\0';
	memcpy(at + topic_len + 1, text, text_len + 1);
	n->topic = at;
	n->text = at + topic_len + 1;
	n->commit = commit;
	n->next = NULL;
	return n;
}

static void on_notice(void *user, const char *topic, size_t topic_len,
		      const char *text, uint64_t commit)
{
	deia_store *s = user;
	struct deia__notice *n = notice_new(topic, topic_len, text, commit);
	struct deia__notice *all = NULL;
	struct deia__watch *w = &s->watch;
	bool was_empty;

	pthread_mutex_lock(&s->lock);
	was_empty = w->first == NULL;
	if (!n || w->n >= DEIA__MAX_NOTICES) {
		all = forget(w);
	} else {
		if (w->last)
			w->last->next = n;
		else
			w->first = n;
		w->last = n;
		w->n++;
		n = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	free_notices(all);
	deia__free(n);
	if (was_empty || all)
		deia__wake(s);
}

static void *hear(void *arg)
{
	deia_store *s = arg;
	struct deia__hearing to = { s, on_hearing, on_deaf, on_notice };

	s->backend->listen(s->self, &to);
	return NULL;
}

/* ---- on the loop ------------------------------------------------------- */

static void sweep(struct deia__watch *w)
{
	struct deia__watcher **at = &w->watchers, *gone;

	while ((gone = *at) != NULL) {
		if (gone->cb) {
			at = &gone->next;
			continue;
		}
		*at = gone->next;
		deia__free(gone);
	}
}

/* NULL for those that were not greeted yet or, with all, for all. */
static void greet(struct deia__watch *w, bool all)
{
	struct deia__watcher *r;

	for (r = w->watchers; r; r = r->next) {
		if (!r->cb || (r->greeted && !all))
			continue;
		r->greeted = true;
		r->cb(NULL, r->user);
	}
}

static void tell(struct deia__watch *w, const struct deia__notice *n)
{
	struct deia_notice told = { n->topic, n->text, n->commit };
	struct deia__watcher *r;

	for (r = w->watchers; r; r = r->next)
		if (r->cb && r->greeted)
			r->cb(&told, r->user);
}

/* Takes up to max notices off the queue. Under lock. */
static struct deia__notice *take(struct deia__watch *w, unsigned max)
{
	struct deia__notice *first = w->first, *last = first;

	if (!first)
		return NULL;
	w->n--;
	while (--max > 0 && last->next) {
		last = last->next;
		w->n--;
	}
	w->first = last->next;
	if (!w->first)
		w->last = NULL;
	last->next = NULL;
	return first;
}

bool deia__watch_tell(deia_store *s, unsigned max)
{
	struct deia__watch *w = &s->watch;
	struct deia__notice *first, *n;
	bool missed, hears, more;

	if (!w->watchers && !w->has_thread)
		return false;
	pthread_mutex_lock(&s->lock);
	missed = w->missed;
	hears = w->hears || !deia_store_is_shared(s);
	w->missed = false;
	first = take(w, max);
	more = w->first != NULL;
	pthread_mutex_unlock(&s->lock);
	w->telling = true;
	if (missed || hears)
		greet(w, missed);
	for (n = first; n; n = n->next)
		tell(w, n);
	w->telling = false;
	sweep(w);
	free_notices(first);
	return more;
}

static bool start_thread(deia_store *s)
{
	struct deia__watch *w = &s->watch;
	sigset_t all, old;

	if (w->has_thread || !deia_store_is_shared(s))
		return true;
	/* Signals belong to the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	w->has_thread = !pthread_create(&w->thread, NULL, hear, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return w->has_thread;
}

deia_err deia_store_watch(deia_store *s, deia_notice_cb cb, void *user)
{
	struct deia__watcher *r, **at = &s->watch.watchers;

	if (s->closing)
		return DEIA_ESTATE;
	r = deia__alloc(sizeof(*r));
	if (!r || !start_thread(s)) {
		deia__free(r);
		return DEIA_ENOMEM;
	}
	r->cb = cb;
	r->user = user;
	while (*at)
		at = &(*at)->next;
	*at = r;
	/* Where all is heard already it is greeted in the next turn. */
	deia__wake(s);
	return DEIA_OK;
}

void deia_store_unwatch(deia_store *s, deia_notice_cb cb, void *user)
{
	struct deia__watcher *r;

	for (r = s->watch.watchers; r; r = r->next) {
		if (r->cb != cb || r->user != user)
			continue;
		r->cb = NULL;
		break;
	}
	if (!s->watch.telling)
		sweep(&s->watch);
}

void deia__watch_stop(deia_store *s)
{
	if (s->watch.has_thread)
		pthread_join(s->watch.thread, NULL);
	s->watch.has_thread = false;
}

void deia__watch_fini(deia_store *s)
{
	struct deia__watcher *r, *next;

	for (r = s->watch.watchers; r; r = next) {
		next = r->next;
		deia__free(r);
	}
	free_notices(s->watch.first);
}

/* ---- who it is --------------------------------------------------------- */

int64_t deia_store_writer(const deia_store *s)
{
	return s->backend->writer ? s->backend->writer(s->self) : 0;
}

bool deia_store_is_shared(const deia_store *s)
{
	return deia_store_writer(s) != 0;
}
