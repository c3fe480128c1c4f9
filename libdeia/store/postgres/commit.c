/* SPDX-License-Identifier: MIT */
/*
 * commit.c - a group of transactions is one database transaction.
 *
 * First all of it is sent at once, rows of one table by statements of many (see
 * inserts.c). When a transaction fails by itself, all is rolled back and done
 * again carefully: in parts of a few transactions, each part behind a savepoint
 * and each row by a statement of its own. The first failure of a part is that
 * of a transaction before which all went well, so it is its true outcome; the
 * part is undone and done again without it.
 *
 * Every group writes its marker in its transaction (see link.c). A
 * connection lost before COMMIT was sent means that nothing happened; lost
 * later, the marker decides. Either way the group is done once: it is kept
 * until the database is back, or the store is closed and its time is over.
 *
 * Numbers of sequence tables: their counters' rows are locked when the group
 * begins, so numbers rise with the commits, without gaps, whoever else writes
 * to the database.
 */
#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

/* Transactions behind one savepoint. */
#define PART 16
/* Deadlocks with other programs; each waits for deadlock_timeout. */
#define RETRIES 5

/* Of a run: start over, with savepoints. */
#define AGAIN DEIA_ETIMEDOUT
/* Of a run: start over, the counters were not what they were. */
#define MISSED DEIA_ESTATE

struct run {
	struct deia__pg *p;
	struct deia__pg_pipe *pipe;
	deia_txn *first;
	bool careful;
	bool has_update, has_sequence, has_restore;
	bool guessed; /* the counters are not read: they are known */
	bool commit_sent;
	struct deia__pg_inserts inserts; /* bold: rows that are not sent yet */
};

static bool is_own(deia_err err)
{
	return err == DEIA_EEXIST || err == DEIA_ENOTFOUND ||
	       err == DEIA_ECONFLICT || err == DEIA_EINVAL;
}

/* The outcome of what was just synced: the group's, or DEIA_OK. */
static deia_err outcome(const struct run *r)
{
	return r->pipe->err;
}

static bool plain(struct run *r, const char *sql)
{
	return deia__pg_send_plain(r->pipe, DEIA__PG_PLAIN, sql, 0, NULL);
}

static deia_err sync(struct run *r)
{
	return deia__pg_sync(r->pipe) ? outcome(r) : DEIA__PG_LOST;
}

/* ---- numbers ----------------------------------------------------------- */

static struct deia__pg_sequence *sequence_of(struct deia__pg *p,
					     const struct deia_table *table)
{
	struct deia__pg_sequence *s;
	unsigned i;

	for (i = 0; i < p->n_sequences; i++)
		if (p->sequences[i].table == table)
			return &p->sequences[i];
	if (p->n_sequences == DEIA__PG_SEQUENCES)
		return NULL;
	s = &p->sequences[p->n_sequences++];
	*s = (struct deia__pg_sequence){ .table = table, .last = -1 };
	return s;
}

/* What the group needs. False: more sequence tables than there is room for. */
static bool look_at(struct run *r)
{
	struct deia__pg_sequence *s;
	const struct deia__op *op;
	deia_txn *t;
	unsigned i;

	for (i = 0; i < r->p->n_sequences; i++)
		r->p->sequences[i].used = 0;
	for (t = r->first; t; t = deia__txn_next(t)) {
		for (op = t->first; op; op = op->next) {
			if (op->kind == DEIA__OP_UPDATE)
				r->has_update = true;
			if (!op->table->sequence ||
			    (op->kind != DEIA__OP_INSERT &&
			     op->kind != DEIA__OP_RESTORE))
				continue;
			r->has_sequence = true;
			if (op->kind == DEIA__OP_RESTORE)
				r->has_restore = true;
			s = sequence_of(r->p, op->table);
			if (!s)
				return false;
			s->used++;
		}
	}
	return true;
}

static void on_lasts(void *user, const PGresult *res)
{
	struct deia__pg *p = user;
	unsigned k;
	int i;

	for (i = 0; i < PQntuples(res); i++)
		for (k = 0; k < p->n_sequences; k++)
			if (strcmp(p->sequences[k].table->name,
				   PQgetvalue(res, i, 0)) == 0)
				p->sequences[k].last = p->sequences[k].next =
					atoll(PQgetvalue(res, i, 1));
}

/* Reads and locks the counters, always in the same order. */
static bool send_lasts(struct run *r)
{
	struct deia__pg_sequence *s;
	char list[1024] = "{";
	const char *params[1] = { list };
	size_t len = 1;
	unsigned i;

	for (i = 0; i < r->p->n_sequences; i++) {
		s = &r->p->sequences[i];
		if (!s->used)
			continue;
		s->last = s->next = 0;
		len += (size_t)snprintf(list + len, sizeof(list) - len,
					"%s\"%.50s\"", len > 1 ? "," : "",
					s->table->name);
	}
	snprintf(list + len, sizeof(list) - len, "}");
	r->pipe->on_lasts = on_lasts;
	r->pipe->user = r->p;
	return deia__pg_send_plain(r->pipe, DEIA__PG_LASTS,
				   "SELECT name, last FROM store_sequences "
				   "WHERE name = ANY ($1::text[]) "
				   "ORDER BY name FOR UPDATE",
				   1, params);
}

/*
 * A writer that is alone knows what the counters are, since it wrote them: then
 * they need not be read first. They are written with what is expected as a
 * condition, and that fails, and all with it, when somebody else wrote.
 */
static bool can_guess(const struct run *r)
{
	unsigned i;

	for (i = 0; i < r->p->n_sequences; i++)
		if (r->p->sequences[i].used && r->p->sequences[i].last < 0)
			return false;
	return !r->careful && !r->has_restore;
}

static bool send_guesses(struct run *r)
{
	struct deia__pg_sequence *s;
	char last[24], next[24];
	const char *params[3] = { NULL, last, next };
	unsigned i;

	for (i = 0; i < r->p->n_sequences; i++) {
		s = &r->p->sequences[i];
		if (!s->used)
			continue;
		s->next = s->last;
		params[0] = s->table->name;
		snprintf(last, sizeof(last), "%" PRId64, s->last);
		snprintf(next, sizeof(next), "%" PRId64, s->last + s->used);
		if (!deia__pg_send_fixed(r->pipe, DEIA__PG_GUESS,
					 DEIA__PG_GUESS_NAME, 3, params))
			return false;
	}
	return true;
}

/* The numbers of a group are committed, or (-1) not known any more. */
static void settle_lasts(struct deia__pg *p, bool committed)
{
	struct deia__pg_sequence *s;
	unsigned i;

	for (i = 0; i < p->n_sequences; i++) {
		s = &p->sequences[i];
		if (s->used)
			s->last = committed ? s->next : -1;
	}
}

static bool store_lasts(struct run *r)
{
	const struct deia__pg_sequence *s;
	const char *params[2];
	char last[24];
	unsigned i;

	for (i = 0; i < r->p->n_sequences; i++) {
		s = &r->p->sequences[i];
		if (!s->used || s->next == s->last)
			continue;
		snprintf(last, sizeof(last), "%" PRId64, s->next);
		params[0] = s->table->name;
		params[1] = last;
		if (!deia__pg_send_plain(r->pipe, DEIA__PG_MARK,
					 "UPDATE store_sequences SET last = $2 "
					 "WHERE name = $1",
					 2, params))
			return false;
	}
	return true;
}

/* ---- sending ----------------------------------------------------------- */

/* Gives a row its number, or takes note of the number it brings. */
static int64_t number(struct run *r, deia_txn *t, const struct deia__op *op)
{
	struct deia__pg_sequence *s = sequence_of(r->p, op->table);

	if (!s)
		return 0; /* cannot be: look_at found room for all */
	if (op->kind == DEIA__OP_INSERT)
		return t->seqs[op->seq_pos] = ++s->next;
	if (op->values[0].i > s->next)
		s->next = op->values[0].i;
	return s->next;
}

/* Boldly, rows of one table wait for each other. */
static bool send_op(struct run *r, deia_txn *t, const struct deia__op *op,
		    int64_t seq)
{
	struct deia__pg_row row = { t, op, seq };

	if (op->kind != DEIA__OP_INSERT)
		return deia__pg_insert_rest(r->pipe, &r->inserts) &&
		       deia__pg_send_op(r->pipe, t, op);
	return r->careful ? deia__pg_send_rows(r->pipe, &row, 1)
			  : deia__pg_insert(r->pipe, &r->inserts, &row);
}

/* The operations of t, or those before `until`. */
static bool send_txn(struct run *r, deia_txn *t, const struct deia__op *until)
{
	const struct deia__op *op;
	int64_t seq;

	for (op = t->first; op && op != until; op = op->next) {
		bool numbered =
			op->table->sequence && (op->kind == DEIA__OP_INSERT ||
						op->kind == DEIA__OP_RESTORE);

		seq = numbered ? number(r, t, op) : 0;
		if (op->kind == DEIA__OP_RESTORE && numbered &&
		    op->n_values == 1)
			continue; /* the number is all there is */
		if (!send_op(r, t, op, seq))
			return false;
	}
	return true;
}

/* BEGIN, and the counters where they are needed. */
static deia_err begin(struct run *r)
{
	deia__pg_pipe_clear(r->pipe);
	r->inserts.n = 0;
	if (!plain(r, "BEGIN"))
		return DEIA__PG_LOST;
	r->guessed = r->has_sequence && can_guess(r);
	if (r->guessed)
		return send_guesses(r) ? DEIA_OK : DEIA__PG_LOST;
	if (!r->has_sequence)
		return DEIA_OK;
	return send_lasts(r) ? sync(r) : DEIA__PG_LOST;
}

/* ---- telling ----------------------------------------------------------- */

/* As an element of an array. */
static void add_element(struct deia__buf *b, const struct deia__telling *told)
{
	const char *at = told->line, *end = at + told->len;
	size_t n;

	deia__buf_adds(b, b->len > 1 ? ",\"" : "\"");
	while (at < end) {
		n = strcspn(at, "\"\\");
		deia__buf_add(b, at, n);
		at += n;
		if (at < end) {
			deia__buf_adds(b, "\\");
			deia__buf_add(b, at++, 1);
		}
	}
	deia__buf_adds(b, "\"");
}

/*
 * What the transactions that went well tell, in one statement: the server keeps
 * it until the commit and tells it, once, when that is done. It stands outside
 * of all savepoints, since the outcomes are known by now.
 */
static bool send_tellings(struct run *r)
{
	const struct deia__telling *told;
	const char *params[1];
	struct deia__buf list;
	deia_txn *t;
	bool ok = true;

	deia__buf_init(&list, 0);
	for (t = r->first; t; t = deia__txn_next(t))
		for (told = t->err ? NULL : t->first_told; told;
		     told = told->next) {
			if (list.len == 0)
				deia__buf_adds(&list, "{");
			add_element(&list, told);
		}
	if (list.len > 0 || list.err) {
		deia__buf_adds(&list, "}");
		params[0] = list.data;
		ok = !list.err &&
		     deia__pg_send_fixed(r->pipe, DEIA__PG_PLAIN,
					 DEIA__PG_TELL_NAME, 1, params);
	}
	deia__buf_fini(&list);
	return ok;
}

/* The marker, the counters, what is told, COMMIT. */
static deia_err finish(struct run *r)
{
	char group[24];
	const char *params[2] = { r->p->writer, group };

	snprintf(group, sizeof(group), "%" PRId64, r->p->group);
	if ((!r->guessed && !store_lasts(r)) || !send_tellings(r) ||
	    !deia__pg_send_fixed(r->pipe, DEIA__PG_MARK, DEIA__PG_MARK_NAME, 2,
				 params))
		return DEIA__PG_LOST;
	r->commit_sent = true;
	if (!deia__pg_send_plain(r->pipe, DEIA__PG_COMMIT, "COMMIT", 0, NULL))
		return DEIA__PG_LOST;
	return sync(r);
}

static deia_err roll_back(struct run *r, deia_err err)
{
	deia__pg_pipe_clear(r->pipe);
	if (!plain(r, "ROLLBACK") || sync(r))
		return DEIA__PG_LOST;
	/* The server said no: whatever was sent is undone. */
	r->commit_sent = false;
	return err;
}

/* ---- all at once ------------------------------------------------------- */

static deia_err run_boldly(struct run *r)
{
	deia_err err = begin(r);
	deia_txn *t;

	for (t = r->first; t && !err; t = deia__txn_next(t)) {
		t->err = DEIA_OK;
		if (!send_txn(r, t, NULL))
			err = DEIA__PG_LOST;
	}
	if (!err && !deia__pg_insert_rest(r->pipe, &r->inserts))
		err = DEIA__PG_LOST;
	/* An update that finds nothing is no error of the server: look before
	 * the commit. Anything else that fails keeps it from happening. */
	if (!err && r->has_update)
		err = sync(r);
	if (!err)
		err = finish(r);
	if (err && r->pipe->missed)
		return MISSED;
	return err && r->pipe->failed && is_own(err) ? AGAIN : err;
}

/* ---- carefully --------------------------------------------------------- */

static deia_err undo_part(struct run *r)
{
	deia__pg_pipe_clear(r->pipe);
	return plain(r, "ROLLBACK TO part") ? sync(r) : DEIA__PG_LOST;
}

/* An update with a guard changed nothing: is there no row, or did the guard
 * fail? The part up to it is done again, and asked. */
static deia_err why_unchanged(struct run *r, deia_txn *first, deia_txn *failed,
			      const struct deia__op *op, deia_err *why)
{
	deia_txn *t;
	deia_err err;

	for (t = first; t != failed; t = deia__txn_next(t))
		if (!t->err && !send_txn(r, t, NULL))
			return DEIA__PG_LOST;
	if (!send_txn(r, failed, op) || !deia__pg_send_exists(r->pipe, op))
		return DEIA__PG_LOST;
	err = sync(r);
	*why = r->pipe->exists ? DEIA_ECONFLICT : DEIA_ENOTFOUND;
	return err ? err : undo_part(r);
}

static void keep_numbers(struct deia__pg *p, int64_t *kept, bool put_back)
{
	unsigned i;

	for (i = 0; i < p->n_sequences; i++) {
		if (put_back)
			p->sequences[i].next = kept[i];
		else
			kept[i] = p->sequences[i].next;
	}
}

/* The part failed by itself: DEIA_OK when it is to be done again. */
static deia_err sort_out(struct run *r, deia_txn *first, deia_err err,
			 int64_t *kept)
{
	deia_txn *failed = r->pipe->failed;
	const struct deia__op *op = r->pipe->failed_op;
	bool ask = r->pipe->unchanged && op->guard;

	if (!failed || !is_own(err))
		return err;
	failed->err = err;
	err = undo_part(r);
	keep_numbers(r->p, kept, true);
	if (!err && ask)
		err = why_unchanged(r, first, failed, op, &failed->err);
	keep_numbers(r->p, kept, true);
	return err;
}

/* Up to PART transactions from first on, and *next after them. */
static deia_err run_part(struct run *r, deia_txn *first, deia_txn **next)
{
	int64_t kept[DEIA__PG_SEQUENCES];
	deia_err err;
	deia_txn *t;
	unsigned n;

	keep_numbers(r->p, kept, false);
	if (!plain(r, "SAVEPOINT part"))
		return DEIA__PG_LOST;
	for (;;) {
		for (t = first, n = 0; t && n < PART;
		     t = deia__txn_next(t), n++)
			if (!t->err && !send_txn(r, t, NULL))
				return DEIA__PG_LOST;
		*next = t;
		err = sync(r);
		if (!err)
			return plain(r, "RELEASE part") ? DEIA_OK
							: DEIA__PG_LOST;
		err = sort_out(r, first, err, kept);
		if (err)
			return err;
	}
}

static deia_err run_carefully(struct run *r)
{
	deia_err err = begin(r);
	deia_txn *t;

	for (t = r->first; t; t = deia__txn_next(t))
		t->err = DEIA_OK;
	/* The savepoint that a failed part goes back to must be there. */
	if (!err)
		err = sync(r);
	for (t = r->first; t && !err;)
		err = run_part(r, t, &t);
	return err ? err : finish(r);
}

/* ---- a group ----------------------------------------------------------- */

static deia_err run_once(struct run *r)
{
	deia_err err;

	r->commit_sent = false;
	err = r->careful ? run_carefully(r) : run_boldly(r);
	if (!err)
		settle_lasts(r->p, true);
	if (!err || err == DEIA__PG_LOST)
		return err;
	settle_lasts(r->p, false);
	return roll_back(r, err);
}

static deia_err broken(struct deia__pg *p, struct deia__errmsg *msg,
		       const char *state, const char *text)
{
	deia__fail(msg, DEIA_ESTORE,
		   "the database failed: %s (%s); nothing is written any more: "
		   "see PostgreSQL's log, then start again",
		   text[0] ? text : "an answer that was not expected",
		   state[0] ? state : "no code");
	deia__pg_hide(p, msg);
	return DEIA_ESTORE;
}

/* Given up, since the store is closing. */
static deia_err give_up(const struct run *r, struct deia__errmsg *msg)
{
	if (!r->commit_sent)
		return DEIA_EUNAVAILABLE;
	return deia__fail(msg, DEIA_ESTORE,
			  "PostgreSQL was lost while it committed, and was not "
			  "back before the store was closed: whether the last "
			  "group is in it shows when it is opened again");
}

/*
 * Waits until the database is back, then finds out about the group whose
 * connection was lost. DEIA_OK: it is committed. AGAIN: it is not.
 */
static deia_err recover(struct run *r, struct deia__errmsg *msg)
{
	struct deia__pg *p = r->p;

	deia__pg_lost(p);
	do {
		if (deia__pg_is_over(&p->write))
			return give_up(r, msg);
	} while (deia__pg_reconnect(p));
	if (p->gone)
		return deia__pg_gone(p, msg);
	return r->commit_sent && p->marker == p->group ? DEIA_OK : AGAIN;
}

/* What to do after run_once failed: AGAIN, or what the group's outcome is. */
static deia_err after(struct run *r, deia_err err, unsigned *tries,
		      const char *state, const char *text,
		      struct deia__errmsg *msg)
{
	if (err == DEIA__PG_LOST)
		return recover(r, msg);
	if (err == AGAIN && !r->careful) {
		r->careful = true;
		return AGAIN;
	}
	if (err == MISSED)
		return AGAIN; /* next time they are read */
	if (err == DEIA_ECANCELED)
		return ++*tries <= RETRIES ? AGAIN : DEIA_EUNAVAILABLE;
	if (err == DEIA_EFULL || err == DEIA_ENOMEM || err == DEIA_EUNAVAILABLE)
		return err;
	return broken(r->p, msg, state, text);
}

deia_err deia__pg_commit(void *self, deia_txn *first, struct deia__errmsg *msg)
{
	struct deia__pg *p = self;
	struct run r = { .p = p, .pipe = &p->pipe, .first = first };
	char state[sizeof(p->pipe.state)], text[sizeof(p->pipe.text)];
	unsigned tries = 0;
	deia_err err;

	if (!look_at(&r))
		return DEIA_EUNAVAILABLE;
	p->group++;
	err = p->write.pg ? AGAIN : recover(&r, msg);
	if (p->gone)
		return deia__pg_gone(p, msg);
	while (err == AGAIN) {
		err = run_once(&r);
		if (!err)
			break;
		memcpy(state, p->pipe.state, sizeof(state));
		memcpy(text, p->pipe.text, sizeof(text));
		err = after(&r, err, &tries, state, text, msg);
	}
	if (!err)
		deia__pg_fine(p);
	return err;
}
