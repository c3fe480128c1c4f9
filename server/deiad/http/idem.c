/* SPDX-License-Identifier: MIT */
/*
 * idem.c - see idem.h.
 *
 * A key in flight stands in srv->idems until its answer is durable, so that
 * two equal requests at the same moment cannot both run.
 */
#include "idem.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"
#include "reply.h"
#include "router.h"

enum state { FINDING, RUNNING, KEEPING, DONE };

struct idem {
	TAILQ_ENTRY(idem) link; /* in srv->idems */
	struct rq *rq;
	enum state state;
	const char *owner; /* in rq->actor */
	char *key;
	int status;
	const char *type; /* static text */
	char *body;
	size_t len;
	/* With idem_join: what the change keeps. */
	struct deia_replay replay;
	void (*print)(const struct rq *rq, struct deia_jw *w,
		      enum deia_made made, const void *what);
	struct deia_jw printed;
	int printed_status; /* 0: nothing was made */
};

void idem_fingerprint(struct rq *rq, const char *body, size_t len)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state st;

	if (!(rq->route->flags & RF_IDEMPOTENT) || !rq->head.key)
		return;
	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, (const unsigned char *)rq->method,
				  strlen(rq->method) + 1);
	crypto_hash_sha256_update(&st, (const unsigned char *)rq->target,
				  strlen(rq->target) + 1);
	crypto_hash_sha256_update(&st, (const unsigned char *)body, len);
	crypto_hash_sha256_final(&st, digest);
	sodium_bin2hex(rq->body_print, sizeof(rq->body_print), digest,
		       sizeof(digest));
}

bool idem_key_ok(struct rq *rq)
{
	const char *key = rq->head.key;
	size_t len = key ? strlen(key) : 1;

	for (size_t i = 0; key && i < len; i++)
		if (key[i] < ' ' || key[i] >= 127)
			len = 0;
	if (len >= 1 && len <= 255)
		return true;
	rq_problem(rq, 400, "malformed",
		   "Idempotency-Key must be 1 to 255 printable ASCII "
		   "characters.");
	return false;
}

static void found(deia_err err, const char *fingerprint, int status,
		  const char *body, void *user)
{
	struct rq *rq = user;
	struct idem *idem = rq->idem;

	if (err) {
		idem->state = DONE;
		rq_fail(rq, err);
	} else if (status == 0) {
		idem->state = RUNNING;
		if (rq->conn) /* else: it left before anything happened */
			rq->route->run(rq);
	} else if (strcmp(fingerprint, rq->body_print) != 0) {
		idem->state = DONE;
		rq_problem(rq, 422, "conflict",
			   "This Idempotency-Key was used for another request; "
			   "choose a new one.");
	} else {
		idem->state = DONE;
		rq_add_header(rq, "Idempotency-Replayed", "true");
		rq_send(rq, status,
			status >= 400 ? "application/problem+json"
				      : "application/json",
			body, strlen(body));
	}
	rq_drop(rq);
}

static bool in_flight(struct rq *rq, const char *key)
{
	struct idem *other;

	TAILQ_FOREACH(other, &rq->srv->idems, link)
		if (strcmp(other->key, key) == 0 &&
		    strcmp(other->rq->actor.name, rq->actor.name) == 0 &&
		    strcmp(other->owner, rq->actor.token_id) == 0)
			return true;
	return false;
}

static bool start(struct rq *rq, const char *key)
{
	struct idem *idem = calloc(1, sizeof(*idem));

	if (idem)
		idem->key = strdup(key);
	if (!idem || !idem->key) {
		free(idem);
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
		return false;
	}
	idem->rq = rq;
	idem->owner = rq->actor.token_id;
	rq->idem = idem;
	TAILQ_INSERT_TAIL(&rq->srv->idems, idem, link);
	return true;
}

bool idem_begin(struct rq *rq)
{
	const char *key = rq->head.key;
	const char *accept = rq_header(rq, "Accept");
	deia_err err;

	if (!key || !(rq->route->flags & RF_IDEMPOTENT) ||
	    (accept && strstr(accept, "text/event-stream")))
		return true;
	if (!idem_key_ok(rq))
		return false;
	if (in_flight(rq, key)) {
		rq_add_header(rq, "Retry-After", "1");
		rq_problem(rq, 409, deia_err_name(DEIA_ECONFLICT),
			   "A request with this Idempotency-Key is being "
			   "worked on; ask again for its answer.");
		return false;
	}
	if (!start(rq, key))
		return false;
	rq_hold(rq);
	err = deia_hive_replay_find(rq->srv->hive, rq->idem->owner, key, found,
				    rq);
	if (err) {
		rq->idem->state = DONE;
		rq_fail(rq, err);
		rq_drop(rq);
	}
	return false;
}

static void kept(deia_err err, void *user)
{
	struct rq *rq = user;
	struct idem *idem = rq->idem;

	if (err)
		log_msg(DEIA_LOG_WARN,
			"an answer could not be kept under its "
			"Idempotency-Key: %s",
			deia_err_text(err));
	idem->state = DONE;
	rq_send(rq, idem->status, idem->type, idem->body, idem->len);
	rq_drop(rq);
}

static bool worth_keeping(int status)
{
	return status < 500 && status != 401 && status != 403 && status != 429;
}

/* As struct deia_replay wants it. */
static const char *print_made(enum deia_made made, const void *what,
			      int *status, void *user)
{
	struct idem *idem = user;

	deia_jw_init(&idem->printed);
	idem->print(idem->rq, &idem->printed, made, what);
	if (deia_jw_status(&idem->printed))
		return NULL;
	*status = idem->printed_status = made == DEIA_MADE_ANSWER ? 200 : 201;
	return idem->printed.text;
}

void idem_join(struct rq *rq,
	       void (*print)(const struct rq *rq, struct deia_jw *w,
			     enum deia_made made, const void *what))
{
	struct idem *idem = rq->idem;

	if (!idem || idem->state != RUNNING)
		return;
	idem->print = print;
	idem->replay.owner = idem->owner;
	idem->replay.key = idem->key;
	idem->replay.fingerprint = rq->body_print;
	idem->replay.print = print_made;
	idem->replay.user = idem;
	rq->actor.replay = &idem->replay;
}

void idem_forget(struct rq *rq)
{
	if (rq->idem)
		rq->idem->state = DONE;
}

bool idem_keep(struct rq *rq, int status, const char *type, const void *body,
	       size_t len)
{
	struct idem *idem = rq->idem;

	if (idem->state == KEEPING)
		return true;
	if (idem->state == RUNNING && idem->printed_status == status) {
		/* Durable already, with what it is about: said the same. */
		idem->state = DONE;
		rq_send(rq, status, "application/json", idem->printed.text,
			idem->printed.len);
		return true;
	}
	if (idem->state != RUNNING || !worth_keeping(status)) {
		idem->state = DONE;
		return false;
	}
	idem->body = malloc(len + 1);
	if (!idem->body)
		return false;
	if (len)
		memcpy(idem->body, body, len);
	idem->body[len] = '\0';
	idem->len = len;
	idem->status = status;
	idem->type = type;
	idem->state = KEEPING;
	rq_hold(rq);
	if (deia_hive_replay_keep(rq->srv->hive, idem->owner, idem->key,
				  rq->body_print, status, idem->body, kept,
				  rq)) {
		idem->state = DONE;
		rq_drop(rq);
		return false;
	}
	return true;
}

void idem_free(struct rq *rq)
{
	struct idem *idem = rq->idem;

	if (!idem)
		return;
	TAILQ_REMOVE(&rq->srv->idems, idem, link);
	free(idem->key);
	free(idem->body);
	deia_jw_fini(&idem->printed);
	rq->actor.replay = NULL;
	free(idem);
	rq->idem = NULL;
}
