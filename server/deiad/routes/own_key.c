/* SPDX-License-Identifier: MIT */
/* own_key.c - see own_key.h. */
#include "own_key.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/hive.h>
#include <deia/limits.h>

#include "../http/idem.h"
#include "../http/reply.h"

static void set_key(struct making *m, const char *key)
{
	unsigned char digest[crypto_hash_sha256_BYTES];

	m->key = key;
	if (!key || strlen(key) <= DEIA_MAX_KEY_BYTES)
		return;
	crypto_hash_sha256(digest, (const unsigned char *)key, strlen(key));
	m->key = sodium_bin2hex(m->hash, sizeof(m->hash), digest,
				sizeof(digest));
}

struct making *making_begin(struct rq *rq, const char *many, bool batch)
{
	struct making *m;

	if (!idem_key_ok(rq))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m) {
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return NULL;
	}
	m->rq = rq;
	m->many = many;
	m->batch = batch;
	m->one = !batch;
	set_key(m, rq->head.key);
	rq_hold(rq);
	return m;
}

static void end(struct making *m)
{
	struct rq *rq = m->rq;

	free(m);
	rq_drop(rq);
}

/*
 * Names the one that was wrong, and what of it: the pointer stays empty when
 * that is not known, or said by the sentence alone.
 */
static void place(const struct making *m, deia_err err, int at,
		  const char *member, struct deia_field_error *e)
{
	const deia_hive *hive = m->rq->srv->hive;
	const struct deia_field_error *where =
		err == DEIA_EFIELD ? deia_hive_field_error(hive) : NULL;

	snprintf(e->detail, sizeof(e->detail), "%s",
		 where ? where->detail : deia_hive_errmsg(hive));
	if (m->batch && at >= 0)
		snprintf(e->pointer, sizeof(e->pointer), "/%s/%d%.100s",
			 m->many, at, where ? where->pointer : member);
	else if (where)
		*e = *where;
}

void making_failed(struct making *m, deia_err err, int at, const char *member)
{
	struct deia_field_error e = { 0 };

	place(m, err, at, member, &e);
	if (err == DEIA_ECONFLICT && m->key)
		rq_problem(m->rq, 422, deia_err_name(err),
			   "This Idempotency-Key was used for other %s; "
			   "choose a new one.",
			   m->many);
	else if (e.pointer[0])
		rq_fail_at(m->rq, err, &e);
	else
		rq_fail(m->rq, err);
	end(m);
}

void making_done(struct making *m, const char *id, struct deia_jw *w)
{
	char where[100];

	if (m->replayed)
		rq_add_header(m->rq, "Idempotency-Replayed", "true");
	if (m->one) {
		snprintf(where, sizeof(where), "/api/v1/%s/%s", m->many, id);
		rq_add_header(m->rq, "Location", where);
	}
	rq_send_json(m->rq, 201, w);
	end(m);
}
