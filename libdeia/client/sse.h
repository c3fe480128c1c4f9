/* SPDX-License-Identifier: MIT */
/*
 * sse.h - reads a stream of server-sent events piece by piece.
 *
 * The rules are those of the HTML standard, section 9.2.6: lines end in LF,
 * CR or CRLF, a blank line dispatches, a cut event at the end is dropped. No
 * I/O here; a line and an event have a maximum.
 */
#ifndef DEIA_CLIENT_SSE_H
#define DEIA_CLIENT_SSE_H

#include <deia/client.h>
#include "core/buf.h"

#define DEIA__SSE_NAME_BYTES 128

struct deia__sse {
	struct deia__buf line, data;
	char event[DEIA__SSE_NAME_BYTES];
	char id[DEIA__SSE_NAME_BYTES]; /* of the newest event; sticks */
	int64_t retry_ms;	       /* as the server asked; -1: it did not */
	bool has_data, after_cr, begun;
	uint64_t events; /* dispatched so far */
	deia_sse_cb cb;
	void *user;
};

/* max_bytes: of one line, and of the data of one event. */
void deia__sse_init(struct deia__sse *s, size_t max_bytes, deia_sse_cb cb,
		    void *user);
void deia__sse_fini(struct deia__sse *s);
/*
 * Takes the next bytes and calls cb for each event that is complete. Returns
 * DEIA_OK, DEIA_ECANCELED (cb said stop), DEIA_ELIMIT, DEIA_ENOMEM; after an
 * error nothing more may be fed.
 */
DEIA_NODISCARD deia_err deia__sse_feed(struct deia__sse *s, const char *p,
				       size_t len);

#endif
