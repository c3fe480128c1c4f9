/* SPDX-License-Identifier: MIT */
/*
 * head.h - a strict look at the bytes of a request's head.
 *
 * evhttp takes much that RFC 9112 forbids. The connection shows each head to
 * this check first, byte for byte, and refuses what two programs could
 * understand differently. No I/O here.
 */
#ifndef DEIAD_HEAD_H
#define DEIAD_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a head is refused. Text is static. */
struct head_fault {
	int status;
	const char *code, *detail;
};

/* How far the end of a head was sought. Zero-initialised at its start. */
struct head_scan {
	size_t pos, line_start;
	unsigned lines;
};

/*
 * Looks for the end of the head in text[0..len), going on where the last call
 * stopped. Returns its length with the empty line, 0 when it is not complete
 * yet; or fills in fault and returns 0.
 */
size_t head_end(struct head_scan *scan, const char *text, size_t len,
		struct head_fault *fault);

/* What the connection needs to know of a head. */
struct head {
	int64_t content_length; /* -1: none */
	bool chunked, expects_continue;
};

/* Checks a complete head; false with fault filled in when it is refused. */
bool head_check(const char *text, size_t len, struct head *out,
		struct head_fault *fault);

#endif
