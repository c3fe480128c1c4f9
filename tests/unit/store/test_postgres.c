/* SPDX-License-Identifier: MIT */
/*
 * test_postgres.c - what only the PostgreSQL backend has: its schema, plans,
 * urls and the sentences about what is wrong.
 */
#include "pgcase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "store/migrate.h"
#include "store/sql.h"

/* ---- schema ------------------------------------------------------------ */

static void ck_columns(const struct deia_table *t)
{
	static const char *const types[] = { "", "bigint", "text", "bytea" };
	char want[2048] = "";
	size_t len = 0;
	unsigned c;

	for (c = 0; c < t->n_columns; c++)
		len += (size_t)snprintf(
			want + len, sizeof(want) - len, "%s%s %s%s%s",
			c ? ", " : "", t->columns[c].name,
			types[t->columns[c].type],
			t->columns[c].type == DEIA_TEXT ? " C" : "",
			t->columns[c].nullable ? "" : " not null");
	ck_assert_str_eq(
		ask("SELECT string_agg(attname || ' ' || "
		    "format_type(atttypid, atttypmod) || "
		    "coalesce(' ' || collname, '') || CASE WHEN attnotnull "
		    "THEN ' not null' ELSE '' END, ', ' ORDER BY attnum) "
		    "FROM pg_attribute LEFT JOIN pg_collation "
		    "ON pg_collation.oid = attcollation WHERE attnum > 0 AND "
		    "NOT attisdropped AND attrelid = '%s'::regclass",
		    t->name),
		want);
}

static void ck_index(const struct deia_table *t, const char *name, int index,
		     bool unique)
{
	char want[512];
	struct deia__order o;
	unsigned i, n;
	size_t len;

	ck_assert(deia__order_init(&o, t, index));
	n = index < 0 ? t->n_key : unique ? t->indexes[index].n_columns : o.n;
	len = (size_t)snprintf(want, sizeof(want), "%s:", unique ? "t" : "f");
	for (i = 0; i < n; i++)
		len += (size_t)snprintf(want + len, sizeof(want) - len, "%s%s",
					i ? "," : "",
					t->columns[o.columns[i]].name);
	ck_assert_str_eq(ask("SELECT indisunique::text::char || ':' || "
			     "string_agg(attname, ',' ORDER BY attnum) "
			     "FROM pg_index JOIN pg_attribute ON attrelid = "
			     "indexrelid WHERE indexrelid = '%s'::regclass "
			     "AND indrelid = '%s'::regclass "
			     "GROUP BY indisunique",
			     name, t->name),
			 want);
}

START_TEST(migrated_database_has_the_declared_tables)
{
	const struct deia_table *t;
	char name[80];
	size_t i;
	int k;

	for (i = 0; i < deia__tables_len; i++) {
		t = deia__tables[i];
		ck_columns(t);
		snprintf(name, sizeof(name), "%s_pkey", t->name);
		ck_index(t, name, -1, true);
		for (k = 0; k < (int)t->n_indexes; k++)
			ck_index(t, t->indexes[k].name, k,
				 t->indexes[k].unique);
		ck_assert_int_eq(atoi(ask("SELECT count(*) FROM pg_index WHERE "
					  "indrelid = '%s'::regclass",
					  t->name)),
				 (int)t->n_indexes + 1);
		ck_assert_int_eq(atoi(ask("SELECT count(*) FROM "
					  "store_sequences WHERE name = '%s'",
					  t->name)),
				 t->sequence);
	}
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM pg_tables WHERE "
				  "schemaname = 'public'")),
			 (int)deia__tables_len + 3);
	ck_assert_int_eq(atoi(ask("SELECT count(*) FROM schema_migrations")),
			 (int)deia__migrations_postgres_len);
}
END_TEST

/* Both backends have the same steps, so that a version means one thing. */
START_TEST(migrations_have_the_numbers_and_names_of_sqlite)
{
	unsigned i;

	ck_assert_uint_eq(deia__migrations_postgres_len,
			  deia__migrations_sqlite_len);
	for (i = 0; i < deia__migrations_sqlite_len; i++) {
		ck_assert_uint_eq(deia__migrations_postgres[i].version,
				  deia__migrations_sqlite[i].version);
		ck_assert_str_eq(deia__migrations_postgres[i].name,
				 deia__migrations_sqlite[i].name);
	}
}
END_TEST

START_TEST(newer_schema_is_refused_and_left_alone)
{
	close_store();
	ask("INSERT INTO schema_migrations VALUES (9999, 'future', 'x', 1)");
	ck_open_fails(fx.url, DEIA_EVERSION, "9999");
	ask("DELETE FROM schema_migrations WHERE version = 9999");
	fixture_open(&fx, 0);
}
END_TEST

START_TEST(migration_with_another_text_is_refused)
{
	close_store();
	ask("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1");
	ck_open_fails(fx.url, DEIA_ESTORE, "another text");
}
END_TEST

START_TEST(database_of_another_program_is_refused_and_left_alone)
{
	close_store();
	ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public; "
	    "CREATE TABLE schema_migrations (version TEXT)");
	ck_open_fails(fx.url, DEIA_ESTORE, "tables of another program");
	ck_assert_str_eq(ask("SELECT count(*) FROM pg_tables WHERE "
			     "schemaname = 'public'"),
			 "1");
}
END_TEST

START_TEST(user_without_rights_is_told_which)
{
	char url[200];

	close_store();
	ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public; "
	    "DROP ROLE IF EXISTS guest; "
	    "CREATE ROLE guest LOGIN PASSWORD 's3cret-w0rd'");
	snprintf(url, sizeof(url), "postgresql://guest%s",
		 strchr(strstr(fx.url, "//"), ':'));
	ask("GRANT USAGE ON SCHEMA public TO guest");
	ck_open_fails(url, DEIA_ESTORE, "GRANT");
	ask("DROP OWNED BY guest; DROP ROLE guest");
}
END_TEST

/* Each believes to know the counters, until the other wrote. */
START_TEST(two_writers_number_their_rows_as_one)
{
	struct fixture other = fx;
	struct fixture *f;
	struct deia_value row[LINE_COLUMNS];
	struct outcome o;
	char id[16];
	deia_txn *t;
	int i;

	other.base = event_base_new();
	fixture_open(&other, 0);
	for (i = 0; i < 40; i++) {
		f = i % 5 < 2 ? &fx : &other;
		t = deia_txn_new(f->store);
		snprintf(id, sizeof(id), "%d", i);
		line_row(row, id, "c", "x");
		deia_txn_insert(t, &deia__table_chat_lines, row);
		ck_assert_int_eq(commit(f, t, &o), DEIA_OK);
		ck_assert_int_eq(o.seqs[0], i + 1);
	}
	deia_store_close(other.store);
	event_base_free(other.base);
}
END_TEST

START_TEST(a_closed_store_leaves_no_marker_and_no_session)
{
	ck_assert_int_eq(add_bot(&fx, "a", "x"), DEIA_OK);
	ck_assert_str_eq(ask("SELECT grp FROM store_writers"), "1");
	close_store();
	ck_assert_str_eq(ask("SELECT count(*) FROM store_writers"), "0");
}
END_TEST

/* ---- plans ------------------------------------------------------------- */

/* unique: behind a unique column there is never anything left to sort. */
static void ck_plan(const struct deia__sql_shape *shape, unsigned n_params,
		    bool unique)
{
	static const struct deia__sql_dialect dialect = { "$", true };
	struct deia__buf sql;
	char plan[16384], *p;

	deia__buf_init(&sql, 0);
	deia__buf_adds(&sql, "SET enable_seqscan=off; SET enable_bitmapscan="
			     "off; SET enable_sort=off; PREPARE q AS ");
	deia__sql_text(&sql, &dialect, shape);
	deia__buf_adds(&sql, "; SET plan_cache_mode=force_generic_plan; "
			     "EXPLAIN (FORMAT JSON) EXECUTE q");
	deia__buf_adds(&sql, n_params ? "(" : "");
	for (unsigned i = 0; i < n_params; i++)
		deia__buf_addf(&sql, "%sNULL", i ? "," : "");
	deia__buf_adds(&sql, n_params ? ")" : "");
	ck_assert_int_eq(sql.err, DEIA_OK);
	cluster_sql(fx.database, sql.data, plan, sizeof(plan));
	p = strstr(plan, "\"Index Name\"");
	ck_assert_msg(p && !strstr(plan, "Seq Scan") &&
			      (unique || !strstr(plan, "Sort Key")),
		      "%s: %s", sql.data, plan);
	deia__buf_fini(&sql);
}

static void ck_page_plan(const struct deia_page_query *q)
{
	struct deia__sql_shape shape;
	struct deia__sql_params params;

	deia__sql_page(q, &shape, &params);
	ck_plan(&shape, params.n,
		q->index >= 0 && q->table->indexes[q->index].unique);
}

START_TEST(every_count_walks_an_index_and_never_sorts)
{
	static const struct deia_value nulls[DEIA__MAX_GROUP];
	struct deia__count_query q = { .equal = nulls };
	struct deia__sql_shape shape;
	struct deia__sql_params params;
	struct deia__order o;
	size_t i;

	for (i = 0; i < deia__tables_len; i++) {
		q.table = deia__tables[i];
		for (q.index = -1; q.index < (int)q.table->n_indexes;
		     q.index++) {
			ck_assert(deia__order_init(&o, q.table, q.index));
			/* By the whole order each row is a group. */
			q.n_group = o.n < 4 ? o.n - 1 : 3;
			if (q.n_group == 0)
				continue;
			q.n_equal = i % (q.n_group + 1);
			deia__sql_count(&q, &shape, &params);
			ck_plan(&shape, params.n, false);
		}
	}
}
END_TEST

START_TEST(every_page_walks_an_index_and_never_sorts)
{
	static const struct deia_value nulls[12];
	struct deia_page_query q = { .equal = nulls, .after = nulls };
	struct deia__order o;
	size_t i;

	for (i = 0; i < deia__tables_len; i++) {
		q.table = deia__tables[i];
		for (q.index = -1; q.index < (int)q.table->n_indexes;
		     q.index++) {
			ck_assert(deia__order_init(&o, q.table, q.index));
			q.n_equal = o.n > 2 ? 1 : 0;
			q.n_after = o.n - q.n_equal;
			q.descending = i % 2;
			ck_page_plan(&q);
		}
	}
}
END_TEST

/* ---- urls -------------------------------------------------------------- */

START_TEST(what_is_wrong_with_a_url_is_said_without_its_password)
{
	static const struct {
		const char *url, *words;
		deia_err err;
	} wrong[] = {
		{ "postgresql://deia_test:s3cret@127.0.0.1:1/x",
		  "cannot be reached", DEIA_EIO },
		{ "postgres://deia_test:s3cret@127.0.0.1:1/x",
		  "cannot be reached", DEIA_EIO },
		{ "postgresql://u:a/s3cret@h/d", "cannot be read",
		  DEIA_EINVAL },
		{ "postgresql://u:a@s3cret@h/d", "cannot be read",
		  DEIA_EINVAL },
		{ "postgresql://u:s3cret@h/d?nonsense=1", "cannot be read",
		  DEIA_EINVAL },
		{ "postgresql://u:s3cret@h:port/d", "cannot be read",
		  DEIA_EINVAL },
		{ "postgresql:host=127.0.0.1 port=1 password=s3cret",
		  "cannot be reached", DEIA_EIO },
		{ "postgresqlx://u:s3cret@h/d", "the store's url is",
		  DEIA_EINVAL },
	};
	char url[200];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_open_fails(wrong[i].url, wrong[i].err, wrong[i].words);
	snprintf(url, sizeof(url), "%.*s_not", (int)strlen(fx.url), fx.url);
	ck_open_fails(url, DEIA_ESTORE, "does not exist");
	snprintf(url, sizeof(url), "postgresql://deia_test:s3cret-bad%s",
		 strchr(fx.url, '@'));
	ck_open_fails(url, DEIA_ESTORE, "password authentication failed");
}
END_TEST

START_TEST(the_url_goes_over_the_defaults)
{
	deia_store *s;
	char url[256];

	snprintf(url, sizeof(url), "%s?application_name=mine&options=%s",
		 fx.url, "-c%20statement_timeout%3D7s");
	ck_assert_int_eq(deia_store_open(&s, fx.base, url, NULL, NULL, 0),
			 DEIA_OK);
	ck_assert_str_eq(ask("SELECT count(*) FROM pg_stat_activity WHERE "
			     "application_name = 'mine'"),
			 "2");
	deia_store_close(s);
	ck_assert_str_eq(ask("SELECT count(*) FROM pg_stat_activity WHERE "
			     "application_name = 'deia' AND datname = "
			     "current_database()"),
			 "2");
}
END_TEST

/* More shapes of statements than the cache has places, in one group. */
START_TEST(any_number_of_statement_shapes_works)
{
	struct deia_value row[LINE_COLUMNS], key = deia_int(1);
	struct deia_set set[9], guard = { LINE_ID, deia_text("l1") };
	unsigned mask, c;
	size_t n;
	deia_txn *t = deia_txn_new(fx.store);

	line_row(row, "l1", "c", "x");
	deia_txn_insert(t, &deia__table_chat_lines, row);
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	t = deia_txn_new(fx.store);
	for (mask = 1; mask < 512; mask++) {
		n = 0;
		for (c = 0; c < 9; c++) {
			if (!(mask >> c & 1))
				continue;
			set[n].column = LINE_ID + c;
			set[n++].value = row[LINE_ID + c];
		}
		deia_txn_update(t, &deia__table_chat_lines, &key, set, n, NULL);
		deia_txn_update(t, &deia__table_chat_lines, &key, set, n,
				&guard);
	}
	ck_assert_int_eq(commit(&fx, t, NULL), DEIA_OK);
	ck_assert_int_eq(add_bot(&fx, "after", "x"), DEIA_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("postgres");
	TCase *tc = tcase_create("postgres");
	SRunner *runner;
	int failed;

	if (skip_all(backend_find("postgresql")))
		return 0;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, migrated_database_has_the_declared_tables);
	tcase_add_test(tc, migrations_have_the_numbers_and_names_of_sqlite);
	tcase_add_test(tc, newer_schema_is_refused_and_left_alone);
	tcase_add_test(tc, migration_with_another_text_is_refused);
	tcase_add_test(tc,
		       database_of_another_program_is_refused_and_left_alone);
	tcase_add_test(tc, user_without_rights_is_told_which);
	tcase_add_test(tc, two_writers_number_their_rows_as_one);
	tcase_add_test(tc, a_closed_store_leaves_no_marker_and_no_session);
	tcase_add_test(tc, every_page_walks_an_index_and_never_sorts);
	tcase_add_test(tc, every_count_walks_an_index_and_never_sorts);
	tcase_add_test(tc,
		       what_is_wrong_with_a_url_is_said_without_its_password);
	tcase_add_test(tc, the_url_goes_over_the_defaults);
	tcase_add_test(tc, any_number_of_statement_shapes_works);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
