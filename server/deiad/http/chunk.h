/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - a strict look at the framing of a chunked body. No I/O here.
 */
#ifndef DEIAD_CHUNK_H
#define DEIAD_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far the framing was read. Zero-initialised at the body's start. */
struct chunk_scan {
	unsigned char state, digits;
	bool last;     /* the chunk of size 0 */
	uint64_t left; /* bytes of the chunk to come, or its size so far */
};

/*
 * Takes the next bytes of the body. False when they break the framing; after
 * the body's end it takes any, for they are the next request's.
 */
bool chunk_feed(struct chunk_scan *scan, const char *p, size_t len);

#endif
