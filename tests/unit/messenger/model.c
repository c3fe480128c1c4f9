/* SPDX-License-Identifier: MIT */
/*
 * model.c - the state of the model, and what calls must come to.
 */
#include "model.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who held a lease meanwhile gets time to come back. */
#define RESTART_GRACE_MS 5000

const char *const model_names[MODEL_BOTS] = {
	"ann", "bob", "cid", "dan", "eve", "fay", "gus", DEIA_MESSAGE_SYSTEM,
};

void model_fail(const struct model *md, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s: %s\n", md->context, text);
	fflush(stdout);
	ck_abort_msg("%s: %s", md->context, text);
	abort();
}

void model_init(struct model *md, const struct deia_messenger_opts *opts,
		bool in_memory)
{
	memset(md, 0, sizeof(*md));
	md->opts = *opts;
	md->in_memory = in_memory;
	md->open[MODEL_SYSTEM] = true;
	for (int i = 0; i < MODEL_BOTS; i++)
		md->passed[i] = 1;
}

void model_fini(struct model *md)
{
	for (size_t i = 0; i < md->n; i++)
		free(md->msgs[i].owned);
	for (int i = 0; i < MODEL_WAITS; i++)
		free(md->waits[i]);
	free(md->msgs);
	memset(md, 0, sizeof(*md));
}

int model_bot(const char *name)
{
	for (int i = 0; i < MODEL_BOTS; i++)
		if (strcmp(model_names[i], name) == 0)
			return i;
	return -1;
}

struct model_msg *model_find(const struct model *md, const char *id)
{
	size_t low = 0, high = md->n, mid;
	int order;

	while (low < high) {
		mid = (low + high) / 2;
		order = strcmp(md->msgs[mid].id, id);
		if (order == 0)
			return &md->msgs[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void model_remove(struct model *md, struct model_msg *x)
{
	size_t i = (size_t)(x - md->msgs);

	free(x->owned);
	md->n--;
	memmove(x, x + 1, (md->n - i) * sizeof(*x));
}

void model_draft_fill(const struct model_draft *d,
		      struct deia_message_draft *out)
{
	struct deia_message_draft init = DEIA_MESSAGE_DRAFT_INIT;

	*out = init;
	out->from = model_names[d->from];
	out->to = model_names[d->to];
	out->by = d->by < 0 ? NULL : model_names[d->by];
	out->content = d->content;
	out->content_len = d->content_len;
	out->priority = d->priority;
	out->ttl_seconds = d->ttl_seconds;
	out->max_attempts = d->max_attempts;
	out->reply_to = d->reply_to[0] ? d->reply_to : NULL;
	out->dialogue = d->dialogue;
	out->metadata = d->metadata;
	out->notify = d->notify;
	out->hops = d->hops;
}

int64_t model_wall_of(const struct model *md, int64_t hive)
{
	return hive == 0 ? 0 : hive - md->hive + md->wall;
}

uint64_t model_open_len(const struct model *md, int inbox)
{
	uint64_t n = 0;

	for (size_t i = 0; i < md->n; i++)
		n += md->msgs[i].draft.to == inbox &&
		     md->msgs[i].status <= DEIA_MESSAGE_DELIVERED;
	return n;
}

bool model_is_candidate(const struct model *md, const struct model_msg *x)
{
	return x->status == DEIA_MESSAGE_PENDING && x->retry <= md->hive &&
	       x->expires > md->hive && !x->draft.dialogue;
}

size_t model_candidates(const struct model *md, int inbox)
{
	size_t n = 0;

	for (size_t i = 0; i < md->n; i++)
		n += md->msgs[i].draft.to == inbox &&
		     model_is_candidate(md, &md->msgs[i]);
	return n;
}

deia_err model_claim(const struct model_msg *x, int inbox, const char *token)
{
	if (!x || (inbox >= 0 && x->draft.to != inbox))
		return DEIA_ENOTFOUND;
	if (x->status == DEIA_MESSAGE_DELIVERED)
		return token && strcmp(token, x->token) != 0 ? DEIA_ECONFLICT
							     : DEIA_OK;
	return DEIA_ESTATE;
}

/* 1, 2, 4 ... 60 s, and a fifth of it either way. */
static int64_t backoff_ms(unsigned counted)
{
	int64_t s = counted > 6 ? 60 : INT64_C(1) << (counted - 1);

	return (s > 60 ? 60 : s) * 1000;
}

void model_allow_return(struct model *md, struct model_msg *x, int64_t delay_ms,
			bool excused)
{
	unsigned counted = x->attempt - x->excused - excused;
	int64_t base;

	(void)md;
	if (counted >= x->draft.max_attempts) {
		x->allowed = 1u << DEIA_MESSAGE_GAVE_UP;
		return;
	}
	x->allowed = 1u << DEIA_MESSAGE_RETRY;
	x->retry_min = x->retry_max = delay_ms;
	if (delay_ms != DEIA_DELAY_BACKOFF)
		return;
	base = backoff_ms(counted ? counted : 1);
	x->retry_min = base * 8 / 10;
	x->retry_max = base * 12 / 10;
}

void model_restart(struct model *md, int64_t downtime_ms)
{
	md->hive += downtime_ms;
	memset(&md->since, 0, sizeof(md->since));
	md->cleaned = md->n_gone = 0;
	for (struct model_msg *x = md->msgs; x < md->msgs + md->n; x++) {
		if (x->status != DEIA_MESSAGE_DELIVERED)
			continue;
		if (x->lease_end < md->hive + RESTART_GRACE_MS)
			x->lease_end = md->hive + RESTART_GRACE_MS;
		if (!x->held)
			continue;
		x->status = DEIA_MESSAGE_PENDING;
		x->held = false;
		x->lease_end = 0;
		x->excused++;
		x->waited = true; /* it comes back */
	}
	for (int i = 0; i < MODEL_BOTS; i++) {
		md->open[i] = i == MODEL_SYSTEM;
		md->passed[i] = 1;
	}
}
