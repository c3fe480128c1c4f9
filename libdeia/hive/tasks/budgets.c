/* SPDX-License-Identifier: MIT */
/*
 * budgets.c - what bots and the whole hive may use in a day.
 *
 * Turns are counted when they end, messages when they are sent. What a budget
 * holds back is looked at with every count, and each minute while something is
 * held, since the wall clock may be set; in between a bot's `held` is a flag.
 * Turns are cancelled from the loop, never from within the end of another.
 */
#include "hive/tasks/budgets.h"

#include <stdio.h>
#include <string.h>

#include "hive/mail/reply.h"
#include "hive/tasks/tasks.h"

#define LOOK_MS 60000
#define DAY_NAME "day"

static const int64_t nothing[DEIA__BUDGET_UNITS];

/* ---- whose budget ------------------------------------------------------- */

static const struct deia_budget *budget_of(const deia_hive *h,
					   const struct deia__hbot *b)
{
	const struct deia__budgets *all = h->budgets;
	const struct deia_budget *any = NULL;

	for (size_t i = 0; all && i < all->n; i++) {
		if (strcmp(all->list[i].bot, b->id) == 0)
			return &all->list[i].budget;
		if (strcmp(all->list[i].bot, "*") == 0)
			any = &all->list[i].budget;
	}
	return any;
}

static const struct deia_budget *day_of(const deia_hive *h)
{
	return deia__budget_is_set(&h->budgets->day) ? &h->budgets->day : NULL;
}

const char *deia__budgets_held(const deia_hive *h, const struct deia__hbot *b)
{
	if (!h->budgets)
		return NULL;
	if (b->budget.held)
		return b->budget.reason;
	return h->budgets->use.held ? h->budgets->use.reason : NULL;
}

/* ---- what follows ------------------------------------------------------- */

/* Something about the work of a bot has changed. */
static void tell_bot(deia_hive *h, struct deia__hbot *b)
{
	deia__tasks_bot_load(h, b->id);
	if (b->replier)
		deia__replier_look(b->replier);
}

static void tell_all(deia_hive *h)
{
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next)
		tell_bot(h, b);
}

/* {"bot","on_exceed","reason"} */
static void tell_event(deia_hive *h, const struct deia_budget *budget,
		       const struct deia__hbot *b, const char *reason)
{
	struct deia__change *c = deia__change_new(h);
	struct deia__errmsg kept = h->msg;
	bool has_field = h->has_field;
	deia_jw w;

	deia__hive_log(h, DEIA_LOG_WARN, "%s%s: %s", b ? "bot " : "all bots",
		       b ? b->id : "", reason);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "bot", b ? b->id : NULL);
	deia_jw_kstr(&w, "on_exceed", deia_on_exceed_name(budget->on_exceed));
	deia_jw_kstr(&w, "reason", reason);
	deia_jw_end_object(&w);
	deia__change_event(c, "budget.exceeded", b ? b->id : "",
			   deia_jw_status(&w) ? NULL : w.text);
	deia_jw_fini(&w);
	if (deia__change_commit(c, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "that a budget is used up is no event: %s",
			       h->msg.text);
	h->msg = kept;
	h->has_field = has_field;
}

static bool stops(const struct deia_budget *budget,
		  const struct deia__budget_use *use)
{
	return budget && use->held && budget->on_exceed == DEIA_ON_EXCEED_STOP;
}

/* From the loop: ends the turns of what was stopped. */
static void cancel_now(void *arg)
{
	deia_hive *h = arg;
	struct deia__hbot *b, *next;
	bool all;

	if (h->freeing || !h->budgets)
		return;
	h->budgets->cancelling = false;
	all = stops(day_of(h), &h->budgets->use);
	HASH_ITER(hh, h->hbots, b, next) {
		if (!all && !stops(budget_of(h, b), &b->budget))
			continue;
		deia__turns_cancel_bot(b);
		deia__task_runs_cancel(h, b);
	}
}

static void cancel_soon(deia_hive *h)
{
	if (h->budgets->cancelling || h->freeing)
		return;
	if (deia__post_call(h->post, cancel_now, h))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "out of memory: what runs goes on");
	else
		h->budgets->cancelling = true;
}

static void on_renew(void *arg);

static void look_later(deia_hive *h)
{
	struct deia__timer *timer = &h->budgets->renew;
	int64_t now = deia__unix_ms(NULL);
	struct deia__budget b = { .per = DEIA__BUDGET_DAY };
	int64_t rest = deia__budget_renewed_unix_ms(&b, now) - now;

	timer->fn = on_renew;
	timer->arg = h;
	if (deia__timer_set(h->timers, timer, rest < LOOK_MS ? rest : LOOK_MS))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "out of memory: budgets are not renewed until "
			       "something is counted");
}

/* How it stands now; b: NULL for the day. True: it holds where it did not, or
 * the other way. */
static bool judge(deia_hive *h, const struct deia_budget *budget,
		  struct deia__budget_use *use, const struct deia__hbot *b,
		  bool fresh)
{
	struct deia__budget_verdict v = { 0 };
	bool was = use->held, over;

	if (budget) {
		struct deia__budget d =
			deia__budget_of(DEIA__BUDGET_DAY, budget);

		deia__budget_ask(&d, &use->count, nothing, deia__unix_ms(NULL),
				 &v);
	}
	snprintf(use->reason, sizeof(use->reason), "%.*s",
		 (int)sizeof(use->reason) - 1, v.text);
	over = budget && v.exceeded;
	use->held = over && budget->on_exceed != DEIA_ON_EXCEED_NOTIFY;
	if (over && (fresh || v.fresh)) {
		use->count.told |= 1u << v.unit;
		use->dirty = true;
		deia__saver_changed(&h->budgets->saver);
		tell_event(h, budget, b, use->reason);
	}
	if (use->held && !was && budget->on_exceed == DEIA_ON_EXCEED_STOP)
		cancel_soon(h);
	if (use->held && !deia__timer_armed(&h->budgets->renew))
		look_later(h);
	return use->held != was;
}

/* All of them, after midnight or new settings. */
static void judge_all(deia_hive *h)
{
	struct deia__hbot *b, *next;

	if (judge(h, day_of(h), &h->budgets->use, NULL, false))
		tell_all(h);
	HASH_ITER(hh, h->hbots, b, next)
		if (judge(h, budget_of(h, b), &b->budget, b, false))
			tell_bot(h, b);
}

static void on_renew(void *arg)
{
	deia_hive *h = arg;

	if (!h->freeing && !h->budgets->stopped)
		judge_all(h);
}

/* ---- counting ----------------------------------------------------------- */

static bool count_one(deia_hive *h, const struct deia_budget *budget,
		      struct deia__budget_use *use, const struct deia__hbot *b,
		      const int64_t more[static DEIA__BUDGET_UNITS])
{
	struct deia__budget d;
	struct deia__budget_verdict v;

	if (!budget)
		return false;
	d = deia__budget_of(DEIA__BUDGET_DAY, budget);
	deia__budget_add(&d, &use->count, more, deia__unix_ms(NULL), &v);
	use->dirty = true;
	deia__saver_changed(&h->budgets->saver);
	return judge(h, budget, use, b, v.fresh);
}

static void count(deia_hive *h, struct deia__hbot *b,
		  const int64_t more[static DEIA__BUDGET_UNITS])
{
	if (!h->budgets || h->budgets->stopped || h->freeing)
		return;
	if (count_one(h, budget_of(h, b), &b->budget, b, more))
		tell_bot(h, b);
	if (count_one(h, day_of(h), &h->budgets->use, NULL, more))
		tell_all(h);
}

void deia__budgets_turn(deia_hive *h, struct deia__hbot *b,
			const struct deia_work_result *res)
{
	int64_t in = res->prompt_tokens, out = res->completion_tokens;
	int64_t more[DEIA__BUDGET_UNITS] = {
		[DEIA__BUDGET_TOKENS] = (in > 0 ? in : 0) + (out > 0 ? out : 0),
		[DEIA__BUDGET_MS] = (int64_t)res->run_ms,
	};

	count(h, b, more);
}

void deia__budgets_sent(deia_hive *h, const char *bot, size_t n)
{
	struct deia__hbot *b = deia__hbot_get(h, bot);
	int64_t more[DEIA__BUDGET_UNITS] = {
		[DEIA__BUDGET_MESSAGES] = (int64_t)n,
	};

	if (!b)
		return;
	b->n_sent += n;
	count(h, b, more);
}

static bool is_sent_up(const struct deia_budget *budget,
		       const struct deia__budget_use *use)
{
	return budget && use->held && budget->messages &&
	       use->count.used[DEIA__BUDGET_MESSAGES] >= budget->messages;
}

deia_err deia__budgets_may_send(deia_hive *h, const char *bot)
{
	const struct deia__hbot *b = deia__hbot_get(h, bot);
	const struct deia__task_run *r = b ? deia__task_run_sent_up(b) : NULL;

	if (r)
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" sends nothing more while it "
				       "works on task %s: the messages of the "
				       "task's budget are used up",
				       bot, r->task);
	if (!b || !h->budgets)
		return DEIA_OK;
	if (is_sent_up(budget_of(h, b), &b->budget) ||
	    is_sent_up(day_of(h), &h->budgets->use))
		return deia__hive_fail(h, DEIA_ESTATE,
				       "bot \"%s\" sends nothing more today: "
				       "%s",
				       bot, deia__budgets_held(h, b));
	return DEIA_OK;
}

/* Seconds that are left, at least 1; 0: it does not say. */
static unsigned left(const struct deia_budget *budget,
		     const struct deia__budget_use *use)
{
	int64_t today = deia__unix_ms(NULL) / 86400000, used, rest;

	if (!budget || !budget->seconds ||
	    budget->on_exceed != DEIA_ON_EXCEED_STOP)
		return 0;
	used = use->count.day < today ? 0 : use->count.used[DEIA__BUDGET_MS];
	rest = budget->seconds - used / 1000;
	return rest > 1 ? (unsigned)rest : 1;
}

unsigned deia__budgets_time(const deia_hive *h, const struct deia__hbot *b,
			    unsigned limit)
{
	unsigned rests[2];

	if (!h->budgets)
		return limit;
	rests[0] = left(budget_of(h, b), &b->budget);
	rests[1] = left(day_of(h), &h->budgets->use);
	for (int i = 0; i < 2; i++)
		if (rests[i] && (!limit || rests[i] < limit))
			limit = rests[i];
	return limit;
}

/* ---- life --------------------------------------------------------------- */

deia_err deia__budgets_open(deia_hive *h)
{
	deia_err err;

	h->budgets = deia__alloc(sizeof(*h->budgets));
	if (h->budgets)
		deia__saver_init(&h->budgets->saver, h, &deia__budgets_rows);
	err = h->budgets ? deia__budgets_load(h) : DEIA_ENOMEM;
	return err ? deia__hive_fail(h, err,
				     "what was used of budgets cannot be read: "
				     "%s",
				     deia_err_text(err))
		   : DEIA_OK;
}

void deia__budgets_stop(deia_hive *h)
{
	struct deia__budgets *all = h->budgets;

	if (!all || all->stopped)
		return;
	all->stopped = true;
	deia__timer_clear(h->timers, &all->renew);
	deia__saver_stop(&all->saver);
}

void deia__budgets_free(deia_hive *h)
{
	if (!h->budgets)
		return;
	deia__timer_clear(h->timers, &h->budgets->renew);
	deia__free(h->budgets->list);
	deia__free(h->budgets);
	h->budgets = NULL;
}

static bool is_possible(const struct deia_budget *b)
{
	return b->tokens >= 0 && b->tokens <= DEIA_BUDGET_MAX_TOKENS &&
	       b->seconds >= 0 && b->seconds <= DEIA_BUDGET_MAX_SECONDS &&
	       b->messages >= 0 && b->messages <= DEIA_BUDGET_MAX_MESSAGES &&
	       (unsigned)b->on_exceed < DEIA_ON_EXCEEDS;
}

static bool is_name(const char *bot)
{
	return !bot || strcmp(bot, "*") == 0 || deia_bot_id_valid(bot);
}

deia_err deia_hive_budgets_configure(deia_hive *h,
				     const struct deia_budget_setting *settings,
				     size_t n)
{
	struct deia__budgets *all = h->budgets;
	struct deia__budget_named *list;
	struct deia_budget day = { 0 };
	size_t used = 0;

	if (n > DEIA_BUDGETS_MAX)
		return deia__hive_fail(h, DEIA_ELIMIT,
				       "at most %d budgets may be set",
				       DEIA_BUDGETS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!is_possible(&settings[i].budget) ||
		    !is_name(settings[i].bot))
			return deia__hive_fail(h, DEIA_EINVAL,
					       "budget %zu is out of range", i);
	list = deia__alloc((n + 1) * sizeof(*list));
	if (!list)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		if (!settings[i].bot) {
			day = settings[i].budget;
			continue;
		}
		snprintf(list[used].bot, sizeof(list[used].bot), "%s",
			 settings[i].bot);
		list[used++].budget = settings[i].budget;
	}
	deia__free(all->list);
	all->list = list;
	all->n = used;
	all->day = day;
	judge_all(h);
	return DEIA_OK;
}

/* ---- what people ask and do --------------------------------------------- */

static void show(const struct deia_budget *budget,
		 const struct deia__budget_use *use, const char *bot,
		 void (*cb)(const struct deia_budget_status *status,
			    void *user),
		 void *user)
{
	int64_t now = deia__unix_ms(NULL);
	struct deia__budget d = { .per = DEIA__BUDGET_DAY };
	bool old = use->count.day < now / 86400000;
	struct deia_budget_status s = {
		.bot = bot,
		.limits = *budget,
		.reason = use->reason,
		.renewed_unix_ms = deia__budget_renewed_unix_ms(&d, now),
	};

	if (!old) {
		s.tokens = use->count.used[DEIA__BUDGET_TOKENS];
		s.seconds = (double)use->count.used[DEIA__BUDGET_MS] / 1000;
		s.messages = use->count.used[DEIA__BUDGET_MESSAGES];
	}
	cb(&s, user);
}

void deia_hive_budgets_each(deia_hive *h,
			    void (*cb)(const struct deia_budget_status *status,
				       void *user),
			    void *user)
{
	const struct deia_budget *budget = day_of(h);
	struct deia__hbot *b, *next;

	if (budget)
		show(budget, &h->budgets->use, NULL, cb, user);
	HASH_ITER(hh, h->hbots, b, next) {
		budget = budget_of(h, b);
		if (budget && !b->creating)
			show(budget, &b->budget, b->id, cb, user);
	}
}

struct reset {
	deia_done_cb cb;
	void *user;
};

static void on_reset(deia_hive *h, deia_err err, const int64_t *seqs,
		     size_t n_seqs, void *arg)
{
	struct reset *r = arg;

	(void)seqs;
	(void)n_seqs;
	if (err)
		deia__saver_refused(&h->budgets->saver);
	if (r->cb)
		r->cb(err, r->user);
	deia__free(r);
}

static void forget(struct deia__budget_use *use)
{
	memset(&use->count, 0, sizeof(use->count));
	use->dirty = true;
}

static bool forget_named(deia_hive *h, const char *name)
{
	struct deia__hbot *b = deia__hbot_get(h, name);
	bool any = false;

	if (strcmp(name, DAY_NAME) == 0 && day_of(h)) {
		forget(&h->budgets->use);
		any = true;
	}
	if (b && !b->creating && budget_of(h, b)) {
		forget(&b->budget);
		any = true;
	}
	return any;
}

deia_err deia_hive_budget_reset(deia_hive *h, const struct deia_actor *actor,
				const char *name, deia_done_cb cb, void *user)
{
	struct deia__change *c;
	struct reset *r;
	deia_err err;

	if (actor->role < DEIA_ROLE_OPERATOR)
		return deia__hive_fail(h, DEIA_EDENIED,
				       "only operators and administrators "
				       "reset budgets");
	r = deia__alloc(sizeof(*r));
	if (!r)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	r->cb = cb;
	r->user = user;
	if (!forget_named(h, name)) {
		deia__free(r);
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "\"%.64s\" has no budget here; `deia "
				       "budget` lists them",
				       name);
	}
	judge_all(h);
	c = deia__change_new(h);
	deia__saver_put(&h->budgets->saver, c);
	deia__change_audit(c, actor, "budget.reset", name, DEIA_OK);
	err = deia__change_commit(c, h, on_reset, r);
	if (err) {
		deia__saver_refused(&h->budgets->saver);
		deia__free(r);
	}
	return err;
}
