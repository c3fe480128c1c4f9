/* SPDX-License-Identifier: MIT */
/* errmsg.h - the one-line detail that a handle keeps of its last failure. */
#ifndef DEIA_CORE_ERRMSG_H
#define DEIA_CORE_ERRMSG_H

#include <deia/error.h>

#define DEIA__ERRMSG_BYTES 512

struct deia__errmsg {
	char text[DEIA__ERRMSG_BYTES];
};
/* Formats the detail and returns err, so `return deia__fail(&h->msg, ...)`.
 * Control characters become '?'. */
deia_err deia__fail(struct deia__errmsg *m, deia_err err, const char *fmt, ...)
	DEIA_PRINTF(3, 4);

#endif
