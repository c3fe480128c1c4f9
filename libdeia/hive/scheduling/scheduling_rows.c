/* SPDX-License-Identifier: MIT */
/*
 * scheduling_rows.c - what was learned, as rows of scheduler_pairs.
 *
 * A row is a pair of a bot and a type, its data a JSON object of the numbers of
 * deia_scheduler_row, printed so that they read back exactly. The row of all
 * together has the bot "" and, as its type, the mark of the node whose it is.
 *
 * When the store refused some of what changed, everything is written the next
 * time: which rows they were is not known any more.
 */
#include "hive/scheduling/scheduling.h"
#include "hive/nodes/nodes.h"
#include "store/walk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_AMOUNT 1e12
#define MAX_LOG 100.0

/* ---- a row as text ------------------------------------------------------- */

#define ROW_NUMBERS(X)                                                         \
	X(time_weight)                                                         \
	X(time_mean)                                                           \
	X(time_square)                                                         \
	X(good)                                                                \
	X(bad)                                                                 \
	X(seconds)                                                             \
	X(failed_seconds)

static void print_number(deia_jw *w, const char *key, double v)
{
	char text[40];

	deia__json_number(text, v);
	deia_jw_kraw(w, key, text);
}

static void print_row(deia_jw *w, const struct deia_scheduler_row *r)
{
	deia_jw_reset(w);
	deia_jw_object(w);
	deia_jw_kint(w, "samples", (int64_t)r->samples);
	deia_jw_kint(w, "successes", (int64_t)r->successes);
#define PRINT(name) print_number(w, #name, r->name);
	ROW_NUMBERS(PRINT)
#undef PRINT
	deia_jw_end_object(w);
}

static bool read_number(const cJSON *json, const char *key, double *out)
{
	const cJSON *v = deia__json_get(json, key);

	if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble))
		return false;
	*out = v->valuedouble;
	return true;
}

static bool is_amount(double x)
{
	return x >= 0 && x <= MAX_AMOUNT;
}

/* What deia_scheduler_import takes: it refuses all for one bad row. */
static bool is_possible(const struct deia_scheduler_row *r)
{
	return r->successes <= r->samples && is_amount(r->time_weight) &&
	       fabs(r->time_mean) <= MAX_LOG && is_amount(r->time_square) &&
	       is_amount(r->good) && is_amount(r->bad) &&
	       is_amount(r->seconds) && is_amount(r->failed_seconds);
}

static bool read_row(const struct deia_value *data,
		     struct deia_scheduler_row *r)
{
	int64_t samples = 0, successes = 0;
	cJSON *json = NULL;
	bool ok = !deia_json_parse(&json, data->s, data->len, NULL) &&
		  deia__json_int(json, "samples", 0, INT64_MAX, &samples) &&
		  deia__json_int(json, "successes", 0, INT64_MAX, &successes);

#define READ(name) ok = ok && read_number(json, #name, &r->name);
	ROW_NUMBERS(READ)
#undef READ
	cJSON_Delete(json);
	r->samples = (uint64_t)samples;
	r->successes = (uint64_t)successes;
	return ok && is_possible(r);
}

/* ---- loading ------------------------------------------------------------- */

struct loading {
	deia_hive *hive;
	struct deia_scheduler_row *rows;
	size_t n, cap;
	unsigned bad;
	bool has_own; /* a row of all together, of this node */
	/* The bot that was last looked for in the store. */
	char looked[DEIA_MAX_ID_LEN + 1];
	bool is_gone;
	struct deia__change *gone; /* deletes rows of bots that are gone */
};

static bool add(struct loading *l, const struct deia_scheduler_row *row)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		void *rows = deia__realloc(l->rows, cap * sizeof(*l->rows));

		if (!rows)
			return false;
		l->rows = rows;
		l->cap = cap;
	}
	l->rows[l->n++] = *row;
	return true;
}

/* The scheduler's own text of a type, which outlives the page; NULL: the type
 * is not known and cannot be. */
static const char *type_of(deia_hive *h, const char *type)
{
	const deia_scheduler *s = h->scheduling->scheduler;
	const char *name;

	if (deia__scheduling_add_type(h, "type", type))
		return NULL;
	for (size_t i = 0; (name = deia_scheduler_type_at(s, i)); i++)
		if (strcmp(name, type) == 0)
			return name;
	return NULL;
}

/* Its row may be there though the bot is not: it could not be loaded. */
static deia_err look_for(struct loading *l, const char *bot)
{
	struct deia_value id = deia_text(bot);
	struct deia_page_query q = {
		.table = &deia__table_bots,
		.index = -1,
		.equal = &id,
		.n_equal = 1,
		.limit = 1,
	};
	deia_rows *rows;
	deia_err err;

	if (strcmp(l->looked, bot) == 0)
		return DEIA_OK;
	err = deia_store_page_now(l->hive->store, &q, &rows);
	if (err)
		return err;
	snprintf(l->looked, sizeof(l->looked), "%s", bot);
	l->is_gone = deia_rows_count(rows) == 0;
	deia_rows_free(rows);
	return DEIA_OK;
}

/* A row of a bot that is not here: it lives elsewhere, or is gone. */
static deia_err load_stranger(struct loading *l, const char *bot)
{
	deia_err err;

	if (deia__far_get(l->hive, bot))
		return DEIA_OK;
	err = look_for(l, bot);
	if (err || !l->is_gone)
		return err;
	if (!l->gone)
		l->gone = deia__change_new(l->hive);
	deia__scheduling_purge(l->gone, bot);
	return DEIA_OK;
}

/* Of all together: the node's own, else that of the time before there were
 * nodes. */
static bool is_ours(struct loading *l, const char *mark)
{
	if (strcmp(mark, deia__node_mark(l->hive)) == 0)
		l->has_own = true;
	else if (mark[0] || l->has_own)
		return false;
	return true;
}

static deia_err load_row(void *user, const deia_rows *rows, size_t r)
{
	struct loading *l = user;
	struct deia_scheduler_row row = { .size = sizeof(row) };
	const char *bot = deia_rows_text(rows, r, PAIR_BOT);
	const char *type = deia_rows_text(rows, r, PAIR_TYPE);
	struct deia__hbot *b = deia__hbot_get(l->hive, bot);

	if (!bot[0]) {
		if (!is_ours(l, type))
			return DEIA_OK;
		row.bot = row.type = "";
	} else if (!b) {
		return load_stranger(l, bot);
	} else {
		row.bot = b->id;
		row.type = type_of(l->hive, type);
	}
	if (!row.type || !read_row(deia_rows_get(rows, r, PAIR_DATA), &row)) {
		if (l->bad++ == 0)
			deia__hive_log(l->hive, DEIA_LOG_ERROR,
				       "what was learned of bot \"%s\" and "
				       "type \"%s\" is damaged and not used",
				       bot, type);
		return DEIA_OK;
	}
	return add(l, &row) ? DEIA_OK : DEIA_ENOMEM;
}

deia_err deia__scheduling_load(deia_hive *h)
{
	struct deia_page_query q = {
		.table = &deia__table_scheduler_pairs,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};
	struct loading l = { .hive = h };
	deia_err err = deia__store_walk(h->store, &q, load_row, &l);

	if (!err && l.n)
		err = deia_scheduler_import(h->scheduling->scheduler, l.rows,
					    l.n);
	deia__free(l.rows);
	if (l.bad > 1)
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "%u more rows of scheduler_pairs are damaged",
			       l.bad - 1);
	if (err) {
		deia__change_drop(l.gone);
		return deia__hive_fail(h, err,
				       "what was learned cannot be read: %s",
				       deia_err_text(err));
	}
	return l.gone ? deia__change_commit(l.gone, h, NULL, NULL) : DEIA_OK;
}

/* ---- saving -------------------------------------------------------------- */

struct saving {
	deia_hive *hive;
	struct deia__change *c;
	deia_jw w;
	int64_t at_ms;
	size_t n;
};

static void save_row(const struct deia_scheduler_row *r, void *user)
{
	struct saving *s = user;
	const struct deia__hbot *b = deia__hbot_get(s->hive, r->bot);
	struct deia_value row[PAIR_COLUMNS];

	if (r->bot[0] && (!b || b->removing))
		return; /* its rows go with it */
	row[PAIR_BOT] = deia_text(r->bot);
	row[PAIR_TYPE] =
		deia_text(r->bot[0] ? r->type : deia__node_mark(s->hive));
	s->n++;
	if (r->bot[0] && !r->samples) { /* it was reset */
		deia_txn_delete(deia__change_txn(s->c),
				&deia__table_scheduler_pairs, row);
		return;
	}
	print_row(&s->w, r);
	if (deia_jw_status(&s->w)) {
		deia__change_no_memory(s->c);
		return;
	}
	row[PAIR_DATA] = deia_text(s->w.text);
	row[PAIR_UPDATED] = deia_int(s->at_ms);
	deia_txn_put(deia__change_txn(s->c), &deia__table_scheduler_pairs, row);
}

/* All rows of this node's bots: those of pairs that were reset would stay. */
static void clear(deia_hive *h, struct deia__change *c)
{
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next)
		deia__scheduling_purge(c, b->id);
}

static bool put_new(deia_hive *h, struct deia__change *c)
{
	struct saving s = { .hive = h, .c = c };
	struct deia__scheduling *sc = h->scheduling;
	bool whole = sc->whole;

	s.at_ms = deia__unix_ms(NULL);
	deia_jw_init(&s.w);
	sc->whole = false;
	if (whole)
		clear(h, c);
	deia_scheduler_export(sc->scheduler, !whole, save_row, &s);
	deia_jw_fini(&s.w);
	return s.n > 0;
}

static void all_new(deia_hive *h)
{
	h->scheduling->whole = true;
}

const struct deia__saver_kind deia__scheduling_rows = {
	.what = "what was learned about bots",
	.soon_ms = 500,
	.retry_ms = 2000,
	.put = put_new,
	.all_new = all_new,
};

void deia__scheduling_purge(struct deia__change *c, const char *bot)
{
	struct deia_value id = deia_text(bot);

	deia_txn_delete_where(deia__change_txn(c), &deia__table_scheduler_pairs,
			      -1, &id, 1, NULL);
}
