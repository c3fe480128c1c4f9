/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const rig_kind_names[RIG_KINDS] = { "memory", "sqlite",
						"postgresql" };

static const char *missing(enum rig_kind kind)
{
	if (kind == RIG_POSTGRES && !deia_store_has_postgresql())
		return "this build has no PostgreSQL";
	if (kind == RIG_POSTGRES && !getenv("DEIA_TEST_POSTGRES"))
		return "there is no PostgreSQL: run it by "
		       "tests/support/postgres.py";
	return NULL;
}

/* ---- what the queue calls ---------------------------------------------- */

static deia_err on_run(const struct deia_task_run *run, void *user)
{
	struct rig *r = user;
	struct rig_run *to = &r->runs[r->n_runs];

	if (r->refuse)
		return r->refuse;
	ck_assert_uint_lt(r->n_runs, RIG_RUNS);
	ck_assert_int_eq(run->task->status, DEIA_TASK_ASSIGNED);
	ck_assert_uint_eq(run->task->content_len, run->task->content_bytes);
	/* Never two at a time. */
	ck_assert_ptr_null(rig_run_of(r, run->task->id));
	snprintf(to->id, sizeof(to->id), "%s", run->task->id);
	snprintf(to->bot, sizeof(to->bot), "%s", run->bot);
	snprintf(to->content, sizeof(to->content), "%.*s",
		 (int)run->task->content_len, run->task->content);
	to->len = run->task->content_len;
	to->attempt = run->attempt;
	to->seconds_left = run->seconds_left;
	to->messages_left = run->messages_left;
	r->n_runs++;
	return DEIA_OK;
}

static void forget(struct rig *r, struct rig_run *run)
{
	*run = r->runs[--r->n_runs];
}

static void on_interrupt(const char *id, unsigned attempt, const char *bot,
			 void *user)
{
	struct rig *r = user;
	struct rig_run *run = rig_run_of(r, id);

	if (!run) { /* it is being checked */
		ck_assert_str_eq(r->check.id, id);
		ck_assert_uint_eq(r->check.attempt, attempt);
		r->check.interrupts++;
		return;
	}
	ck_assert_uint_eq(run->attempt, attempt);
	ck_assert_str_eq(run->bot, bot);
	forget(r, run);
	r->interrupts++;
}

static void on_moved(deia_task_event event, const struct deia_task *task,
		     void *user)
{
	struct rig *r = user;

	ck_assert_ptr_nonnull(task->id);
	r->n_moves[event]++;
}

static void on_learned(const char *id, const char *bot, const char *type,
		       double seconds, bool success, bool corrected, void *user)
{
	struct rig *r = user;

	(void)id;
	(void)bot;
	(void)type;
	(void)seconds;
	(void)success;
	(void)corrected;
	r->learned++;
}

static deia_err on_check(const struct deia_task *task, unsigned attempt,
			 const char *text, size_t len, void *user)
{
	struct rig_check *c = &((struct rig *)user)->check;

	if (strcmp(task->check, "broken") == 0)
		return DEIA_EIO;
	if (strcmp(task->check, "busy") == 0)
		return DEIA_EBUSY;
	snprintf(c->id, sizeof(c->id), "%s", task->id);
	snprintf(c->name, sizeof(c->name), "%s", task->check);
	snprintf(c->text, sizeof(c->text), "%.*s", (int)len, text);
	c->attempt = attempt;
	c->n++;
	return DEIA_OK;
}

/* ---- life -------------------------------------------------------------- */

static void open_queue(struct rig *r)
{
	char detail[256] = "";

	ck_assert_int_eq(deia_scheduler_new(&r->scheduler, NULL), DEIA_OK);
	ck_assert_msg(deia__tasks_new_with(&r->q, r->base, r->store,
					   r->scheduler, r->analyzer, &r->opts,
					   &r->clock, detail,
					   sizeof(detail)) == DEIA_OK,
		      "%s", detail);
	for (unsigned i = 0; i < r->n_bots; i++)
		rig_bot(r, r->bots[i], 0, NULL);
	deia_tasks_start(r->q);
}

static void open_store(struct rig *r)
{
	char detail[256] = "";

	ck_assert_msg(deia_store_open(&r->store, r->base, r->url, NULL, detail,
				      sizeof(detail)) == DEIA_OK,
		      "%s", detail);
}

static void make_url(struct rig *r)
{
	static unsigned n;
	char command[256];

	snprintf(r->dir, sizeof(r->dir), "/tmp/deia-queue-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
	if (r->kind == RIG_MEMORY) {
		snprintf(r->url, sizeof(r->url), "memory:");
	} else if (r->kind == RIG_SQLITE) {
		snprintf(r->url, sizeof(r->url), "sqlite:%s/a.db", r->dir);
	} else {
		snprintf(command, sizeof(command),
			 "psql -q '%s/postgres' -c 'CREATE DATABASE "
			 "queue_%d_%u'",
			 getenv("DEIA_TEST_POSTGRES"), (int)getpid(), ++n);
		ck_assert_int_eq(system(command), 0);
		snprintf(r->url, sizeof(r->url), "%s/queue_%d_%u",
			 getenv("DEIA_TEST_POSTGRES"), (int)getpid(), n);
	}
}

void rig_init(struct rig *r, enum rig_kind kind)
{
	struct deia_tasks_opts opts = DEIA_TASKS_OPTS_INIT;

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->base = event_base_new();
	r->clock = (struct deia__clock){ .is_virtual = true,
					 .boot_ms = 1000000,
					 .wall_ms = 1800000000000 };
	opts.run = on_run;
	opts.interrupt = on_interrupt;
	opts.moved = on_moved;
	opts.learned = on_learned;
	opts.check = on_check;
	opts.user = r;
	opts.seed = 1;
	r->opts = opts;
	ck_assert_int_eq(deia_task_analyzer_new(&r->analyzer, NULL), DEIA_OK);
	make_url(r);
	open_store(r);
	open_queue(r);
}

static void close_queue(struct rig *r)
{
	deia_tasks_free(r->q);
	deia_scheduler_free(r->scheduler);
	r->q = NULL;
	r->n_runs = 0;
}

void rig_fini(struct rig *r)
{
	char command[96];

	deia_tasks_stop(r->q);
	rig_idle(r);
	deia_store_close(r->store);
	close_queue(r);
	deia_task_analyzer_free(r->analyzer);
	event_base_free(r->base);
	snprintf(command, sizeof(command), "rm -r %s", r->dir);
	ck_assert_int_eq(system(command), 0);
}

void rig_restart(struct rig *r, bool crash)
{
	if (!crash) {
		deia_tasks_stop(r->q);
		rig_idle(r);
	}
	if (r->kind == RIG_MEMORY) {
		/* The store is what it is; calls under way end first. */
		while (r->q->n_under_way > 0)
			event_base_loop(r->base, EVLOOP_ONCE);
		close_queue(r);
	} else {
		deia_store_close(r->store);
		close_queue(r);
		open_store(r);
	}
	open_queue(r);
}

/* ---- bots -------------------------------------------------------------- */

void rig_bot(struct rig *r, const char *id, unsigned max_concurrent,
	     const char *capability)
{
	struct deia_scheduler_bot bot = DEIA_SCHEDULER_BOT_INIT;
	unsigned i = 0;

	while (i < r->n_bots && strcmp(r->bots[i], id) != 0)
		i++;
	if (i == r->n_bots)
		snprintf(r->bots[r->n_bots++], 65, "%s", id);
	bot.max_concurrent = max_concurrent ? max_concurrent : 1;
	ck_assert_int_eq(deia_scheduler_set_bot(r->scheduler, id, &bot,
						r->clock.boot_ms),
			 DEIA_OK);
	ck_assert_int_eq(
		deia_tasks_set_bot(r->q, id, &capability, capability ? 1 : 0),
		DEIA_OK);
	deia_tasks_wake(r->q);
}

void rig_bot_gone(struct rig *r, const char *id)
{
	struct deia_scheduler_bot bot = DEIA_SCHEDULER_BOT_INIT;

	bot.available = false;
	ck_assert_int_eq(deia_scheduler_set_bot(r->scheduler, id, &bot,
						r->clock.boot_ms),
			 DEIA_OK);
}

/* ---- time -------------------------------------------------------------- */

/* Whatever is due; true: more is under way. */
static bool turn(struct rig *r)
{
	int64_t next = deia__timers_run(r->q->timers);

	event_base_loop(r->base,
			r->q->n_under_way ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
	return next == 0 || !deia_tasks_idle(r->q);
}

void rig_idle(struct rig *r)
{
	while (turn(r))
		;
	/* What the last callbacks asked for. */
	while (turn(r))
		;
}

void rig_sleep(struct rig *r, int64_t ms)
{
	int64_t step;

	rig_idle(r);
	while (ms > 0) {
		step = ms < 500 ? ms : 500;
		r->clock.boot_ms += step;
		r->clock.wall_ms += step;
		ms -= step;
		rig_idle(r);
	}
}

/* ---- calls ------------------------------------------------------------- */

static void keep(struct rig_task *to, const struct deia_task *t)
{
	memset(to, 0, sizeof(*to));
	snprintf(to->id, sizeof(to->id), "%s", t->id);
	snprintf(to->type, sizeof(to->type), "%s", t->type);
	snprintf(to->bot, sizeof(to->bot), "%s", t->bot);
	snprintf(to->reason, sizeof(to->reason), "%s", t->reason);
	snprintf(to->error, sizeof(to->error), "%s", t->error);
	snprintf(to->error_code, sizeof(to->error_code), "%s", t->error_code);
	snprintf(to->series, sizeof(to->series), "%s", t->series);
	snprintf(to->verdict_by, sizeof(to->verdict_by), "%s", t->verdict_by);
	to->has_result = t->result != NULL;
	if (t->result)
		snprintf(to->result, sizeof(to->result), "%.*s",
			 (int)t->result_len, t->result);
	if (t->n_attempts)
		snprintf(to->outcome, sizeof(to->outcome), "%s",
			 t->attempts[t->n_attempts - 1].outcome);
	to->status = t->status;
	to->attempt = t->attempt;
	to->excused = t->excused;
	to->n_attempts = t->n_attempts;
	to->content_bytes = t->content_bytes;
	to->content_len = t->content_len;
	to->result_bytes = t->result_bytes;
	to->result_len = t->result_len;
	to->verdict = t->verdict;
	to->due = t->due_unix_ms;
	to->finished = t->finished_unix_ms;
}

static void on_tasks(deia_err err, const struct deia_task *items, size_t n,
		     bool more, void *user)
{
	struct rig_answer *got = &((struct rig *)user)->got;

	got->calls++;
	got->err = err;
	got->n = n;
	got->more = more;
	for (size_t i = 0; i < n && i < 64; i++)
		snprintf(got->ids[i], 37, "%s", items[i].id);
	if (!n)
		return;
	keep(&got->first, &items[0]);
	snprintf(got->last, sizeof(got->last), "%s", items[n - 1].id);
}

static deia_err wait_for(struct rig *r, deia_err err)
{
	if (err)
		return err;
	while (r->got.calls == 0)
		turn(r);
	ck_assert_uint_eq(r->got.calls, 1);
	return r->got.err;
}

static void clear(struct rig *r)
{
	memset(&r->got, 0, sizeof(r->got));
}

struct deia_task_draft rig_draft(const char *content)
{
	struct deia_task_draft d = DEIA_TASK_DRAFT_INIT;

	d.content = content;
	d.content_len = strlen(content);
	d.type = DEIA_TASK_GENERAL;
	d.submitted_by = "somebody";
	return d;
}

deia_err rig_submit(struct rig *r, const struct deia_task_draft *d, size_t n,
		    const char *key, bool *replayed)
{
	clear(r);
	return wait_for(
		r, deia_tasks_submit(r->q, d, n, key, replayed, on_tasks, r));
}

void rig_add_draft(struct rig *r, char id[static 37],
		   const struct deia_task_draft *d)
{
	ck_assert_msg(rig_submit(r, d, 1, NULL, NULL) == DEIA_OK, "%s",
		      deia_tasks_errmsg(r->q));
	ck_assert_uint_eq(r->got.n, 1);
	snprintf(id, 37, "%s", r->got.ids[0]);
}

void rig_add(struct rig *r, char id[static 37], const char *content)
{
	struct deia_task_draft d = rig_draft(content);

	rig_add_draft(r, id, &d);
}

deia_err rig_get(struct rig *r, const char *id)
{
	char copy[37];

	snprintf(copy, sizeof(copy), "%s", id);
	clear(r);
	return wait_for(r, deia_tasks_get(r->q, copy, on_tasks, r));
}

deia_err rig_cancel(struct rig *r, const char *id)
{
	clear(r);
	return wait_for(r, deia_tasks_cancel(r->q, id, "ann", on_tasks, r));
}

deia_err rig_retry(struct rig *r, const char *id)
{
	clear(r);
	return wait_for(r, deia_tasks_retry(r->q, id, "ann", on_tasks, r));
}

deia_err rig_approve(struct rig *r, const char *id)
{
	clear(r);
	return wait_for(r, deia_tasks_approve(r->q, id, "ann", on_tasks, r));
}

deia_err rig_verdict(struct rig *r, const char *id, bool success)
{
	clear(r);
	return wait_for(r, deia_tasks_verdict(r->q, id, success, "ann", NULL,
					      on_tasks, r));
}

deia_err rig_page(struct rig *r, const struct deia_task_query *query)
{
	clear(r);
	return wait_for(r, deia_tasks_page(r->q, query, on_tasks, r));
}

deia_task_status rig_status(struct rig *r, const char *id)
{
	rig_idle(r);
	ck_assert_int_eq(rig_get(r, id), DEIA_OK);
	return r->got.first.status;
}

/* ---- runs -------------------------------------------------------------- */

struct rig_run *rig_run_of(struct rig *r, const char *id)
{
	for (size_t i = 0; i < r->n_runs; i++)
		if (strcmp(r->runs[i].id, id) == 0)
			return &r->runs[i];
	return NULL;
}

void rig_end_with(struct rig *r, const char *id,
		  const struct deia_task_outcome *o)
{
	struct rig_run *run = rig_run_of(r, id);
	unsigned attempt;
	char copy[37];

	ck_assert_ptr_nonnull(run);
	attempt = run->attempt;
	snprintf(copy, sizeof(copy), "%s", id);
	forget(r, run);
	ck_assert_int_eq(deia_tasks_ended(r->q, copy, attempt, o), DEIA_OK);
	rig_idle(r);
}

void rig_end(struct rig *r, const char *id, deia_err err, const char *text)
{
	struct deia_task_outcome o = DEIA_TASK_OUTCOME_INIT;

	o.err = err;
	o.seconds = 1.5;
	if (err)
		o.message = text;
	else
		o.text = text, o.text_len = strlen(text);
	rig_end_with(r, id, &o);
}

/* ---- main -------------------------------------------------------------- */

int rig_main(int argc, char **argv, enum rig_kind *kind, Suite *(*suite)(void))
{
	SRunner *runner;
	const char *why;
	int failed;

	while (argc == 2 && *kind < RIG_KINDS &&
	       strcmp(argv[1], rig_kind_names[*kind]) != 0)
		++*kind;
	if (argc != 2 || *kind == RIG_KINDS) {
		fprintf(stderr, "usage: %s memory|sqlite|postgresql\n",
			argv[0]);
		return 2;
	}
	why = missing(*kind);
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	runner = srunner_create(suite());
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
