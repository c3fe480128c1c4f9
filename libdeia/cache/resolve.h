/* SPDX-License-Identifier: MIT */
/* resolve.h - a host name to addresses, on a thread of its own. */
#ifndef DEIA_CACHE_RESOLVE_H
#define DEIA_CACHE_RESOLVE_H

#include <sys/socket.h>

#include <deia/error.h>

#include "core/post.h"

#define DEIA__ADDRESSES_MAX 8

struct deia__addresses {
	unsigned n;
	struct {
		struct sockaddr_storage address;
		socklen_t len;
	} items[DEIA__ADDRESSES_MAX];
};

struct deia__resolve;
/* found->n 0: there are none. Borrowed. */
typedef void (*deia__resolved_cb)(const struct deia__addresses *found,
				  void *arg);

/* An address as it is written: no look-up. */
bool deia__resolve_literal(struct deia__addresses *out, const char *host,
			   const char *port);
/*
 * Looks it up; cb comes through post, once. *out until then, or until
 * deia__resolve_cancel. post outlives it. ENOMEM, EIO (no thread).
 */
DEIA_NODISCARD deia_err deia__resolve_start(struct deia__resolve **out,
					    deia__post *post, const char *host,
					    const char *port,
					    deia__resolved_cb cb, void *arg);
/* cb will not be called. A look-up under way goes on by itself; nobody waits
 * for it. */
void deia__resolve_cancel(struct deia__resolve *r);

#endif
