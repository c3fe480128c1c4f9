/* SPDX-License-Identifier: MIT */
/*
 * in.c - the hive's lines on stdin: reading, checking, dispatching.
 *
 * Every line is checked strictly before anything acts on it. A line that makes
 * no sense is noted in the bot's log and counted; DEIA_MAX_PROTOCOL_FAULTS of
 * them within a minute end the worker. Unknown types and unknown ids are no
 * faults: a newer hive may say more than this worker understands.
 */
#include "worker/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"

#define READ_BYTES (64u << 10)
#define FAULT_WINDOW_MS 60000

static void fault(deia_worker *w, const char *what)
{
	int64_t now = deia__now_ms(NULL);

	deia_worker_note(w, "bad line from the hive: %s", what);
	if (now - w->fault_since_ms > FAULT_WINDOW_MS) {
		w->fault_since_ms = now;
		w->faults = 0;
	}
	if (++w->faults < DEIA_MAX_PROTOCOL_FAULTS)
		return;
	deia_worker_note(w, "%u bad lines within a minute: giving up",
			 w->faults);
	deia__worker_end(w, DEIA_EPROTO);
}

/* ---- one function a type; json is theirs when they return true ---------- */

static bool on_init(deia_worker *w, cJSON *json)
{
	const char *bot = deia__json_str(json, "bot");
	const cJSON *config = deia__json_get(json, "config");
	int64_t protocol;
	deia_err err;

	if (w->init) {
		fault(w, "a second init");
		return false;
	}
	if (!bot || !*bot || !cJSON_IsObject(config)) {
		fault(w, "init needs a text \"bot\" and an object \"config\"");
		return false;
	}
	if (!deia__json_int(json, "protocol", 1, 1, &protocol)) {
		deia_worker_note(w, "this program speaks protocol 1 only");
		deia__worker_end(w, DEIA_EPROTO);
		return false;
	}
	w->init = json;
	w->bot = bot;
	err = w->ops.init ? w->ops.init(w, config, w->user) : DEIA_OK;
	if (err)
		deia__worker_end(w, err);
	return true;
}

static bool on_task(deia_worker *w, cJSON *json)
{
	const char *id = deia__json_str(json, "id"), *why = NULL;
	deia_turn *turn;
	deia_err err;

	if (!id || !*id || strlen(id) > DEIA_MAX_ID_LEN) {
		fault(w, "a task needs an \"id\" of 1 to 64 bytes");
		return false;
	}
	if (deia__turn_find(w, id)) {
		fault(w, "a task with the id of a running one");
		return false;
	}
	if (w->n_turns >= DEIA_MAX_CONCURRENT) {
		deia__turn_refuse(w, id, "busy", true,
				  "the bot works on 64 turns already");
		return false;
	}
	err = deia__turn_new(&turn, w, json, &why);
	if (err == DEIA_EFIELD)
		deia__turn_refuse(w, id, "invalid_task", false, why);
	else if (err)
		deia__worker_end(w, err);
	else
		w->ops.turn(w, turn, &turn->info, w->user);
	return !err;
}

static bool on_message(deia_worker *w, cJSON *json)
{
	if (w->ops.message)
		w->ops.message(w, json, w->user);
	return false;
}

static bool on_answer(deia_worker *w, cJSON *json)
{
	if (w->ops.answer)
		w->ops.answer(w, deia__json_str(json, "type"), json, w->user);
	return false;
}

/* An id that is not running is no fault: its end crossed this line. */
static bool on_interrupt(deia_worker *w, cJSON *json)
{
	const char *id = deia__json_str(json, "id");
	deia_turn *turn = id ? deia__turn_find(w, id) : NULL;

	if (!id)
		fault(w, "interrupt needs an \"id\"");
	else if (turn && w->ops.interrupt)
		w->ops.interrupt(w, turn, w->user);
	return false;
}

static bool on_ping(deia_worker *w, cJSON *json)
{
	const cJSON *n = deia__json_get(json, "n");

	if (!cJSON_IsNumber(n)) {
		fault(w, "ping needs a number \"n\"");
		return false;
	}
	deia_jw_kint(deia__worker_begin(w, "pong"), "n",
		     (int64_t)n->valuedouble);
	deia__worker_finish(w);
	return false;
}

static bool on_shutdown(deia_worker *w, cJSON *json)
{
	(void)json;
	deia__worker_end(w, DEIA_OK);
	return false;
}

static const struct line_type {
	const char *type;
	bool (*fn)(deia_worker *w, cJSON *json);
	bool early; /* allowed before init */
} line_types[] = {
	{ "task", on_task, false },	   { "interrupt", on_interrupt, false },
	{ "message", on_message, false },  { "sent", on_answer, false },
	{ "submitted", on_answer, false }, { "result", on_answer, false },
	{ "init", on_init, true },	   { "ping", on_ping, true },
	{ "shutdown", on_shutdown, true },
};

/* ---- lines --------------------------------------------------------------- */

static bool dispatch(deia_worker *w, cJSON *json)
{
	const char *type = deia__json_str(json, "type");

	if (!type) {
		fault(w, "no object with a text \"type\"");
		return false;
	}
	for (size_t i = 0; i < sizeof(line_types) / sizeof(*line_types); i++) {
		const struct line_type *t = &line_types[i];
		if (strcmp(t->type, type) != 0)
			continue;
		if (w->init || t->early)
			return t->fn(w, json);
		fault(w, "the first line must be init");
		return false;
	}
	deia_worker_note(w, "ignored a line of unknown type \"%.40s\"", type);
	return false;
}

static bool on_line(const char *line, size_t len, void *user)
{
	deia_worker *w = user;
	struct deia_json_error where;
	cJSON *json = NULL;
	deia_err err;

	if (!line) {
		fault(w, "longer than 2 MiB");
		return !w->ending;
	}
	err = deia_json_parse(&json, line, len, &where);
	if (err == DEIA_ENOMEM)
		deia__worker_end(w, err);
	else if (err)
		fault(w, where.detail);
	else if (!dispatch(w, json))
		cJSON_Delete(json);
	return !w->ending;
}

/* ---- reading ------------------------------------------------------------- */

static const struct timeval at_once = { 0, 0 };

static void in_failed(deia_worker *w)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return;
	deia_worker_note(w, "cannot read stdin: %s", strerror(errno));
	deia__worker_end(w, DEIA_EIO);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	deia_worker *w = arg;
	char buf[READ_BYTES];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	deia_err err = DEIA_OK;

	(void)fd, (void)what;
	if (n < 0)
		in_failed(w);
	else if (n > 0)
		err = deia__lines_feed(&w->in, buf, (size_t)n);
	else
		err = deia__lines_end(&w->in);
	if (err == DEIA_ENOMEM)
		deia__worker_end(w, err);
	if (n == 0)
		deia__worker_end(w, DEIA_OK);
	if (w->in_always && !w->ending && !w->in_paused)
		event_add(&w->ev_in, &at_once);
}

/* Files and most devices are always readable, and epoll refuses them. */
static bool is_pollable(void)
{
	struct stat st;

	if (fstat(STDIN_FILENO, &st))
		return false;
	return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
	       isatty(STDIN_FILENO);
}

deia_err deia__worker_in_open(deia_worker *w)
{
	deia__lines_init(&w->in, DEIA_MAX_LINE_BYTES, on_line, w);
	w->in_always = !is_pollable();
	event_assign(&w->ev_in, w->base, w->in_always ? -1 : STDIN_FILENO,
		     w->in_always ? 0 : EV_READ | EV_PERSIST, on_readable, w);
	w->in_paused = true;
	deia__worker_in_pause(w, false);
	return w->in_paused ? DEIA_EIO : DEIA_OK;
}

void deia__worker_in_close(deia_worker *w)
{
	event_del(&w->ev_in);
	deia__lines_fini(&w->in);
}

void deia__worker_in_pause(deia_worker *w, bool pause)
{
	if (pause == w->in_paused || (!pause && w->ending))
		return;
	if (pause)
		event_del(&w->ev_in);
	else if (event_add(&w->ev_in, w->in_always ? &at_once : NULL))
		return;
	w->in_paused = pause;
}
