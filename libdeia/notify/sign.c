/* SPDX-License-Identifier: MIT */
/*
 * sign.c - signatures of webhooks, as the Standard Webhooks specification has
 * them: HMAC-SHA256 over "id.timestamp.body".
 */
#include "notify/notify.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "whsec_"
#define MAX_KEY 512

/* The bytes of the key: what follows "whsec_" is base64. */
static size_t key_of(unsigned char *out, const char *secret)
{
	size_t len = strlen(secret), prefix = strlen(PREFIX), key_len = 0;

	if (strncmp(secret, PREFIX, prefix) == 0 &&
	    sodium_base642bin(out, MAX_KEY, &secret[prefix], len - prefix, NULL,
			      &key_len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) == 0)
		return key_len;
	if (len > MAX_KEY)
		len = MAX_KEY;
	memcpy(out, secret, len);
	return len;
}

void deia__notify_sign(char out[static DEIA__SIGNATURE_BYTES],
		       const char *secret, const char *id, int64_t unix_seconds,
		       const char *body, size_t len)
{
	unsigned char key[MAX_KEY], mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state st;
	char head[DEIA__NOTIFY_ID_BYTES + 32];
	size_t key_len = key_of(key, secret);
	int n = snprintf(head, sizeof(head), "%s.%lld.", id,
			 (long long)unix_seconds);

	crypto_auth_hmacsha256_init(&st, key, key_len);
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)head,
				      (size_t)n);
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)body, len);
	crypto_auth_hmacsha256_final(&st, mac);
	snprintf(out, DEIA__SIGNATURE_BYTES, "v1,");
	sodium_bin2base64(out + 3, DEIA__SIGNATURE_BYTES - 3, mac, sizeof(mac),
			  sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(&st, sizeof(st));
}
