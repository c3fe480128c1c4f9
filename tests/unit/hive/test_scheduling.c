/* SPDX-License-Identifier: MIT */
/* test_scheduling.c - the hive's scheduler: its bots, and what it keeps. */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hive/scheduling/scheduling.h"

static struct fixture f;

static void setup(void)
{
	fixture_open_file(&f);
}

static void teardown(void)
{
	fixture_close(&f);
}

struct ended {
	bool done;
	deia_err err;
};

static void on_done(deia_err err, void *user)
{
	struct ended *e = user;

	ck_assert(!e->done);
	e->done = true;
	e->err = err;
}

static deia_err try_record(struct deia_execution e)
{
	struct ended end = { false, DEIA_OK };
	deia_err err = deia_hive_scheduler_record(f.hive, deia_actor_local(),
						  &e, on_done, &end);

	if (err)
		return err;
	ck_assert(!end.done); /* never inside the call */
	run_until(&f, &end.done);
	return end.err;
}

static struct deia_execution execution(const char *bot, const char *type,
				       double seconds, bool success)
{
	struct deia_execution e = DEIA_EXECUTION_INIT;

	e.bot = bot;
	e.type = type;
	e.seconds = seconds;
	e.success = success;
	return e;
}

static void record(const char *bot, const char *type, double seconds,
		   bool success)
{
	ck_assert_int_eq(try_record(execution(bot, type, seconds, success)),
			 DEIA_OK);
}

static void reset(const char *bot, const char *type)
{
	struct ended end = { false, DEIA_OK };

	ck_assert_int_eq(deia_hive_scheduler_reset(f.hive, deia_actor_local(),
						   bot, type, on_done, &end),
			 DEIA_OK);
	run_until(&f, &end.done);
	ck_assert_int_eq(end.err, DEIA_OK);
}

static struct deia_scheduler_pair pair_of(const char *bot, const char *type)
{
	struct deia_scheduler_pair p;

	ck_assert_int_eq(deia_scheduler_pair(deia_hive_get_scheduler(f.hive),
					     bot, type, &p),
			 DEIA_OK);
	return p;
}

static struct deia_scheduler_bot_status status_of(const char *bot)
{
	struct deia_scheduler_bot_status st;

	ck_assert_int_eq(deia_hive_scheduler_bot(f.hive, bot, &st), DEIA_OK);
	return st;
}

/* ---- rows in the store ---------------------------------------------------- */

struct found {
	bool done;
	size_t n;
	char data[8][512];
};

static void on_rows(deia_err err, const deia_rows *rows, void *user)
{
	struct found *found = user;

	ck_assert_int_eq(err, DEIA_OK);
	found->n = deia_rows_count(rows);
	for (size_t i = 0; i < found->n && i < 8; i++)
		snprintf(found->data[i], sizeof(found->data[i]), "%s",
			 deia_rows_text(rows, i, PAIR_DATA));
	found->done = true;
}

/* What the store has of a bot ("": of all together). */
static struct found rows_of(const char *bot)
{
	struct deia_value id = deia_text(bot);
	struct deia_page_query q = {
		.table = &deia__table_scheduler_pairs,
		.index = -1,
		.equal = &id,
		.n_equal = 1,
		.limit = 100,
	};
	struct found found = { .done = false };

	ck_assert_int_eq(deia_store_page(f.hive->store, &q, on_rows, &found),
			 DEIA_OK);
	run_until(&f, &found.done);
	return found;
}

static void on_put(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	(void)seqs;
	(void)n;
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

static void put_row(const char *bot, const char *type, const char *data)
{
	struct deia_value row[PAIR_COLUMNS] = { deia_text(bot), deia_text(type),
						deia_text(data), deia_int(1) };
	deia_txn *t = deia_txn_new(f.hive->store);
	bool done = false;

	deia_txn_put(t, &deia__table_scheduler_pairs, row);
	ck_assert_int_eq(deia_txn_commit(t, on_put, &done), DEIA_OK);
	run_until(&f, &done);
}

/* Waits until all that was committed before is in the store. */
static void settle(void)
{
	put_row("settled", "x", "{}");
}

/* ---- what was learned lasts ------------------------------------------------- */

START_TEST(an_acknowledged_outcome_is_in_the_store)
{
	struct found found;

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	record("ada", "writing", 12.5, true);
	found = rows_of("ada");
	ck_assert_uint_eq(found.n, 1);
	ck_assert_ptr_nonnull(strstr(found.data[0], "\"samples\":1,"));
	ck_assert_uint_eq(rows_of("").n, 1);
}
END_TEST

struct numbers {
	struct deia_scheduler_row row[16];
	size_t n;
};

static void keep_numbers(const struct deia_scheduler_row *row, void *user)
{
	struct numbers *k = user;

	ck_assert_uint_lt(k->n, 16);
	k->row[k->n] = *row;
	k->row[k->n].bot = k->row[k->n].type = NULL;
	k->n++;
}

static void all_numbers(struct numbers *k)
{
	memset(k, 0, sizeof(*k));
	deia_scheduler_export(deia__scheduling_scheduler(f.hive), false,
			      keep_numbers, k);
}

START_TEST(what_was_learned_is_the_same_after_a_restart)
{
	static struct numbers before, after;

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	ck_assert_int_eq(create_bot(&f, "bob", false), DEIA_OK);
	for (int i = 0; i < 40; i++) {
		record("ada", "writing", 1.0 / 3 + i, i % 3 != 0);
		record("bob", "planning", 7e-3 * i, i % 5 != 0);
	}
	all_numbers(&before);
	ck_assert_uint_eq(before.n, 3);
	fixture_reopen(&f, false);
	all_numbers(&after);
	ck_assert_uint_eq(after.n, 3);
	for (size_t i = 1; i < 3; i++)
		ck_assert_mem_eq(&before.row[i], &after.row[i],
				 sizeof(before.row[i]));
	ck_assert_uint_eq(pair_of("ada", "writing").samples, 40);
	ck_assert_uint_eq(pair_of("bob", "planning").successes, 32);
}
END_TEST

/* What the queue learns is not acknowledged to anybody, but stored soon. */
START_TEST(what_the_queue_learned_is_stored_soon)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	deia_scheduler *s = deia__scheduling_scheduler(f.hive);
	struct deia__saver *saver = &f.hive->scheduling->saver;

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	o.bot = "ada";
	o.type = "general";
	o.seconds = 3;
	o.success = true;
	ck_assert_int_eq(
		deia_scheduler_record(s, &o, deia__scheduling_now(f.hive)),
		DEIA_OK);
	ck_assert_uint_eq(rows_of("ada").n, 0);
	deia__saver_changed(saver);
	/* A look at the rows could itself see it stored, and then wait. */
	while (deia__timer_armed(&saver->timer) || saver->saving)
		event_base_loop(f.base, EVLOOP_ONCE);
	ck_assert_uint_eq(rows_of("ada").n, 1);
}
END_TEST

START_TEST(a_stop_stores_what_was_learned_last)
{
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	deia_scheduler *s = deia__scheduling_scheduler(f.hive);

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	o.bot = "ada";
	o.type = "general";
	o.seconds = 3;
	ck_assert_int_eq(
		deia_scheduler_record(s, &o, deia__scheduling_now(f.hive)),
		DEIA_OK);
	fixture_reopen(&f, true);
	ck_assert_uint_eq(pair_of("ada", "general").samples, 1);
}
END_TEST

START_TEST(a_new_type_lasts_as_long_as_what_was_learned_of_it)
{
	struct deia_execution e = execution("ada", "invoices", 5, true);

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	ck_assert_int_eq(try_record(e), DEIA_ENOTFOUND);
	e.new_type = true;
	ck_assert_int_eq(try_record(e), DEIA_OK);
	fixture_reopen(&f, true);
	e.new_type = false;
	ck_assert_int_eq(try_record(e), DEIA_OK);
	ck_assert_uint_eq(pair_of("ada", "invoices").samples, 2);
}
END_TEST

/* ---- resets, removals ------------------------------------------------------- */

START_TEST(a_reset_forgets_in_memory_and_store)
{
	const struct deia_scheduler_entry *e[4];

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	record("ada", "writing", 5, true);
	record("ada", "general", 5, true);
	reset("ada", "writing");
	ck_assert_uint_eq(rows_of("ada").n, 1);
	ck_assert_uint_eq(pair_of("ada", "writing").samples, 0);
	ck_assert_uint_eq(pair_of("ada", "general").samples, 1);
	reset(NULL, NULL);
	ck_assert_uint_eq(rows_of("ada").n, 0);
	ck_assert_uint_eq(deia_hive_scheduler_history(f.hive, 0, e, 4), 4);
	ck_assert_int_eq(e[0]->kind, DEIA_ENTRY_RESET);
	ck_assert_uint_eq(
		deia_hive_scheduler_history(f.hive, e[2]->number, e, 4), 1);
	ck_assert_str_eq(e[0]->type, "writing");
}
END_TEST

START_TEST(rows_that_were_refused_are_stored_the_next_time)
{
	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	record("ada", "writing", 5, true);
	record("ada", "general", 5, true);
	put_row("ada", "planning", "{}"); /* should have been deleted */
	put_row("ada", "writing", "{}");  /* should have been replaced */
	deia__saver_refused(&f.hive->scheduling->saver);
	deia__saver_flush(&f.hive->scheduling->saver);
	settle();
	ck_assert_uint_eq(rows_of("ada").n, 2);
	fixture_reopen(&f, true);
	ck_assert_uint_eq(pair_of("ada", "writing").samples, 1);
}
END_TEST

START_TEST(a_removed_bot_is_forgotten_with_its_rows)
{
	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	record("ada", "writing", 5, true);
	ck_assert_int_eq(remove_bot(&f, "ada", true, false), DEIA_OK);
	ck_assert_uint_eq(rows_of("ada").n, 0);
	ck_assert_int_eq(try_record(execution("ada", "writing", 5, true)),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	ck_assert_uint_eq(pair_of("ada", "writing").samples, 0);
}
END_TEST

START_TEST(damaged_rows_are_passed_over_and_those_of_gone_bots_deleted)
{
	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	record("ada", "writing", 5, true);
	put_row("ada", "general",
		"{\"samples\":1,\"successes\":1,\"time_weight\":1e999,"
		"\"time_mean\":1,\"time_square\":1,\"good\":1,\"bad\":0,"
		"\"seconds\":1,\"failed_seconds\":0}");
	put_row("ada", "planning", "{\"samples\":-1}");
	put_row("ghost", "writing", "{}");
	fixture_reopen(&f, true);
	ck_assert_uint_eq(pair_of("ada", "writing").samples, 1);
	ck_assert_uint_eq(pair_of("ada", "general").samples, 0);
	settle();
	ck_assert_uint_eq(rows_of("ghost").n, 0);
}
END_TEST

/* ---- bots ------------------------------------------------------------------- */

START_TEST(the_scheduler_knows_how_each_bot_stands)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = "ada";
	spec.adapter = "echo";
	spec.max_concurrent = 3;
	ck_assert_int_eq(create_bot_spec(&f, &spec, false), DEIA_OK);
	ck_assert(!status_of("ada").available);
	ck_assert_uint_eq(status_of("ada").max_concurrent, 3);
	ck_assert_int_eq(act(&f, "ada", DEIA_BOT_START), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	ck_assert(status_of("ada").available);
	ck_assert_int_eq(act(&f, "ada", DEIA_BOT_PAUSE), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_PAUSED);
	ck_assert(!status_of("ada").available);
	ck_assert_int_eq(act(&f, "ada", DEIA_BOT_RESUME), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	ck_assert(status_of("ada").available);
	ck_assert_str_eq(status_of("ada").reason, "");
}
END_TEST

static unsigned seen_others;

static void on_chunk(const char *channel, const char *text, size_t len,
		     void *user)
{
	(void)channel;
	(void)text;
	(void)len;
	(void)user;
	seen_others = status_of("ada").others;
}

static void on_answer(deia_err err, const struct deia_chat_line *line,
		      unsigned retry_after_seconds, void *user)
{
	(void)line;
	(void)retry_after_seconds;
	ck_assert_int_eq(err, DEIA_OK);
	*(bool *)user = true;
}

START_TEST(a_turn_of_chat_counts_while_it_runs)
{
	static const struct deia_chat_events events = {
		.on_chunk = on_chunk,
		.on_done = on_answer,
	};
	bool done = false;

	seen_others = 0;
	ck_assert_int_eq(create_bot(&f, "ada", true), DEIA_OK);
	run_until_state(&f, "ada", DEIA_BOT_READY);
	ck_assert_int_eq(deia_chat_send(f.hive, deia_actor_local(), "ada", NULL,
					"Hi", 2, &events, &done, NULL),
			 DEIA_OK);
	run_until(&f, &done);
	ck_assert_uint_eq(seen_others, 1);
	ck_assert_uint_eq(status_of("ada").others, 0);
}
END_TEST

/* ---- refusals, recommendations ----------------------------------------------- */

START_TEST(what_cannot_be_is_refused_and_teaches_nothing)
{
	static const double wrong[] = { -1, 31536001, (double)INFINITY,
					(double)NAN };
	struct deia_execution e = execution("ada", "a b", 1, true);

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	for (size_t i = 0; i < 4; i++) {
		e.seconds = wrong[i];
		e.type = "writing";
		ck_assert_int_eq(try_record(e), DEIA_EFIELD);
		ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer,
				 "/seconds");
	}
	e.seconds = 1;
	e.new_type = true;
	e.type = "a b";
	ck_assert_int_eq(try_record(e), DEIA_EFIELD);
	ck_assert_str_eq(deia_hive_field_error(f.hive)->pointer, "/task_type");
	e.type = NULL;
	ck_assert_int_eq(try_record(e), DEIA_EFIELD);
	e.bot = "nobody";
	ck_assert_int_eq(try_record(e), DEIA_ENOTFOUND);
	e.size--;
	ck_assert_int_eq(try_record(e), DEIA_EINVAL);
	ck_assert_int_eq(
		deia_hive_scheduler_set_policy(f.hive, deia_actor_local(), 3),
		DEIA_EINVAL);
	ck_assert_uint_eq(rows_of("ada").n, 0);
}
END_TEST

/* One that failed may count all the same: it says so, and the store follows. */
START_TEST(an_allocation_that_fails_loses_nothing_that_was_acknowledged)
{
	struct deia_execution e = execution("ada", "writing", 2, true);
	struct ended end;
	uint64_t good = 0, samples;
	deia_err err = DEIA_ENOMEM;

	ck_assert_int_eq(create_bot(&f, "ada", false), DEIA_OK);
	for (unsigned long n = 1; n < 100; n++) {
		end = (struct ended){ false, DEIA_OK };
		deia__mem_fail_at(n, false);
		err = deia_hive_scheduler_record(f.hive, deia_actor_local(), &e,
						 on_done, &end);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		if (!err)
			run_until(&f, &end.done);
		good += !err && !end.err;
	}
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_gt(good, 10);
	samples = pair_of("ada", "writing").samples;
	ck_assert_uint_ge(samples, good);
	fixture_reopen(&f, true);
	ck_assert_uint_eq(pair_of("ada", "writing").samples, samples);
}
END_TEST

static void launch(const char *id)
{
	ck_assert_int_eq(create_bot(&f, id, true), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_READY);
}

START_TEST(the_faster_bot_is_recommended_unless_another_is_named)
{
	struct deia_scheduler_recommendation r;
	const char *const slow = "slow", *const ghost = "ghost";

	launch("fast");
	launch("slow");
	for (int i = 0; i < 20; i++) {
		record("fast", "writing", 1, true);
		record("slow", "writing", 9, true);
	}
	ck_assert_int_eq(deia_hive_scheduler_recommend(f.hive, "writing", NULL,
						       0, 8, &r),
			 DEIA_OK);
	ck_assert_str_eq(r.best[0].choice.bot, "fast");
	ck_assert_uint_eq(r.len, 2);
	ck_assert_double_gt(r.confidence, 0.5);
	ck_assert_int_eq(deia_hive_scheduler_recommend(f.hive, "writing", &slow,
						       1, 8, &r),
			 DEIA_OK);
	ck_assert_str_eq(r.best[0].choice.bot, "slow");
	ck_assert_uint_eq(r.candidates, 1);
	ck_assert_int_eq(deia_hive_scheduler_recommend(f.hive, "writing",
						       &ghost, 1, 8, &r),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(deia_hive_scheduler_recommend(f.hive, "cooking", NULL,
						       0, 8, &r),
			 DEIA_ENOTFOUND);
	ck_assert_int_eq(act(&f, "slow", DEIA_BOT_PAUSE), DEIA_OK);
	ck_assert_int_eq(deia_hive_scheduler_recommend(f.hive, "writing", &slow,
						       1, 8, &r),
			 DEIA_EUNAVAILABLE);
}
END_TEST

START_TEST(the_policy_can_be_changed_while_the_hive_runs)
{
	struct deia_scheduler_recommendation r;

	launch("ada");
	ck_assert_int_eq(deia_hive_scheduler_policy(f.hive),
			 DEIA_POLICY_LEARNED);
	ck_assert_int_eq(
		deia_hive_scheduler_set_policy(f.hive, deia_actor_local(),
					       DEIA_POLICY_LEAST_LOADED),
		DEIA_OK);
	ck_assert_int_eq(deia_hive_scheduler_recommend(f.hive, "general", NULL,
						       0, 0, &r),
			 DEIA_OK);
	ck_assert_int_eq(r.policy, DEIA_POLICY_LEAST_LOADED);
}
END_TEST

/* ---- the journal -------------------------------------------------------------- */

static void read_journal(char *out, size_t len)
{
	char path[128];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/logs/adaptive-scheduling.jsonl",
		 f.dir);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	n = fread(out, 1, len - 1, file);
	out[n] = '\0';
	fclose(file);
}

START_TEST(the_journal_says_what_was_learned_and_decided)
{
	struct deia_scheduler_recommendation r;
	struct deia_scheduler_outcome o = DEIA_SCHEDULER_OUTCOME_INIT;
	static char text[8192];

	launch("ada");
	record("ada", "writing", 0.1, true);
	ck_assert_int_eq(deia_hive_scheduler_recommend(f.hive, "writing", NULL,
						       0, 8, &r),
			 DEIA_OK);
	deia__scheduling_decided(f.hive, "task-1", 2, &r);
	o.bot = "ada";
	o.type = "writing";
	o.seconds = 0.1;
	o.success = true;
	deia__scheduling_corrected(f.hive, "task-1", &o, false);
	reset("ada", NULL);
	fixture_reopen(&f, true); /* all is written */
	read_journal(text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text,
				     "\"event\":\"task_recorded\","
				     "\"task\":null,\"bot\":\"ada\","
				     "\"task_type\":\"writing\","
				     "\"seconds\":0.1,\"success\":true}"));
	ck_assert_ptr_nonnull(strstr(text, "\"event\":\"decision\",\"task\":"
					   "\"task-1\",\"attempt\":2,"));
	ck_assert_ptr_nonnull(strstr(text, "\"candidates\":[{\"bot\":\"ada\","
					   "\"score\":"));
	ck_assert_ptr_nonnull(strstr(text, "\"verdict\":false}"));
	ck_assert_ptr_nonnull(strstr(text, "\"event\":\"learning_reset\","
					   "\"task\":null,\"bot\":\"ada\","
					   "\"task_type\":null}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hive-scheduling");
	TCase *tc = tcase_create("scheduling");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_acknowledged_outcome_is_in_the_store);
	tcase_add_test(tc, what_was_learned_is_the_same_after_a_restart);
	tcase_add_test(tc, what_the_queue_learned_is_stored_soon);
	tcase_add_test(tc, a_stop_stores_what_was_learned_last);
	tcase_add_test(tc, a_new_type_lasts_as_long_as_what_was_learned_of_it);
	tcase_add_test(tc, a_reset_forgets_in_memory_and_store);
	tcase_add_test(tc, rows_that_were_refused_are_stored_the_next_time);
	tcase_add_test(tc, a_removed_bot_is_forgotten_with_its_rows);
	tcase_add_test(
		tc,
		damaged_rows_are_passed_over_and_those_of_gone_bots_deleted);
	tcase_add_test(tc, the_scheduler_knows_how_each_bot_stands);
	tcase_add_test(tc, a_turn_of_chat_counts_while_it_runs);
	tcase_add_test(tc, what_cannot_be_is_refused_and_teaches_nothing);
	tcase_add_test(
		tc,
		an_allocation_that_fails_loses_nothing_that_was_acknowledged);
	tcase_add_test(tc,
		       the_faster_bot_is_recommended_unless_another_is_named);
	tcase_add_test(tc, the_policy_can_be_changed_while_the_hive_runs);
	tcase_add_test(tc, the_journal_says_what_was_learned_and_decided);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
