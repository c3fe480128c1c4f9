/* SPDX-License-Identifier: MIT */
/* sim.c - see sim.h. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../store/cluster.h"
#include "messenger/homes/homes.h"
#include "messenger/messenger.h"

const char *const sim_kind_names[SIM_KINDS] = {
	"kept",	       "memory",     "sqlite",
	"sqlite-full", "postgresql", "postgresql-shared",
};

const char *sim_missing(enum sim_kind kind)
{
	return kind >= SIM_POSTGRES ? cluster_missing() : NULL;
}

/* ---- life -------------------------------------------------------------- */

static void open_store(struct sim *s)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	deia_err err;

	if (s->kind == SIM_KEPT)
		return;
	if (s->kind == SIM_SQLITE || s->kind >= SIM_POSTGRES)
		opts.durability = DEIA_DURABILITY_NORMAL;
	err = deia_store_open(&s->store, s->base, s->url, &opts, s->detail,
			      sizeof(s->detail));
	ck_assert_msg(err == DEIA_OK, "open: %s: %s", deia_err_name(err),
		      s->detail);
}

/* Whatever it may take, it has. */
static void at_home(struct sim *s)
{
	const struct deia__homes *hs = s->m->homes;

	while (!hs->watching || hs->n_taking || hs->claiming ||
	       !TAILQ_EMPTY(&hs->leases) || !TAILQ_EMPTY(&hs->reading) ||
	       !TAILQ_EMPTY(&hs->queue))
		event_base_loop(s->base, EVLOOP_ONCE);
}

static void open_messenger(struct sim *s)
{
	deia_err err;

	s->opts.writer =
		s->kind == SIM_SHARED ? deia_store_writer(s->store) : 0;
	err = deia__messenger_new_at(&s->m, s->base, s->store, &s->opts,
				     &s->clock, s->detail, sizeof(s->detail));
	ck_assert_msg(err == DEIA_OK, "new: %s: %s", deia_err_name(err),
		      s->detail);
	if (!s->opts.writer)
		return;
	err = deia_messenger_set_nodes(s->m, &s->opts.writer, 1);
	ck_assert_int_eq(err, DEIA_OK);
	at_home(s);
}

deia_err sim_open_inbox(struct sim *s, const char *id)
{
	deia_err err = deia_messenger_open_inbox(s->m, id);

	if (!err && s->opts.writer)
		at_home(s);
	return err;
}

void sim_init(struct sim *s, enum sim_kind kind,
	      const struct deia_messenger_opts *opts)
{
	const struct deia_messenger_opts init = DEIA_MESSENGER_OPTS_INIT;

	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->opts = opts ? *opts : init;
	if (s->opts.seed == 0)
		s->opts.seed = 1;
	s->clock.is_virtual = true;
	s->clock.boot_ms = 1000000;
	s->clock.wall_ms = INT64_C(1790000000000);
	s->base = event_base_new();
	ck_assert_ptr_nonnull(s->base);
	/* Memory, where there is some: these tests are about order and time,
	 * not about disks. */
	strcpy(s->dir, "/dev/shm/deia-mail-XXXXXX");
	if (!mkdtemp(s->dir)) {
		strcpy(s->dir, "/tmp/deia-mail-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(s->dir));
	}
	if (kind >= SIM_POSTGRES)
		make_database(s->database, sizeof(s->database), s->url,
			      sizeof(s->url));
	else if (kind >= SIM_SQLITE)
		snprintf(s->url, sizeof(s->url), "sqlite:%s/t.db", s->dir);
	else
		strcpy(s->url, "memory:");
	open_store(s);
	open_messenger(s);
}

static void remove_dir(const char *dir)
{
	static const char *const names[] = { "t.db", "t.db-wal", "t.db-shm",
					     "run/deiad.lock" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/run", dir);
	rmdir(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void end_messenger(struct sim *s)
{
	sim_idle(s);
	if (s->m->homes)
		deia_store_unwatch(s->store, deia__homes_notice, s->m);
	deia_messenger_free(s->m);
	s->m = NULL;
}

void sim_fini(struct sim *s)
{
	if (s->m) {
		deia_messenger_stop(s->m);
		end_messenger(s);
	}
	deia_store_close(s->store);
	event_base_free(s->base);
	remove_dir(s->dir);
}

void sim_restart(struct sim *s, bool reopen, int64_t wall_ms)
{
	deia_messenger_stop(s->m);
	end_messenger(s);
	if (reopen && s->kind >= SIM_SQLITE) {
		deia_store_close(s->store);
		open_store(s);
	}
	s->clock.wall_ms += wall_ms;
	s->clock.boot_ms += 777; /* another boot, or not: it must not matter */
	s->opts.seed++;		 /* other tokens than before */
	open_messenger(s);
}

void sim_crash(struct sim *s, int64_t wall_ms)
{
	end_messenger(s);
	s->clock.wall_ms += wall_ms;
	s->opts.seed++;
	open_messenger(s);
}

void sim_idle(struct sim *s)
{
	event_base_loop(s->base, EVLOOP_NONBLOCK);
	while (!deia_messenger_idle(s->m))
		event_base_loop(s->base, EVLOOP_ONCE);
	event_base_loop(s->base, EVLOOP_NONBLOCK);
}

void sim_settle(struct sim *s)
{
	struct deia_messenger_status was, now;
	int64_t next;

	do {
		deia_messenger_get_status(s->m, &was);
		next = deia__timers_run(s->m->timers);
		sim_idle(s);
		deia_messenger_get_status(s->m, &now);
	} while (next == 0 || memcmp(&was, &now, sizeof(now)) != 0);
}

void sim_sleep(struct sim *s, int64_t ms)
{
	s->clock.boot_ms += ms;
	s->clock.wall_ms += ms;
	sim_settle(s);
}

void sim_wall_jump(struct sim *s, int64_t ms)
{
	s->clock.wall_ms += ms;
	sim_settle(s);
}

void sim_suspend(struct sim *s, int64_t ms)
{
	s->clock.suspended_ms += ms;
	sim_sleep(s, ms);
}

/* ---- answers ----------------------------------------------------------- */

static void copy_item(struct sim_item *to, const struct deia_message *msg)
{
	snprintf(to->id, sizeof(to->id), "%s", msg->id);
	snprintf(to->token, sizeof(to->token), "%s", msg->lease_token);
	snprintf(to->reason, sizeof(to->reason), "%s", msg->reason);
	to->status = msg->status;
	to->attempt = msg->attempt;
	to->priority = msg->priority;
	to->redelivered = msg->redelivered;
	to->lease_unix_ms = msg->lease_unix_ms;
	to->retry_unix_ms = msg->retry_unix_ms;
	to->expires_unix_ms = msg->expires_unix_ms;
}

void sim_on_messages(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct sim_answer *a = user;

	a->calls++;
	a->err = err;
	a->n = n;
	a->more = more;
	ck_assert(err == DEIA_OK || n == 0);
	for (size_t i = 0; i < n && i < SIM_KEPT_ITEMS; i++)
		copy_item(&a->items[i], &items[i]);
}

void sim_on_settled(deia_err err, void *user)
{
	struct sim_answer *a = user;

	a->calls++;
	a->err = err;
}

deia_err sim_wait(struct sim *s, struct sim_answer *a)
{
	event_base_loop(s->base, EVLOOP_NONBLOCK);
	while (!a->calls)
		event_base_loop(s->base, EVLOOP_ONCE);
	sim_idle(s);
	ck_assert_int_eq(a->calls, 1);
	return a->err;
}

static deia_err outcome(struct sim *s, deia_err err, struct sim_answer *a)
{
	ck_assert_int_eq(a->calls, 0);
	return err ? err : sim_wait(s, a);
}

static struct sim_answer *ready(struct sim_answer *a)
{
	static struct sim_answer spare;

	a = a ? a : &spare;
	memset(a, 0, sizeof(*a));
	return a;
}

deia_err sim_send(struct sim *s, const char *from, const char *to,
		  unsigned priority, const char *content, const char *key,
		  struct sim_answer *a)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	a = ready(a);
	d.from = from;
	d.to = to;
	d.priority = priority;
	d.content = content;
	d.content_len = strlen(content);
	return outcome(
		s,
		deia_messenger_send(s->m, &d, 1, key, NULL, sim_on_messages, a),
		a);
}

deia_err sim_send_ttl(struct sim *s, const char *from, const char *to,
		      int64_t ttl_seconds, struct sim_answer *a)
{
	struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

	a = ready(a);
	d.from = from;
	d.to = to;
	d.ttl_seconds = ttl_seconds;
	d.content = "x";
	d.content_len = 1;
	return outcome(s,
		       deia_messenger_send(s->m, &d, 1, NULL, NULL,
					   sim_on_messages, a),
		       a);
}

deia_err sim_receive(struct sim *s, const char *inbox, unsigned max,
		     int64_t lease_ms, bool held, struct sim_answer *a)
{
	struct deia_receive r = DEIA_RECEIVE_INIT;

	a = ready(a);
	r.inbox = inbox;
	r.max = max;
	r.lease_ms = lease_ms;
	r.held = held;
	return outcome(
		s, deia_messenger_receive(s->m, &r, NULL, sim_on_messages, a),
		a);
}

deia_err sim_read(struct sim *s, const struct sim_item *item)
{
	struct deia_message_claim c = { item->id, NULL, item->token };
	struct sim_answer *a = ready(NULL);

	return outcome(
		s, deia_messenger_read(s->m, &c, 1, NULL, sim_on_settled, a),
		a);
}

deia_err sim_release(struct sim *s, const struct sim_item *item,
		     int64_t delay_ms, bool excused, struct sim_answer *a)
{
	struct deia_message_claim c = { item->id, NULL, item->token };

	a = ready(a);
	return outcome(s,
		       deia_messenger_release(s->m, &c, delay_ms, excused, NULL,
					      sim_on_messages, a),
		       a);
}

deia_err sim_get(struct sim *s, const char *id, struct sim_answer *a)
{
	a = ready(a);
	return outcome(s, deia_messenger_get(s->m, id, sim_on_messages, a), a);
}

/* ---- recount ----------------------------------------------------------- */

struct counting {
	int calls;
	deia_err err;
	bool more;
	size_t n;
	char last[37];
	uint64_t waiting;
	int64_t wall_ms;
};

static void on_count(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	struct counting *c = user;

	c->calls++;
	c->err = err;
	c->more = more;
	c->n += n;
	for (size_t i = 0; i < n; i++)
		c->waiting += items[i].status == DEIA_MESSAGE_PENDING &&
			      items[i].retry_unix_ms > c->wall_ms;
	if (n)
		snprintf(c->last, sizeof(c->last), "%s", items[n - 1].id);
}

static size_t count(struct sim *s, struct deia_message_query *q,
		    struct counting *c)
{
	c->wall_ms = s->clock.wall_ms;
	q->limit = 100;
	do {
		c->calls = 0;
		q->after = c->last[0] ? c->last : NULL;
		ck_assert_int_eq(deia_messenger_page(s->m, q, on_count, c),
				 DEIA_OK);
		while (!c->calls)
			event_base_loop(s->base, EVLOOP_ONCE);
		ck_assert_int_eq(c->err, DEIA_OK);
	} while (c->more);
	return c->n;
}

size_t sim_count(struct sim *s, const char *inbox, int status)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	struct counting c = { 0 };

	q.inbox = inbox;
	q.status = status;
	return count(s, &q, &c);
}

static void recount_inbox(struct sim *s, const char *inbox)
{
	struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
	struct deia_inbox_status is = { 0 };
	struct counting pending = { 0 };
	uint64_t sum = 0;

	if (deia_messenger_inbox(s->m, inbox, &is))
		memset(&is, 0, sizeof(is));
	q.inbox = inbox;
	q.status = DEIA_MESSAGE_PENDING;
	ck_assert_uint_eq(count(s, &q, &pending), is.pending);
	ck_assert_uint_eq(pending.waiting, is.waiting);
	ck_assert_uint_eq(sim_count(s, inbox, DEIA_MESSAGE_DELIVERED),
			  is.delivered);
	for (int p = 0; p < DEIA_PRIORITIES; p++) {
		struct counting lane = { 0 };

		q.priority = p;
		ck_assert_uint_eq(count(s, &q, &lane),
				  is.pending_by_priority[p]);
		sum += is.pending_by_priority[p];
	}
	ck_assert_uint_eq(sum, is.pending);
}

uint64_t sim_recount(struct sim *s, const char *const *inboxes, size_t n)
{
	struct deia_messenger_status st;
	uint64_t sum = 0;

	deia_messenger_get_status(s->m, &st);
	for (int i = 0; i < DEIA_MESSAGE_STATUSES; i++) {
		struct deia_message_query q = DEIA_MESSAGE_QUERY_INIT;
		struct counting c = { 0 };

		q.status = i;
		ck_assert_msg(count(s, &q, &c) == st.by_status[i],
			      "%s: %zu in pages, %llu counted",
			      deia_message_status_name((deia_message_status)i),
			      c.n, (unsigned long long)st.by_status[i]);
		sum += st.by_status[i];
	}
	ck_assert_uint_eq(st.accepted, sum + st.cleaned);
	for (size_t i = 0; i < n; i++)
		recount_inbox(s, inboxes[i]);
	return st.by_status[DEIA_MESSAGE_PENDING] +
	       st.by_status[DEIA_MESSAGE_DELIVERED];
}
