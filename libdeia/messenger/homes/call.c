/* SPDX-License-Identifier: MIT */
/*
 * call.c - calls on messages that are not in memory, while others share the
 * store: their inbox is found in their row, it moves here, and then the call
 * is made as if it had always been here.
 */
#include "messenger/homes/homes.h"

#include <string.h>

#include "store/schema.h"

#define MAX_CALLS 10000

struct part {
	struct deia__home_wait wait; /* first */
	struct deia__call *call;
	struct deia__inbox *inbox; /* stays here until the call was made */
};

struct deia__call {
	struct deia__later later;
	deia_messenger *m;
	deia__call_fn run;
	bool failed;
	unsigned left;
	deia_err err;
	struct deia_message_claim *claims;
	size_t n;
	char *texts;
	_Alignas(max_align_t) unsigned char args[DEIA__CALL_ARGS];
	struct part parts[];
};

static void call_free(struct deia__call *c)
{
	deia__free(c->claims);
	deia__free(c->texts);
	deia__free(c);
}

static void let_go(deia_messenger *m, struct deia__inbox *inbox)
{
	deia__home_let(m, inbox);
	deia__inbox_unref(m, inbox);
}

static void call_run(void *arg)
{
	struct deia__call *c = arg;
	deia_messenger *m = c->m;

	m->homes->n_calls--;
	m->n_ops--;
	if (c->err == DEIA_EUNAVAILABLE)
		deia__msgr_fail(m, c->err,
				"the message is busy at another node; try "
				"again, or ask there");
	if (m->stopped)
		deia__msgr_fail(m, DEIA_ESTATE, "the messenger is stopped");
	m->homes->rerun = true;
	c->run(m, c->claims, c->n, c->args, c->err);
	m->homes->rerun = false;
	for (size_t i = 0; i < c->n; i++)
		if (c->parts[i].inbox)
			let_go(m, c->parts[i].inbox);
	call_free(c);
}

static void part_end(struct deia__call *c, deia_err err)
{
	if (err && !c->err)
		c->err = err;
	if (--c->left == 0)
		deia__later_call(c->m, &c->later, call_run, c);
}

static void keep_here(struct part *p, struct deia__inbox *inbox)
{
	p->inbox = inbox;
	deia__inbox_ref(inbox);
	deia__home_hold(inbox);
}

static void on_home(struct deia__home_wait *w, deia_err err)
{
	struct part *p = (struct part *)(void *)w;

	if (!err)
		keep_here(p, w->inbox);
	part_end(p->call, err);
}

/* ---- where a message is -------------------------------------------------- */

static void on_row(deia_err err, const deia_rows *rows, void *user)
{
	struct part *p = user;
	struct deia__call *c = p->call;
	deia_messenger *m = c->m;
	struct deia__inbox *inbox;
	int64_t phase;

	if (m->stopped)
		err = DEIA_ESTATE;
	if (err || deia_rows_count(rows) == 0) {
		part_end(c, err); /* unknown: the call will say so */
		return;
	}
	phase = deia_rows_get(rows, 0, MAIL_PHASE)->i;
	if (phase != PHASE_OPEN && !(c->failed && phase == PHASE_FAILED)) {
		part_end(c, DEIA_OK);
		return;
	}
	inbox = deia__inbox_get(m, deia_rows_text(rows, 0, MAIL_TO));
	if (!inbox)
		part_end(c, DEIA_ENOMEM);
	else if (!deia__home_is_here(inbox))
		deia__home_wait(m, inbox, &p->wait);
	else {
		keep_here(p, inbox);
		part_end(c, DEIA_OK);
	}
}

static bool is_elsewhere(const deia_messenger *m,
			 const struct deia_message_claim *claim)
{
	unsigned char id[DEIA__MSG_ID_BYTES];
	const struct deia__msg *msg;

	if (!deia__id_parse(id, claim->id))
		return false;
	msg = deia__msg_find(m, id);
	return !msg || (!msg->sending && !deia__home_is_here(msg->to));
}

static void find(struct deia__call *c, struct part *p,
		 const struct deia_message_claim *claim)
{
	unsigned char id[DEIA__MSG_ID_BYTES];
	struct deia__msg *msg;
	deia_err err;

	if (!is_elsewhere(c->m, claim) || !deia__id_parse(id, claim->id))
		return;
	c->left++;
	msg = deia__msg_find(c->m, id);
	if (msg) {
		deia__home_wait(c->m, msg->to, &p->wait);
		return;
	}
	err = deia__ask_message(c->m, id, on_row, p);
	if (err)
		part_end(c, err);
}

/* ---- a call -------------------------------------------------------------- */

static size_t text_bytes(const struct deia_message_claim *c)
{
	return (c->id ? strlen(c->id) + 1 : 0) +
	       (c->inbox ? strlen(c->inbox) + 1 : 0) +
	       (c->token ? strlen(c->token) + 1 : 0);
}

static const char *copy_text(char **at, const char *s)
{
	char *copy = *at;

	if (!s)
		return NULL;
	memcpy(copy, s, strlen(s) + 1);
	*at += strlen(s) + 1;
	return copy;
}

static bool copy_claims(struct deia__call *c,
			const struct deia_message_claim *claims, size_t n)
{
	size_t bytes = 1;
	char *at;

	for (size_t i = 0; i < n; i++)
		bytes += text_bytes(&claims[i]);
	c->texts = at = deia__alloc(bytes);
	c->claims = deia__alloc(n * sizeof(*c->claims));
	if (!c->texts || !c->claims)
		return false;
	for (size_t i = 0; i < n; i++) {
		c->claims[i].id = copy_text(&at, claims[i].id);
		c->claims[i].inbox = copy_text(&at, claims[i].inbox);
		c->claims[i].token = copy_text(&at, claims[i].token);
	}
	c->n = n;
	return true;
}

static struct deia__call *call_new(deia_messenger *m,
				   const struct deia_message_claim *claims,
				   size_t n)
{
	struct deia__call *c =
		deia__alloc(sizeof(*c) + n * sizeof(c->parts[0]));

	if (!c)
		return NULL;
	c->m = m;
	if (!copy_claims(c, claims, n)) {
		call_free(c);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		c->parts[i].call = c;
		c->parts[i].wait.fn = on_home;
	}
	return c;
}

bool deia__call_must_wait(const deia_messenger *m,
			  const struct deia_message_claim *claims, size_t n)
{
	if (!m->homes || m->homes->rerun || m->stopped || !claims ||
	    n > DEIA_MAX_BATCH_LEN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_elsewhere(m, &claims[i]))
			return true;
	return false;
}

deia_err deia__call_wait(deia_messenger *m,
			 const struct deia_message_claim *claims, size_t n,
			 bool failed, deia__call_fn run, const void *args,
			 size_t args_len)
{
	struct deia__call *c;

	if (m->homes->n_calls >= MAX_CALLS)
		return deia__msgr_fail(m, DEIA_EBUSY,
				       "%d calls wait for inboxes that other "
				       "nodes serve",
				       MAX_CALLS);
	c = call_new(m, claims, n);
	if (!c)
		return deia__msgr_fail(m, DEIA_ENOMEM, "out of memory");
	m->homes->n_calls++;
	m->n_ops++; /* until it is made again */
	c->run = run;
	c->failed = failed;
	memcpy(c->args, args, args_len);
	c->left = 1;
	for (size_t i = 0; i < n; i++)
		find(c, &c->parts[i], &c->claims[i]);
	part_end(c, DEIA_OK);
	return DEIA_OK;
}
