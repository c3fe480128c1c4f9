/* SPDX-License-Identifier: MIT */
/*
 * check_db.c - db: a row is written, read back and deleted on the way that
 * everything goes; which schema there is; whether a SQLite file is whole.
 *
 * The row stands in health_settings under the node's own name, where what is
 * unknown is passed over.
 */
#include "hive/checks/checks.h"

#include <stdio.h>
#include <string.h>

#include "hive/nodes/nodes.h"

#define WARN_S 0.5
#define FAIL_S 5
#define NAME_BYTES (DEIA_MAX_ID_LEN + 8)

#define STORE_IS_SLOW                                                          \
	"The disk of the database is slow or busy: see `iostat -x 5`; on "     \
	"PostgreSQL its own log and `pg_stat_activity`."

static const struct deia_column migration_columns[] = {
	{ "version", DEIA_INT, false },
};
/* Of the store's own book: what a column or two of it say. */
static const struct deia_table migrations = {
	.name = "schema_migrations",
	.columns = migration_columns,
	.n_columns = 1,
	.n_key = 1,
};

static void print_name(char out[static NAME_BYTES], const deia_hive *h)
{
	snprintf(out, NAME_BYTES, "check:%s", deia__node_mark(h));
}

static const char *advice_for(const deia_hive *h)
{
	struct deia_store_stats st;

	deia_store_get_stats(h->store, &st);
	if (st.failed_hard)
		return "The disk failed: nothing is acknowledged any more. "
		       "See `dmesg`, then start deiad again.";
	if (st.away)
		return "The database cannot be reached: see whether it runs; "
		       "deiad connects again by itself.";
	return "See `df -h` for room and deiad's log for what the database "
	       "says.";
}

static void failed(struct deia__probe_part *p, const char *what, deia_err err)
{
	struct deia_check_result *r = deia__probe_draft(p);

	if (r)
		deia__probe_say(r, DEIA_CHECK_FAIL, advice_for(p->hive),
				"A row cannot be %s: %s.", what,
				deia_err_text(err));
	deia__probe_part_done(p);
}

static void delete_row(deia_hive *h)
{
	deia_txn *txn = deia_txn_new(h->store);
	struct deia_value key;
	char name[NAME_BYTES];

	print_name(name, h);
	key = deia_text(name);
	deia_txn_delete(txn, &deia__table_health_settings, &key);
	/* Should it fail the next check puts the same row. */
	(void)!deia_txn_commit(txn, NULL, NULL);
}

static void on_read(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__probe_part *p = user;
	struct deia_check_result *r = deia__probe_draft(p);
	double s = deia__probe_part_seconds(p);
	deia_check_status status;

	if (err) {
		failed(p, "read", err);
		return;
	}
	if (!p->hive->freeing)
		delete_row(p->hive);
	if (r && (deia_rows_count(rows) != 1 ||
		  strcmp(deia_rows_text(rows, 0, HEALTH_SETTING_DATA),
			 p->word) != 0)) {
		deia__probe_say(r, DEIA_CHECK_FAIL,
				"Does something else write to this database? "
				"Ask PostgreSQL who is connected.",
				"What was written did not come back.");
	} else if (r) {
		status = deia__probe_figure(r, "latency", "seconds", s, WARN_S,
					    FAIL_S);
		deia__probe_say(r, status, STORE_IS_SLOW,
				"A row was written durably and read back in "
				"%.1f ms (%s).",
				s * 1000,
				deia_store_backend_name(p->hive->store));
	}
	deia__probe_part_done(p);
}

static void on_written(deia_err err, const int64_t *seqs, size_t n_seqs,
		       void *user)
{
	struct deia__probe_part *p = user;
	char name[NAME_BYTES];
	struct deia_value key;
	struct deia_page_query q = {
		.table = &deia__table_health_settings,
		.index = -1,
		.equal = &key,
		.n_equal = 1,
		.limit = 1,
	};

	(void)seqs;
	(void)n_seqs;
	print_name(name, p->hive);
	key = deia_text(name);
	if (!err && p->hive->freeing)
		err = DEIA_ECANCELED;
	if (!err)
		err = deia_store_page(p->hive->store, &q, on_read, p);
	if (err)
		failed(p, "written", err);
}

static void write_row(deia_hive *h, struct deia__probe_part *p)
{
	struct deia_value row[HEALTH_SETTING_COLUMNS];
	deia_txn *txn = deia_txn_new(h->store);
	char name[NAME_BYTES];
	deia_err err;

	print_name(name, h);
	row[HEALTH_SETTING_NAME] = deia_text(name);
	row[HEALTH_SETTING_DATA] = deia_text(p->word);
	row[HEALTH_SETTING_UPDATED] = deia_int(deia__unix_ms(NULL));
	row[HEALTH_SETTING_UPDATED_BY] = deia_text("check");
	deia_txn_put(txn, &deia__table_health_settings, row);
	err = deia_txn_commit(txn, on_written, p);
	if (err)
		failed(p, "written", err);
}

/* ---- the schema ------------------------------------------------------------ */

static void on_schema(deia_err err, const deia_rows *rows, void *user)
{
	struct deia__probe_part *p = user;
	struct deia_check_result *r = deia__probe_draft(p);

	/* Without it (memory) nothing is said; a store that is away is told
	 * of by the row. */
	if (r && !err && deia_rows_count(rows))
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"Its schema is version %lld.",
				(long long)deia_rows_get(rows, 0, 0)->i);
	deia__probe_part_done(p);
}

static void read_schema(deia_hive *h)
{
	static const struct deia_page_query q = {
		.table = &migrations,
		.index = -1,
		.descending = true,
		.limit = 1,
	};
	struct deia__probe_part *p = deia__probe_part_new(h, DEIA_CHECK_DB);

	if (p && deia_store_page(h->store, &q, on_schema, p))
		deia__probe_part_done(p);
}

/* A database that is away: what is asked of it would wait for it. */
static bool is_away(struct deia_check_result *r, deia_hive *h)
{
	struct deia_store_stats st;

	deia_store_get_stats(h->store, &st);
	if (st.away)
		deia__probe_say(r, DEIA_CHECK_FAIL, advice_for(h),
				"The database (%s) is away: %s.",
				deia_store_backend_name(h->store), st.away_why);
	return st.away;
}

void deia__probe_db(deia_hive *h)
{
	struct deia__probe_work *w = &h->probes->works[DEIA_CHECK_DB];
	struct deia__probe_part *p;

	if (is_away(&h->probes->runs[DEIA_CHECK_DB].draft, h))
		return;
	p = deia__probe_part_new(h, DEIA_CHECK_DB);
	if (p)
		write_row(h, p);
	if (strcmp(deia_store_backend_name(h->store), "memory") != 0)
		read_schema(h);
	if (!h->probes->db_path)
		return;
	p = deia__probe_part_new(h, DEIA_CHECK_DB);
	if (!p)
		return;
	if (!w->busy) {
		snprintf(w->db_path, sizeof(w->db_path), "%s",
			 h->probes->db_path);
		w->run = deia__probe_files_db;
	}
	if (!deia__probe_work_start(w, p))
		deia__probe_part_done(p);
}
