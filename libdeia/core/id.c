/* SPDX-License-Identifier: MIT */
/*
 * id.c - randomness, UUIDv7, CRC-32, base64url.
 *
 * UUIDs rise strictly within the process: the 48-bit time and a 12-bit
 * counter form one number, kept in one atomic, and each id takes the larger
 * of "this millisecond, counter 0" and "the last one plus one". So ids stay
 * in order when the clock steps back, and more than 4,096 in a millisecond
 * run ahead of the clock. The other 62 bits are random, always from the
 * kernel: a pool of our own would give the same ids to a forked child.
 */
#include "core/id.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t last_uuid;

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

bool deia__random(void *p, size_t len)
{
	unsigned char *at = p;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* Not secret; differs between processes and moments without getrandom(2). */
static uint64_t weak_seed(void)
{
	struct timespec ts;
	uint64_t x;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	x = (uint64_t)ts.tv_nsec ^ (uint64_t)ts.tv_sec << 30;
	x ^= (uint64_t)getpid() << 44 ^ (uint64_t)(uintptr_t)&ts;
	return splitmix(&x);
}

void deia__rng_init(struct deia__rng *r, uint64_t seed)
{
	if (seed == 0 && !deia__random(&seed, sizeof(seed)))
		seed = weak_seed();
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256** by Blackman and Vigna, public domain algorithm. */
uint64_t deia__rng_next(struct deia__rng *r)
{
	uint64_t result = rotl(r->s[1] * 5, 7) * 9;
	uint64_t t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotl(r->s[3], 45);
	return result;
}

double deia__rng_ratio(struct deia__rng *r)
{
	return (double)(deia__rng_next(r) >> 11) * 0x1.0p-53;
}

/* Time and counter of the next id, as one 60-bit number. */
static uint64_t next_stamp(int64_t unix_ms)
{
	uint64_t last = atomic_load_explicit(&last_uuid, memory_order_relaxed);
	uint64_t stamp, fresh;

	if (unix_ms < 0)
		unix_ms = 0;
	fresh = ((uint64_t)unix_ms & UINT64_C(0xffffffffffff)) << 12;
	do {
		stamp = fresh > last ? fresh : last + 1;
	} while (!atomic_compare_exchange_weak_explicit(
		&last_uuid, &last, stamp, memory_order_relaxed,
		memory_order_relaxed));
	return stamp;
}

#define SIXTEEN(a)                                                             \
	a "0" a "1" a "2" a "3" a "4" a "5" a "6" a "7" a "8" a "9" a "a" a    \
	  "b" a "c" a "d" a "e" a "f"
static const char hex_pairs[] = SIXTEEN("0") SIXTEEN("1") SIXTEEN("2")
	SIXTEEN("3") SIXTEEN("4") SIXTEEN("5") SIXTEEN("6") SIXTEEN("7")
		SIXTEEN("8") SIXTEEN("9") SIXTEEN("a") SIXTEEN("b") SIXTEEN("c")
			SIXTEEN("d") SIXTEEN("e") SIXTEEN("f");
_Static_assert(sizeof(hex_pairs) == 513, "two digits for each byte");

void deia__hex_print(char *out, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		memcpy(out + 2 * i, hex_pairs + 2 * (size_t)bytes[i], 2);
}

void deia__uuid_print(char out[static 37], const unsigned char *bytes)
{
	deia__hex_print(out, bytes, 4);
	out[8] = '-';
	deia__hex_print(out + 9, bytes + 4, 2);
	out[13] = '-';
	deia__hex_print(out + 14, bytes + 6, 2);
	out[18] = '-';
	deia__hex_print(out + 19, bytes + 8, 2);
	out[23] = '-';
	deia__hex_print(out + 24, bytes + 10, 6);
	out[36] = '\0';
}

void deia__uuid7(char out[static 37], int64_t unix_ms)
{
	uint64_t stamp = next_stamp(unix_ms), low;
	unsigned char b[16];

	if (!deia__random(&low, sizeof(low)))
		low = weak_seed();
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(stamp >> (52 - 8 * i));
	b[6] = (unsigned char)(0x70 | (stamp >> 8 & 0x0f));
	b[7] = (unsigned char)stamp;
	memcpy(b + 8, &low, sizeof(low));
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	deia__uuid_print(out, b);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

bool deia__uuid_valid(const char *s)
{
	if (!s || strnlen(s, 37) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !is_hex(s[i]))
			return false;
	}
	return true;
}

uint32_t deia__crc32(const void *p, size_t len)
{
	/* Remainders of the 16 four-bit values, polynomial 0xedb88320. */
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const unsigned char *at = p;
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc = crc >> 4 ^ nibble[(crc ^ at[i]) & 0x0f];
		crc = crc >> 4 ^ nibble[(crc ^ at[i] >> 4) & 0x0f];
	}
	return ~crc;
}

void deia__base64url(char *out, const void *p, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";
	const unsigned char *at = p;
	uint32_t bits = 0;
	int n_bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | at[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			*out++ = alphabet[bits >> (n_bits - 6) & 0x3f];
	}
	if (n_bits > 0)
		*out++ = alphabet[bits << (6 - n_bits) & 0x3f];
	*out = '\0';
}
