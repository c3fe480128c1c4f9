/* SPDX-License-Identifier: MIT */
/*
 * codes.c - one-time sign-in codes, and the brake on guessing them.
 *
 * Codes live in memory only: a restart of the hive ends them. A code has 192
 * bits, so the brake protects the log and the processor rather than the code.
 * Both tables have a fixed size; in a full one the oldest entry gives way.
 */
#include "auth/auth.h"

#include <stdio.h>
#include <string.h>

#include "core/id.h"

deia_err deia__codes_make(struct deia__codes *c, deia_role role, int64_t now_ms,
			  int64_t ttl_ms, char out[static DEIA__CODE_LEN + 1])
{
	unsigned char secret[DEIA__CODE_LEN * 3 / 4];
	struct deia__code *slot = &c->codes[0];

	for (size_t i = 0; i < DEIA__CODES_MAX; i++) {
		if (c->codes[i].expires_ms <= now_ms) {
			slot = &c->codes[i];
			break;
		}
		if (c->codes[i].expires_ms < slot->expires_ms)
			slot = &c->codes[i];
	}
	if (!deia__random(secret, sizeof(secret)))
		return DEIA_EIO;
	deia__base64url(out, secret, sizeof(secret));
	deia__secret_hash(slot->hash, out);
	slot->role = role;
	slot->expires_ms = now_ms + ttl_ms;
	return DEIA_OK;
}

static struct deia__tries *tries_of(struct deia__codes *c, const char *address,
				    int64_t now_ms)
{
	struct deia__tries *oldest = &c->tries[0];

	for (size_t i = 0; i < DEIA__TRIES_ADDRESSES; i++) {
		struct deia__tries *t = &c->tries[i];

		if (t->count && strcmp(t->address, address) == 0) {
			if (now_ms - t->since_ms >= DEIA__TRIES_WINDOW_MS)
				t->count = 0;
			oldest = t;
			break;
		}
		if (t->used_ms < oldest->used_ms)
			oldest = t;
	}
	if (!oldest->count || strcmp(oldest->address, address) != 0) {
		snprintf(oldest->address, sizeof(oldest->address), "%s",
			 address);
		oldest->count = 0;
		oldest->since_ms = now_ms;
	}
	oldest->used_ms = now_ms;
	return oldest;
}

deia_err deia__codes_use(struct deia__codes *c, const char *code,
			 const char *address, int64_t now_ms, deia_role *role)
{
	unsigned char hash[DEIA__HASH_BYTES];
	struct deia__tries *tries = tries_of(c, address ? address : "", now_ms);
	struct deia__code *hit = NULL;

	*role = DEIA_ROLE_NONE;
	deia__secret_hash(hash, code);
	for (size_t i = 0; i < DEIA__CODES_MAX; i++) {
		bool equal = deia__hash_equal(hash, c->codes[i].hash);

		if (equal && c->codes[i].expires_ms > now_ms)
			hit = &c->codes[i];
	}
	/* A right code passes, else whoever shares the address (on this
	 * machine: everybody) could lock its owner out. */
	if (!hit && tries->count >= DEIA__TRIES_MAX)
		return DEIA_EBUSY;
	if (!hit) {
		tries->count++;
		return DEIA_EAUTH;
	}
	*role = hit->role;
	memset(hit, 0, sizeof(*hit));
	tries->count = 0;
	return DEIA_OK;
}

void deia__codes_learn(struct deia__codes *c, const char *address,
		       int64_t count, int64_t left_ms, int64_t now_ms)
{
	struct deia__tries *t = tries_of(c, address ? address : "", now_ms);

	if (count <= t->count)
		return;
	t->count = count > DEIA__TRIES_MAX ? DEIA__TRIES_MAX : (unsigned)count;
	t->since_ms = now_ms - (DEIA__TRIES_WINDOW_MS - left_ms);
}
