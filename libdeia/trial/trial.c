/* SPDX-License-Identifier: MIT */
/*
 * trial.c - plays the hive against a program: the list of checks, in order.
 *
 * A check that fails does not end the trial: the next one launches the program
 * anew when it has to. Only a program that never becomes ready is not asked
 * further. The loop is the trial's own, so a check is straight code.
 */
#include "trial/trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "core/mem.h"

#define MAX_TIMEOUT_SECONDS 3600

static const char *const verdict_names[] = {
#define VERDICT_NAME(e, n) [e] = n,
	DEIA_TRIAL_VERDICT_LIST(VERDICT_NAME)
#undef VERDICT_NAME
};

const char *deia_trial_verdict_name(deia_trial_verdict verdict)
{
	return (unsigned)verdict <= DEIA_TRIAL_SKIPPED ? verdict_names[verdict]
						       : "unknown";
}

int64_t deia__trial_now(const struct deia__trial *t)
{
	return deia__timers_now(t->env.timers);
}

/* ---- what was found ----------------------------------------------------------- */

static void count(struct deia__trial *t, deia_trial_verdict verdict)
{
	unsigned *const at[] = {
		[DEIA_TRIAL_OK] = &t->result.ok,
		[DEIA_TRIAL_WARNING] = &t->result.warnings,
		[DEIA_TRIAL_FAILED] = &t->result.failed,
		[DEIA_TRIAL_SKIPPED] = &t->result.skipped,
	};

	++*at[verdict];
}

static void report(struct deia__trial *t, struct deia_trial_finding *f)
{
	f->check = t->check;
	f->took_ms = deia__trial_now(t) - t->check_began_ms;
	count(t, f->verdict);
	t->opts.on_finding(f, t->opts.user);
}

void deia__trial_tell(struct deia__trial *t, deia_trial_verdict verdict,
		      const char *advice, const char *fmt, ...)
{
	char detail[DEIA__TRIAL_TEXT_BYTES];
	struct deia_trial_finding f = {
		.verdict = verdict,
		.detail = detail,
		.advice = advice,
	};
	va_list ap;

	if (t->told)
		return;
	t->told = true;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	report(t, &f);
}

/* Each kind of wrong line is a finding of its own. */
static void tell_wrongs(struct deia__trial *t,
			const struct deia__trial_wrongs *w)
{
	struct deia_trial_finding f = { .verdict = DEIA_TRIAL_FAILED };
	unsigned i;

	for (i = 0; i < w->n_kept; i++) {
		f.detail = w->kept[i].why;
		f.advice = w->kept[i].advice;
		f.line = w->kept[i].line_len != 0 ? w->kept[i].line : NULL;
		f.line_len = w->kept[i].line_len;
		t->told = true;
		report(t, &f);
	}
}

static struct deia__trial_wrongs *of_lines(struct deia__trial *t)
{
	return &t->lines;
}

static struct deia__trial_wrongs *of_turns(struct deia__trial *t)
{
	return &t->about_turns;
}

/* ---- the checks ----------------------------------------------------------------- */

static const struct check {
	const char *name;
	void (*run)(struct deia__trial *t);
	bool vital; /* without it the others make no sense */
	struct deia__trial_wrongs *(*wrongs)(struct deia__trial *t);
} checks[] = {
	{ "start", deia__trial_check_start, true, NULL },
	{ "ready", deia__trial_check_ready, true, NULL },
	{ "ping", deia__trial_check_ping, false, NULL },
	{ "task", deia__trial_check_task, false, NULL },
	{ "history", deia__trial_check_history, false, NULL },
	{ "text", deia__trial_check_text, false, NULL },
	{ "large", deia__trial_check_large, false, NULL },
	{ "session", deia__trial_check_session, false, NULL },
	{ "unknown", deia__trial_check_unknown, false, NULL },
	{ "several", deia__trial_check_several, false, NULL },
	{ "busy_ping", deia__trial_check_busy_ping, false, NULL },
	{ "interrupt", deia__trial_check_interrupt, false, NULL },
	{ "mail", deia__trial_check_mail, false, NULL },
	{ "garbage", deia__trial_check_garbage, false, NULL },
	{ "shutdown", deia__trial_check_shutdown, false, NULL },
	{ "end_of_input", deia__trial_check_end_of_input, false, NULL },
	{ "lines", deia__trial_check_lines, false, of_lines },
	{ "turns", deia__trial_check_turns, false, of_turns },
};
#define N_CHECKS (sizeof(checks) / sizeof(*checks))

/* False: there is no point in going on. */
static bool run_check(struct deia__trial *t, const struct check *c)
{
	unsigned failed = t->result.failed;

	t->check = c->name;
	t->check_began_ms = deia__trial_now(t);
	t->told = false;
	if (c->wrongs != NULL)
		tell_wrongs(t, c->wrongs(t));
	c->run(t);
	return !c->vital || t->result.failed == failed;
}

static void run_checks(struct deia__trial *t)
{
	size_t i;

	for (i = 0; i < N_CHECKS && !t->no_memory; i++) {
		if (run_check(t, &checks[i]))
			continue;
		/* What it said instead is worth knowing. */
		if (t->lines.n != 0)
			(void)run_check(t, &checks[N_CHECKS - 2]);
		break;
	}
	deia__trial_close(t);
}

/* ---- open and close --------------------------------------------------------------- */

static bool are_opts_good(const struct deia_trial_opts *o)
{
	struct cJSON *json = NULL;
	bool good;

	if (o->guard_program == NULL || o->argv == NULL || o->n_argv == 0 ||
	    o->n_argv > DEIA_MAX_ARGV_LEN || o->on_finding == NULL ||
	    o->timeout_seconds < 1 || o->timeout_seconds > MAX_TIMEOUT_SECONDS)
		return false;
	if (o->config == NULL)
		return true;
	good = deia_json_parse(&json, o->config, strlen(o->config), NULL) ==
		       DEIA_OK &&
	       cJSON_IsObject(json) && strchr(o->config, '\n') == NULL;
	cJSON_Delete(json);
	return good;
}

static deia_err set_env(struct deia__trial *t)
{
	size_t i;

	deia__env_inherit(&t->vars);
	for (i = 0; i < t->opts.n_env; i++)
		deia__env_put(&t->vars, t->opts.env[i]);
	deia__env_set(&t->vars, "DEIA_BOT_ID", "TRIAL");
	return t->vars.failed ? DEIA_ENOMEM : DEIA_OK;
}

static deia_err open_trial(struct deia__trial *t)
{
	deia_err err;

	t->base = event_base_new();
	if (t->base == NULL)
		return DEIA_ENOMEM;
	t->env.base = t->base;
	err = deia__timers_new(&t->env.timers, t->base, NULL);
	return err ? err : set_env(t);
}

static void close_trial(struct deia__trial *t)
{
	deia__env_fini(&t->vars);
	if (t->env.timers != NULL)
		deia__timers_free(t->env.timers);
	if (t->base != NULL)
		event_base_free(t->base);
	deia__free(t);
}

static bool take_opts(struct deia__trial *t, const struct deia_trial_opts *opts)
{
	static const struct deia_trial_opts init = DEIA_TRIAL_OPTS_INIT;

	if (opts == NULL || opts->size < offsetof(struct deia_trial_opts, cwd))
		return false;
	t->opts = init;
	memcpy(&t->opts, opts,
	       opts->size < sizeof(t->opts) ? opts->size : sizeof(t->opts));
	return are_opts_good(&t->opts);
}

deia_err deia_trial_run(const struct deia_trial_opts *opts,
			struct deia_trial_result *result)
{
	struct deia__trial *t = deia__alloc(sizeof(*t));
	deia_err err;

	memset(result, 0, sizeof(*result));
	if (t == NULL)
		return DEIA_ENOMEM;
	err = take_opts(t, opts) ? open_trial(t) : DEIA_EINVAL;
	if (!err)
		run_checks(t);
	if (!err && t->no_memory)
		err = DEIA_ENOMEM;
	*result = t->result;
	close_trial(t);
	return err;
}
