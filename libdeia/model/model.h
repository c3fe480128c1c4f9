/* SPDX-License-Identifier: MIT */
/*
 * model.h - the inside of the model adapters: one engine, several dialects.
 *
 * A dialect (ollama.c, openai.c, anthropic.c) builds requests and reads events.
 * The engine (model*.c) does all the rest, once: configuration, key, deadlines,
 * tries, limits, error codes, status. What server and network send is hostile
 * until deia__model_clean went over it.
 */
#ifndef DEIA_MODEL_MODEL_H
#define DEIA_MODEL_MODEL_H

#include <deia/limits.h>
#include <deia/sys/adapter.h>
#include <deia/trace.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "model/context.h"
#include "http/http.h"
#include "worker/lines.h"
#include "model/events.h"
#include "core/id.h"
#include "core/json.h"

#define MODEL_MESSAGE_BYTES 1024
#define MODEL_SAID_BYTES 300	/* of a server's own words in a message */
#define MODEL_PRESENT_BYTES 256 /* of names in a message: some, not all */
#define MODEL_HEADERS 4
#define MODEL_RETRIES 2u /* after the first try */

struct deia__dialect;

/* What the init line's config says; every text but options is owned. */
struct model_config {
	char *model, *system_prompt;
	char *url;	 /* where paths are appended; no slash at the end */
	char *shown_url; /* as configured, without user and password */
	char *key;	 /* NULL: none */
	char *ca_file;	 /* NULL: the system's certificates */
	const cJSON *options;
	int64_t window, answer; /* tokens; 0: not given */
	unsigned first_token_seconds, stall_seconds;
};

/* Small requests beside the chat. */
enum model_probe_kind { PROBE_LIST, PROBE_SHOW, PROBE_LOADED, PROBES };

struct model;
struct model_probe {
	struct model *m;
	enum model_probe_kind kind;
	deia__http_req *req; /* NULL: not running */
	struct deia__buf body;
};

enum model_phase {
	PHASE_WINDOW,  /* waits for the size of the model's window */
	PHASE_FIRST,   /* asked; waits for the first token */
	PHASE_RETRY,   /* waits to ask again */
	PHASE_STREAM,  /* tokens come */
	PHASE_MISSING, /* the model is not there; waits for what is */
	PHASE_ENDED    /* the turn is over; the connection winds up */
};

enum model_again {
	AGAIN_NEVER, /* the same request fails the same way */
	AGAIN_LATER, /* worth a try later, by who asked */
	AGAIN_NOW    /* we ask again, as long as nothing was shown */
};

struct model_turn {
	TAILQ_ENTRY(model_turn) link;
	struct model *m;
	deia_turn *turn; /* NULL in PHASE_ENDED */
	enum model_phase phase;
	deia__http_req *req;
	struct deia__lines lines; /* of a dialect without SSE */
	struct deia__model_events events;
	struct deia__buf refusal; /* body of an answer that is not 200 */
	struct event ev_deadline, ev_total, ev_retry;
	int64_t first_by_ms, total_by_ms;
	struct deia__context window; /* what this turn goes by */
	size_t first;		     /* of the history that was sent */
	unsigned retries, retry_seconds;
	bool shortened; /* asked again with less history */
	bool paused, loading;
	bool finished; /* the model said its last word, the server not yet */
	size_t answer_bytes;
	struct deia_usage usage;
	const char *fault; /* code: why the answer cannot be used */
	enum model_again fault_again;
	char fault_text[MODEL_MESSAGE_BYTES];
};

TAILQ_HEAD(model_turns, model_turn);

enum model_problem {
	PROBLEM_NONE,
	PROBLEM_SERVER, /* over when the server answers as it should */
	PROBLEM_TURN	/* over when a turn works */
};

struct model {
	const struct deia__dialect *dialect;
	deia_worker *w;
	deia__http *http;
	struct model_config config;
	char *headers[MODEL_HEADERS + 1];
	struct deia_trace_source traces;
	struct model_probe probes[PROBES];
	struct model_turns turns;
	struct deia__context context; /* num_ctx 0: not known yet */
	bool window_is_a_guess;
	bool missing;			   /* the model, by the last list */
	bool worked;			   /* a turn did: it is there */
	char present[MODEL_PRESENT_BYTES]; /* models there, by name */
	enum model_problem problem;
	char problem_text[MODEL_MESSAGE_BYTES];
	struct event ev_again; /* looks again while PROBLEM_SERVER */
	unsigned again_seconds;
	int64_t last_token_ms;
	struct deia__rng rng;
};

/* ---- what a dialect is --------------------------------------------------- */

/* A key of `options` that does not just go to the server. */
struct model_option {
	const char *key;
	bool (*ok)(const cJSON *v); /* NULL: the key is refused */
	const char *expected;	    /* the whole complaint */
	bool passed_on;		    /* goes to the server, checked */
};

/* A key that the bot prints itself. */
#define MODEL_OPTION_OURS(key)                                                 \
	{                                                                      \
		key, NULL,                                                     \
			"options." key " is set by the bot itself: leave it "  \
			"out",                                                 \
			false                                                  \
	}
/* The window of models whose servers do not tell; its range is checked with
 * the rest of the configuration. */
#define MODEL_OPTION_WINDOW                                                    \
	{                                                                      \
		"context_tokens", deia__model_is_number,                       \
			"options.context_tokens must be 1 to 16777216", false  \
	}
bool deia__model_is_number(const cJSON *v);

struct model_probe_way {
	const char *path; /* NULL: this dialect does not ask that */
	bool post;	  /* with {"model":NAME} */
	void (*answered)(struct model *m, const cJSON *json);
	/* status 0: no answer came, detail says why */
	void (*failed)(struct model *m, int status, const char *detail);
};

struct deia__dialect {
	const char *server; /* "an Ollama server", for messages */
	const char *default_url;
	bool versioned_url;	 /* "/v1" is added where no version is */
	const char *needs_model; /* complaint about a missing model */
	const char *start_hint;	 /* how the server is started */
	const char *get_hint;	 /* how a model gets there */
	bool get_hint_names;	 /* the model's name is to follow it */
	const char *key_header;	 /* "Authorization: Bearer " */
	const char *more_header; /* or NULL */
	const char *chat_path;
	bool sse;
	const char *done_mark; /* data of the last event, or NULL */
	const char *window_option, *answer_options[2];
	int64_t default_window, default_answer;
	const struct model_option *options; /* ends with key NULL */
	bool rest_inside; /* other options go into an object "options" */
	const char *list_key, *list_name; /* {"data":[{"id":...}]} */
	bool list_is_complete; /* what is not in the list is not there */
	struct model_probe_way probes[PROBES];
	/* Everything between the braces of the request but the options. */
	void (*print)(deia_jw *jw, struct model_turn *t);
	/* One event or line. False: a fault was noted, stop reading. */
	bool (*read)(struct model_turn *t, const cJSON *json);
};

extern const struct deia__dialect deia__dialect_ollama;
extern const struct deia__dialect deia__dialect_openai;
extern const struct deia__dialect deia__dialect_anthropic;

/* ---- model.c: the adapter's ops and its status --------------------------- */
void *deia__model_create(const struct deia__dialect *dialect);
void deia__model_destroy(void *user);
deia_err deia__model_init(deia_worker *w, const struct cJSON *config,
			  void *user);
void deia__model_turn(deia_worker *w, deia_turn *turn,
		      const struct deia_turn_info *info, void *user);
void deia__model_interrupt(deia_worker *w, deia_turn *turn, void *user);
void deia__model_drained(deia_worker *w, void *user);
void deia__model_shutdown(deia_worker *w, void *user);
#define DEIA__MODEL_OPS                                                        \
	{                                                                      \
		.size = sizeof(struct deia_worker_ops),                        \
		.init = deia__model_init, .turn = deia__model_turn,            \
		.interrupt = deia__model_interrupt,                            \
		.shutdown = deia__model_shutdown,                              \
		.drained = deia__model_drained,                                \
	}

/* Says the status that fits: loading, waiting, a problem, or nothing. */
void deia__model_status(struct model *m);
void deia__model_problem(struct model *m, enum model_problem kind,
			 const char *text);
/* The server answered: what was said about it before is over. */
void deia__model_reached(struct model *m);
/* A token came: nothing is wrong. */
void deia__model_worked(struct model *m);
/* The server's own words as one line: without the key, without control
 * characters, cut to size. Returns out. */
char *deia__model_clean(const struct model *m, char *out, size_t size,
			const char *text);
/* "model_server_unreachable" in words. */
void deia__model_unreachable_text(const struct model *m, const char *detail,
				  bool refused, char *out, size_t len);

/* ---- config.c ------------------------------------------ */
/* DEIA_EFIELD: why says what is wrong, as one line. DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__model_config_read(
	struct model_config *c, const struct deia__dialect *dialect,
	const cJSON *json, char *why, size_t why_len);
void deia__model_config_free(struct model_config *c);
/* Prints the options that go on top of a request, or (inside) the rest. */
void deia__model_print_options(deia_jw *jw, const struct model *m, bool inside);

/* ---- probe.c: what the server says about itself and the model ------ */
void deia__model_probe_init(struct model *m);
void deia__model_probe_fini(struct model *m);
/* Asks, unless the same question is out already or the dialect has none. */
void deia__model_probe(struct model *m, enum model_probe_kind kind);
/* "llama3.2" and "llama3.2:latest" are the same model. */
bool deia__model_is_same(const char *a, const char *b);
void deia__model_list_answered(struct model *m, const cJSON *json);
void deia__model_list_failed(struct model *m, int status, const char *detail);

/* ---- turn.c: one chat request --------------------------------------- */
void deia__model_turn_begin(struct model *m, deia_turn *turn);
void deia__model_turn_free(struct model_turn *t);
/* The window's size is known, or cannot be learned now. */
void deia__model_turns_window(struct model *m);
/* m->missing and m->present are up to date, or cannot be (known false). */
void deia__model_turns_list(struct model *m, bool known);
/* The model is not in memory yet. */
void deia__model_turns_cold(struct model *m);
/* Ends the turn badly and frees t. Not while t reads. */
void deia__model_turn_fail(struct model_turn *t, const char *code,
			   bool retryable, unsigned retry_after_seconds,
			   const char *fmt, ...) DEIA_PRINTF(5, 6);
/* Asks the model (again). May free t. */
void deia__model_turn_send(struct model_turn *t);
/* Asks again after a pause; t->fault_text says why. False when that was done
 * often enough, or the time does not last. */
bool deia__model_turn_retry(struct model_turn *t, unsigned retry_after_seconds);
/* Asks again with less history; false when there is none to leave out. */
bool deia__model_turn_shorten(struct model_turn *t);
/* Sets the deadline that belongs to the phase. */
void deia__model_turn_watch(struct model_turn *t);
/* {"role":...,"content":...} */
void deia__model_print_message(deia_jw *jw, const char *role,
			       const char *content);
/* "messages": the system prompt, what fits of the history, the newest. */
void deia__model_print_talk(deia_jw *jw, const struct model_turn *t);

/* ---- stream.c: what comes back --------------------------------------- */
void deia__model_stream_open(struct model_turn *t);
void deia__model_stream_close(struct model_turn *t);
enum deia__http_body deia__model_stream_body(int status, const char *p,
					     size_t len, void *user);
void deia__model_stream_done(const struct deia__http_result *result,
			     void *user);
/* For dialects. A piece of output; text may be NULL or empty. */
DEIA_NODISCARD bool deia__model_show(struct model_turn *t, const char *channel,
				     const char *text);
/* The turn ends well. */
void deia__model_done(struct model_turn *t);
/* Takes a count of tokens from usage, if it is there. */
void deia__model_count(const cJSON *usage, const char *key, int64_t *to);

/* ---- fault.c: what went wrong, as one of our codes -------------------- */
/* Notes why the answer is of no use; returns false, which stops the reading. */
bool deia__model_fault(struct model_turn *t, const char *code,
		       enum model_again again, const char *fmt, ...)
	DEIA_PRINTF(4, 5);
/* An error object, or text, that came as an event. Returns false. */
bool deia__model_fault_said(struct model_turn *t, const cJSON *json);
/* An answer with a status that is not 200. May free t. */
void deia__model_refused(struct model_turn *t,
			 const struct deia__http_result *result);

#endif
