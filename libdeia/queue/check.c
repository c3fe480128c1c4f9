/* SPDX-License-Identifier: MIT */
/* check.c - drafts: whether they are fine, and the tasks they make. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "core/utf8.h"
#include "expect/expect.h"
#include "queue/budget.h"
#include "queue/queue.h"

/* The next one of a recurring task is written with the end of this one, so its
 * content stays in memory. */
#define MAX_EVERY_BYTES (64u << 10)
/* Of one call: compiling it takes about 15 ms. */
#define MAX_EXPECTS_BYTES (64u << 10)

static bool is_text(const char *s, size_t len)
{
	return deia__utf8_valid(s, len) && !memchr(s, 0, len);
}

static bool is_word(const char *s)
{
	size_t len = s ? strlen(s) : 0;

	if (len == 0 || len > DEIA_MAX_ID_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return deia__utf8_valid(s, len);
}

static deia_err check_content(deia_tasks *q, const struct deia_task_draft *d,
			      int i)
{
	if (!d->content || d->content_len == 0)
		return deia__tasks_field(q, i, "content", "must not be empty");
	if (d->content_len > DEIA_MAX_CONTENT_BYTES) {
		deia__tasks_field(q, i, "content", "is over 1 MiB");
		return DEIA_ELIMIT;
	}
	if (!is_text(d->content, d->content_len))
		return deia__tasks_field(q, i, "content",
					 "must be UTF-8 without NUL");
	if (d->every_seconds && d->content_len > MAX_EVERY_BYTES)
		return deia__tasks_field(
			q, i, "content",
			"is over 64 KiB, which a recurring task may have");
	return DEIA_OK;
}

static deia_err check_numbers(deia_tasks *q, const struct deia_task_draft *d,
			      int i)
{
	if (d->priority >= DEIA_TASK_PRIORITIES)
		return deia__tasks_field(q, i, "priority",
					 "expected P0, P1, P2 or P3");
	if (d->max_attempts < 1 || d->max_attempts > DEIA_MAX_ATTEMPTS)
		return deia__tasks_field(q, i, "max_attempts",
					 "expected a whole number from 1 to %u",
					 DEIA_MAX_ATTEMPTS);
	if (d->timeout_seconds > DEIA_TASK_MAX_TIMEOUT_SECONDS)
		return deia__tasks_field(q, i, "timeout_seconds",
					 "expected a whole number from 0 to %u",
					 DEIA_TASK_MAX_TIMEOUT_SECONDS);
	if (d->every_seconds > DEIA_TASK_MAX_EVERY_SECONDS)
		return deia__tasks_field(q, i, "every_seconds",
					 "expected a whole number from 0 to %u",
					 DEIA_TASK_MAX_EVERY_SECONDS);
	return DEIA_OK;
}

static deia_err check_times(deia_tasks *q, const struct deia_task_draft *d,
			    int i)
{
	if (d->due_unix_ms < 0)
		return deia__tasks_field(q, i, "not_before", "expected a time");
	/* Whether it is over already: submit.c. */
	if (d->deadline_unix_ms < 0)
		return deia__tasks_field(q, i, "deadline",
					 "must be in the future");
	if (d->deadline_unix_ms && d->deadline_unix_ms <= d->due_unix_ms)
		return deia__tasks_field(q, i, "deadline",
					 "must be after not_before");
	return DEIA_OK;
}

static deia_err check_lists(deia_tasks *q, const struct deia_task_draft *d,
			    int i)
{
	if (d->n_capabilities > DEIA_TASK_MAX_CAPABILITIES)
		return deia__tasks_field(q, i, "capabilities",
					 "expected at most %u words",
					 DEIA_TASK_MAX_CAPABILITIES);
	for (size_t k = 0; k < d->n_capabilities; k++)
		if (!is_word(d->capabilities[k]))
			return deia__tasks_field(q, i, "capabilities",
						 "expected words of 1 to %u "
						 "characters without blanks",
						 DEIA_MAX_ID_LEN);
	if (d->n_depends_on > DEIA_MAX_DEPENDS_LEN)
		return deia__tasks_field(q, i, "depends_on",
					 "expected at most %u tasks",
					 DEIA_MAX_DEPENDS_LEN);
	for (size_t k = 0; k < d->n_depends_on; k++)
		if (!d->depends_on[k] || !*d->depends_on[k])
			return deia__tasks_field(q, i, "depends_on",
						 "expected ids of tasks");
	if (d->ref && !is_word(d->ref))
		return deia__tasks_field(q, i, "ref",
					 "expected 1 to %u characters without "
					 "blanks",
					 DEIA_MAX_ID_LEN);
	return DEIA_OK;
}

static deia_err check_names(deia_tasks *q, const struct deia_task_draft *d,
			    int i)
{
	if (d->bot && !is_word(d->bot))
		return deia__tasks_field(q, i, "bot",
					 "expected the id of a bot");
	if (d->type && !deia__ttype_known(q, d->type)) {
		deia__tasks_field(
			q, i, "type",
			"there is no type \"%.64s\"; those of your own "
			"are set in the configuration (tasks.types)",
			d->type);
		return DEIA_EFIELD;
	}
	if (!d->submitted_by || !*d->submitted_by ||
	    strlen(d->submitted_by) > DEIA_MAX_NAME_BYTES ||
	    !is_text(d->submitted_by, strlen(d->submitted_by)))
		return deia__tasks_fail(q, DEIA_EINVAL,
					"submitted_by must be a name");
	return DEIA_OK;
}

static deia_err check_check(deia_tasks *q, const struct deia_task_draft *d,
			    int i)
{
	if (d->check && (!q->opts.check || !is_word(d->check)))
		return deia__tasks_field(
			q, i, "check", "there is no check \"%.64s\"", d->check);
	return DEIA_OK;
}

static deia_err check_expect(deia_tasks *q, const struct deia_task_draft *d,
			     int i)
{
	struct deia__errmsg why = { "" };
	struct deia__expect *e = NULL;
	deia_err err =
		d->expect ? deia__expect_new(&e, d->expect, &why) : DEIA_OK;

	deia__expect_free(e);
	if (err == DEIA_EFIELD || err == DEIA_ELIMIT)
		return deia__tasks_field(q, i, "expect", "%s", why.text);
	return err;
}

static deia_err check_budget(deia_tasks *q, const struct deia_budget *b, int i)
{
	if (b->tokens < 0 || b->tokens > DEIA_BUDGET_MAX_TOKENS ||
	    b->seconds < 0 || b->seconds > DEIA_BUDGET_MAX_SECONDS ||
	    b->messages < 0 || b->messages > DEIA_BUDGET_MAX_MESSAGES ||
	    (unsigned)b->on_exceed >= DEIA_ON_EXCEEDS)
		return deia__tasks_field(q, i, "budget", "is out of range");
	return DEIA_OK;
}

static deia_err check_one(deia_tasks *q, const struct deia_task_draft *d, int i)
{
	deia_err err;

	if (d->size < sizeof(*d))
		return deia__tasks_fail(q, DEIA_EINVAL,
					"a draft of an unknown size");
	err = check_content(q, d, i);
	if (!err)
		err = check_numbers(q, d, i);
	if (!err)
		err = check_times(q, d, i);
	if (!err)
		err = check_lists(q, d, i);
	if (!err)
		err = check_names(q, d, i);
	if (!err)
		err = check_check(q, d, i);
	return err ? err : check_budget(q, &d->budget, i);
}

/* Those of a batch are often the same. */
static bool is_as_before(const struct deia_task_draft *drafts, size_t i)
{
	return i > 0 && drafts[i].expect && drafts[i - 1].expect &&
	       strcmp(drafts[i].expect, drafts[i - 1].expect) == 0;
}

/* To compile what many hostile ones expect would hold up all others. */
static deia_err check_expects(deia_tasks *q,
			      const struct deia_task_draft *drafts, size_t n)
{
	size_t bytes = 0;
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < n && !err; i++) {
		if (!drafts[i].expect || is_as_before(drafts, i))
			continue;
		bytes += strlen(drafts[i].expect);
		if (bytes > MAX_EXPECTS_BYTES)
			return deia__tasks_field(
				q, (int)i, "expect",
				"what the tasks of one call expect may be "
				"64 KiB in all, where it differs from one to "
				"the next");
		err = check_expect(q, &drafts[i], (int)i);
	}
	return err;
}

deia_err deia__drafts_check(deia_tasks *q, const struct deia_task_draft *drafts,
			    size_t n)
{
	size_t bytes = 0;
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < n && !err; i++) {
		err = check_one(q, &drafts[i], (int)i);
		bytes += drafts[i].content_len;
	}
	if (!err && bytes > DEIA_MAX_SEND_BYTES)
		err = deia__tasks_fail(q, DEIA_ELIMIT,
				       "contents may be 16 MiB in all");
	return err ? err : check_expects(q, drafts, n);
}

/* ---- tasks ------------------------------------------------------------- */

/* Type and estimates, as stated or found. */
static deia_err analyze(struct deia__task *t, const struct deia_task_draft *d,
			int index)
{
	struct deia_task_stated stated = DEIA_TASK_STATED_INIT;
	struct deia_task_analysis *a = deia__alloc(sizeof(*a));
	deia_err err = a ? DEIA_OK : DEIA_ENOMEM;

	stated.type = d->type;
	stated.has_complexity = d->has_complexity;
	stated.has_seconds = d->has_seconds;
	stated.complexity = d->complexity;
	stated.estimated_seconds = d->estimated_seconds;
	if (!err)
		err = deia_task_analyze(t->q->analyzer, d->content,
					d->content_len, &stated, a);
	if (!err) {
		t->type = deia__ttype_add(t->q, a->type);
		/* To six decimals, as it is kept. */
		t->spec.complexity = round(a->complexity * 1e6) / 1e6;
		t->spec.estimated_seconds =
			round(a->estimated_seconds * 1e6) / 1e6;
		err = t->type ? DEIA_OK : DEIA_ELIMIT;
	} else if (err == DEIA_EINVAL) {
		err = deia__tasks_field(t->q, index, "estimated_seconds",
					"complexity must be from 0 to 1, and "
					"estimated_seconds from 0 to %u",
					DEIA_TASK_MAX_ESTIMATE_SECONDS);
	}
	deia__free(a);
	return err;
}

static bool copy(char **to, const char *from)
{
	*to = deia__strdup(from);
	return *to || !from;
}

static bool copy_lists(struct deia__task *t, const struct deia_task_draft *d)
{
	struct deia__task_spec *s = &t->spec;

	s->capabilities = deia__texts_copy(d->capabilities, d->n_capabilities);
	if (!s->capabilities)
		return false;
	s->n_capabilities = (unsigned)d->n_capabilities;
	s->depends_on = deia__texts_copy(d->depends_on, d->n_depends_on);
	if (!s->depends_on)
		return false;
	s->n_depends_on = (unsigned)d->n_depends_on;
	return true;
}

static deia_err fill(struct deia__task *t, const struct deia_task_draft *d,
		     int index)
{
	char trace[DEIA_TRACEPARENT_LEN + 1];

	t->priority = d->priority;
	t->timeout_seconds = d->timeout_seconds;
	t->max_attempts = d->max_attempts;
	t->s.deadline = d->deadline_unix_ms;
	t->content_bytes = d->content_len;
	t->spec.every_seconds = d->every_seconds;
	t->spec.approval = d->approval;
	t->spec.budget = d->budget;
	t->spec.not_before = t->s.due = d->due_unix_ms;
	if (deia_trace_parse(trace, d->traceparent) &&
	    !copy(&t->spec.traceparent, trace))
		return DEIA_ENOMEM;
	if (!copy(&t->pinned, d->bot) ||
	    !copy(&t->submitted_by, d->submitted_by) ||
	    !copy(&t->spec.expect, d->expect) ||
	    !copy(&t->spec.check, d->check) || !copy_lists(t, d))
		return DEIA_ENOMEM;
	return analyze(t, d, index);
}

struct deia__task *deia__task_from_draft(deia_tasks *q,
					 const struct deia_task_draft *d,
					 int index, deia_err *err)
{
	char id[DEIA__UUID_BYTES];
	int64_t wall = deia__tasks_wall(q);
	struct deia__task *t;

	deia__uuid7(id, wall);
	t = deia__task_new(q, id);
	*err = t ? DEIA_OK : DEIA_ENOMEM;
	if (!t)
		return NULL;
	t->created = wall;
	*err = fill(t, d, index);
	if (!*err)
		return t;
	deia__task_drop(t, *err);
	return NULL;
}

/* ---- the next one of a series ------------------------------------------ */

/* When t was meant to be: each next one is so long after it, in the future. */
static int64_t next_due(const struct deia__task *t, int64_t *shift)
{
	int64_t every = (int64_t)t->spec.every_seconds * 1000;
	int64_t from = t->spec.not_before ? t->spec.not_before : t->created;
	int64_t late = deia__tasks_wall(t->q) - from;
	int64_t steps = late > 0 ? late / every + 1 : 1;

	*shift = steps * every;
	return from + *shift;
}

static bool fill_next(struct deia__task *next, const struct deia__task *t)
{
	const struct deia__task_spec *s = &t->spec;
	int64_t shift;

	next->type = t->type;
	next->priority = t->priority;
	next->timeout_seconds = t->timeout_seconds;
	next->max_attempts = t->max_attempts;
	next->created = deia__tasks_wall(t->q);
	next->s.due = next->spec.not_before = next_due(t, &shift);
	next->s.deadline = t->s.deadline ? t->s.deadline + shift : 0;
	next->spec.every_seconds = s->every_seconds;
	next->spec.budget = s->budget;
	next->spec.complexity = s->complexity;
	next->spec.estimated_seconds = s->estimated_seconds;
	next->s.status = DEIA_TASK_BLOCKED;
	next->content_bytes = t->content_bytes;
	next->spec.capabilities = deia__texts_copy(
		(const char *const *)s->capabilities, s->n_capabilities);
	if (!next->spec.capabilities)
		return false;
	next->spec.n_capabilities = s->n_capabilities;
	next->content = deia__strndup(t->content, t->content_bytes);
	if (!next->content)
		return false;
	t->q->cached += next->content_bytes;
	return copy(&next->pinned, t->pinned) &&
	       copy(&next->submitted_by, t->submitted_by) &&
	       copy(&next->series, t->series ? t->series : t->id) &&
	       copy(&next->spec.expect, s->expect) &&
	       copy(&next->spec.check, s->check) &&
	       copy(&next->spec.traceparent, s->traceparent);
}

struct deia__task *deia__task_next_of(const struct deia__task *t)
{
	char id[DEIA__UUID_BYTES];
	struct deia__task *next;

	deia__uuid7(id, deia__tasks_wall(t->q));
	next = t->content ? deia__task_new(t->q, id) : NULL;
	if (!next || fill_next(next, t))
		return next;
	deia__task_drop(next, DEIA_ENOMEM);
	return NULL;
}

/* ---- what a key stands for --------------------------------------------- */

static void add_text(struct deia__digest *g, const char *s)
{
	deia__digest_add(g, s ? s : "", s ? strlen(s) : 0);
}

static void add_texts(struct deia__digest *g, const char *const *texts,
		      size_t n)
{
	deia__digest_add(g, &n, sizeof(n));
	while (n-- > 0)
		add_text(g, texts[n]);
}

/* Only where there is one: keys of before there were any hold. */
static void add_budget(struct deia__digest *g, const struct deia_budget *b)
{
	int64_t numbers[] = { b->tokens, b->seconds, b->on_exceed };

	deia__digest_add(g, numbers, sizeof(numbers));
}

void deia__drafts_digest(const struct deia_task_draft *drafts, size_t n,
			 unsigned char *out)
{
	struct deia__digest g;

	deia__digest_init(&g);
	for (const struct deia_task_draft *d = drafts; d < drafts + n; d++) {
		int64_t numbers[] = { d->priority,	   d->due_unix_ms,
				      d->deadline_unix_ms, d->timeout_seconds,
				      d->max_attempts,	   d->every_seconds,
				      d->approval,	   d->has_complexity,
				      d->has_seconds };

		deia__digest_add(&g, d->content, d->content_len);
		deia__digest_add(&g, numbers, sizeof(numbers));
		deia__digest_add(&g, &d->complexity, sizeof(d->complexity));
		deia__digest_add(&g, &d->estimated_seconds,
				 sizeof(d->estimated_seconds));
		add_text(&g, d->type);
		add_text(&g, d->bot);
		add_text(&g, d->ref);
		add_text(&g, d->expect);
		add_text(&g, d->check);
		add_texts(&g, d->capabilities, d->n_capabilities);
		add_texts(&g, d->depends_on, d->n_depends_on);
		if (deia__budget_is_set(&d->budget))
			add_budget(&g, &d->budget);
	}
	deia__digest_end(&g, out);
}
