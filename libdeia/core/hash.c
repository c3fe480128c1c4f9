/* SPDX-License-Identifier: MIT */
/* hash.c - digests by libsodium's generic hash. */
#include "core/hash.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_generichash_state) <=
		       sizeof(((struct deia__digest *)0)->state),
	       "the state does not fit");

static crypto_generichash_state *state_of(struct deia__digest *d)
{
	return (crypto_generichash_state *)(void *)d->state;
}

void deia__digest_init(struct deia__digest *d)
{
	crypto_generichash_init(state_of(d), NULL, 0, DEIA__DIGEST_BYTES);
}

void deia__digest_add(struct deia__digest *d, const void *p, size_t len)
{
	uint64_t n = len;

	crypto_generichash_update(state_of(d), (const unsigned char *)&n,
				  sizeof(n));
	crypto_generichash_update(state_of(d), p, len);
}

void deia__digest_end(struct deia__digest *d,
		      unsigned char out[static DEIA__DIGEST_BYTES])
{
	crypto_generichash_final(state_of(d), out, DEIA__DIGEST_BYTES);
}
