/* SPDX-License-Identifier: MIT */
/* names.c - bots and types by name, and the arrays that grow with them. */
#include "scheduler/scheduler.h"

#include <string.h>

struct deia__sched_bot *deia__sched_find_bot(const deia_scheduler *s,
					     const char *id)
{
	struct deia__sched_bot *b = NULL;

	if (id)
		HASH_FIND_STR(s->by_id, id, b);
	return b;
}

struct deia__sched_type *deia__sched_find_type(const deia_scheduler *s,
					       const char *name)
{
	struct deia__sched_type *t = NULL;

	if (name)
		HASH_FIND_STR(s->by_name, name, t);
	return t;
}

deia_err deia__sched_find_pair(deia_scheduler *s, const char *bot,
			       const char *type, struct deia__sched_bot **b,
			       struct deia__sched_type **t)
{
	*b = deia__sched_find_bot(s, bot);
	if (!*b)
		return deia__fail(&s->msg, DEIA_ENOTFOUND, "no bot \"%.64s\"",
				  bot ? bot : "");
	*t = deia__sched_find_type(s, type);
	if (!*t)
		return deia__fail(&s->msg, DEIA_ENOTFOUND,
				  "no type of task \"%.64s\"",
				  type ? type : "");
	return DEIA_OK;
}

/* 1..DEIA_MAX_ID_LEN characters, none of them white or a control. */
static bool is_name(const char *name)
{
	size_t len = name ? strnlen(name, DEIA_MAX_ID_LEN + 1) : 0;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return len >= 1 && len <= DEIA_MAX_ID_LEN;
}

/* ---- arrays ------------------------------------------------------------- */

static bool grow(void *array, size_t size, unsigned from, unsigned to)
{
	void **at = array;
	void *p = deia__realloc(*at, size * to);

	if (!p)
		return false;
	memset((char *)p + size * from, 0, size * (to - from));
	*at = p;
	return true;
}

/* Where there is no bot, nothing may look like the best one. */
static bool grow_cost(struct deia__sched_type *t, unsigned from, unsigned to)
{
	if (!grow(&t->cost, sizeof(float), from, to))
		return false;
	for (unsigned i = from; i < to; i++)
		t->cost[i] = INFINITY;
	return true;
}

static bool grow_type(struct deia__sched_type *t, unsigned from, unsigned to)
{
	return grow(&t->pairs, sizeof(*t->pairs), from, to) &&
	       grow(&t->need, sizeof(float), from, to) &&
	       grow(&t->tries, sizeof(float), from, to) &&
	       grow_cost(t, from, to);
}

/* Room for one more index. What grew before a failure stays, unused. */
static bool make_room(deia_scheduler *s)
{
	unsigned to = s->cap ? s->cap * 2 : DEIA__LANES;
	float **floats[] = { &s->at.end,   &s->at.late,	 &s->at.queue,
			     &s->at.share, &s->at.price, &s->at.load,
			     &s->score };

	if (s->top < s->cap)
		return true;
	if (!grow(&s->bots, sizeof(struct deia__sched_bot *), s->cap, to))
		return false;
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++)
		if (!grow(floats[i], sizeof(float), s->cap, to))
			return false;
	for (unsigned i = 0; i < s->n_types; i++)
		if (!grow_type(s->types[i], s->cap, to))
			return false;
	for (unsigned i = s->cap; i < to; i++)
		s->at.price[i] = INFINITY;
	s->cap = to;
	return true;
}

static void free_type(struct deia__sched_type *t)
{
	deia__free(t->pairs);
	deia__free(t->need);
	deia__free(t->tries);
	deia__free(t->cost);
	deia__free(t);
}

void deia__sched_free_names(deia_scheduler *s)
{
	HASH_CLEAR(hh, s->by_id);
	HASH_CLEAR(hh, s->by_name);
	for (unsigned i = 0; i < s->top; i++)
		deia__free(s->bots[i]);
	for (unsigned i = 0; i < s->n_types; i++)
		free_type(s->types[i]);
	deia__free(s->bots);
	deia__free(s->at.end);
	deia__free(s->at.late);
	deia__free(s->at.queue);
	deia__free(s->at.share);
	deia__free(s->at.price);
	deia__free(s->at.load);
	deia__free(s->score);
}

/* ---- bots --------------------------------------------------------------- */

static unsigned free_index(const deia_scheduler *s)
{
	for (unsigned i = 0; s->n_bots < s->top && i < s->top; i++)
		if (!s->bots[i])
			return i;
	return s->top;
}

static deia_err add_bot(deia_scheduler *s, const char *id,
			struct deia__sched_bot **out)
{
	struct deia__sched_bot *b;

	if (s->n_bots >= s->opts.max_bots)
		return deia__fail(&s->msg, DEIA_ELIMIT,
				  "there are %u bots already", s->n_bots);
	b = make_room(s) ? deia__alloc(sizeof(*b)) : NULL;
	if (!b)
		return deia__fail(&s->msg, DEIA_ENOMEM, "memory ran out");
	memcpy(b->id, id, strlen(id));
	HASH_ADD_STR(s->by_id, id, b);
	if (!b->hh.tbl) {
		deia__free(b);
		return deia__fail(&s->msg, DEIA_ENOMEM, "memory ran out");
	}
	b->index = free_index(s);
	b->busy_ms = s->now_ms;
	if (b->index == s->top)
		s->top++;
	s->bots[b->index] = b;
	s->at.share[b->index] = 1; /* no room, until the book says so */
	s->n_bots++;
	*out = b;
	return DEIA_OK;
}

static bool is_bot(const struct deia_scheduler_bot *bot)
{
	return bot && bot->size >= sizeof(*bot) && bot->max_concurrent >= 1 &&
	       bot->max_concurrent <= DEIA_MAX_CONCURRENT &&
	       bot->others <= DEIA_MAX_CONCURRENT + DEIA_MAX_QUEUE_LEN;
}

deia_err deia_scheduler_set_bot(deia_scheduler *s, const char *id,
				const struct deia_scheduler_bot *bot,
				int64_t now_ms)
{
	struct deia__sched_bot *b = deia__sched_find_bot(s, id);
	bool is_new = !b;
	deia_err err = DEIA_OK;

	if (!is_name(id) || !is_bot(bot))
		return deia__fail(&s->msg, DEIA_EINVAL,
				  is_name(id) ? "max_concurrent or others is "
						"out of range"
					      : "not a bot's id");
	now_ms = deia__sched_now(s, now_ms);
	if (is_new)
		err = add_bot(s, id, &b);
	if (!b)
		return err;
	if (!is_new)
		deia__book_age(s, b);
	b->available = bot->available;
	b->max_concurrent = bot->max_concurrent;
	if (bot->others != b->others)
		b->others_ms = now_ms;
	b->others = bot->others;
	for (unsigned i = 0; is_new && i < s->n_types; i++)
		deia__pair_refresh(s, s->types[i], b);
	deia__book_update(s, b);
	return DEIA_OK;
}

deia_err deia_scheduler_remove_bot(deia_scheduler *s, const char *id)
{
	struct deia__sched_bot *b = deia__sched_find_bot(s, id);

	if (!b)
		return deia__fail(&s->msg, DEIA_ENOTFOUND, "no bot \"%.64s\"",
				  id ? id : "");
	for (unsigned i = 0; i < s->n_types; i++) {
		deia__pair_clear(s, s->types[i], b);
		s->types[i]->cost[b->index] = INFINITY;
	}
	deia__circuit_close(s, b);
	b->available = false;
	b->max_concurrent = 1;
	b->others = 1; /* no room */
	b->n_runs = 0;
	deia__book_update(s, b);
	s->bots[b->index] = NULL;
	s->n_bots--;
	HASH_DEL(s->by_id, b);
	deia__free(b);
	return DEIA_OK;
}

/* ---- types -------------------------------------------------------------- */

deia_err deia_scheduler_add_type(deia_scheduler *s, const char *name)
{
	struct deia__sched_type *t;

	if (!is_name(name))
		return deia__fail(&s->msg, DEIA_EINVAL,
				  "not a name of a type of task");
	if (deia__sched_find_type(s, name))
		return DEIA_OK;
	if (s->n_types >= s->opts.max_types)
		return deia__fail(&s->msg, DEIA_ELIMIT,
				  "there are %u types already", s->n_types);
	t = deia__alloc(sizeof(*t));
	if (!t)
		goto nomem;
	memcpy(t->name, name, strlen(name));
	if (s->cap && !grow_type(t, 0, s->cap))
		goto nomem;
	HASH_ADD_STR(s->by_name, name, t);
	if (!t->hh.tbl)
		goto nomem;
	t->index = s->n_types;
	t->last_ms = s->now_ms;
	s->types[s->n_types++] = t;
	for (unsigned i = 0; i < s->top; i++)
		if (s->bots[i])
			deia__pair_refresh(s, t, s->bots[i]);
	return DEIA_OK;
nomem:
	if (t)
		free_type(t);
	return deia__fail(&s->msg, DEIA_ENOMEM, "memory ran out");
}

deia_err deia_scheduler_remove_type(deia_scheduler *s, const char *name)
{
	struct deia__sched_type *t = deia__sched_find_type(s, name);

	if (!t)
		return deia__fail(&s->msg, DEIA_ENOTFOUND,
				  "no type of task \"%.64s\"",
				  name ? name : "");
	for (unsigned i = 0; i < s->top; i++)
		if (s->bots[i])
			deia__pair_clear(s, t, s->bots[i]);
	s->types[t->index] = s->types[--s->n_types];
	s->types[t->index]->index = t->index;
	HASH_DEL(s->by_name, t);
	free_type(t);
	return DEIA_OK;
}

const char *deia_scheduler_bot_at(const deia_scheduler *s, size_t n)
{
	for (unsigned i = 0; i < s->top; i++)
		if (s->bots[i] && n-- == 0)
			return s->bots[i]->id;
	return NULL;
}

const char *deia_scheduler_type_at(const deia_scheduler *s, size_t n)
{
	return n < s->n_types ? s->types[n]->name : NULL;
}
