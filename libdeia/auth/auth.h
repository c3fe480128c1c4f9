/* SPDX-License-Identifier: MIT */
/*
 * auth.h - what proves an identity: hashed tokens, one-time codes, and the
 * count of wrong tries. Tables in memory; the hive keeps the durable rows.
 */
#ifndef DEIA_AUTH_AUTH_H
#define DEIA_AUTH_AUTH_H

#include <deia/auth.h>

#define DEIA__HASH_BYTES 32
#define DEIA__PROOF_BYTES 16

/* SHA-256 of a secret's text. */
void deia__secret_hash(unsigned char out[static DEIA__HASH_BYTES],
		       const char *secret);
/* Equal, in constant time. */
bool deia__hash_equal(const unsigned char *a, const unsigned char *b);

/* ---- tokens ------------------------------------------------------------ */

struct deia__token {
	char id[DEIA_TOKEN_ID_LEN + 1];
	unsigned char hash[DEIA__HASH_BYTES];
	char *name;
	deia_role role;
	const char *kind; /* static: "token", "session", "file", "bot",
			   * "external" */
	int64_t created_ms, expires_ms, last_used_ms; /* wall; 0: none */
	unsigned round;	     /* of the reading that saw it last */
	bool revoked, dirty; /* dirty: last_used_ms is not in the store yet */
	/* A secret that hashed to the above, under a key of this process: so
	 * that the next time costs no SHA-256. */
	bool proved;
	unsigned char proof[DEIA__PROOF_BYTES];
};

typedef struct deia__tokens deia__tokens;

DEIA_NODISCARD deia_err deia__tokens_new(deia__tokens **out);
void deia__tokens_free(deia__tokens *t);
/* Adds one; name is copied. EEXIST, ELIMIT, ENOMEM. */
DEIA_NODISCARD deia_err deia__tokens_add(deia__tokens *t,
					 const struct deia__token *token);
void deia__tokens_remove(deia__tokens *t, const char *id);
/* NULL when there is none. */
struct deia__token *deia__tokens_get(const deia__tokens *t, const char *id);
/* The live token whose secret this is, NULL when there is none. */
struct deia__token *deia__tokens_check(deia__tokens *t, const char *secret,
				       int64_t unix_ms);
/* In order of id after `after` (NULL: from the first), without kind "bot". */
size_t deia__tokens_list(const deia__tokens *t, const char *after,
			 const struct deia__token **out, size_t max);
/* Calls fn for every token; fn must not add or remove. */
void deia__tokens_each(const deia__tokens *t,
		       void (*fn)(struct deia__token *token, void *user),
		       void *user);
/*
 * All rows are read again: those that no deia__tokens_seen names, nor are added
 * meanwhile, go with the sweep. Tokens of bots are no rows and stay.
 */
void deia__tokens_begin_round(deia__tokens *t);
void deia__tokens_seen(deia__tokens *t, struct deia__token *token);
void deia__tokens_sweep(deia__tokens *t);
/* The static text for a kind read from the store. */
const char *deia__token_kind(const char *kind);

/* ---- one-time codes and wrong tries ------------------------------------ */

#define DEIA__CODES_MAX 64
#define DEIA__CODE_LEN 32
#define DEIA__TRIES_MAX 5
#define DEIA__TRIES_WINDOW_MS 300000
#define DEIA__TRIES_ADDRESSES 1024

struct deia__codes {
	struct deia__code {
		unsigned char hash[DEIA__HASH_BYTES];
		deia_role role;
		int64_t expires_ms; /* boot clock; 0: free */
	} codes[DEIA__CODES_MAX];
	struct deia__tries {
		char address[64];
		unsigned count;
		int64_t since_ms, used_ms; /* boot clock */
	} tries[DEIA__TRIES_ADDRESSES];
};

/* Makes a code; the oldest gives way when all places are taken. EIO when the
 * kernel gives no randomness. */
DEIA_NODISCARD deia_err deia__codes_make(struct deia__codes *c, deia_role role,
					 int64_t now_ms, int64_t ttl_ms,
					 char out[static DEIA__CODE_LEN + 1]);
/* Uses a code up. EAUTH: not a live code. EBUSY: too many wrong ones from
 * this address. */
DEIA_NODISCARD deia_err deia__codes_use(struct deia__codes *c, const char *code,
					const char *address, int64_t now_ms,
					deia_role *role);
/* Elsewhere, too, wrong ones came from this address: count in all, and the
 * window ends in left_ms. */
void deia__codes_learn(struct deia__codes *c, const char *address,
		       int64_t count, int64_t left_ms, int64_t now_ms);

#endif
