/* SPDX-License-Identifier: MIT */
/* buf.h - a growing byte buffer with a maximum; errors stick. */
#ifndef DEIA_CORE_BUF_H
#define DEIA_CORE_BUF_H

#include <deia/error.h>

struct deia__buf {
	char *data; /* NUL after len once anything was added */
	size_t len, cap;
	size_t max;   /* 0: no maximum but SIZE_MAX / 2 */
	deia_err err; /* DEIA_OK, DEIA_ENOMEM, DEIA_ELIMIT */
};

void deia__buf_init(struct deia__buf *b, size_t max);
void deia__buf_fini(struct deia__buf *b);
void deia__buf_add(struct deia__buf *b, const void *p, size_t len);
void deia__buf_adds(struct deia__buf *b, const char *s);
void deia__buf_addf(struct deia__buf *b, const char *fmt, ...)
	DEIA_PRINTF(2, 3);
/* Drops n bytes from the front. */
void deia__buf_drain(struct deia__buf *b, size_t n);
/* Gives the data away (NUL-terminated, NULL on error) and becomes empty. */
char *deia__buf_take(struct deia__buf *b);

#endif
