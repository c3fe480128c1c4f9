/* SPDX-License-Identifier: MIT */
/*
 * turn.c - one turn: waiting, the files before, the command, the files
 * after, the end.
 *
 * At most max_concurrent commands run; the hive keeps to that as well, but may
 * take a turn for over whose command needs its time to end. A turn that is
 * interrupted still ends here, when nothing of its command runs any more.
 */
#include "exec/exec.h"

#include <string.h>

#include <deia/trace.h>

#include "core/mem.h"

#define AFTER_MS 10000
/* Somebody waits for the end of an interrupted turn. */
#define AFTER_STOP_MS 500
/* Of the details, what is not file names. */
#define DENIED_BYTES 2000

static void run(struct exec_turn *t);

/* ---- the end ------------------------------------------------------------------ */

static void end_timers(struct exec_turn *t)
{
	event_del(&t->ev_total);
	event_del(&t->ev_silence);
	event_del(&t->ev_linger);
}

/* The loop may be gone already. */
static void free_turn(struct exec_turn *t)
{
	TAILQ_REMOVE(&t->x->turns, t, link);
	deia__child_free(t->child);
	deia__exec_argv_free(t->argv);
	deia__buf_fini(&t->input);
	deia__exec_out_fini(t);
	deia__exec_files_free(t->files);
	deia__free(t->text);
	deia__free(t->denied);
	deia__free(t->details);
	deia__free(t);
}

static void set_details(struct exec_turn *t)
{
	deia_jw w;

	if (t->details) {
		deia_turn_set_details(t->turn, t->details, strlen(t->details));
		return;
	}
	deia_jw_init(&w);
	deia_jw_object(&w);
	if (t->exit_code >= 0)
		deia_jw_kint(&w, "exit_code", t->exit_code);
	if (t->cost_usd >= 0)
		deia_jw_knum(&w, "cost_usd", t->cost_usd);
	if (t->agent_turns >= 0)
		deia_jw_kint(&w, "turns", t->agent_turns);
	if (t->denied && strlen(t->denied) < DENIED_BYTES)
		deia_jw_kraw(&w, "denied", t->denied);
	if (t->files)
		deia__exec_files_print(t->files, &w);
	deia_jw_end_object(&w);
	if (!deia_jw_status(&w) && w.len > 2)
		deia_turn_set_details(t->turn, w.text, w.len);
	deia_jw_fini(&w);
}

static void finish(struct exec_turn *t)
{
	struct exec *x = t->x;

	set_details(t);
	if (t->end == EXEC_GOOD)
		deia_turn_done(t->turn, t->text, &t->usage, NULL);
	else
		deia_turn_fail(t->turn, t->code, t->retryable, t->retry_after,
			       t->message);
	if (t->phase != EXEC_WAITING)
		x->running--;
	end_timers(t);
	free_turn(t);
	deia__exec_turns_pump(x);
}

/* ---- the command ---------------------------------------------------------------- */

/* The agent has forgotten its session: once more, from the beginning. */
static bool begin_anew(struct exec_turn *t)
{
	if (!t->resumed || t->stopped || t->answer_bytes ||
	    t->end != EXEC_BAD || strcmp(t->code, "session_lost") != 0)
		return false;
	deia_worker_note(t->x->w, "the agent does not know the session any "
				  "more: a new one is begun");
	t->fresh = true;
	t->end = EXEC_OPEN;
	deia__exec_argv_free(t->argv);
	t->argv = NULL;
	deia__buf_fini(&t->input);
	deia__exec_out_fini(t);
	run(t);
	return true;
}

static void look_after(struct exec_turn *t)
{
	t->phase = EXEC_AFTER;
	if (t->files)
		deia__exec_files_after(t->files,
				       t->stopped ? AFTER_STOP_MS : AFTER_MS);
	else
		finish(t);
}

static void on_end(const struct deia__child_end *end, void *user)
{
	struct exec_turn *t = user;

	deia__child_free(t->child);
	t->child = NULL;
	event_del(&t->ev_silence);
	event_del(&t->ev_linger);
	deia__exec_out_end(t);
	t->exit_code = end->code;
	if (t->end == EXEC_OPEN)
		deia__exec_fail_by_exit(t, end);
	if (!begin_anew(t))
		look_after(t);
}

/* False: the turn has none. */
static bool print_trace(const struct exec_turn *t, char *out, size_t len)
{
	char trace[DEIA_TRACEPARENT_LEN + 1];

	if (!deia_trace_parse(trace, deia_turn_info(t->turn)->traceparent))
		return false;
	snprintf(out, len, "TRACEPARENT=%s", trace);
	return true;
}

static deia_err start(struct exec_turn *t, int *error)
{
	char trace[sizeof("TRACEPARENT=") + DEIA_TRACEPARENT_LEN];
	const char *env[] = { print_trace(t, trace, sizeof(trace)) ? trace
								   : NULL,
			      NULL };
	struct deia__child_opts opts = {
		.argv = t->argv,
		.dir = t->x->config.dir,
		.env = env,
		.input = t->input.len ? t->input.data : NULL,
		.input_len = t->input.len,
		.on_out = deia__exec_out,
		.on_err = deia__exec_err,
		.on_end = on_end,
		.user = t,
	};

	return deia__child_start(&t->child, deia_worker_base(t->x->w), &opts,
				 error);
}

static void run(struct exec_turn *t)
{
	struct timeval silence = { t->x->config.silence_seconds, 0 };
	deia_err err = deia__exec_command(t);
	int error = 0;

	t->phase = EXEC_RUNNING;
	deia__exec_out_init(t);
	if (!err)
		err = start(t, &error);
	if (err == DEIA_EIO)
		deia__exec_fail_start(t, error);
	else if (err)
		deia__exec_turn_fail(t, "out_of_memory", true, 0, "%s",
				     deia_err_text(err));
	if (err) {
		finish(t);
		return;
	}
	if (silence.tv_sec)
		event_add(&t->ev_silence, &silence);
	if (deia_worker_is_full(t->x->w))
		deia__child_pause(t->child, true);
}

/* ---- phases ------------------------------------------------------------------------ */

static void on_files(void *user)
{
	struct exec_turn *t = user;

	if (t->phase == EXEC_BEFORE)
		run(t);
	else
		finish(t);
}

static void begin(struct exec_turn *t)
{
	struct exec *x = t->x;

	x->running++;
	t->phase = EXEC_BEFORE;
	if (x->config.files)
		t->files = deia__exec_files_before(deia_worker_base(x->w),
						   &x->folder, on_files, t);
	if (!t->files)
		run(t);
}

static struct exec_turn *next_waiting(struct exec *x)
{
	struct exec_turn *t;

	TAILQ_FOREACH(t, &x->turns, link)
		if (t->phase == EXEC_WAITING)
			return t;
	return NULL;
}

void deia__exec_turns_pump(struct exec *x)
{
	struct exec_turn *t;

	while (x->ready && x->running < x->config.max_concurrent &&
	       (t = next_waiting(x)))
		begin(t);
}

/* ---- deadlines ---------------------------------------------------------------------- */

static void on_total(evutil_socket_t fd, short what, void *arg)
{
	struct exec_turn *t = arg;

	(void)fd, (void)what;
	deia__exec_turn_stop(t, "timed_out", true,
			     "the turn took longer than its %u s",
			     deia_turn_info(t->turn)->timeout_seconds);
	if (t->phase != EXEC_RUNNING)
		finish(t);
}

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct exec_turn *t = arg;
	struct timeval again = { t->x->config.silence_seconds, 0 };

	(void)fd, (void)what;
	if (deia_worker_is_full(t->x->w)) { /* it is us who do not read */
		event_add(&t->ev_silence, &again);
		return;
	}
	deia__exec_turn_stop(t, "command_silent", true,
			     "the command wrote nothing for %u s (option "
			     "silence_timeout_seconds)",
			     t->x->config.silence_seconds);
}

/* It said how the turn ended, and does not end. */
static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	struct exec_turn *t = arg;

	(void)fd, (void)what;
	if (t->child)
		deia__child_stop(t->child);
}

void deia__exec_turn_interrupt(struct exec_turn *t)
{
	deia__exec_turn_stop(t, "interrupted", false,
			     "the answer was interrupted");
	if (t->phase != EXEC_RUNNING)
		finish(t);
}

/* ---- beginning ------------------------------------------------------------------------ */

void deia__exec_turn_begin(struct exec *x, deia_turn *turn)
{
	struct timeval total = { deia_turn_info(turn)->timeout_seconds, 0 };
	struct event_base *base = deia_worker_base(x->w);
	struct exec_turn *t = deia__alloc(sizeof(*t));

	if (!t) {
		deia_turn_fail(turn, "out_of_memory", true, 0,
			       "the bot has no memory left");
		return;
	}
	t->x = x;
	t->turn = turn;
	t->usage.prompt_tokens = t->usage.completion_tokens = -1;
	t->cost_usd = -1;
	t->agent_turns = t->exit_code = -1;
	deia_turn_set_user(turn, t);
	event_assign(&t->ev_total, base, -1, 0, on_total, t);
	event_assign(&t->ev_silence, base, -1, 0, on_silence, t);
	event_assign(&t->ev_linger, base, -1, 0, on_linger, t);
	event_add(&t->ev_total, &total);
	TAILQ_INSERT_TAIL(&x->turns, t, link);
	deia__exec_turns_pump(x);
}

void deia__exec_turns_drained(struct exec *x)
{
	struct exec_turn *t;

	TAILQ_FOREACH(t, &x->turns, link)
		if (t->child)
			deia__child_pause(t->child, false);
}

void deia__exec_turns_leave(struct exec *x)
{
	struct exec_turn *t;

	TAILQ_FOREACH(t, &x->turns, link) {
		end_timers(t);
		deia__exec_files_free(t->files);
		t->files = NULL;
		if (t->child)
			deia__child_leave(t->child);
	}
}

void deia__exec_turns_free(struct exec *x)
{
	struct exec_turn *t;

	while ((t = TAILQ_FIRST(&x->turns)))
		free_turn(t);
}
