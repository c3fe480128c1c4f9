/* SPDX-License-Identifier: MIT */
/*
 * test_power.c - mail that was acknowledged survives the power going away.
 *
 * A messenger on the real store sends, hands over, reads and gives back while
 * a disk that forgets (disk.h) keeps a record, with a mark at each
 * acknowledgement. Then, at hundreds of places in the record, the store and
 * the messenger are opened on what a disk may hold there: everything that was
 * acknowledged must be in it, nothing twice, nothing broken. The same with
 * durability normal must find losses, or the test could not see any.
 *
 *   DEIA_POWER_STATES  how many states (300)
 *   DEIA_SEED          of the places and fates; any failure names it
 */
#include "disk.h"

#include <check.h>
#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messenger/messenger.h"
#include "store/schema.h"

#define MESSAGES 2000
#define BATCH_MAX 8
#define SENDERS 6
#define INBOXES 3
#define CONTENT_MAX 6000
#define STATES 300

/* ---- what is known ----------------------------------------------------- */

enum what { SENT, HANDED_OVER, WAS_READ };

/* A send of messages first .. first + n - 1 under the key of its number. */
struct batch {
	unsigned first, n;
	bool acked; /* at the place of the replay */
};

struct known {
	char id[37]; /* of the run */
	/* At the place of the replay, what was acknowledged: */
	bool sent, read;
	unsigned attempt;
	/* In the state that is looked at: */
	int rows, phase;
	unsigned row_attempt;
};

static struct known known[MESSAGES];
static struct batch batches[MESSAGES];
static unsigned n_batches, n_messages;
static uint64_t seed;
static struct deia__rng rng;
static char dir[64], run_path[96], state_path[96], place[128];

/* Cheap where it holds: there are millions. */
#define CK(cond)                                                               \
	do {                                                                   \
		if (!(cond))                                                   \
			ck_abort_msg("%s: %s", place, #cond);                  \
	} while (0)

static unsigned pick(unsigned n)
{
	return (unsigned)(deia__rng_next(&rng) % n);
}

static void mark(enum what what, unsigned n, unsigned attempt)
{
	disk_mark((uint64_t)n << 16 | (uint64_t)attempt << 2 | what);
}

static void on_mark(uint64_t value, void *user)
{
	unsigned n = (unsigned)(value >> 16);
	unsigned attempt = (unsigned)(value & 0xffff) >> 2, b;

	(void)user;
	if ((value & 3) == HANDED_OVER && attempt > known[n].attempt)
		known[n].attempt = attempt;
	known[n].read |= (value & 3) == WAS_READ;
	if ((value & 3) != SENT)
		return;
	known[n].sent = true;
	for (b = 0; b < n_batches; b++)
		if (batches[b].first <= n &&
		    n < batches[b].first + batches[b].n)
			batches[b].acked = true;
}

/* ---- drafts ------------------------------------------------------------ */

static const char *const inboxes[INBOXES] = { "B0", "B1", "B2" };

/* The same for the same number, so that a send can be repeated. */
static size_t content_of(char out[static CONTENT_MAX + 1], unsigned n)
{
	size_t len = n % 50 == 0 ? CONTENT_MAX : 40 + n * 37 % 400;
	int at = snprintf(out, CONTENT_MAX, "%u:", n);

	memset(out + at, 'a' + (int)(n % 26), len - (size_t)at);
	out[len] = '\0';
	return len;
}

static unsigned number_of(const char *content)
{
	char want[CONTENT_MAX + 1];
	unsigned n = (unsigned)strtoul(content, NULL, 10);

	CK(n < MESSAGES);
	content_of(want, n);
	CK(strcmp(want, content) == 0);
	return n;
}

static deia_err send_batch(deia_messenger *m, unsigned b, bool *replayed,
			   deia_messages_cb cb, void *user)
{
	static char content[BATCH_MAX][CONTENT_MAX + 1];
	struct deia_message_draft drafts[BATCH_MAX];
	char key[16], from[8];
	unsigned i, n;

	snprintf(key, sizeof(key), "k%u", b);
	snprintf(from, sizeof(from), "S%u", b % SENDERS);
	for (i = 0; i < batches[b].n; i++) {
		struct deia_message_draft d = DEIA_MESSAGE_DRAFT_INIT;

		n = batches[b].first + i;
		d.from = from;
		d.to = inboxes[n * 7 % INBOXES];
		d.content = content[i];
		d.content_len = content_of(content[i], n);
		d.priority = n % DEIA_PRIORITIES;
		d.max_attempts = 100;
		drafts[i] = d;
	}
	return deia_messenger_send(m, drafts, batches[b].n, key, replayed, cb,
				   user);
}

/* ---- the store and the messenger --------------------------------------- */

static struct event_base *base;
static deia_store *store;
static deia_messenger *m;

static void open_all(const char *path, enum deia_durability durability)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	char url[128], detail[256] = "";
	int i;

	opts.durability = durability;
	snprintf(url, sizeof(url), "sqlite:%s", path);
	base = event_base_new();
	ck_assert_msg(deia_store_open(&store, base, url, &opts, detail,
				      sizeof(detail)) == DEIA_OK,
		      "%s: %s", place, detail);
	ck_assert_msg(deia_messenger_new(&m, base, store, NULL, detail,
					 sizeof(detail)) == DEIA_OK,
		      "%s: %s", place, detail);
	for (i = 0; i < INBOXES; i++)
		CK(deia_messenger_open_inbox(m, inboxes[i]) == DEIA_OK);
}

static void close_all(void)
{
	deia_messenger_stop(m);
	while (!deia_messenger_idle(m))
		event_base_loop(base, EVLOOP_ONCE);
	deia_store_close(store);
	deia_messenger_free(m);
	event_base_free(base);
}

/* ---- the run ----------------------------------------------------------- */

struct receiver {
	unsigned inbox, n;
	unsigned numbers[16];
	char ids[16][37], tokens[16][17];
	deia_err errs[16];
};
static struct receiver receivers[INBOXES];
static unsigned sending, until;

static void send_next(void);
static void receive_next(struct receiver *r);

static void on_sent(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct batch *b = user;
	size_t i;

	(void)more;
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_uint_eq(n, b->n);
	for (i = 0; i < n; i++) {
		strcpy(known[b->first + i].id, items[i].id);
		mark(SENT, b->first + (unsigned)i, 0);
	}
	sending--;
	send_next();
}

static void send_next(void)
{
	struct batch *b = &batches[n_batches];

	if (n_messages >= until)
		return;
	b->first = n_messages;
	b->n = 1 + pick(BATCH_MAX);
	if (b->n > until - n_messages)
		b->n = until - n_messages;
	n_messages += b->n;
	sending++;
	ck_assert_msg(send_batch(m, n_batches++, NULL, on_sent, b) == DEIA_OK,
		      "%s", deia_messenger_errmsg(m));
}

static void on_given_back(deia_err err, const struct deia_message *items,
			  size_t n, bool more, void *user)
{
	(void)items;
	(void)n;
	(void)more;
	(void)user;
	ck_assert_int_eq(err, DEIA_OK);
}

static void on_read(deia_err err, void *user)
{
	struct receiver *r = user;
	unsigned i;

	ck_assert_int_eq(err, DEIA_OK);
	for (i = 0; i < r->n; i++)
		mark(WAS_READ, r->numbers[i], 0);
	receive_next(r);
}

/* Most are read; some are given back; some stay under their lease. */
static void acknowledge(struct receiver *r)
{
	struct deia_message_claim claims[16];
	unsigned n = 0, i;

	for (i = 0; i < r->n; i++) {
		struct deia_message_claim c = { r->ids[i], inboxes[r->inbox],
						r->tokens[i] };
		unsigned fate = pick(20);

		if (fate == 0)
			continue;
		if (fate < 4) {
			ck_assert_int_eq(
				deia_messenger_release(m, &c, 0, false, "later",
						       on_given_back, NULL),
				DEIA_OK);
			continue;
		}
		claims[n] = c;
		r->numbers[n++] = r->numbers[i];
	}
	r->n = n;
	if (n == 0)
		receive_next(r);
	else
		ck_assert_int_eq(
			deia_messenger_read(m, claims, n, r->errs, on_read, r),
			DEIA_OK);
}

static void on_received(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct receiver *r = user;
	size_t i;

	(void)more;
	if (err == DEIA_ECANCELED)
		return;
	ck_assert_int_eq(err, DEIA_OK);
	r->n = (unsigned)n;
	for (i = 0; i < n; i++) {
		r->numbers[i] = number_of(items[i].content);
		strcpy(r->ids[i], items[i].id);
		strcpy(r->tokens[i], items[i].lease_token);
		mark(HANDED_OVER, r->numbers[i], items[i].attempt);
	}
	acknowledge(r);
}

static void receive_next(struct receiver *r)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;

	what.inbox = inboxes[r->inbox];
	what.max = 1 + pick(16);
	what.wait_ms = DEIA_WAIT_FOR_EVER;
	what.lease_ms = 600000;
	ck_assert_int_eq(deia_messenger_receive(m, &what, NULL, on_received, r),
			 DEIA_OK);
}

static bool is_done(void)
{
	struct deia_messenger_status s;

	deia_messenger_get_status(m, &s);
	return sending == 0 && n_messages == until && s.waits == INBOXES &&
	       s.by_status[DEIA_MESSAGE_PENDING] == 0;
}

/* One life of the hive: it sends up to so many messages. */
static void live(unsigned count, enum deia_durability durability)
{
	unsigned i;

	until = count;
	open_all(run_path, durability);
	for (i = 0; i < INBOXES; i++) {
		receivers[i].inbox = i;
		receive_next(&receivers[i]);
	}
	for (i = 0; i < SENDERS; i++)
		send_next();
	while (!is_done())
		event_base_loop(base, EVLOOP_ONCE);
}

/* ---- looking at a state ------------------------------------------------ */

static unsigned attempt_of(const struct deia_value *id)
{
	struct deia_page_query q = { .table = &deia__table_message_leases,
				     .index = -1,
				     .equal = id,
				     .n_equal = 1,
				     .limit = 1 };
	unsigned attempt = 0;
	deia_rows *rows;

	CK(deia_store_page_now(store, &q, &rows) == DEIA_OK);
	if (deia_rows_count(rows))
		attempt =
			(unsigned)deia_rows_get(rows, 0, MAIL_LEASE_ATTEMPT)->i;
	deia_rows_free(rows);
	return attempt;
}

static void look_at_row(const deia_rows *rows, size_t r)
{
	struct known *k;

	CK(deia__rows_fine(rows, r));
	k = &known[number_of(deia_rows_text(rows, r, MAIL_CONTENT))];
	k->rows++;
	k->phase = (int)deia_rows_get(rows, r, MAIL_PHASE)->i;
	if (k->attempt && !k->read && k->phase == PHASE_OPEN)
		k->row_attempt = attempt_of(deia_rows_get(rows, r, MAIL_ID));
}

static void look_at_rows(void)
{
	struct deia_page_query q = { .table = &deia__table_messages,
				     .index = -1,
				     .limit = DEIA_MAX_PAGE_LEN };
	deia_rows *rows = NULL, *last = NULL;
	unsigned n;
	size_t r;

	for (n = 0; n < MESSAGES; n++)
		known[n].rows = known[n].phase = 0;
	do {
		if (last) {
			q.after = deia_rows_get(last, deia_rows_count(last) - 1,
						MAIL_ID);
			q.n_after = 1;
		}
		CK(deia_store_page_now(store, &q, &rows) == DEIA_OK);
		for (r = 0; r < deia_rows_count(rows); r++)
			look_at_row(rows, r);
		deia_rows_free(last);
		last = rows;
	} while (deia_rows_has_more(rows));
	deia_rows_free(last);
}

/* Acknowledged and not there, or not as it was acknowledged. */
static unsigned count_lost(void)
{
	unsigned lost = 0, n;

	for (n = 0; n < n_messages; n++) {
		const struct known *k = &known[n];

		CK(k->rows <= 1);
		if (k->sent && !k->rows)
			lost++;
		else if (k->read && k->phase != PHASE_READ)
			lost++;
		else if (k->attempt && k->phase == PHASE_OPEN &&
			 k->row_attempt < k->attempt)
			lost++;
	}
	return lost;
}

static void ck_whole(void)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;

	CK(sqlite3_open(state_path, &db) == SQLITE_OK);
	CK(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) ==
	   SQLITE_OK);
	CK(sqlite3_step(stmt) == SQLITE_ROW);
	ck_assert_msg(!strcmp((const char *)sqlite3_column_text(stmt, 0), "ok"),
		      "%s: %s", place, sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

/* ---- going on from a state --------------------------------------------- */

static unsigned calls;

static void on_again(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	const struct batch *b = user;
	size_t i;

	(void)more;
	CK(err == DEIA_OK && n == b->n);
	for (i = 0; i < n && b->acked; i++)
		CK(strcmp(items[i].id, known[b->first + i].id) == 0);
	calls++;
}

/* A client that does not know what became of its send repeats it. */
static void send_again(unsigned b)
{
	bool replayed = false;

	calls = 0;
	CK(send_batch(m, b, &replayed, on_again, &batches[b]) == DEIA_OK);
	while (!calls)
		event_base_loop(base, EVLOOP_ONCE);
	CK(replayed || !batches[b].acked);
}

static void repeat_sends(void)
{
	unsigned b, acked = n_batches, open = n_batches;

	for (b = 0; b < n_batches; b++) {
		if (batches[b].acked)
			acked = b;
		else if (open == n_batches)
			open = b;
	}
	if (acked < n_batches)
		send_again(acked);
	if (open < n_batches)
		send_again(open);
}

static void on_taken(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user)
{
	size_t i;

	(void)more;
	(void)user;
	CK(err == DEIA_OK);
	for (i = 0; i < n; i++) {
		const struct known *k = &known[number_of(items[i].content)];

		CK(!k->read && k->phase == PHASE_OPEN);
		CK(items[i].attempt > k->attempt);
		CK(items[i].redelivered == (items[i].attempt > 1));
	}
	calls++;
}

static void take_some(void)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;
	unsigned i;

	what.max = 20;
	calls = 0;
	for (i = 0; i < INBOXES; i++) {
		what.inbox = inboxes[i];
		CK(deia_messenger_receive(m, &what, NULL, on_taken, NULL) ==
		   DEIA_OK);
	}
	while (calls < INBOXES)
		event_base_loop(base, EVLOOP_ONCE);
}

/* The counters that were loaded are those of the rows. */
static void ck_counters(void)
{
	struct deia_messenger_status s;
	uint64_t open = 0, read = 0;
	unsigned n;

	deia_messenger_get_status(m, &s);
	for (n = 0; n < n_messages; n++) {
		open += known[n].rows && known[n].phase == PHASE_OPEN;
		read += known[n].rows && known[n].phase == PHASE_READ;
	}
	CK(s.by_status[DEIA_MESSAGE_PENDING] +
		   s.by_status[DEIA_MESSAGE_DELIVERED] ==
	   open);
	CK(s.by_status[DEIA_MESSAGE_READ] == read);
}

/* Returns how much is lost. */
static unsigned look_at_state(enum deia_durability durability)
{
	unsigned lost;

	open_all(state_path, durability);
	look_at_rows();
	ck_counters();
	lost = count_lost();
	if (!lost) {
		repeat_sends();
		take_some();
		look_at_rows();
		CK(count_lost() == 0);
	}
	close_all();
	ck_whole();
	return lost;
}

/* ---- the tests --------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

/* How many of the states have lost something. */
static unsigned look_at_states(unsigned count, enum deia_durability durability)
{
	struct disk_replay *r = disk_replay_new();
	size_t *at = calloc(count, sizeof(*at));
	unsigned i, lossy = 0;

	for (i = 0; i < count; i++)
		at[i] = deia__rng_next(&rng) % (disk_len() + 1);
	qsort(at, count, sizeof(*at), by_size);
	for (i = 0; i < count; i++) {
		snprintf(place, sizeof(place),
			 "seed %llu, entry %zu of %zu, fate %u",
			 (unsigned long long)seed, at[i], disk_len(),
			 i % DISK_FATES);
		disk_replay_go(r, at[i], on_mark, NULL);
		disk_replay_write(r, (enum disk_fate)(i % DISK_FATES), &rng,
				  state_path);
		lossy += look_at_state(durability) > 0;
	}
	free(at);
	disk_replay_free(r);
	return lossy;
}

/* Two lives with a close between; the power goes in the second at the latest. */
static void make_record(enum deia_durability durability)
{
	memset(known, 0, sizeof(known));
	memset(batches, 0, sizeof(batches));
	n_batches = n_messages = 0;
	open_all(run_path, durability);
	close_all();
	disk_record(run_path);
	live(MESSAGES / 2, durability);
	close_all();
	live(MESSAGES, durability);
	disk_stop();
	close_all();
}

static unsigned states_wanted(void)
{
	const char *text = getenv("DEIA_POWER_STATES");

	return text ? (unsigned)strtoul(text, NULL, 10) : STATES;
}

START_TEST(acknowledged_mail_survives_the_power)
{
	make_record(DEIA_DURABILITY_FULL);
	/* Logs started over and were copied back in it, often enough. */
	ck_assert_uint_eq(look_at_states(states_wanted(), DEIA_DURABILITY_FULL),
			  0);
}
END_TEST

START_TEST(the_same_with_durability_normal_finds_losses)
{
	unsigned states = states_wanted() / 5;

	make_record(DEIA_DURABILITY_NORMAL);
	/* Never corrupt; but much of what was acknowledged may be gone. */
	ck_assert_uint_gt(look_at_states(states, DEIA_DURABILITY_NORMAL),
			  states / 4);
}
END_TEST

static void setup(void)
{
	const char *text = getenv("DEIA_SEED");

	disk_install();
	seed = text ? strtoull(text, NULL, 10) : 0;
	if (!seed) {
		deia__rng_init(&rng, 0);
		seed = 1 + (deia__rng_next(&rng) >> 34);
	}
	deia__rng_init(&rng, seed);
	strcpy(place, "the run");
	/* In memory where that can be: gigabytes are written. */
	strcpy(dir, "/dev/shm/deia-power-XXXXXX");
	if (!mkdtemp(dir)) {
		strcpy(dir, "/tmp/deia-power-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(dir));
	}
	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	snprintf(state_path, sizeof(state_path), "%s/state", dir);
	ck_assert_int_eq(mkdir(run_path, 0700), 0);
	ck_assert_int_eq(mkdir(state_path, 0700), 0);
	strcat(run_path, "/p.db");
	strcat(state_path, "/p.db");
}

static void teardown(void)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

int main(void)
{
	Suite *s = suite_create("power");
	TCase *tc = tcase_create("power");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 0);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, acknowledged_mail_survives_the_power);
	tcase_add_test(tc, the_same_with_durability_normal_finds_losses);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
