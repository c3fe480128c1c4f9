/* SPDX-License-Identifier: MIT */
/* hash.h - a short digest of several pieces, for telling requests apart. */
#ifndef DEIA_CORE_HASH_H
#define DEIA_CORE_HASH_H

#include <deia/base.h>

#define DEIA__DIGEST_BYTES 16

/* A running digest (BLAKE2b); opaque, embedded. */
struct deia__digest {
	_Alignas(64) unsigned char state[384];
};
void deia__digest_init(struct deia__digest *d);
/* Adds a piece and its length, so that pieces cannot run into each other. */
void deia__digest_add(struct deia__digest *d, const void *p, size_t len);
/* Ends it. */
void deia__digest_end(struct deia__digest *d,
		      unsigned char out[static DEIA__DIGEST_BYTES]);

#endif
