/* SPDX-License-Identifier: MIT */
/* id.h - randomness and identifiers. */
#ifndef DEIA_CORE_ID_H
#define DEIA_CORE_ID_H

#include <deia/base.h>

/* xoshiro256** with a seed, for jitter and choices; never for secrets. */
struct deia__rng {
	uint64_t s[4];
};
void deia__rng_init(struct deia__rng *r, uint64_t seed); /* 0: random */
uint64_t deia__rng_next(struct deia__rng *r);
double deia__rng_ratio(struct deia__rng *r); /* [0, 1) */

/* Bytes from the kernel, for secrets; true on success. */
bool deia__random(void *p, size_t len);
/*
 * UUIDv7 (RFC 9562): 36 characters and NUL; strictly rising within a process,
 * also within one millisecond (method 1: a 12-bit counter) and when the clock
 * steps back. Any thread.
 */
void deia__uuid7(char out[static 37], int64_t unix_ms);
bool deia__uuid_valid(const char *s);
/* Lower-case hexadecimal digits, two a byte, without a NUL. */
void deia__hex_print(char *out, const unsigned char *bytes, size_t len);
/* The usual 36 characters of 16 bytes, and NUL. */
void deia__uuid_print(char out[static 37], const unsigned char *bytes);
uint32_t deia__crc32(const void *p, size_t len); /* IEEE 802.3 */
/* base64url without padding; out needs (len * 4 + 2) / 3 + 1 bytes. */
void deia__base64url(char *out, const void *p, size_t len);

#endif
