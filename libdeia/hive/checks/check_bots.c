/* SPDX-License-Identifier: MIT */
/*
 * check_bots.c - bots: one is launched, asked something and removed.
 *
 * It lives in a supervisor of its own, which the rest of the hive does not know:
 * so it is in no list, count, history, metric or alert, learns nothing, has no
 * token, and its log goes nowhere. It is the same program under the same guard
 * as any echo bot.
 */
#include "hive/checks/checks.h"

#include <string.h>

#define PROBE "deia-check"
#define WARN_S 10
#define READY_S 20

#define PROGRAMS                                                               \
	"deia-guard and deia-bot must be beside deiad or on its PATH, and it " \
	"must be allowed to start processes: `ulimit -u`."

static void end_probe(deia_hive *h)
{
	struct deia__probes *c = h->probes;
	struct deia__probe_part *p = c->bot_part;

	c->bot_part = NULL;
	if (p)
		deia__probe_part_done(p);
}

/* Where to say what comes of it; NULL: that is known, or too late. */
static struct deia_check_result *unsaid(deia_hive *h)
{
	struct deia__probes *c = h->probes;

	if (!c->bot_part || c->bot_answered)
		return NULL;
	c->bot_answered = true;
	return deia__probe_draft(c->bot_part);
}

/* Stopped, or it has failed: then it goes. */
static void on_state(const struct deia_bot_info *info, deia_bot_state from,
		     void *user)
{
	deia_hive *h = user;
	bool ended = info->state == DEIA_BOT_STOPPED ||
		     info->state == DEIA_BOT_FAILED;
	struct deia_check_result *r;

	if (!ended || from == info->state)
		return;
	r = unsaid(h);
	if (r)
		deia__probe_say(r, DEIA_CHECK_FAIL, PROGRAMS,
				"A bot could not be launched: %s.",
				info->state_reason);
	(void)!deia_bots_remove(h->probes->bots, PROBE);
	end_probe(h);
}

static void say_answer(struct deia_check_result *r,
		       const struct deia__probe_part *p,
		       const struct deia_work_result *result)
{
	double s = deia__probe_part_seconds(p);
	deia_check_status status;

	if (result->err) {
		deia__probe_say(r, DEIA_CHECK_FAIL, PROGRAMS,
				"A bot could not be asked: %s.",
				result->message[0]
					? result->message
					: deia_err_text(result->err));
	} else if (result->text_len != strlen(p->word) ||
		   memcmp(result->text, p->word, result->text_len) != 0) {
		deia__probe_say(r, DEIA_CHECK_FAIL,
				"deia-bot is of another version than deiad: "
				"install both anew.",
				"A bot gave another answer than was asked "
				"for.");
	} else {
		status = deia__probe_figure(r, "launch_to_answer", "seconds", s,
					    WARN_S, (double)NAN);
		deia__probe_say(r, status, "The machine is busy: see `top`.",
				"A bot was launched and answered after %.2f s.",
				s);
	}
}

static void on_done(const struct deia_work_result *result, void *user)
{
	deia_hive *h = user;
	struct deia__probes *c = h->probes;
	const struct deia_bot_info *info = deia_bots_get(c->bots, PROBE);
	struct deia_check_result *r;

	if (info && info->state == DEIA_BOT_FAILED)
		return; /* on_state will say why, and end it */
	r = unsaid(h);
	if (r)
		say_answer(r, c->bot_part, result);
	if (c->bot_part && (!info || deia_bots_stop(c->bots, PROBE))) {
		(void)!deia_bots_remove(c->bots, PROBE);
		end_probe(h);
	}
}

/* Kept for the next time: it has no thread and no descriptor but its timer. */
static deia_err have_supervisor(deia_hive *h)
{
	struct deia_bots_opts o = DEIA_BOTS_OPTS_INIT;

	if (h->probes->bots)
		return DEIA_OK;
	o.guard_program = h->guard_program;
	o.bot_program = h->probes->bot_program;
	o.user = h;
	o.on_state = on_state;
	return deia_bots_new(&h->probes->bots, h->base, &o);
}

static deia_err launch(deia_hive *h, struct deia__probe_part *p)
{
	static const struct deia_work_events events = { .on_done = on_done };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;
	struct deia_work_spec work = {
		.size = sizeof(work),
		.id = p->word,
		.kind = DEIA_WORK_CHAT,
		.content = p->word,
		.timeout_seconds = READY_S,
	};
	deia_bots *bots;
	deia_err err = have_supervisor(h);

	if (err)
		return err;
	bots = h->probes->bots;
	spec.id = PROBE;
	spec.adapter = "echo";
	spec.restart = DEIA_RESTART_NEVER;
	spec.ready_timeout_seconds = READY_S;
	spec.stop_timeout_seconds = 2;
	err = deia_bots_add(bots, &spec);
	if (!err)
		err = deia_bots_start(bots, PROBE);
	if (!err)
		err = deia_bots_submit(bots, PROBE, &work, &events, h, NULL);
	return err;
}

static void probe(deia_hive *h, struct deia_check_result *r)
{
	struct deia__probes *c = h->probes;
	struct deia__probe_part *p;
	deia_err err;

	if (c->bots && deia_bots_count(c->bots)) {
		deia__probe_say(r, DEIA_CHECK_FAIL, PROGRAMS,
				"The bot of the check before still ends.");
		return;
	}
	p = deia__probe_part_new(h, DEIA_CHECK_BOTS);
	if (!p)
		return;
	c->bot_part = p;
	c->bot_answered = false;
	err = launch(h, p);
	if (!err)
		return;
	c->bot_answered = true;
	deia__probe_say(
		r, DEIA_CHECK_FAIL, PROGRAMS, "No bot could be launched: %s.",
		c->bots ? deia_bots_errmsg(c->bots) : deia_err_text(err));
	/* One that runs goes when it has stopped. */
	if (c->bots && deia_bots_stop(c->bots, PROBE))
		(void)!deia_bots_remove(c->bots, PROBE);
	end_probe(h);
}

/* ---- the others ------------------------------------------------------------ */

static void count(struct deia_check_result *r, const deia_hive *h)
{
	unsigned n[DEIA_BOT_STATES], all = (unsigned)deia_bots_count(h->bots);
	deia_check_status failed, offline;

	deia_bots_count_states(h->bots, n);
	failed = deia__probe_figure(r, "failed", "count", n[DEIA_BOT_FAILED], 0,
				    (double)NAN);
	offline = deia__probe_figure(r, "offline", "count", n[DEIA_BOT_OFFLINE],
				     0, (double)NAN);
	deia__probe_say(r, failed > offline ? failed : offline,
			"`deia bot list` says which and why; `deia bot logs "
			"BOT` what it said.",
			"%u of %u bots have failed, %u are offline.",
			n[DEIA_BOT_FAILED], all, n[DEIA_BOT_OFFLINE]);
}

void deia__probe_bots(deia_hive *h)
{
	struct deia_check_result *r = &h->probes->runs[DEIA_CHECK_BOTS].draft;

	probe(h, r);
	count(r, h);
}

void deia__probe_bots_give_up(deia_hive *h)
{
	if (h->probes->bots)
		(void)!deia_bots_stop(h->probes->bots, PROBE);
}
