/* SPDX-License-Identifier: MIT */
/*
 * life.c - one process of a program on trial: its launch, what it says,
 * waiting for it, its end.
 *
 * Whatever it says is read by the supervisor's reader (bot/protocol.c) as it
 * comes and kept as plain facts in struct deia__trial; the checks look at
 * those. Nothing it writes is kept beyond a fixed size.
 */
#include "trial/trial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "bot/protocol.h"
#include "core/id.h"
#include "core/buf.h"
#include "core/mem.h"
#include "core/utf8.h"

/* After a kill: what is left of the process comes within this. */
#define KILL_WAIT_MS 10000
/* How long output that was held back may take once its input is closed. */
#define HELD_BACK_MS 2000

#define ADVICE_STDOUT                                                          \
	"stdout is for the hive alone: print everything else to stderr"
#define ADVICE_FLUSH                                                           \
	"flush stdout after each line (Python: print(..., flush=True))"

/* ---- wrong lines ----------------------------------------------------------- */

static void keep_wrong(struct deia__trial_wrongs *w, const char *why,
		       const char *advice, const char *line, size_t len)
{
	struct deia__trial_wrong *k;
	unsigned i;

	w->n++;
	for (i = 0; i < w->n_kept; i++)
		if (strcmp(w->kept[i].why, why) == 0)
			return;
	if (w->n_kept == DEIA__TRIAL_WRONGS)
		return;
	k = &w->kept[w->n_kept++];
	snprintf(k->why, sizeof(k->why), "%s", why);
	k->advice = advice;
	k->line_len = len < sizeof(k->line) ? len : sizeof(k->line);
	k->line_len = deia__utf8_whole(line, k->line_len);
	memcpy(k->line, line, k->line_len);
}

/* What to change, as far as the beginning of a line shows it. */
static const char *advice_for(deia_err err, const char *line, size_t len)
{
	if (err == DEIA_EPROTO)
		return "see \"Lines to the hive\" in docs/bot-protocol.md";
	if (len > 0 && line[0] == '{')
		return "write JSON with a JSON library: one object a line, "
		       "\\n inside texts";
	return ADVICE_STDOUT;
}

/* ---- lines ------------------------------------------------------------------ */

static struct deia__trial_turn *find_turn(struct deia__trial *t, const char *id)
{
	unsigned i;

	for (i = 0; i < t->n_turns; i++)
		if (strcmp(t->turns[i].id, id) == 0)
			return &t->turns[i];
	return NULL;
}

/* The turn of a line that may still have one; else the line is wrong. */
static struct deia__trial_turn *open_turn(struct deia__trial *t,
					  const struct deia__say *say,
					  const char *line, size_t len)
{
	struct deia__trial_turn *turn = find_turn(t, say->id);
	const char *an = say->type == DEIA__SAY_ERROR ? "an" : "a";
	char why[DEIA__TRIAL_TEXT_BYTES];

	if (turn != NULL && !turn->ended)
		return turn;
	if (turn != NULL)
		snprintf(why, sizeof(why),
			 "%s %s line for a turn that was over already", an,
			 say->type_name);
	else
		snprintf(why, sizeof(why),
			 "%s %s line with an id that no task had", an,
			 say->type_name);
	keep_wrong(&t->about_turns, why,
		   turn != NULL
			   ? "say exactly one done or error, as the turn's last"
			   : "repeat the \"id\" of the task as it is",
		   line, len);
	return NULL;
}

static void heed_chunk(struct deia__trial *t, struct deia__trial_turn *turn,
		       const struct deia__say *say)
{
	size_t len = strlen(say->text), shown = strlen(turn->shown), room;

	if (turn->n_chunks++ == 0)
		turn->first_ms = deia__trial_now(t);
	if (strcmp(say->channel, "answer") != 0)
		return;
	room = sizeof(turn->shown) - 1 - shown;
	room = deia__utf8_whole(say->text, len < room ? len : room);
	memcpy(turn->shown + shown, say->text, room);
	turn->answer_bytes += len;
	if (turn->answer_bytes > DEIA_MAX_ANSWER_BYTES &&
	    turn->answer_bytes - len <= DEIA_MAX_ANSWER_BYTES)
		keep_wrong(&t->about_turns, "an answer above 8 MiB",
			   "end the turn before that: the hive cuts it", "", 0);
}

static void heed_end(struct deia__trial *t, struct deia__trial_turn *turn,
		     const struct deia__say *say)
{
	turn->ended = true;
	turn->ended_at = t->n_lines;
	turn->ended_ms = deia__trial_now(t);
	turn->failed = say->type == DEIA__SAY_ERROR;
	if (turn->failed) {
		snprintf(turn->code, sizeof(turn->code), "%s", say->code);
		snprintf(turn->message, sizeof(turn->message), "%s",
			 say->message);
	} else if (say->text != NULL) {
		turn->answer_bytes = strlen(say->text);
		snprintf(turn->shown, sizeof(turn->shown), "%s", say->text);
	}
}

static void heed_ready(struct deia__trial *t, const struct deia__say *say,
		       const char *line, size_t len)
{
	if (t->n_ready++ != 0) {
		keep_wrong(&t->lines, "a second ready line",
			   "say ready once, after init", line, len);
		return;
	}
	t->ready_ms = deia__trial_now(t);
	t->max_concurrent = (unsigned)say->max_concurrent;
	deia__trial_note_mail(t, say);
}

static void heed_pong(struct deia__trial *t, const struct deia__say *say,
		      const char *line, size_t len)
{
	if (say->n > t->ping_n || t->ping_n == 0) {
		keep_wrong(&t->lines, "a pong with a number that no ping had",
			   "repeat the \"n\" of the ping", line, len);
		return;
	}
	t->pong_n = say->n;
	t->pong_ms = deia__trial_now(t);
	t->pong_at = t->n_lines;
}

static void heed(struct deia__trial *t, const struct deia__say *say,
		 const char *line, size_t len)
{
	struct deia__trial_turn *turn;

	switch (say->type) {
	case DEIA__SAY_READY:
		heed_ready(t, say, line, len);
		break;
	case DEIA__SAY_CHUNK:
		turn = open_turn(t, say, line, len);
		if (turn != NULL)
			heed_chunk(t, turn, say);
		break;
	case DEIA__SAY_DONE:
	case DEIA__SAY_ERROR:
		turn = open_turn(t, say, line, len);
		if (turn != NULL)
			heed_end(t, turn, say);
		break;
	case DEIA__SAY_PONG:
		heed_pong(t, say, line, len);
		break;
	default: /* status, tasks of its own: right as they are */
		deia__trial_heed_mail(t, say);
		break;
	}
}

static void on_line(void *arg, const char *text, size_t len)
{
	struct deia__trial *t = arg;
	struct deia__say say;
	char why[200];
	deia_err err;

	t->n_lines++;
	t->all_lines++;
	if (text == NULL) {
		keep_wrong(&t->lines, "a line above the limit of 2 MiB",
			   "send a long answer as several chunks", "", 0);
		return;
	}
	if (len == 0)
		return;
	err = deia__say_read(&say, text, len, why);
	if (err == DEIA_ENOMEM)
		t->no_memory = true;
	else if (err)
		keep_wrong(&t->lines, why, advice_for(err, text, len), text,
			   len);
	if (err)
		return;
	heed(t, &say, text, len);
	deia__say_fini(&say);
}

static void on_err_line(void *arg, const char *text, size_t len)
{
	struct deia__trial *t = arg;
	size_t keep = len < sizeof(t->last_err) ? len : sizeof(t->last_err) - 1;

	t->n_err_lines++;
	if (len != 0) {
		keep = deia__utf8_whole(text, keep);
		memcpy(t->last_err, text, keep);
		t->last_err[keep] = '\0';
	}
	if (t->opts.on_log != NULL)
		t->opts.on_log(text, len, t->opts.user);
}

static void on_started(void *arg, int64_t pid)
{
	struct deia__trial *t = arg;

	t->started = true;
	t->pid = pid;
}

static void on_stopped_by(void *arg, int signal)
{
	struct deia__trial *t = arg;

	t->stopped_by = signal;
}

static void on_continued(void *arg)
{
	struct deia__trial *t = arg;

	t->stopped_by = 0;
}

static void on_broken(void *arg, const char *what)
{
	struct deia__trial *t = arg;

	t->broken = what;
}

static void on_drained(void *arg)
{
	(void)arg;
}

static void on_ended(void *arg, const struct deia__proc_end *end)
{
	struct deia__trial *t = arg;

	t->ended = true;
	t->end = *end;
}

static const struct deia__proc_ops ops = {
	.started = on_started,
	.stopped_by = on_stopped_by,
	.continued = on_continued,
	.line = on_line,
	.err_line = on_err_line,
	.broken = on_broken,
	.drained = on_drained,
	.ended = on_ended,
};

/* ---- waiting ------------------------------------------------------------------ */

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct deia__trial *t = arg;

	(void)fd;
	(void)what;
	t->late = true;
}

int64_t deia__trial_timeout_ms(const struct deia__trial *t)
{
	return (int64_t)t->opts.timeout_seconds * 1000;
}

bool deia__trial_has_ended(const struct deia__trial *t, const void *unused)
{
	(void)unused;
	return t->ended;
}

bool deia__trial_has_pong(const struct deia__trial *t, const void *unused)
{
	(void)unused;
	return t->pong_n == t->ping_n;
}

bool deia__trial_turn_ended(const struct deia__trial *t, const void *turn)
{
	(void)t;
	return ((const struct deia__trial_turn *)turn)->ended;
}

bool deia__trial_wait(struct deia__trial *t,
		      bool (*holds)(const struct deia__trial *t,
				    const void *arg),
		      const void *arg, int64_t ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	t->late = false;
	event_assign(&t->ev_late, t->base, -1, 0, on_late, t);
	event_add(&t->ev_late, &tv);
	while (!holds(t, arg) && !t->late && !t->ended && !t->no_memory &&
	       (t->broken == NULL || holds == deia__trial_has_ended))
		event_base_loop(t->base, EVLOOP_ONCE);
	event_del(&t->ev_late);
	return holds(t, arg);
}

/* ---- launch and end ------------------------------------------------------------ */

static void forget_life(struct deia__trial *t)
{
	t->started = t->ended = false;
	memset(&t->end, 0, sizeof(t->end));
	t->pid = t->ready_ms = 0;
	t->stopped_by = 0;
	t->n_ready = t->max_concurrent = t->n_lines = 0;
	t->broken = NULL;
	t->ping_n = t->pong_n = t->pong_ms = 0;
	t->n_turns = 0;
	t->last_err[0] = '\0';
}

void deia__trial_close(struct deia__trial *t)
{
	pid_t guard;

	if (t->proc == NULL)
		return;
	if (!t->ended) {
		deia__proc_kill(t->proc);
		(void)deia__trial_wait(t, deia__trial_has_ended, NULL,
				       KILL_WAIT_MS);
	}
	if (t->ended) {
		deia__proc_free(t->proc);
	} else {
		guard = deia__proc_abandon(t->proc);
		if (guard > 0)
			(void)waitpid(guard, NULL, 0);
	}
	t->proc = NULL;
}

static void say_init(struct deia__trial *t)
{
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "type", "init");
	deia_jw_kstr(&w, "bot", "TRIAL");
	deia_jw_kint(&w, "protocol", DEIA__PROTOCOL_VERSION);
	deia_jw_key(&w, "config");
	if (t->opts.config != NULL) {
		deia_jw_raw(&w, t->opts.config);
	} else {
		deia_jw_object(&w);
		deia_jw_kstr(&w, "adapter", "process");
		deia_jw_kstr(&w, "on_message", "hold");
		deia_jw_kint(&w, "max_concurrent", 1);
		deia_jw_end_object(&w);
	}
	deia_jw_end_object(&w);
	if (deia_jw_status(&w))
		t->no_memory = true;
	else
		deia__trial_say(t, w.text, w.len);
	deia_jw_fini(&w);
}

bool deia__trial_launch(struct deia__trial *t)
{
	struct deia__launch what = {
		.guard_program = t->opts.guard_program,
		.argv = t->opts.argv,
		.n_argv = t->opts.n_argv,
		.env = t->vars.vars,
		.cwd = t->opts.cwd,
	};
	int error;

	deia__trial_close(t);
	forget_life(t);
	t->n_lives++;
	t->launched_ms = deia__trial_now(t);
	if (deia__proc_start(&t->proc, &t->env, &what, &ops, t, &error)) {
		t->no_memory = error == 0;
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "is deia-guard installed beside deia?",
				 "cannot start deia-guard (%s): %s",
				 t->opts.guard_program,
				 error != 0 ? strerrordesc_np(error)
					    : "memory ran out");
		return false;
	}
	say_init(t);
	return true;
}

static bool is_ready(const struct deia__trial *t, const void *unused)
{
	(void)unused;
	return t->n_ready != 0;
}

bool deia__trial_need(struct deia__trial *t)
{
	if (t->proc != NULL && !t->ended && t->broken == NULL && t->n_ready)
		return true;
	if (!deia__trial_launch(t))
		return false;
	if (deia__trial_wait(t, is_ready, NULL, deia__trial_timeout_ms(t)))
		return true;
	deia__trial_tell_missing(t, "ready line", is_ready, NULL);
	return false;
}

/* ---- what went wrong, in words ----------------------------------------------- */

static int describe_failure(const struct deia__trial *t, char *out, size_t size)
{
	const struct deia__proc_end *end = &t->end;
	const char *what = strerrordesc_np(end->fail_errno);

	if (strcmp(end->fail_stage, "cwd") == 0)
		return snprintf(out, size, "cannot enter the folder %.200s: %s",
				t->opts.cwd != NULL ? t->opts.cwd : ".", what);
	if (strcmp(end->fail_stage, "exec") == 0)
		return snprintf(out, size, "cannot run %.200s: %s",
				t->opts.argv[0], what);
	return snprintf(out, size, "cannot set up the process (%s): %s",
			end->fail_stage, what);
}

static const char *signal_name(int signal)
{
	const char *name = sigabbrev_np(signal);

	return name != NULL ? name : "?";
}

void deia__trial_describe_end(const struct deia__trial *t, char *out,
			      size_t size)
{
	int n;

	if (t->end.fail_stage[0] != '\0') {
		(void)describe_failure(t, out, size);
		return;
	}
	if (t->end.signal != 0) {
		n = snprintf(out, size, "it was ended by signal %d (SIG%s)",
			     t->end.signal, signal_name(t->end.signal));
	} else if (t->end.code >= 0) {
		n = snprintf(out, size, "it exited with %d", t->end.code);
	} else {
		n = snprintf(out, size, "its guard was ended from outside");
	}
	if (t->last_err[0] != '\0' && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, "; it last said: %s",
			 t->last_err);
}

static const char *advice_for_end(const struct deia__proc_end *end)
{
	if (strcmp(end->fail_stage, "exec") != 0)
		return "a bot lives until shutdown or the end of its input";
	switch (end->fail_errno) {
	case ENOENT:
		return "give its whole path, or check the script's first line";
	case EACCES:
		return "make it executable: chmod +x";
	case ENOEXEC:
		return "a script needs a first line such as #!/bin/sh";
	default:
		return "run it in a terminal to see what ails it";
	}
}

/*
 * Silence: was it said, but is still in the program's buffer? That shows when
 * its input ends.
 */
static void tell_silence(struct deia__trial *t, const char *what,
			 bool (*holds)(const struct deia__trial *t,
				       const void *arg),
			 const void *arg)
{
	unsigned seconds = t->opts.timeout_seconds;

	if (t->stopped_by != 0) {
		deia__trial_tell(
			t, DEIA_TRIAL_FAILED,
			"a bot must not be stopped: it answers nobody",
			"no %s within %u s: the process was stopped by "
			"signal %d (SIG%s)",
			what, seconds, t->stopped_by,
			signal_name(t->stopped_by));
		deia__trial_close(t);
		return;
	}
	deia__proc_finish_input(t->proc);
	if (deia__trial_wait(t, holds, arg, HELD_BACK_MS))
		deia__trial_tell(t, DEIA_TRIAL_FAILED, ADVICE_FLUSH,
				 "the %s came only when its input was closed",
				 what);
	else if (t->lines.n != 0)
		deia__trial_tell(
			t, DEIA_TRIAL_FAILED, t->lines.kept[0].advice,
			"no %s within %u s, but lines that are none of "
			"the protocol",
			what, seconds);
	else
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "see docs/bot-protocol.md; a slow bot needs "
				 "--timeout",
				 "no %s within %u s", what, seconds);
	deia__trial_close(t);
}

/* What it was just shown is most often what it could not stand. */
static const char *advice_for_exit(const struct deia__trial *t)
{
	if (strcmp(t->check, "unknown") == 0)
		return "ignore types and members that you do not know";
	if (strcmp(t->check, "garbage") == 0)
		return "drop a line that you cannot read, say so on stderr, "
		       "go on";
	return advice_for_end(&t->end);
}

void deia__trial_tell_missing(struct deia__trial *t, const char *what,
			      bool (*holds)(const struct deia__trial *t,
					    const void *arg),
			      const void *arg)
{
	char how[DEIA__TRIAL_TEXT_BYTES];

	/* What was closed is most often the beginning of the end. */
	if (t->broken != NULL && !t->ended)
		(void)deia__trial_wait(t, deia__trial_has_ended, NULL, 1000);
	if (t->ended && t->end.fail_stage[0] != '\0') {
		(void)describe_failure(t, how, sizeof(how));
		deia__trial_tell(t, DEIA_TRIAL_FAILED, advice_for_end(&t->end),
				 "%s", how);
	} else if (t->ended) {
		deia__trial_describe_end(t, how, sizeof(how));
		deia__trial_tell(t, DEIA_TRIAL_FAILED, advice_for_exit(t),
				 "no %s: %s", what, how);
	} else if (t->broken != NULL) {
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "keep stdin and stdout open to the end",
				 "no %s: it %s", what, t->broken);
		deia__trial_close(t);
	} else {
		tell_silence(t, what, holds, arg);
	}
}

/* ---- saying ------------------------------------------------------------------- */

void deia__trial_say(struct deia__trial *t, const char *line, size_t len)
{
	/* One that has closed its input is noticed where it is waited for. */
	if (t->proc != NULL && !t->ended &&
	    deia__proc_write(t->proc, line, len) == DEIA_ENOMEM)
		t->no_memory = true;
}

void deia__trial_send_ping(struct deia__trial *t)
{
	deia_jw w;

	deia_jw_init(&w);
	deia__print_ping(&w, ++t->ping_n);
	if (deia_jw_status(&w))
		t->no_memory = true;
	else
		deia__trial_say(t, w.text, w.len);
	deia_jw_fini(&w);
}

bool deia__trial_ping(struct deia__trial *t, int64_t wait_ms)
{
	deia__trial_send_ping(t);
	return deia__trial_wait(t, deia__trial_has_pong, NULL, wait_ms);
}

/* Puts more members before the closing brace. */
static void print_with(deia_jw *w, const struct deia_work_spec *work,
		       const char *extra, struct deia__buf *line)
{
	(void)deia__print_task(w, work);
	deia__buf_init(line, 0);
	if (w->len == 0)
		return;
	deia__buf_add(line, w->text, w->len - 1);
	deia__buf_adds(line, extra != NULL ? extra : "");
	deia__buf_add(line, "}", 1);
}

struct deia__trial_turn *deia__trial_ask(
	struct deia__trial *t, const char *content,
	const struct deia_history_item *history, size_t n_history,
	const char *extra)
{
	struct deia__trial_turn *turn;
	struct deia_work_spec work = {
		.size = sizeof(work),
		.content = content,
		.conversation = "trial",
		.history = history,
		.n_history = n_history,
		.timeout_seconds = t->opts.timeout_seconds,
	};
	struct deia__buf line;
	deia_jw w;

	if (t->n_turns == DEIA__TRIAL_TURNS)
		t->n_turns = 0; /* no check asks that often */
	turn = &t->turns[t->n_turns++];
	memset(turn, 0, sizeof(*turn));
	deia__uuid7(turn->id, deia__unix_ms(NULL));
	work.id = turn->id;
	deia_jw_init(&w);
	print_with(&w, &work, extra, &line);
	if (deia_jw_status(&w) || line.err)
		t->no_memory = true;
	else
		deia__trial_say(t, line.data, line.len);
	deia__buf_fini(&line);
	deia_jw_fini(&w);
	turn->sent_ms = deia__trial_now(t);
	return turn;
}

bool deia__trial_answered(struct deia__trial *t,
			  const struct deia__trial_turn *turn)
{
	if (deia__trial_wait(t, deia__trial_turn_ended, turn,
			     deia__trial_timeout_ms(t)))
		return true;
	if (turn->n_chunks != 0 && !t->ended && t->broken == NULL) {
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "end each turn with one done or error line",
				 "%u chunks, but no done or error within %u s",
				 turn->n_chunks, t->opts.timeout_seconds);
		deia__trial_close(t);
	} else {
		deia__trial_tell_missing(t, "answer", deia__trial_turn_ended,
					 turn);
	}
	return false;
}
