/* SPDX-License-Identifier: MIT */
/*
 * test_crash.c - kill -9 loses nothing that was acknowledged.
 *
 * A child (this program again) commits pairs of rows, many at a time, and
 * writes the number of each acknowledged pair to a pipe. It is killed at
 * random moments; the opened file must then hold all of them, and no half of
 * a pair.
 */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/id.h"

#define SQLITE_BACKEND 1
#define ROUNDS 10
#define IN_FLIGHT 40

/* ---- the child --------------------------------------------------------- */

static struct fixture fx;
static int64_t next_pair;

struct pair {
	int64_t number;
};

static void commit_pair(void);

static void on_pair(deia_err err, const int64_t *seqs, size_t n, void *user)
{
	struct pair *p = user;

	(void)seqs;
	if (err || n != 2 ||
	    write(STDOUT_FILENO, &p->number, sizeof(p->number)) !=
		    sizeof(p->number))
		_exit(3);
	free(p);
	commit_pair();
}

static void commit_pair(void)
{
	struct deia_value line[LINE_COLUMNS], event[EVENT_COLUMNS];
	deia_txn *t = deia_txn_new(fx.store);
	struct pair *p = malloc(sizeof(*p));
	char id[24];

	p->number = next_pair++;
	snprintf(id, sizeof(id), "%lld", (long long)p->number);
	line_row(line, id, "c", "some words to carry");
	event[EVENT_SEQ] = deia_null();
	event[EVENT_AT] = deia_int(p->number);
	event[EVENT_TYPE] = deia_text("chat.line");
	event[EVENT_SUBJECT] = deia_text(id);
	event[EVENT_DATA] = deia_text("{}");
	deia_txn_insert(t, &deia__table_chat_lines, line);
	deia_txn_insert(t, &deia__table_events, event);
	if (deia_txn_commit(t, on_pair, p))
		_exit(4);
}

static int child(const char *url, const char *first)
{
	int i;

	fx.base = event_base_new();
	next_pair = strtoll(first, NULL, 10);
	if (deia_store_open(&fx.store, fx.base, url, NULL, fx.detail,
			    sizeof(fx.detail))) {
		fprintf(stderr, "%s\n", fx.detail);
		return 2;
	}
	for (i = 0; i < IN_FLIGHT; i++)
		commit_pair();
	return event_base_dispatch(fx.base);
}

/* ---- the parent -------------------------------------------------------- */

static pid_t start_child(int64_t first, int *out)
{
	char number[24];
	int fds[2];
	pid_t pid;

	snprintf(number, sizeof(number), "%lld", (long long)first);
	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl("/proc/self/exe", "crash", fx.url, number, (char *)NULL);
		_exit(5);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Lets it acknowledge so many, kills it, returns the highest + 1. */
static int64_t kill_after(int64_t first, uint64_t acks, char *seen, size_t len)
{
	int64_t number, end = first;
	int fd, status;
	pid_t pid = start_child(first, &fd);
	uint64_t n = 0;

	while (read(fd, &number, sizeof(number)) == sizeof(number)) {
		ck_assert_int_ge(number, first);
		ck_assert_uint_lt((size_t)number, len);
		seen[number] = 1;
		end = number + 1 > end ? number + 1 : end;
		if (++n == acks)
			kill(pid, SIGKILL);
	}
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		      "the child ended by itself: %x", status);
	return end;
}

/* Every acknowledged pair is there, and both halves of each. */
static void ck_rows(const char *seen, size_t len, char *lines)
{
	struct deia_page_query q = { .table = &deia__table_chat_lines,
				     .index = -1,
				     .limit = 1000 };
	struct deia_value after;
	deia_rows *rows;
	bool more = true;
	size_t i, n = 0;

	memset(lines, 0, len);
	while (more) {
		ck_assert_int_eq(deia_store_page_now(fx.store, &q, &rows),
				 DEIA_OK);
		for (i = 0; i < deia_rows_count(rows); i++, n++)
			lines[atoll(deia_rows_text(rows, i, LINE_ID))] = 1;
		more = deia_rows_has_more(rows);
		if (i > 0)
			after = *deia_rows_get(rows, i - 1, LINE_SEQ);
		q.after = &after;
		q.n_after = 1;
		deia_rows_free(rows);
	}
	for (i = 0; i < len; i++)
		ck_assert_msg(lines[i] || !seen[i],
			      "pair %zu was acknowledged and is lost", i);
	ck_assert_uint_eq(count_rows(&fx, &deia__table_events), n);
}

START_TEST(killed_process_loses_no_acknowledged_row)
{
	static char seen[200000], lines[200000];
	struct deia__rng rng;
	uint64_t acks;
	int64_t first = 0;
	int round;

	fixture_init(&fx, SQLITE_BACKEND, 0);
	deia__rng_init(&rng, 0);
	for (round = 0; round < ROUNDS; round++) {
		deia_store_close(fx.store);
		acks = 1 + deia__rng_next(&rng) % (round < 3 ? 10 : 2000);
		first = kill_after(first, acks, seen, sizeof(seen));
		/* What was in flight may be there as well: numbers go on. */
		first += IN_FLIGHT;
		fixture_open(&fx, 0);
		ck_rows(seen, sizeof(seen), lines);
	}
	fixture_fini(&fx);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s = suite_create("crash");
	TCase *tc = tcase_create("crash");
	SRunner *runner;
	int failed;

	if (argc == 3)
		return child(argv[1], argv[2]);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, killed_process_loses_no_acknowledged_row);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
