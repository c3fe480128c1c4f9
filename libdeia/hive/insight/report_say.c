/* SPDX-License-Identifier: MIT */
/*
 * report_say.c - the words of a report: what wants a person, what is not in the
 * figures, and the sentence that is read first.
 *
 * What wants a person comes in this order: critical alerts; bots that are
 * failed or offline now; warnings; types of tasks of which some failed; bots
 * that were started again three times or more; tasks that wait for approval;
 * questions without an answer; the queue that holds up most; infos. What has
 * more of it comes first; of bots five are told, and how many more there are.
 */
#include "hive/insight/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hive/insight/insight.h"
#include "hive/nodes/nodes.h"
#include "hive/tasks/tasks.h"
#include "queue/queue.h"

#define RESTARTS 3	 /* so many are told of */
#define ALERTS_KEPT 1000 /* of a node */
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define BOTS_TOLD 5
#define SAID 120 /* bytes of what others said */

const char *deia__count_print(char out[static 32], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

/* A text that lives as long as the report; "" without memory. */
static const char *text(struct deia__report *r, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
static const char *text(struct deia__report *r, const char *fmt, ...)
{
	char buf[DEIA__REPORT_TEXT_BYTES];
	char *kept;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	buf[deia__utf8_whole(buf, strlen(buf))] = '\0';
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	kept = deia__strdup(buf);
	if (!kept) {
		r->no_memory = true;
		return "";
	}
	r->texts[r->n_texts++] = kept;
	return kept;
}

static void need(struct deia__report *r, const char *level, const char *what,
		 const char *advice, const char *command)
{
	r->needs[r->out.n_needs++] = (struct deia_report_need){
		.level = level,
		.text = what,
		.advice = advice,
		.command = command,
	};
}

/* Counts one more; true: there is room to tell it. */
static bool room(struct deia__report *r)
{
	return r->out.all_needs++ < DEIA__REPORT_NEEDS;
}

/* ---- alerts -------------------------------------------------------------- */

static bool is_down(const struct deia__report *r, const struct deia__sum *b)
{
	return b->has_failed && deia__bot_known(r->hive, b->row.name);
}

/* It is told of as a bot. */
static bool is_of_bot(const struct deia__report *r,
		      const struct deia__firing *f)
{
	struct deia__sum *b;

	if (strcmp(f->rule, "bot_failed") != 0 &&
	    strcmp(f->rule, "bot_offline") != 0)
		return false;
	HASH_FIND_STR(r->bots.all, f->subject, b);
	return b && is_down(r, b);
}

static void need_alerts(struct deia__report *r, deia_health_level level)
{
	for (unsigned i = 0; i < r->n_firing; i++) {
		const struct deia__firing *f = &r->firing[i];

		if (f->level != level || is_of_bot(r, f) || !room(r))
			continue;
		need(r, deia_health_level_name(level),
		     text(r, "%s", f->summary), text(r, "%s", f->text),
		     text(r, "deia alerts ack %s", f->id));
	}
}

/* ---- bots and types ------------------------------------------------------ */

/* A kind of which many may be: true for the first ones. */
static bool is_told(struct deia__report *r, unsigned *n)
{
	return (*n)++ < BOTS_TOLD && room(r);
}

static void need_more(struct deia__report *r, const char *level, unsigned n,
		      const char *what)
{
	char more[32];

	if (n <= BOTS_TOLD || !room(r))
		return;
	deia__count_print(more, n - BOTS_TOLD);
	need(r, level, text(r, "%s more bots %s", more, what),
	     "When many have it, look for one cause.", "deia bot list");
}

static void need_down(struct deia__report *r)
{
	struct deia__sum *b, *next;
	unsigned n = 0;

	HASH_ITER(hh, r->bots.all, b, next) {
		if (!is_down(r, b) || !is_told(r, &n))
			continue;
		need(r, "warning",
		     text(r, "Bot %s does not run: %.*s", b->row.name, SAID,
			  b->said ? b->said : "its log says why"),
		     "Read its log, mend what it says, and start it: `deia bot "
		     "start` does that.",
		     text(r, "deia bot logs %s", b->row.name));
	}
	need_more(r, "warning", n, "do not run");
}

static int most_failed(struct deia__sum *a, struct deia__sum *b)
{
	if (a->row.failed != b->row.failed)
		return a->row.failed < b->row.failed ? 1 : -1;
	return strcmp(a->row.name, b->row.name);
}

static void need_failed(struct deia__report *r)
{
	struct deia__sum *t, *next;
	char failed[32], all[32];

	HASH_SORT(r->types.all, most_failed);
	HASH_ITER(hh, r->types.all, t, next) {
		if (!t->row.failed || !room(r))
			continue;
		deia__count_print(failed, t->row.failed);
		deia__count_print(all, t->row.failed + t->row.done);
		need(r, "warning",
		     text(r, "%s of %s tasks of type %s failed: %.*s", failed,
			  all, t->row.name, SAID,
			  t->said ? t->said : "their errors say why"),
		     "Look at one with `deia task show`; `deia task retry` "
		     "does "
		     "it again.",
		     text(r, "deia task list --status failed --type %s",
			  t->row.name));
	}
}

static int most_restarts(struct deia__sum *a, struct deia__sum *b)
{
	if (a->row.restarts != b->row.restarts)
		return a->row.restarts < b->row.restarts ? 1 : -1;
	return strcmp(a->row.name, b->row.name);
}

static void need_restarted(struct deia__report *r)
{
	struct deia__sum *b, *next;
	unsigned all = 0;
	char n[32];

	HASH_SORT(r->bots.all, most_restarts);
	HASH_ITER(hh, r->bots.all, b, next) {
		if (b->row.restarts < RESTARTS || is_down(r, b) ||
		    !is_told(r, &all))
			continue;
		need(r, "info",
		     text(r, "Bot %s was started again %s times: %.*s",
			  b->row.name, deia__count_print(n, b->row.restarts),
			  SAID, b->said ? b->said : "its log says why"),
		     "It runs, but something ends it: its log has its last "
		     "words.",
		     text(r, "deia bot logs %s", b->row.name));
	}
	need_more(r, "info", all, "were started again three times or more");
}

/* ---- the rest ------------------------------------------------------------- */

static void need_people(struct deia__report *r)
{
	char n[32];

	if (r->out.awaiting_approval && room(r))
		need(r, "info",
		     text(r, "%s tasks wait for somebody to approve them",
			  deia__count_print(n, r->out.awaiting_approval)),
		     "Read them, then `deia task approve` or `deia task "
		     "cancel`.",
		     "deia task list --status awaiting_approval");
	if (r->out.failed_questions && room(r))
		need(r, "info",
		     text(r, "%s questions in chat got no answer",
			  deia__count_print(n, r->out.failed_questions)),
		     "Their bots died, or were stopped or overrun: ask again.",
		     "deia bot list");
}

/* Of this node, and of this moment: it is not in the store. */
static void need_queue(struct deia__report *r)
{
	struct deia__bottleneck b = { .is = false };
	struct deia__look l;

	if (!deia__look_init(r->hive, &l)) {
		r->no_memory = true;
		return;
	}
	deia__queues_judge(r->hive, &l, &b);
	if (b.is && room(r))
		need(r, "info", text(r, "%s", b.text),
		     "Queues of this node, now: `GET /insight` has all.",
		     text(r, "%s", b.command));
	deia__look_fini(&l);
}

/* ---- what is missing ------------------------------------------------------ */

static void note(struct deia__report *r, const char *sentence)
{
	if (r->out.n_notes < DEIA__REPORT_NOTES)
		r->notes[r->out.n_notes++] = sentence;
}

/* The day and minute of a time, UTC. */
static const char *moment(char out[static 25], int64_t unix_ms)
{
	deia__time_print(out, unix_ms);
	out[10] = ' ';
	out[16] = '\0';
	return out;
}

/* False: things of that age are deleted. */
static bool reaches(const struct deia__report *r, unsigned days)
{
	return !days ||
	       r->out.since_unix_ms >= r->out.until_unix_ms - days * DAY_MS;
}

static void note_kept(struct deia__report *r)
{
	unsigned tasks = r->hive->tasks->queue->opts.retention_days;
	char at[25];

	if (!reaches(r, tasks) && r->oldest_task)
		note(r,
		     text(r,
			  "Finished tasks are kept for %u days: they go back "
			  "to %s UTC.",
			  tasks, moment(at, r->oldest_task)));
	if (!reaches(r, r->hive->chat_days))
		note(r,
		     text(r, "Chat is kept for %u days.", r->hive->chat_days));
	if (r->kept_alerts >= ALERTS_KEPT &&
	    r->oldest_alert > r->out.since_unix_ms)
		note(r,
		     text(r,
			  "Of alerts the newest 1,000 are kept: they go back "
			  "to %s UTC.",
			  moment(at, r->oldest_alert)));
	if (r->n_cut)
		note(r, text(r,
			     "Of %u bots the newest %d states are kept: they "
			     "died more often than is told.",
			     r->n_cut, DEIA__HISTORY_KEPT));
	if (strcmp(deia_store_backend_name(r->hive->store), "memory") == 0)
		note(r, text(r,
			     "The store is in memory: nothing is known from "
			     "before %s UTC.",
			     moment(at, r->out.started_unix_ms)));
	if (r->bots.over || r->people.over || r->types.over)
		note(r,
		     text(r,
			  "There are more than %d names: those beyond are in "
			  "the sums alone.",
			  DEIA__REPORT_NAMES));
}

/* ---- the verdict ---------------------------------------------------------- */

static const char *quiet(struct deia__report *r)
{
	const struct deia_report *o = &r->out;
	char done[32], answers[32];

	if (!o->done && !o->answers && !o->cancelled && !o->waiting &&
	    !o->working)
		return "All is well: nothing was asked of the hive.";
	return text(r,
		    "All is well: %s tasks done, none failed, %s answers in "
		    "chat.",
		    deia__count_print(done, o->done),
		    deia__count_print(answers, o->answers));
}

static const char *verdict(struct deia__report *r)
{
	const struct deia_report *o = &r->out;
	const char *word = "Nothing is urgent";
	char n[32];

	if (!o->all_needs)
		return quiet(r);
	if (strcmp(r->needs[0].level, "critical") == 0)
		word = "Act now";
	else if (strcmp(r->needs[0].level, "warning") == 0)
		word = "Something is wrong";
	if (o->all_needs == 1)
		return text(r, "%s, 1 thing wants you.", word);
	return text(r, "%s, %s things want you.", word,
		    deia__count_print(n, o->all_needs));
}

void deia__report_finish(struct deia__report *r)
{
	struct deia_report *o = &r->out;

	need_alerts(r, DEIA_HEALTH_CRITICAL);
	need_down(r);
	need_alerts(r, DEIA_HEALTH_WARNING);
	need_failed(r);
	need_restarted(r);
	need_people(r);
	need_queue(r);
	need_alerts(r, DEIA_HEALTH_INFO);
	note_kept(r);
	o->needs = r->needs;
	o->notes = r->notes;
	o->verdict = verdict(r);
	if (!deia__sums_list(&r->bots, r->top, deia__by_tokens, &r->rows[0],
			     &o->bots) ||
	    !deia__sums_list(&r->people, r->top, deia__by_tokens, &r->rows[1],
			     &o->people) ||
	    !deia__sums_list(&r->types, r->top, deia__by_seconds, &r->rows[2],
			     &o->types))
		r->no_memory = true;
}
