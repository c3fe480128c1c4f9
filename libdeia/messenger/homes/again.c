/* SPDX-License-Identifier: MIT */
/* again.c - each call on a message, made again once the message is here. */
#include "messenger/homes/again.h"

#include <string.h>

#include "messenger/homes/homes.h"

struct args {
	deia_err *errs;
	deia_settled_cb settled;
	deia_messages_cb cb;
	void *user;
	int64_t ms;
	char *reason;			  /* owned */
	struct deia_message_draft *draft; /* owned, with its texts */
	bool flag;
};
_Static_assert(sizeof(struct args) <= DEIA__CALL_ARGS, "arguments fit");

static void args_fini(struct args *a)
{
	deia__free(a->reason);
	deia__free(a->draft);
}

/* True, as the functions of again.h; a is the call's, or gone. */
static bool wait_for(deia_messenger *m, const struct deia_message_claim *claims,
		     size_t n, bool failed, deia__call_fn run, struct args *a,
		     deia_err *err)
{
	*err = deia__call_wait(m, claims, n, failed, run, a, sizeof(*a));
	if (*err)
		args_fini(a);
	return true;
}

/* The call was made again, and refused at once. What its callback calls is a
 * call of its own. */
static void end(deia_messenger *m, struct args *a, deia_err err)
{
	m->homes->rerun = false;
	if (err && a->cb)
		a->cb(err, NULL, 0, false, a->user);
	args_fini(a);
}

/* ---- read ---------------------------------------------------------------- */

static void read_again(deia_messenger *m,
		       const struct deia_message_claim *claims, size_t n,
		       void *args, deia_err err)
{
	struct args *a = args;

	if (!err)
		err = deia_messenger_read(m, claims, n, a->errs, a->settled,
					  a->user);
	if (!err)
		return;
	for (size_t i = 0; a->errs && i < n; i++)
		a->errs[i] = err;
	m->homes->rerun = false;
	if (a->settled)
		a->settled(err, a->user);
}

bool deia__read_waits(deia_messenger *m,
		      const struct deia_message_claim *claims, size_t n,
		      deia_err *errs, deia_settled_cb cb, void *user,
		      deia_err *err)
{
	struct args a = { .errs = errs, .settled = cb, .user = user };

	if (!deia__call_must_wait(m, claims, n))
		return false;
	return wait_for(m, claims, n, false, read_again, &a, err);
}

/* ---- one message --------------------------------------------------------- */

static void release_again(deia_messenger *m,
			  const struct deia_message_claim *claims, size_t n,
			  void *args, deia_err err)
{
	struct args *a = args;

	(void)n;
	if (!err)
		err = deia_messenger_release(m, claims, a->ms, a->flag,
					     a->reason, a->cb, a->user);
	end(m, a, err);
}

bool deia__release_waits(deia_messenger *m,
			 const struct deia_message_claim *claim,
			 int64_t delay_ms, bool excused, const char *reason,
			 deia_messages_cb cb, void *user, deia_err *err)
{
	struct args a = {
		.cb = cb, .user = user, .ms = delay_ms, .flag = excused
	};

	if (!deia__call_must_wait(m, claim, 1))
		return false;
	a.reason = reason ? deia__strdup(reason) : NULL;
	return wait_for(m, claim, 1, false, release_again, &a, err);
}

static void give_up_again(deia_messenger *m,
			  const struct deia_message_claim *claims, size_t n,
			  void *args, deia_err err)
{
	struct args *a = args;

	(void)n;
	if (!err)
		err = deia_messenger_give_up(m, claims, a->reason, a->cb,
					     a->user);
	end(m, a, err);
}

bool deia__give_up_waits(deia_messenger *m,
			 const struct deia_message_claim *claim,
			 const char *reason, deia_messages_cb cb, void *user,
			 deia_err *err)
{
	struct args a = { .cb = cb, .user = user };

	if (!deia__call_must_wait(m, claim, 1))
		return false;
	a.reason = reason ? deia__strdup(reason) : NULL;
	return wait_for(m, claim, 1, false, give_up_again, &a, err);
}

static void extend_again(deia_messenger *m,
			 const struct deia_message_claim *claims, size_t n,
			 void *args, deia_err err)
{
	struct args *a = args;

	(void)n;
	if (!err)
		err = deia_messenger_extend(m, claims, a->ms, a->cb, a->user);
	end(m, a, err);
}

bool deia__extend_waits(deia_messenger *m,
			const struct deia_message_claim *claim,
			int64_t lease_ms, deia_messages_cb cb, void *user,
			deia_err *err)
{
	struct args a = { .cb = cb, .user = user, .ms = lease_ms };

	if (!deia__call_must_wait(m, claim, 1))
		return false;
	return wait_for(m, claim, 1, false, extend_again, &a, err);
}

static void take_again(deia_messenger *m,
		       const struct deia_message_claim *claims, size_t n,
		       void *args, deia_err err)
{
	struct args *a = args;

	(void)n;
	if (!err)
		err = deia_messenger_take(m, claims->inbox, claims->id, a->ms,
					  a->flag, a->cb, a->user);
	end(m, a, err);
}

bool deia__take_waits(deia_messenger *m, const char *inbox, const char *id,
		      int64_t lease_ms, bool held, deia_messages_cb cb,
		      void *user, deia_err *err)
{
	struct deia_message_claim claim = { id, inbox, NULL };
	struct args a = {
		.cb = cb, .user = user, .ms = lease_ms, .flag = held
	};

	if (!deia__call_must_wait(m, &claim, 1))
		return false;
	return wait_for(m, &claim, 1, false, take_again, &a, err);
}

static void requeue_again(deia_messenger *m,
			  const struct deia_message_claim *claims, size_t n,
			  void *args, deia_err err)
{
	struct args *a = args;

	(void)n;
	if (!err)
		err = deia_messenger_requeue(m, claims->id, a->cb, a->user);
	end(m, a, err);
}

bool deia__requeue_waits(deia_messenger *m, const char *id, deia_messages_cb cb,
			 void *user, deia_err *err)
{
	struct deia_message_claim claim = { id, NULL, NULL };
	struct args a = { .cb = cb, .user = user };

	if (!deia__call_must_wait(m, &claim, 1))
		return false;
	return wait_for(m, &claim, 1, true, requeue_again, &a, err);
}

/* ---- answers ------------------------------------------------------------- */

static size_t text_bytes(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *copy_text(char **at, const char *s)
{
	char *copy = *at;
	size_t len = text_bytes(s);

	if (!s)
		return NULL;
	memcpy(copy, s, len);
	*at += len;
	return copy;
}

/* One block; what is too long is refused, here or when it is made again. */
static struct deia_message_draft *keep_draft(const struct deia_message_draft *d)
{
	struct deia_message_draft *copy;
	char *at;

	if (d->size != sizeof(*d) || d->content_len > DEIA_MAX_CONTENT_BYTES)
		return NULL;
	copy = deia__alloc(sizeof(*copy) + text_bytes(d->from) +
			   text_bytes(d->to) + text_bytes(d->by) +
			   d->content_len + 1 + text_bytes(d->reply_to) +
			   text_bytes(d->dialogue) + text_bytes(d->metadata) +
			   text_bytes(d->traceparent));
	if (!copy)
		return NULL;
	*copy = *d;
	at = (char *)(copy + 1);
	copy->from = copy_text(&at, d->from);
	copy->to = copy_text(&at, d->to);
	copy->by = copy_text(&at, d->by);
	copy->reply_to = copy_text(&at, d->reply_to);
	copy->dialogue = copy_text(&at, d->dialogue);
	copy->metadata = copy_text(&at, d->metadata);
	copy->traceparent = copy_text(&at, d->traceparent);
	if (d->content_len)
		memcpy(at, d->content, d->content_len);
	copy->content = at;
	return copy;
}

static void answer_again(deia_messenger *m,
			 const struct deia_message_claim *claims, size_t n,
			 void *args, deia_err err)
{
	struct args *a = args;

	(void)n;
	if (!err)
		err = deia_messenger_answer(m, claims, a->draft, a->cb,
					    a->user);
	end(m, a, err);
}

bool deia__answer_waits(deia_messenger *m,
			const struct deia_message_claim *claim,
			const struct deia_message_draft *answer,
			deia_messages_cb cb, void *user, deia_err *err)
{
	struct args a = { .cb = cb, .user = user };

	if (!deia__call_must_wait(m, claim, 1))
		return false;
	a.draft = keep_draft(answer);
	/* Without a copy it cannot wait; made now it says what is wrong. */
	return a.draft && wait_for(m, claim, 1, false, answer_again, &a, err);
}
