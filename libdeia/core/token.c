/* SPDX-License-Identifier: MIT */
/*
 * token.c - the text form of tokens: made here, and checked for shape and
 * checksum. Which tokens are known is no business of this file.
 */
#include "core/token.h"

#include <string.h>

#include "core/id.h"

#define PREFIX "deia_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define SECRET_BYTES 32
#define SUM_LEN 6
#define SUM_AT (DEIA_TOKEN_LEN - SUM_LEN)

_Static_assert(PREFIX_LEN + DEIA_TOKEN_ID_LEN + 1 + 43 + SUM_LEN ==
		       DEIA_TOKEN_LEN,
	       "format of tokens");

static const char alphanumeric[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz";

/* Six bits at a time, drawn again when they name no character: no bias. */
static bool make_id(char *out)
{
	for (int n = 0; n < DEIA_TOKEN_ID_LEN;) {
		unsigned char b;

		if (!deia__random(&b, 1))
			return false;
		if ((b & 0x3f) < sizeof(alphanumeric) - 1)
			out[n++] = alphanumeric[b & 0x3f];
	}
	return true;
}

/* The checksum's six characters and a NUL. */
static void checksum(char out[static SUM_LEN + 1], const char *token)
{
	uint32_t crc = deia__crc32(token, SUM_AT);
	unsigned char b[4] = { (unsigned char)(crc >> 24),
			       (unsigned char)(crc >> 16),
			       (unsigned char)(crc >> 8), (unsigned char)crc };

	deia__base64url(out, b, sizeof(b));
}

deia_err deia__token_make(char out[static DEIA_TOKEN_LEN + 1])
{
	unsigned char secret[SECRET_BYTES];
	char *at = out + PREFIX_LEN;

	memcpy(out, PREFIX, PREFIX_LEN);
	if (!make_id(at) || !deia__random(secret, sizeof(secret))) {
		out[0] = '\0';
		return DEIA_EIO;
	}
	at += DEIA_TOKEN_ID_LEN;
	*at++ = '_';
	deia__base64url(at, secret, sizeof(secret));
	checksum(out + SUM_AT, out);
	explicit_bzero(secret, sizeof(secret));
	return DEIA_OK;
}

bool deia_token_well_formed(const char *token)
{
	char sum[SUM_LEN + 1];

	if (!token || strnlen(token, DEIA_TOKEN_LEN + 1) != DEIA_TOKEN_LEN ||
	    memcmp(token, PREFIX, PREFIX_LEN) != 0)
		return false;
	for (size_t i = PREFIX_LEN; i < DEIA_TOKEN_LEN; i++) {
		bool in_id = i < PREFIX_LEN + DEIA_TOKEN_ID_LEN;

		if (i == PREFIX_LEN + DEIA_TOKEN_ID_LEN) {
			if (token[i] != '_')
				return false;
		} else if (!strchr(alphanumeric, token[i]) &&
			   (in_id || !strchr("-_", token[i]))) {
			return false;
		}
	}
	checksum(sum, token);
	return memcmp(sum, token + SUM_AT, SUM_LEN) == 0;
}
