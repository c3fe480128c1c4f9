/* SPDX-License-Identifier: MIT */
/* ollama_i.h - the inside of the Ollama adapter. */
#ifndef DEIA_ADAPTER_OLLAMA_I_H
#define DEIA_ADAPTER_OLLAMA_I_H

#include <deia/limits.h>
#include <deia/sys/adapter.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "adapter/context.h"
#include "adapter/http.h"
#include "adapter/lines.h"
#include "core/json.h"

#define OLLAMA_DEFAULT_URL "http://127.0.0.1:11434"
#define OLLAMA_DEFAULT_CTX 4096
#define OLLAMA_MESSAGE_BYTES 1024

/* What the init line's config says; every text is owned. */
struct ollama_config {
	char *model, *system_prompt;
	char *url;	 /* without a slash at the end */
	char *shown_url; /* the same without user and password */
	char *options;	 /* JSON object for Ollama, NULL: none */
	char *keep_alive, *think, *format; /* JSON values or NULL */
	int64_t num_ctx, num_predict;	   /* 0: not given */
	unsigned first_token_seconds, stall_seconds;
};

/* Small requests beside the chat. */
enum ollama_probe_kind { PROBE_TAGS, PROBE_SHOW, PROBE_PS, PROBES };

struct ollama;
struct ollama_probe {
	struct ollama *o;
	enum ollama_probe_kind kind;
	deia__http_req *req; /* NULL: not running */
	struct deia__buf body;
};

enum ollama_phase {
	PHASE_WINDOW,  /* waits for the size of the model's window */
	PHASE_FIRST,   /* asked; waits for the first token */
	PHASE_RETRY,   /* waits to ask again */
	PHASE_STREAM,  /* tokens come */
	PHASE_MISSING, /* the model is not there; waits for what is */
	PHASE_ENDED    /* the turn is over; the connection winds up */
};

struct ollama_turn {
	TAILQ_ENTRY(ollama_turn) link;
	struct ollama *o;
	deia_turn *turn; /* NULL in PHASE_ENDED */
	enum ollama_phase phase;
	deia__http_req *req;
	struct deia__lines lines;
	struct deia__buf refusal; /* body of an answer that is not 200 */
	struct event ev_deadline, ev_total, ev_retry;
	unsigned retries;
	bool shortened; /* asked again with less history */
	bool paused, loading;
	size_t answer_bytes;
	struct deia_usage usage;
	const char *fault; /* code: why the answer cannot be used */
	bool fault_retryable;
	char fault_text[OLLAMA_MESSAGE_BYTES];
};

TAILQ_HEAD(ollama_turns, ollama_turn);

struct ollama {
	deia_worker *w;
	deia__http *http;
	struct ollama_config config;
	struct ollama_probe probes[PROBES];
	struct ollama_turns turns;
	struct deia__context context;	    /* num_ctx 0: not known yet */
	bool missing;			    /* the model, by the last answer */
	char present[OLLAMA_MESSAGE_BYTES]; /* models there, by name */
	char problem[256];		    /* status when nothing else is */
	struct event ev_again;		    /* looks again while problem */
	unsigned again_seconds;
	int64_t last_token_ms;
};

/* ---- ollama_config.c ---------------------------------------------------- */
/* DEIA_EFIELD: why says what is wrong, as one line. DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__ollama_config_read(struct ollama_config *c,
						 const cJSON *json, char *why,
						 size_t why_len);
void deia__ollama_config_free(struct ollama_config *c);

/* ---- ollama_probe.c: what the server says about itself and the model ---- */
void deia__ollama_probe_init(struct ollama *o);
void deia__ollama_probe_fini(struct ollama *o);
/* Asks, unless the same question is out already. */
void deia__ollama_probe(struct ollama *o, enum ollama_probe_kind kind);
/* "model_server_unreachable" in words. */
void deia__ollama_unreachable_text(const struct ollama *o, const char *detail,
				   char *out, size_t len);
/* The server answered: what was said about it before is over. */
void deia__ollama_problem_clear(struct ollama *o);
void deia__ollama_problem_set(struct ollama *o, const char *text);

/* ---- ollama_turn.c: one chat request -------------------------------------- */
void deia__ollama_turn_begin(struct ollama *o, deia_turn *turn);
void deia__ollama_turn_interrupt(struct ollama_turn *t);
void deia__ollama_turn_free(struct ollama_turn *t);
/* The window's size is known, or cannot be learned now. */
void deia__ollama_turns_window(struct ollama *o);
/* o->missing and o->present are up to date, or cannot be (reached false). */
void deia__ollama_turns_tags(struct ollama *o, bool reached);
/* The model is not in memory yet. */
void deia__ollama_turns_cold(struct ollama *o);
void deia__ollama_turns_drained(struct ollama *o);
/* Ends the turn badly and frees t. Not while t reads lines. */
void deia__ollama_turn_fail(struct ollama_turn *t, const char *code,
			    bool retryable, unsigned retry_after_seconds,
			    const char *fmt, ...) DEIA_PRINTF(5, 6);
/* Asks the model (again). May free t. */
void deia__ollama_turn_send(struct ollama_turn *t);
/* Asks again after the next pause; false when that was done often enough. */
bool deia__ollama_turn_retry(struct ollama_turn *t);
/* Sets the deadline that belongs to the phase. */
void deia__ollama_turn_watch(struct ollama_turn *t);

/* ---- ollama_stream.c: what comes back ------------------------------------- */
enum deia__http_body deia__ollama_stream_body(int status, const char *p,
					      size_t len, void *user);
bool deia__ollama_stream_line(const char *line, size_t len, void *user);
void deia__ollama_stream_done(const struct deia__http_result *result,
			      void *user);

/* ---- ollama.c --------------------------------------------------------------- */
/* Says the status that fits: loading, a problem, or nothing. */
void deia__ollama_status(struct ollama *o);

#endif
