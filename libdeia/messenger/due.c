/* SPDX-License-Identifier: MIT */
/*
 * due.c - what happens by itself: leases and waits end, messages expire, the
 * clock is stored. All in bounded steps.
 */
#include <stdio.h>
#include <string.h>

#include "messenger/homes/homes.h"
#include "messenger/messenger.h"
#include "store/schema.h"

#define SUSPEND_GRACE_MS 30000
#define REFUSED_PAUSE_MS 1000
#define BUSY_PAUSE_MS 50
#define CLOCK_EVERY_MS 60000
#define CLEANUP_FIRST_MS 200
#define NEVER INT64_MAX
/* Before what another messenger should have ended is looked at again. */
#define ELSEWHERE_PAUSE_MS 5000
/* Nodes that a wheel may move to finer slots in one turn. */
#define MOVED_STEP 4096

/* As of the last look at the clock. */
static int64_t boot_now(const deia_messenger *m)
{
	return deia__hive_now(m) - m->hive_offset;
}

void deia__due_set(deia_messenger *m, struct deia__timer *t, int64_t delay_ms)
{
	if (!m->stopped)
		(void)!deia__timer_set(m->timers, t, delay_ms);
}

/* The store refused something: not again at once. */
static void pause_after(deia_messenger *m)
{
	m->backoff_until = boot_now(m) + REFUSED_PAUSE_MS;
}

/* At a hive time, but not while it pauses. By the clock itself: the last look
 * at it may be a while ago. */
static void set_at(deia_messenger *m, struct deia__timer *t, int64_t hive_ms)
{
	int64_t at = hive_ms - m->hive_offset;

	if (at < m->backoff_until)
		at = m->backoff_until;
	deia__due_set(m, t, at - deia__timers_now(m->timers));
}

/* ---- leases and waits ---------------------------------------------------- */

void deia__due_arm(deia_messenger *m)
{
	int64_t due;

	due = deia__wheel_next(&m->timed);
	if (m->stopped || due == NEVER || !m->tick.fn)
		return;
	if (deia__timer_armed(&m->tick) &&
	    m->tick.due_ms <= due - m->hive_offset)
		return;
	set_at(m, &m->tick, due);
}

static void on_returned(struct deia__mail_op *op, deia_err err)
{
	if (err)
		pause_after(op->m);
	deia__due_arm(op->m);
}

/* Everybody slept: who holds a lease gets time to come back. */
static void grant_grace(deia_messenger *m)
{
	int64_t until = deia__hive_now(m) + SUSPEND_GRACE_MS;
	struct deia__wheel_node *node = deia__wheel_drain(&m->timed), *next;

	for (; node; node = next) {
		struct deia__msg *msg = deia__msg_of_timer(node);

		next = node->next;
		if (msg->status == DEIA_MESSAGE_DELIVERED && msg->due < until)
			msg->due = until;
		deia__wheel_add(&m->timed, node);
	}
}

/* Waits that are over go to their lane; leases that are over into the op. */
static void collect_due(deia_messenger *m, struct deia__mail_op *op)
{
	int64_t now = deia__hive_now(m);
	unsigned steps = MOVED_STEP;
	struct deia__wheel_node *node;

	for (unsigned i = 0; i < DEIA__DUE_STEP; i++) {
		struct deia__msg *msg;

		node = deia__wheel_reached(&m->timed, now, &steps);
		if (!node)
			return;
		msg = deia__msg_of_timer(node);
		if (!deia__home_is_here(msg->to)) {
			/* It is just being given to another messenger. */
			deia__place_take(m, msg);
			msg->due = now + BUSY_PAUSE_MS;
			deia__place_put(m, msg);
		} else if (msg->status == DEIA_MESSAGE_PENDING) {
			deia__place_take(m, msg);
			msg->due = 0;
			deia__place_put(m, msg);
		} else if (!deia__op_plan_return(op, msg, DEIA_DELAY_BACKOFF,
						 false, "its lease ran out")) {
			pause_after(m);
			return;
		}
	}
}

static void on_tick(void *arg)
{
	deia_messenger *m = arg;
	struct deia__mail_op *op;

	if (m->stopped)
		return;
	deia__time_look(m);
	if (deia__time_suspended(m))
		grant_grace(m);
	if (boot_now(m) < m->backoff_until) {
		deia__due_arm(m);
		return;
	}
	op = deia__op_new(m, DEIA__DUE_STEP);
	if (op)
		collect_due(m, op);
	else
		pause_after(m);
	if (op && op->n) {
		op->done = on_returned;
		if (deia__op_commit(op))
			pause_after(m);
	} else if (op) {
		deia__op_free(op);
	}
	deia__due_arm(m);
}

/* ---- times to live ------------------------------------------------------- */

static void arm_sweep(deia_messenger *m)
{
	int64_t next = m->next_expiry;

	if (!m->store)
		next = deia__wheel_next(&m->expiring);
	if (next == NEVER || m->sweeping)
		return;
	if (next < deia__hive_now(m) + m->sweep_pause_ms)
		next = deia__hive_now(m) + m->sweep_pause_ms;
	m->sweep_pause_ms = 0;
	set_at(m, &m->sweep, next);
}

void deia__due_expiry(deia_messenger *m, int64_t hive_ms)
{
	if (m->store) {
		if (hive_ms >= m->next_expiry)
			return;
		m->next_expiry = hive_ms;
	} else if (deia__timer_armed(&m->sweep) &&
		   m->sweep.due_ms <= hive_ms - m->hive_offset) {
		return;
	} else {
		set_at(m, &m->sweep, hive_ms);
		return;
	}
	arm_sweep(m);
}

static struct deia__plan *plan_expiry(struct deia__mail_op *op,
				      struct deia__msg *msg)
{
	return deia__op_plan_end(
		op, msg, DEIA_MESSAGE_RAN_OUT,
		msg->status == DEIA_MESSAGE_PENDING
			? "its time to live was over before it "
			  "was handed over"
			: "its time to live was over before it "
			  "was read");
}

/* Something is changing it right now: it is looked at again soon. */
static bool is_busy(deia_messenger *m, const struct deia__msg *msg)
{
	if (msg->place != PLACE_NONE)
		return false;
	m->sweep_pause_ms = BUSY_PAUSE_MS;
	return true;
}

/* The store refused a sweep: what it was to end is still there. */
static void sweep_failed(deia_messenger *m)
{
	pause_after(m);
	m->next_expiry = deia__hive_now(m);
}

/*
 * A row of the page was finished, or deleted, while the page was on its way.
 * The store is well: nothing else has to pause, and the next page is right.
 */
static void sweep_late(deia_messenger *m)
{
	m->next_expiry = deia__hive_now(m);
	m->sweep_pause_ms = BUSY_PAUSE_MS;
}

static void on_swept(struct deia__mail_op *op, deia_err err)
{
	deia_messenger *m = op->m;

	if (err == DEIA_ECONFLICT || err == DEIA_ENOTFOUND)
		sweep_late(m);
	else if (err)
		sweep_failed(m);
	m->sweeping = false;
	arm_sweep(m);
}

static void commit_sweep(deia_messenger *m, struct deia__mail_op *op)
{
	if (op->n == 0) {
		deia__op_free(op);
		arm_sweep(m);
		return;
	}
	m->sweeping = true;
	op->done = on_swept;
	if (deia__op_commit(op)) {
		m->sweeping = false;
		sweep_failed(m);
		arm_sweep(m);
	}
}

static void sweep_kept(deia_messenger *m)
{
	struct deia__mail_op *op = deia__op_new(m, DEIA__DUE_STEP);
	int64_t now = deia__hive_now(m);
	struct deia__wheel_node *node;
	unsigned steps = MOVED_STEP;
	struct deia__msg *msg;

	if (!op) {
		pause_after(m);
		arm_sweep(m);
		return;
	}
	while (op->n < DEIA__DUE_STEP &&
	       (node = deia__wheel_reached(&m->expiring, now, &steps))) {
		msg = deia__msg_of_expiry(node);
		if (is_busy(m, msg))
			break;
		if (!plan_expiry(op, msg)) {
			pause_after(m);
			break;
		}
		deia__wheel_remove(&m->expiring, node);
	}
	commit_sweep(m, op);
}

/* What a page of due rows leaves to do. */
struct swept {
	bool again;	/* something is being changed right now */
	bool elsewhere; /* another messenger is to end it */
};

/* One row that is due; false: no memory. */
static bool sweep_row(deia_messenger *m, struct deia__mail_op *op,
		      const deia_rows *rows, size_t r, struct swept *left)
{
	const unsigned char *id =
		(const unsigned char *)deia_rows_get(rows, r, MAIL_ID)->s;
	struct deia__msg *msg = deia__msg_find(m, id);
	struct deia__plan *p;
	bool stray = msg == NULL;

	if (!deia__home_sweeps(m, deia_rows_text(rows, r, MAIL_TO))) {
		left->elsewhere = true;
		return true;
	}
	if (msg && is_busy(m, msg)) {
		left->again = true;
		return true;
	}
	if (stray) {
		msg = deia__rows_msg(m, rows, r);
		if (!msg)
			return false;
		deia__msg_add(m, msg);
	}
	p = plan_expiry(op, msg);
	if (p) {
		p->stray = stray;
		return true;
	}
	if (stray) {
		deia__msg_remove(m, msg);
		deia__msg_free(m, msg);
	}
	return false;
}

/* A page full of what others are to end is not the end of what is due. */
static void sweep_on(deia_messenger *m, const deia_rows *rows, size_t done,
		     bool elsewhere)
{
	size_t n = rows ? deia_rows_count(rows) : 0;

	m->sweep_on = elsewhere && done == n && deia_rows_has_more(rows);
	if (!m->sweep_on)
		return;
	m->sweep_due = deia_rows_get(rows, n - 1, MAIL_DUE)->i;
	memcpy(m->sweep_id, deia_rows_get(rows, n - 1, MAIL_ID)->s,
	       sizeof(m->sweep_id));
}

/*
 * A row may be older than what memory knows: one that was finished since the
 * page was read is neither in memory nor open. Its guarded update fails then,
 * nothing is changed, and the sweep comes again.
 */
static void on_due_rows(deia_err err, const deia_rows *rows, void *user)
{
	deia_messenger *m = user;
	int64_t now = deia__hive_now(m), next = NEVER;
	struct deia__mail_op *op = err ? NULL : deia__op_new(m, DEIA__DUE_STEP);
	struct swept left = { false, false };
	bool fine = op != NULL;
	size_t r = 0;

	m->sweeping = false;
	for (; fine && r < deia_rows_count(rows); r++) {
		next = deia_rows_get(rows, r, MAIL_DUE)->i;
		if (next > now || op->n >= DEIA__DUE_STEP)
			break;
		next = NEVER;
		fine = sweep_row(m, op, rows, r, &left);
	}
	if (!fine)
		pause_after(m);
	sweep_on(m, rows, r, fine && left.elsewhere);
	if (!fine || left.again || (next == NEVER && deia_rows_has_more(rows)))
		next = now;
	else if (left.elsewhere && next > now + ELSEWHERE_PAUSE_MS)
		next = now + ELSEWHERE_PAUSE_MS;
	if (next < m->next_expiry)
		m->next_expiry = next;
	if (op)
		commit_sweep(m, op);
	else
		arm_sweep(m);
}

static void sweep_rows(deia_messenger *m)
{
	struct deia_value open = deia_int(PHASE_OPEN);
	struct deia_value after[] = {
		deia_int(m->sweep_due),
		{ DEIA_BLOB, 0, (const char *)m->sweep_id,
		  sizeof(m->sweep_id) },
	};
	struct deia_page_query q = { .table = &deia__table_messages,
				     .index = MAIL_BY_DUE,
				     .equal = &open,
				     .n_equal = 1,
				     .after = after,
				     .n_after = m->sweep_on ? 2 : 0,
				     .limit = DEIA__DUE_STEP };

	if (deia__ask_page(m, &q, on_due_rows, m)) {
		pause_after(m);
		arm_sweep(m);
		return;
	}
	m->sweeping = true;
	m->next_expiry = NEVER; /* sends from here on lower it again */
}

static void on_sweep(void *arg)
{
	deia_messenger *m = arg;

	if (m->stopped || m->sweeping)
		return;
	deia__time_look(m);
	if (m->store && m->next_expiry <= deia__hive_now(m))
		sweep_rows(m);
	else if (!m->store)
		sweep_kept(m);
	else
		arm_sweep(m);
}

/* ---- the clock ----------------------------------------------------------- */

static void on_clock_saved(deia_err err, const int64_t *seqs, size_t n_seqs,
			   void *user)
{
	deia_messenger *m = user;

	(void)err; /* tried again in a minute */
	(void)seqs;
	(void)n_seqs;
	m->n_ops--;
}

void deia__due_save_clock(deia_messenger *m)
{
	struct deia_value row[MAIL_CLOCK_COLUMNS];
	deia_txn *txn;

	if (!m->store)
		return;
	deia__time_look(m);
	txn = deia_txn_new(m->store);
	row[MAIL_CLOCK_NAME] = deia_text("mail");
	row[MAIL_CLOCK_HIVE] = deia_int(deia__hive_now(m));
	row[MAIL_CLOCK_WALL] = deia_int(deia__wall_now(m));
	deia_txn_put(txn, &deia__table_message_clock, row);
	if (!deia_txn_commit(txn, on_clock_saved, m))
		m->n_ops++;
}

static void on_save_clock(void *arg)
{
	deia_messenger *m = arg;

	deia__time_look(m);
	/* Without open messages there is nothing whose time could run. */
	if (m->status.by_status[DEIA_MESSAGE_PENDING] ||
	    m->status.by_status[DEIA_MESSAGE_DELIVERED])
		deia__due_save_clock(m);
	if (deia__time_suspended(m)) {
		grant_grace(m);
		deia__due_arm(m);
	}
	deia__due_set(m, &m->save_clock, CLOCK_EVERY_MS);
}

/* ---- life ---------------------------------------------------------------- */

void deia__due_init(deia_messenger *m)
{
	struct deia__timer *timers[] = { &m->tick, &m->sweep, &m->cleanup,
					 &m->save_clock };
	void (*const fns[])(void *) = { on_tick, on_sweep, deia__cleanup_step,
					on_save_clock };

	for (unsigned i = 0; i < 4; i++) {
		timers[i]->fn = fns[i];
		timers[i]->arg = m;
	}
	deia__due_set(m, &m->save_clock, CLOCK_EVERY_MS);
	deia__due_set(m, &m->cleanup, CLEANUP_FIRST_MS);
	deia__due_arm(m);
	arm_sweep(m);
}

void deia__due_fini(deia_messenger *m)
{
	deia__timer_clear(m->timers, &m->tick);
	deia__timer_clear(m->timers, &m->sweep);
	deia__timer_clear(m->timers, &m->cleanup);
	deia__timer_clear(m->timers, &m->save_clock);
}
