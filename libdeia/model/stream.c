/* SPDX-License-Identifier: MIT */
/*
 * stream.c - what the model server answers to a chat request.
 *
 * Nothing it sends is trusted: lines and the whole answer are bounded, texts
 * are cleaned before they get into a message. A turn ends when the dialect says
 * done; what the server sends after it is thrown away. While the hive is slow
 * to read, nothing is read from the server.
 */
#include "model/model.h"

#include <string.h>

#include "worker/ndjson.h"
#include "core/clock.h"

#define MOST_TOKENS ((int64_t)1 << 40)

/* ---- for dialects ------------------------------------------------------------ */

static void first_token(struct model_turn *t)
{
	t->phase = PHASE_STREAM;
	t->loading = false;
	if (t->shortened)
		t->m->context = t->window; /* this is what fits */
	deia__model_worked(t->m);
	deia__model_status(t->m);
}

bool deia__model_show(struct model_turn *t, const char *channel,
		      const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!len)
		return true;
	if (t->answer_bytes + len > DEIA_MAX_ANSWER_BYTES)
		return deia__model_fault(t, "answer_too_long", AGAIN_NEVER,
					 "the answer is longer than 8 MiB");
	if (t->phase == PHASE_FIRST)
		first_token(t);
	t->m->last_token_ms = deia__now_ms(NULL);
	t->answer_bytes += len;
	deia_turn_chunk(t->turn, channel, text, len);
	return true;
}

void deia__model_done(struct model_turn *t)
{
	if (t->phase == PHASE_FIRST)
		first_token(t);
	deia_turn_done(t->turn, NULL, &t->usage, NULL);
	t->turn = NULL;
	t->phase = PHASE_ENDED;
	deia__model_turn_watch(t);
}

void deia__model_count(const cJSON *usage, const char *key, int64_t *to)
{
	(void)deia__json_int(usage, key, 0, MOST_TOKENS, to);
}

/* ---- events ------------------------------------------------------------------ */

static bool read_json(struct model_turn *t, const char *text, size_t len)
{
	cJSON *json = NULL;
	deia_err err = deia__ndjson_parse(&json, text, len);
	bool go_on;

	if (err == DEIA_ENOMEM)
		return deia__model_fault(t, "out_of_memory", AGAIN_LATER, "%s",
					 deia_err_text(err));
	if (err || !cJSON_IsObject(json))
		go_on = deia__model_fault(t, "bad_answer", AGAIN_LATER,
					  "the model server sent a line that "
					  "is no JSON object; is base_url %s?",
					  t->m->dialect->server);
	else
		go_on = t->m->dialect->read(t, json);
	cJSON_Delete(json);
	return go_on;
}

static bool too_long(struct model_turn *t)
{
	return deia__model_fault(t, "bad_answer", AGAIN_LATER,
				 "the model server sent a line above 1 MiB");
}

static bool on_line(const char *line, size_t len, void *user)
{
	struct model_turn *t = user;

	if (t->phase == PHASE_ENDED)
		return true;
	return line ? read_json(t, line, len) : too_long(t);
}

static bool on_event(enum deia__event_kind kind, const char *data, size_t len,
		     void *user)
{
	struct model_turn *t = user;
	const char *mark = t->m->dialect->done_mark;

	if (t->phase == PHASE_ENDED)
		return true;
	if (kind == DEIA__EVENT_TOO_LONG)
		return too_long(t);
	if (kind == DEIA__EVENT_JUNK)
		return deia__model_fault(t, "bad_answer", AGAIN_LATER,
					 "the model server sent a line that is "
					 "no event; is base_url %s?",
					 t->m->dialect->server);
	if (mark && len == strlen(mark) && memcmp(data, mark, len) == 0) {
		deia__model_done(t);
		return true;
	}
	return read_json(t, data, len);
}

void deia__model_stream_open(struct model_turn *t)
{
	if (t->m->dialect->sse)
		deia__model_events_init(&t->events, DEIA__NDJSON_LINE_BYTES,
					on_event, t);
	else
		deia__lines_init(&t->lines, DEIA__NDJSON_LINE_BYTES, on_line,
				 t);
}

void deia__model_stream_close(struct model_turn *t)
{
	if (t->m->dialect->sse)
		deia__model_events_fini(&t->events);
	else
		deia__lines_fini(&t->lines);
}

static void end_stream(struct model_turn *t)
{
	if (t->m->dialect->sse)
		(void)!deia__model_events_end(&t->events);
	else
		(void)!deia__lines_end(&t->lines);
}

/* ---- the body ------------------------------------------------------------------ */

enum deia__http_body deia__model_stream_body(int status, const char *p,
					     size_t len, void *user)
{
	struct model_turn *t = user;
	deia_err err;

	if (t->phase == PHASE_ENDED)
		return DEIA__HTTP_GO_ON;
	if (status != 200) {
		deia__buf_add(&t->refusal, p, len);
		return t->refusal.err ? DEIA__HTTP_STOP : DEIA__HTTP_GO_ON;
	}
	if (deia_worker_is_full(t->m->w)) {
		t->paused = true;
		event_del(&t->ev_deadline);
		return DEIA__HTTP_PAUSE;
	}
	err = t->m->dialect->sse ? deia__model_events_feed(&t->events, p, len)
				 : deia__lines_feed(&t->lines, p, len);
	if (err == DEIA_ENOMEM)
		(void)deia__model_fault(t, "out_of_memory", AGAIN_LATER, "%s",
					deia_err_text(err));
	return err ? DEIA__HTTP_STOP : DEIA__HTTP_GO_ON;
}

/* ---- the end of the request -------------------------------------------------- */

static void fail_by_fault(struct model_turn *t,
			  const struct deia__http_result *result)
{
	unsigned wait = result ? result->retry_after_seconds : 0;

	if (t->fault_again == AGAIN_NOW && t->phase == PHASE_FIRST &&
	    deia__model_turn_retry(t, wait))
		return;
	deia__model_turn_fail(t, t->fault, t->fault_again != AGAIN_NEVER, wait,
			      "%s", t->fault_text);
}

static void not_there(struct model_turn *t,
		      const struct deia__http_result *result)
{
	struct model *m = t->m;
	char detail[sizeof(result->detail)];

	deia__model_clean(m, detail, sizeof(detail), result->detail);
	deia__model_unreachable_text(m, detail, result->refused, t->fault_text,
				     sizeof(t->fault_text));
	if (result->refused && deia__model_turn_retry(t, 0))
		return;
	m->missing = false; /* not known any more */
	deia__model_problem(m, PROBLEM_SERVER, t->fault_text);
	deia__model_turn_fail(t, "model_server_unreachable", true, 0, "%s",
			      t->fault_text);
}

static void broke_off(struct model_turn *t, const char *detail)
{
	char said[MODEL_SAID_BYTES];

	deia__model_clean(t->m, said, sizeof(said), detail);
	if (t->phase == PHASE_STREAM)
		deia__model_turn_fail(t, "answer_cut", true, 0,
				      "the answer broke off: the model server "
				      "closed the connection (%s)",
				      said);
	else
		deia__model_turn_fail(t, "model_server_failed", true, 0,
				      "the model server closed the connection "
				      "without an answer (%s)",
				      said);
}

void deia__model_stream_done(const struct deia__http_result *result, void *user)
{
	struct model_turn *t = user;

	t->req = NULL;
	if (!result->err && result->status == 200 && !t->fault)
		end_stream(t);
	if (result->status && !t->m->missing)
		deia__model_reached(t->m);
	if (t->phase != PHASE_ENDED && t->finished && !t->fault)
		deia__model_done(t);
	if (t->phase == PHASE_ENDED)
		deia__model_turn_free(t);
	else if (t->fault)
		fail_by_fault(t, result);
	else if (result->err == DEIA_EUNAVAILABLE)
		not_there(t, result);
	else if (result->status && result->status != 200)
		deia__model_refused(t, result);
	else
		broke_off(t, result->err ? result->detail : "too early");
}
