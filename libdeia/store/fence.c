/* SPDX-License-Identifier: MIT */
/* fence.c - no backend of this build can shut another store out. */
#include <deia/sys/store.h>

deia_err deia_store_fence(deia_store *s, int64_t writer, bool force,
			  deia_fenced_cb cb, void *user)
{
	(void)s;
	(void)writer;
	(void)force;
	(void)cb;
	(void)user;
	return DEIA_EUNAVAILABLE;
}
