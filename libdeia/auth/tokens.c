/* SPDX-License-Identifier: MIT */
/*
 * tokens.c - the tokens that are known, by id.
 *
 * A token is found by its public id and proved by the hash of the whole text,
 * compared in constant time; an unknown id costs the same hash. One that was
 * proved before is known again by a keyed hash that is 20 times as fast.
 */
#include "auth/auth.h"

#include <string.h>

#include <sodium.h>

#include <deia/limits.h>

#include "core/byid.h"
#include "core/id.h"
#include "core/mem.h"

_Static_assert(DEIA__PROOF_BYTES == crypto_shorthash_siphashx24_BYTES,
	       "SipHash-2-4-128");

struct deia__tokens {
	struct deia__byid all;
	size_t n_bots;
	unsigned round;
	unsigned char key[crypto_shorthash_siphashx24_KEYBYTES]; /* proofs */
};

static const char *id_of(const void *item)
{
	const struct deia__token *token = item;

	return token->id;
}

deia_err deia__tokens_new(deia__tokens **out)
{
	*out = deia__alloc(sizeof(**out));
	if (!*out)
		return DEIA_ENOMEM;
	(*out)->all.id_of = id_of;
	if (deia__random((*out)->key, sizeof((*out)->key)))
		return DEIA_OK;
	deia__free(*out);
	*out = NULL;
	return DEIA_EIO;
}

static void token_free(struct deia__token *token)
{
	deia__free(token->name);
	deia__free(token);
}

void deia__tokens_free(deia__tokens *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->all.n; i++)
		token_free(t->all.items[i]);
	deia__byid_fini(&t->all);
	deia__free(t);
}

static bool is_bot(const struct deia__token *token)
{
	return strcmp(token->kind, "bot") == 0;
}

/* Tokens of bots are bounded by the number of bots, not by this limit. */
static bool is_full(const deia__tokens *t, const struct deia__token *token)
{
	return is_bot(token) ? t->n_bots >= DEIA_MAX_BOTS
			     : t->all.n - t->n_bots >= DEIA_MAX_TOKENS;
}

deia_err deia__tokens_add(deia__tokens *t, const struct deia__token *token)
{
	struct deia__token *copy;

	if (deia__byid_get(&t->all, token->id))
		return DEIA_EEXIST;
	if (is_full(t, token))
		return DEIA_ELIMIT;
	copy = deia__alloc(sizeof(*copy));
	if (!copy)
		return DEIA_ENOMEM;
	*copy = *token;
	copy->round = t->round;
	copy->name = deia__strdup(token->name);
	if (!copy->name || !deia__byid_add(&t->all, copy)) {
		token_free(copy);
		return DEIA_ENOMEM;
	}
	t->n_bots += is_bot(copy);
	return DEIA_OK;
}

void deia__tokens_remove(deia__tokens *t, const char *id)
{
	struct deia__token *token = deia__byid_take(&t->all, id);

	if (!token)
		return;
	t->n_bots -= is_bot(token);
	token_free(token);
}

struct deia__token *deia__tokens_get(const deia__tokens *t, const char *id)
{
	return deia__byid_get(&t->all, id);
}

/* By the proof of an earlier time, else by the hash; then it is proved. */
static bool is_secret(const deia__tokens *t, struct deia__token *token,
		      const char *secret)
{
	static const unsigned char nobody[DEIA__HASH_BYTES];
	unsigned char hash[DEIA__HASH_BYTES], proof[DEIA__PROOF_BYTES];
	bool equal;

	crypto_shorthash_siphashx24(proof, (const unsigned char *)secret,
				    DEIA_TOKEN_LEN, t->key);
	if (token && token->proved &&
	    sodium_memcmp(proof, token->proof, sizeof(proof)) == 0)
		return true;
	if (!deia_token_well_formed(secret))
		return false;
	deia__secret_hash(hash, secret);
	equal = deia__hash_equal(hash, token ? token->hash : nobody);
	if (!token || !equal)
		return false;
	memcpy(token->proof, proof, sizeof(proof));
	token->proved = true;
	return true;
}

struct deia__token *deia__tokens_check(deia__tokens *t, const char *secret,
				       int64_t unix_ms)
{
	char id[DEIA_TOKEN_ID_LEN + 1];
	struct deia__token *token;

	if (!secret || strnlen(secret, DEIA_TOKEN_LEN + 1) != DEIA_TOKEN_LEN)
		return NULL;
	memcpy(id, secret + 5, DEIA_TOKEN_ID_LEN);
	id[DEIA_TOKEN_ID_LEN] = '\0';
	token = deia__tokens_get(t, id);
	if (!is_secret(t, token, secret) || token->revoked)
		return NULL;
	if (token->expires_ms && token->expires_ms <= unix_ms)
		return NULL;
	return token;
}

size_t deia__tokens_list(const deia__tokens *t, const char *after,
			 const struct deia__token **out, size_t max)
{
	size_t n = 0, at = deia__byid_after(&t->all, after);

	for (; at < t->all.n && n < max; at++)
		if (!is_bot(t->all.items[at]))
			out[n++] = t->all.items[at];
	return n;
}

void deia__tokens_each(const deia__tokens *t,
		       void (*fn)(struct deia__token *token, void *user),
		       void *user)
{
	for (size_t i = 0; i < t->all.n; i++)
		fn(t->all.items[i], user);
}

void deia__tokens_begin_round(deia__tokens *t)
{
	t->round++;
}

void deia__tokens_seen(deia__tokens *t, struct deia__token *token)
{
	token->round = t->round;
}

void deia__tokens_sweep(deia__tokens *t)
{
	struct deia__token *token;
	size_t kept = 0;

	for (size_t i = 0; i < t->all.n; i++) {
		token = t->all.items[i];
		if (is_bot(token) || token->round == t->round)
			t->all.items[kept++] = token;
		else
			token_free(token);
	}
	t->all.n = kept;
}

const char *deia__token_kind(const char *kind)
{
	static const char *const kinds[] = { "token", "session", "file", "bot",
					     "external" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return kinds[i];
	return kinds[0];
}
