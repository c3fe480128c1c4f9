/* SPDX-License-Identifier: MIT */
/*
 * scheduling_journal.c - adaptive-scheduling.jsonl: what the scheduler learned
 * and decided, for people, log shippers and `deia scheduler replay`.
 *
 * Numbers are written so that they read back exactly.
 */
#include "hive/scheduling/scheduling.h"

#include <limits.h>
#include <stdio.h>

deia_err deia__scheduling_journal_open(deia_hive *h)
{
	char path[PATH_MAX];

	if (!h->logs)
		return DEIA_OK;
	snprintf(path, sizeof(path), "%s/adaptive-scheduling.jsonl",
		 h->log_dir);
	if (deia__logfile_open(&h->scheduling->journal, h->logs, path,
			       DEIA_MAX_LOG_FILE_BYTES, DEIA_LOG_FILES_KEPT))
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	return DEIA_OK;
}

bool deia__scheduling_is_journaled(const deia_hive *h)
{
	return h->scheduling->journal != NULL;
}

/* ---- lines -------------------------------------------------------------- */

/* Many are written a second: the printer keeps its memory. */
static deia_jw *begin(deia_hive *h, const char *event, const char *task)
{
	deia_jw *w = &h->scheduling->line;

	deia_jw_reset(w);
	deia_jw_object(w);
	deia_jw_ktime(w, "timestamp", deia__unix_ms(NULL));
	deia_jw_kstr(w, "event", event);
	deia_jw_kstr(w, "task", task);
	return w;
}

static void end(deia_hive *h)
{
	deia_jw *w = &h->scheduling->line;

	deia_jw_end_object(w);
	if (deia_jw_status(w) == DEIA_OK) {
		w->text[w->len] = '\n'; /* in the place of the NUL */
		deia__logfile_write(h->scheduling->journal, w->text,
				    w->len + 1);
	}
}

/* With three decimals: a tenth of the time that printf takes. */
static void figure(deia_jw *w, const char *key, double v)
{
	char text[32], *at = text + sizeof(text);
	uint64_t rest;

	if (!(v >= 0 && v < 1e12)) {
		deia_jw_knum(w, key, v);
		return;
	}
	rest = (uint64_t)(v * 1000 + 0.5);
	*--at = '\0';
	for (int i = 0; i < 3; i++, rest /= 10)
		*--at = (char)('0' + rest % 10);
	*--at = '.';
	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	deia_jw_kraw(w, key, at);
}

static void number(deia_jw *w, const char *key, double v)
{
	char text[40];

	deia__json_number(text, v);
	deia_jw_kraw(w, key, text);
}

/* ---- decisions ---------------------------------------------------------- */

static void print_candidate(deia_hive *h, deia_jw *w,
			    const struct deia_scheduler_candidate *c)
{
	struct deia_scheduler_bot_status st;

	deia_jw_object(w);
	deia_jw_kstr(w, "bot", c->choice.bot);
	figure(w, "score", c->choice.score);
	figure(w, "wait_seconds", c->choice.wait_seconds);
	figure(w, "run_seconds", c->choice.run_seconds);
	figure(w, "success_ratio", c->choice.success_ratio);
	deia_jw_kint(w, "samples", (int64_t)c->pair.samples);
	if (!deia_scheduler_bot_status(h->scheduling->scheduler, c->choice.bot,
				       &st)) {
		deia_jw_kint(w, "max_concurrent", st.max_concurrent);
		deia_jw_kint(w, "running", st.running);
		deia_jw_kint(w, "others", st.others);
	}
	deia_jw_end_object(w);
}

void deia__scheduling_decided(deia_hive *h, const char *task, unsigned attempt,
			      const struct deia_scheduler_recommendation *r)
{
	deia_jw *w;

	if (!h->scheduling->journal || !r->len)
		return;
	w = begin(h, "decision", task);
	deia_jw_kint(w, "attempt", attempt);
	deia_jw_kstr(w, "task_type", r->type);
	deia_jw_kstr(w, "policy", deia_scheduler_policy_name(r->policy));
	deia_jw_kstr(w, "bot", r->best[0].choice.bot);
	figure(w, "confidence", r->confidence);
	deia_jw_kbool(w, "probe", r->best[0].choice.probe);
	deia_jw_kint(w, "of", r->candidates);
	deia_jw_key(w, "candidates");
	deia_jw_array(w);
	for (unsigned i = 0; i < r->len && i < DEIA_MAX_ALTERNATIVES; i++)
		print_candidate(h, w, &r->best[i]);
	deia_jw_end_array(w);
	end(h);
}

/* ---- outcomes ----------------------------------------------------------- */

static void print_outcome(deia_jw *w, const struct deia_scheduler_outcome *o)
{
	deia_jw_kstr(w, "bot", o->bot);
	deia_jw_kstr(w, "task_type", o->type);
	number(w, "seconds", o->seconds);
	deia_jw_kbool(w, "success", o->success);
}

void deia__scheduling_recorded(deia_hive *h, const char *task,
			       const struct deia_scheduler_outcome *o)
{
	deia_jw *w;

	if (!h->scheduling->journal)
		return;
	w = begin(h, "task_recorded", task);
	print_outcome(w, o);
	end(h);
}

void deia__scheduling_corrected(deia_hive *h, const char *task,
				const struct deia_scheduler_outcome *o,
				bool success)
{
	deia_jw *w;

	if (!h->scheduling->journal)
		return;
	w = begin(h, "task_corrected", task);
	print_outcome(w, o);
	deia_jw_kbool(w, "verdict", success);
	end(h);
}

void deia__scheduling_was_reset(deia_hive *h, const char *bot, const char *type)
{
	deia_jw *w;

	if (!h->scheduling->journal)
		return;
	w = begin(h, "learning_reset", NULL);
	deia_jw_kstr(w, "bot", bot);
	deia_jw_kstr(w, "task_type", type);
	end(h);
}
