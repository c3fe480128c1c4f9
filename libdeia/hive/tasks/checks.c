/* SPDX-License-Identifier: MIT */
/*
 * checks.c - commands that say whether a task's result is good.
 *
 * Which there are is the administrator's business (deia_hive_task_checks); a
 * task names one. It is run by a guard as a bot is, so that nothing of it is
 * left behind, with the result and a newline on its standard input. Status 0:
 * good. A few run at a time, the others wait in turn, as many as their results
 * have room. What can not be judged at all is not the bot's fault.
 */
#include "hive/tasks/checks.h"

#include <stdio.h>
#include <string.h>

#include "process/env.h"
#include "process/proc.h"

#define AT_A_TIME 4
#define HELD_BYTES (64u << 20) /* of results, in all; one always has room */
#define DEFAULT_SECONDS 60
#define SAID_BYTES 256
#define FREE_PATIENCE_MS 2000

struct deia__check {
	char name[DEIA_MAX_ID_LEN + 1];
	char **argv;
	size_t n_argv;
	unsigned timeout_seconds;
};

/* One result that is checked, or waits for it. */
struct deia__check_run {
	TAILQ_ENTRY(deia__check_run) link;
	deia_hive *hive;
	char task[DEIA__TASK_ID_LEN + 1];
	char check[DEIA_MAX_ID_LEN + 1];
	unsigned attempt;
	char *text; /* NULL: its program has it */
	size_t len;
	struct deia__proc *proc; /* NULL: it waits */
	struct deia__timer timer;
	bool late, unfed;      /* unfed: its program did not get the result */
	char said[SAID_BYTES]; /* its last line */
};

struct deia__checks {
	struct deia__proc_env env;
	struct deia__check *items;
	size_t n;
	TAILQ_HEAD(deia__check_runs, deia__check_run) running, waiting;
	unsigned n_running;
	size_t held; /* bytes of the results of all of them */
};

/* ---- which there are ------------------------------------------------------ */

static void free_items(struct deia__check *items, size_t n)
{
	for (size_t i = 0; items && i < n; i++) {
		for (size_t k = 0; k < items[i].n_argv; k++)
			deia__free(items[i].argv[k]);
		deia__free(items[i].argv);
	}
	deia__free(items);
}

static bool copy_item(struct deia__check *to,
		      const struct deia_task_check *from)
{
	snprintf(to->name, sizeof(to->name), "%s", from->name);
	to->timeout_seconds =
		from->timeout_seconds ? from->timeout_seconds : DEFAULT_SECONDS;
	to->argv = deia__alloc((from->n_argv + 1) * sizeof(*to->argv));
	for (; to->argv && to->n_argv < from->n_argv; to->n_argv++) {
		to->argv[to->n_argv] = deia__strdup(from->argv[to->n_argv]);
		if (!to->argv[to->n_argv])
			return false;
	}
	return to->argv != NULL;
}

static deia_err check_item(deia_hive *h, const struct deia_task_check *c)
{
	if (!c->name || !deia_bot_id_valid(c->name))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "a check has a name as bots have");
	if (c->n_argv < 1 || c->n_argv > DEIA_MAX_ARGV_LEN || !c->argv[0] ||
	    c->argv[0][0] != '/')
		return deia__hive_fail(h, DEIA_EINVAL,
				       "check %s: its program is given by a "
				       "path that begins with /",
				       c->name);
	if (c->timeout_seconds > DEIA_TASK_CHECK_MAX_SECONDS)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "check %s: timeout_seconds may be %u at "
				       "most",
				       c->name, DEIA_TASK_CHECK_MAX_SECONDS);
	return DEIA_OK;
}

deia_err deia_hive_task_checks(deia_hive *h,
			       const struct deia_task_check *checks, size_t n)
{
	struct deia__check *items;
	deia_err err = DEIA_OK;
	size_t done;

	if (n > DEIA_TASK_CHECKS_MAX)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "there may be %d checks at most",
				       DEIA_TASK_CHECKS_MAX);
	for (size_t i = 0; i < n && !err; i++)
		err = check_item(h, &checks[i]);
	if (err)
		return err;
	items = deia__alloc((n + 1) * sizeof(*items));
	for (done = 0; items && done < n; done++)
		if (!copy_item(&items[done], &checks[done])) {
			free_items(items, done + 1);
			items = NULL;
		}
	if (!items)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	free_items(h->tasks->checks->items, h->tasks->checks->n);
	h->tasks->checks->items = items;
	h->tasks->checks->n = n;
	return DEIA_OK;
}

static const struct deia__check *find(const deia_hive *h, const char *name)
{
	const struct deia__checks *c = h->tasks->checks;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return &c->items[i];
	return NULL;
}

bool deia__check_is_known(const deia_hive *h, const char *name)
{
	return find(h, name) != NULL;
}

/* ---- one of them ----------------------------------------------------------- */

static void run_free(struct deia__check_run *run)
{
	deia__timer_clear(run->hive->timers, &run->timer);
	run->hive->tasks->checks->held -= run->len;
	deia__free(run->text);
	deia__free(run);
}

static void start_some(deia_hive *h);

/* Tells the queue, and goes. The attempt may not count any more. err: as
 * deia_tasks_checked has it. */
static void tell(struct deia__check_run *run, deia_err err, const char *why)
{
	deia_hive *h = run->hive;

	if (!h->freeing)
		(void)!deia_tasks_checked(h->tasks->queue, run->task,
					  run->attempt, err, why);
	run_free(run);
}

/* How it ended, as deia_tasks_checked has it, and why. */
static deia_err say_end(const struct deia__check_run *run,
			const struct deia__proc_end *end, char *out, size_t len)
{
	const char *said = run->said[0] ? run->said : "it gave no reason";

	out[0] = '\0';
	if (run->unfed)
		snprintf(out, len, "check %s could not be run: out of memory",
			 run->check);
	else if (end->fail_stage[0])
		snprintf(out, len, "check %s could not be run: %s", run->check,
			 strerror(end->fail_errno));
	else if (end->lost && !run->late)
		snprintf(out, len, "check %s: its guard was killed",
			 run->check);
	if (out[0])
		return DEIA_EUNAVAILABLE;
	if (run->late)
		snprintf(out, len, "check %s took too long", run->check);
	else if (end->signal)
		snprintf(out, len, "check %s was ended by signal %d",
			 run->check, end->signal);
	else if (end->code)
		snprintf(out, len, "check %s says no (status %d): %s",
			 run->check, end->code, said);
	return out[0] ? DEIA_EREMOTE : DEIA_OK;
}

static void on_ended(void *arg, const struct deia__proc_end *end)
{
	struct deia__check_run *run = arg;
	deia_hive *h = run->hive;
	struct deia__checks *c = h->tasks->checks;
	char why[512];
	deia_err err = say_end(run, end, why, sizeof(why));

	TAILQ_REMOVE(&c->running, run, link);
	c->n_running--;
	deia__proc_free(run->proc);
	tell(run, err, why);
	start_some(h);
}

static void on_line(void *arg, const char *text, size_t len)
{
	struct deia__check_run *run = arg;

	if (!text || len == 0)
		return;
	if (len >= sizeof(run->said))
		len = sizeof(run->said) - 1;
	len = deia__utf8_whole(text, len);
	if (!deia__utf8_valid(text, len) || memchr(text, 0, len))
		return;
	memcpy(run->said, text, len);
	run->said[len] = '\0';
}

static void on_nothing(void *arg)
{
	(void)arg;
}

static void on_started(void *arg, int64_t pid)
{
	(void)arg;
	(void)pid;
}

/* It need not read all that it is given. */
static void on_broken(void *arg, const char *what)
{
	(void)arg;
	(void)what;
}

static void on_late(void *arg)
{
	struct deia__check_run *run = arg;

	run->late = true;
	deia__proc_kill(run->proc);
}

static const struct deia__proc_ops ops = {
	.started = on_started,
	.line = on_line,
	.err_line = on_line,
	.broken = on_broken,
	.drained = on_nothing,
	.ended = on_ended,
};

static deia_err launch(struct deia__check_run *run,
		       const struct deia__check *check, int *error)
{
	struct deia__env env = { 0 };
	struct deia__launch what = {
		.guard_program = run->hive->guard_program,
		.argv = (const char *const *)check->argv,
		.n_argv = check->n_argv,
		.limits = { .open_files = 1024, .processes = 256 },
	};
	deia_err err = DEIA_ENOMEM;

	deia__env_inherit(&env);
	deia__env_set(&env, "DEIA_TASK_ID", run->task);
	what.env = env.vars;
	if (!env.failed)
		err = deia__proc_start(&run->proc,
				       &run->hive->tasks->checks->env, &what,
				       &ops, run, error);
	deia__env_fini(&env);
	return err;
}

/* False: it could not be begun, and why is said. */
static bool start(struct deia__check_run *run, char *why, size_t len)
{
	const struct deia__check *check = find(run->hive, run->check);
	struct deia__checks *c = run->hive->tasks->checks;
	int error = 0;
	deia_err err;

	if (!check) {
		snprintf(why, len, "there is no check %s any more", run->check);
		return false;
	}
	err = deia__timer_set(run->hive->timers, &run->timer,
			      (int64_t)check->timeout_seconds * 1000);
	if (!err)
		err = launch(run, check, &error);
	if (err) {
		snprintf(why, len, "check %s could not be run: %s", run->check,
			 error ? strerror(error) : deia_err_text(err));
		return false;
	}
	TAILQ_INSERT_TAIL(&c->running, run, link);
	c->n_running++;
	run->unfed = deia__proc_write(run->proc, run->text, run->len) != 0;
	deia__proc_finish_input(run->proc);
	if (run->unfed) /* what it would say is about nothing */
		deia__proc_kill(run->proc);
	deia__free(run->text);
	run->text = NULL;
	return true;
}

static void start_some(deia_hive *h)
{
	struct deia__checks *c = h->tasks->checks;
	struct deia__check_run *run;
	char why[512];

	while (c->n_running < AT_A_TIME && !h->tasks->stopped &&
	       (run = TAILQ_FIRST(&c->waiting))) {
		TAILQ_REMOVE(&c->waiting, run, link);
		if (!start(run, why, sizeof(why)))
			tell(run, DEIA_EUNAVAILABLE, why);
	}
}

static struct deia__check_run *run_new(deia_hive *h,
				       const struct deia_task *task,
				       unsigned attempt, const char *text,
				       size_t len)
{
	struct deia__check_run *run = deia__alloc(sizeof(*run));

	if (!run)
		return NULL;
	run->text = deia__strndup(text, len);
	if (!run->text) {
		deia__free(run);
		return NULL;
	}
	run->hive = h;
	run->attempt = attempt;
	run->len = len;
	snprintf(run->task, sizeof(run->task), "%s", task->id);
	snprintf(run->check, sizeof(run->check), "%s", task->check);
	run->timer.fn = on_late;
	run->timer.arg = run;
	h->tasks->checks->held += len;
	return run;
}

deia_err deia__check_begin(const struct deia_task *task, unsigned attempt,
			   const char *text, size_t len, void *user)
{
	deia_hive *h = user;
	struct deia__checks *c = h->tasks->checks;
	struct deia__check_run *run;

	if (c->held && c->held + len > HELD_BYTES)
		return DEIA_EBUSY;
	/* Not from within: the queue is told of an end later. */
	if (deia__timer_set(h->timers, &h->tasks->check_timer, 0))
		return DEIA_ENOMEM;
	run = run_new(h, task, attempt, text, len);
	if (!run)
		return DEIA_ENOMEM;
	TAILQ_INSERT_TAIL(&c->waiting, run, link);
	return DEIA_OK;
}

static struct deia__check_run *find_run(struct deia__check_runs *list,
					const char *task, unsigned attempt)
{
	struct deia__check_run *run;

	TAILQ_FOREACH(run, list, link)
		if (run->attempt == attempt && strcmp(run->task, task) == 0)
			return run;
	return NULL;
}

void deia__check_drop(deia_hive *h, const char *task, unsigned attempt)
{
	struct deia__checks *c = h->tasks->checks;
	struct deia__check_run *run = find_run(&c->running, task, attempt);

	if (run) {
		deia__proc_kill(run->proc); /* on_ended comes later */
		return;
	}
	run = find_run(&c->waiting, task, attempt);
	if (!run)
		return;
	TAILQ_REMOVE(&c->waiting, run, link);
	run_free(run);
}

/* ---- life ------------------------------------------------------------------ */

static void on_timer(void *arg)
{
	start_some(arg);
}

deia_err deia__checks_open(deia_hive *h)
{
	struct deia__checks *c = deia__alloc(sizeof(*c));

	if (!c)
		return DEIA_ENOMEM;
	h->tasks->checks = c;
	h->tasks->check_timer.fn = on_timer;
	h->tasks->check_timer.arg = h;
	c->env.base = h->base;
	c->env.timers = h->timers;
	TAILQ_INIT(&c->running);
	TAILQ_INIT(&c->waiting);
	return DEIA_OK;
}

/* Their guards end what there is of them, then themselves, all at once. */
static void abandon_all(struct deia__checks *c)
{
	struct deia__check_run *run;
	pid_t guards[AT_A_TIME];
	int n = 0;

	while ((run = TAILQ_FIRST(&c->running))) {
		TAILQ_REMOVE(&c->running, run, link);
		guards[n++] = deia__proc_abandon(run->proc);
		run_free(run);
	}
	for (int i = 0; i < n; i++)
		deia__guard_await(guards[i], FREE_PATIENCE_MS);
}

void deia__checks_free(deia_hive *h)
{
	struct deia__checks *c = h->tasks->checks;
	struct deia__check_run *run;

	if (!c)
		return;
	deia__timer_clear(h->timers, &h->tasks->check_timer);
	abandon_all(c);
	while ((run = TAILQ_FIRST(&c->waiting))) {
		TAILQ_REMOVE(&c->waiting, run, link);
		run_free(run);
	}
	free_items(c->items, c->n);
	deia__free(c);
	h->tasks->checks = NULL;
}
