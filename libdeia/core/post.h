/* SPDX-License-Identifier: MIT */
/*
 * post.h - calls from other threads (or from this one, later) on the loop.
 *
 * An eventfd and a locked list. Order is kept. What is posted from the loop
 * thread runs in a later turn, never inside the posting call.
 */
#ifndef DEIA_CORE_POST_H
#define DEIA_CORE_POST_H

#include <deia/error.h>

struct event_base;
typedef struct deia__post deia__post;

DEIA_NODISCARD deia_err deia__post_new(deia__post **out,
				       struct event_base *base);
/* What is still queued is run now; what that posts is refused. */
void deia__post_free(deia__post *p);
/* Any thread. DEIA_OK, DEIA_ENOMEM, DEIA_ECANCELED (being freed); on failure
 * fn is never called. */
DEIA_NODISCARD deia_err deia__post_call(deia__post *p, void (*fn)(void *arg),
					void *arg);

#endif
