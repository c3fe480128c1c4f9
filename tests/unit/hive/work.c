/* SPDX-License-Identifier: MIT */
/* work.c - see work.h. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct deia_actor *whose(const char *text)
{
	static struct deia_actor actor;
	char role[16] = "", name[65] = "";

	ck_assert_int_ge(sscanf(text, "%15s %64s", role, name), 1);
	actor = (struct deia_actor){ .role = deia_role_parse(role) };
	snprintf(actor.name, sizeof(actor.name), "%s", name[0] ? name : role);
	return &actor;
}

static void copy_attempts(struct job *j, const struct deia_task *t)
{
	j->n_attempts = t->n_attempts;
	for (size_t i = 0; i < t->n_attempts && i < 8; i++) {
		snprintf(j->attempts[i].bot, sizeof(j->attempts[i].bot), "%s",
			 t->attempts[i].bot);
		snprintf(j->attempts[i].outcome, sizeof(j->attempts[i].outcome),
			 "%s", t->attempts[i].outcome);
	}
}

static void copy(struct job *j, const struct deia_task *t)
{
	memset(j, 0, sizeof(*j));
	snprintf(j->id, sizeof(j->id), "%s", t->id);
	snprintf(j->type, sizeof(j->type), "%s", t->type);
	snprintf(j->bot, sizeof(j->bot), "%s", t->bot);
	snprintf(j->submitted_by, sizeof(j->submitted_by), "%s",
		 t->submitted_by);
	snprintf(j->reason, sizeof(j->reason), "%s", t->reason);
	snprintf(j->error_code, sizeof(j->error_code), "%s", t->error_code);
	snprintf(j->error, sizeof(j->error), "%s", t->error);
	if (t->result)
		snprintf(j->result, sizeof(j->result), "%.*s",
			 (int)t->result_len, t->result);
	j->status = t->status;
	j->attempt = t->attempt;
	j->excused = t->excused;
	j->priority = t->priority;
	j->verdict = t->verdict;
	copy_attempts(j, t);
}

void on_jobs(deia_err err, const struct deia_task *items, size_t n, bool more,
	     void *user)
{
	struct jobs *jobs = user;

	ck_assert(!jobs->done);
	jobs->done = true;
	jobs->err = err;
	jobs->more = more;
	if (err)
		ck_assert_uint_eq(n, 0);
	for (jobs->n = 0; jobs->n < n && jobs->n < 64; jobs->n++)
		copy(&jobs->items[jobs->n], &items[jobs->n]);
}

static struct jobs *fresh(struct jobs *jobs)
{
	static struct jobs scratch;

	if (!jobs)
		jobs = &scratch;
	memset(jobs, 0, sizeof(*jobs));
	return jobs;
}

static deia_err finish(struct fixture *f, struct jobs *jobs, deia_err err)
{
	ck_assert(!jobs->done); /* never inside the call */
	if (err) {
		ck_assert(deia_hive_errmsg(f->hive)[0] != '\0');
		jobs->err = err;
		return err;
	}
	run_until(f, &jobs->done);
	return jobs->err;
}

struct deia_task_draft draft_of(const char *content)
{
	struct deia_task_draft d = DEIA_TASK_DRAFT_INIT;

	d.content = content;
	d.content_len = strlen(content);
	return d;
}

deia_err submit_drafts(struct fixture *f, const char *actor,
		       const struct deia_task_draft *drafts, size_t n,
		       const char *key, struct jobs *out)
{
	struct jobs *jobs = fresh(out);

	return finish(f, jobs,
		      deia_hive_task_submit(f->hive, whose(actor), drafts, n,
					    key, &jobs->replayed, on_jobs,
					    jobs));
}

deia_err submit_task(struct fixture *f, const char *actor, const char *content,
		     const char *bot, char *id)
{
	struct deia_task_draft d = draft_of(content);
	struct jobs jobs;
	deia_err err;

	d.bot = bot;
	err = submit_drafts(f, actor, &d, 1, NULL, &jobs);
	if (!err && id)
		memcpy(id, jobs.items[0].id, sizeof(jobs.items[0].id));
	return err;
}

deia_err get_task(struct fixture *f, const char *actor, const char *id,
		  struct jobs *out)
{
	struct jobs *jobs = fresh(out);

	return finish(
		f, jobs,
		deia_hive_task_get(f->hive, whose(actor), id, on_jobs, jobs));
}

deia_err page_tasks(struct fixture *f, const char *actor,
		    const char *submitted_by, struct jobs *out)
{
	struct deia_task_query q = DEIA_TASK_QUERY_INIT;
	struct jobs *jobs = fresh(out);

	q.submitted_by = submitted_by;
	return finish(
		f, jobs,
		deia_hive_task_page(f->hive, whose(actor), &q, on_jobs, jobs));
}

deia_err do_task(struct fixture *f, const char *actor, deia_task_action action,
		 const char *id)
{
	struct jobs *jobs = fresh(NULL);
	const struct deia_actor *a = whose(actor);

	switch (action) {
	case DEIA_TASK_DO_CANCEL:
		return finish(
			f, jobs,
			deia_hive_task_cancel(f->hive, a, id, on_jobs, jobs));
	case DEIA_TASK_DO_RETRY:
		return finish(
			f, jobs,
			deia_hive_task_retry(f->hive, a, id, on_jobs, jobs));
	default:
		return finish(
			f, jobs,
			deia_hive_task_approve(f->hive, a, id, on_jobs, jobs));
	}
}

deia_err judge_task(struct fixture *f, const char *actor, const char *id,
		    bool success)
{
	struct jobs *jobs = fresh(NULL);

	return finish(f, jobs,
		      deia_hive_task_verdict(f->hive, whose(actor), id, success,
					     "as I see it", on_jobs, jobs));
}

static void on_over(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	*(bool *)user = true;
}

const struct job *run_until_task(struct fixture *f, const char *id,
				 deia_task_status status)
{
	static struct jobs jobs;
	struct timeval tv = { 20, 0 };
	bool over = false;
	struct event *ev = event_new(f->base, -1, 0, on_over, &over);

	event_add(ev, &tv);
	for (;;) {
		ck_assert_int_eq(get_task(f, "admin", id, &jobs), DEIA_OK);
		if (jobs.items[0].status == status || over)
			break;
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	event_free(ev);
	ck_assert_msg(jobs.items[0].status == status, "task is %s: %s",
		      deia_task_status_name(jobs.items[0].status),
		      jobs.items[0].reason);
	return &jobs.items[0];
}

void create_script_bot(struct fixture *f, const char *id, const char *script)
{
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	const char *argv[] = { "/bin/sh", "-c", script };

	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 3;
	ck_assert_int_eq(create_bot_spec(f, &spec, true), DEIA_OK);
	run_until_state(f, id, DEIA_BOT_READY);
}

void create_worker(struct fixture *f, const char *id)
{
	ck_assert_int_eq(create_bot(f, id, true), DEIA_OK);
	run_until_state(f, id, DEIA_BOT_READY);
}
