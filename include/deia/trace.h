/* SPDX-License-Identifier: MIT */
/*
 * trace.h - following one piece of work through programs: the `traceparent` of
 * W3C Trace Context, "00-<trace id>-<span id>-<flags>" in lower case
 * hexadecimal digits.
 *
 * A trace id names all that was done for one request, wherever; a span id names
 * one step of it. Who gets a traceparent and asks others for something hands
 * on the same trace id with a span id of its own. Nothing here does I/O but
 * deia_trace_source_init. All since 0.3.
 */
#ifndef DEIA_TRACE_H
#define DEIA_TRACE_H

#include <deia/base.h>

DEIA_BEGIN

#define DEIA_TRACEPARENT_LEN 55 /* 2 + 1 + 32 + 1 + 16 + 1 + 2 */
#define DEIA_TRACE_ID_LEN 32

/* Where new ids come from; a plain value, one for each thread that makes some.
 * They are hard to meet again, but no secrets. */
struct deia_trace_source {
	uint64_t state[2];
};

/* Begins with what the kernel calls random. Any thread. */
DEIA_API void deia_trace_source_init(struct deia_trace_source *s);

/*
 * Reads a traceparent as it came from somebody else, by the rules of W3C Trace
 * Context: 55 characters in version 00; a later version may have more behind a
 * hyphen; no upper case, no id of zeros, no version ff. out: the same as
 * version 00, with the flags that are known (sampled, random), or "". False: it
 * is none, so it is to be ignored and a new trace begun. text may be NULL. Any
 * thread.
 */
DEIA_API bool deia_trace_parse(char out[DEIA_TRACEPARENT_LEN + 1],
			       const char *text);

/* A new trace, sampled. s: not used by another thread meanwhile. */
DEIA_API void deia_trace_begin(struct deia_trace_source *s,
			       char out[DEIA_TRACEPARENT_LEN + 1]);

/* The next step of the trace of `parent`, which deia_trace_parse gave: the same
 * but for its span id. A new trace when parent is NULL, "" or none. out may be
 * parent. s as in deia_trace_begin. */
DEIA_API void deia_trace_go_on(struct deia_trace_source *s, const char *parent,
			       char out[DEIA_TRACEPARENT_LEN + 1]);

/* The trace id of a traceparent, which deia_trace_parse or one of the above
 * gave; "" for "" and NULL. Any thread. */
DEIA_API void deia_trace_id(char out[DEIA_TRACE_ID_LEN + 1],
			    const char *traceparent);

DEIA_END

#endif
