/* SPDX-License-Identifier: MIT */
/*
 * auth.c - signing in and out, one-time codes, tokens.
 *
 * Answers that hold a secret (a token, a code) are never kept under an
 * Idempotency-Key: it is shown this once.
 */
#include "routes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <deia/auth.h>
#include <deia/limits.h>

#include "../app.h"
#include "../http/reply.h"

#define TTL_MAX (10LL * 365 * 86400)

static void print_token_members(struct deia_jw *w,
				const struct deia_token_info *t)
{
	deia_jw_kstr(w, "id", t->id);
	deia_jw_kstr(w, "name", t->name);
	deia_jw_kstr(w, "role", deia_role_name(t->role));
	deia_jw_kstr(w, "kind", t->kind);
	deia_jw_ktime(w, "created_at", t->created_unix_ms);
	deia_jw_ktime(w, "expires_at", t->expires_unix_ms);
	deia_jw_ktime(w, "last_used_at", t->last_used_unix_ms);
	deia_jw_kbool(w, "revoked", t->revoked);
}

static void send_token(struct rq *rq, int status, const char *token,
		       const struct deia_token_info *info)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "token", token);
	print_token_members(&w, info);
	deia_jw_end_object(&w);
	rq_send_json(rq, status, &w);
}

/* ---- signing in -------------------------------------------------------- */

static void login_failed(struct rq *rq, deia_err err)
{
	if (err == DEIA_EAUTH) {
		rq_problem(rq, 401, deia_err_name(err),
			   "This code is wrong, was used already, or is too "
			   "old; `deia login --link` gives a new one.");
	} else if (err == DEIA_EBUSY) {
		rq_add_header(rq, "Retry-After", "300");
		rq_problem(rq, 429, deia_err_name(err),
			   "Too many wrong codes came from this address; try "
			   "again in 5 minutes.");
	} else {
		rq_fail(rq, err);
	}
}

static void logged_in(deia_err err, const char *token,
		      const struct deia_token_info *info, void *user)
{
	struct rq *rq = user;

	if (err)
		login_failed(rq, err);
	else
		send_token(rq, 200, token, info);
	rq_drop(rq);
}

void route_login(struct rq *rq)
{
	static const struct field fields[] = {
		{ "code", FIELD_TEXT, true, 1, 256 },
	};
	deia_err err;

	if (!BODY_FIELDS(rq, fields))
		return;
	rq_hold(rq);
	err = deia_hive_login(rq->srv->hive, body_text(rq, "code"),
			      rq->actor.address, logged_in, rq);
	if (err) {
		login_failed(rq, err);
		rq_drop(rq);
	}
}

static void revoke(struct rq *rq, const char *id)
{
	rq_hold(rq);
	rq_begun(rq, deia_hive_token_revoke(rq->srv->hive, &rq->actor, id,
					    rq_done_empty, rq));
}

void route_logout(struct rq *rq)
{
	if (!body_fields(rq, NULL, 0))
		return;
	revoke(rq, rq->actor.token_id);
}

void route_whoami(struct rq *rq)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "name", rq->actor.name);
	deia_jw_kstr(&w, "role", deia_role_name(rq->actor.role));
	deia_jw_kstr(&w, "token_id", rq->actor.token_id);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}

/* The role that a body names; DEIA_ROLE_NONE: answered. */
static deia_role role_of(struct rq *rq, deia_role least, deia_role fallback)
{
	const char *name = body_text(rq, "role");
	deia_role role = name ? deia_role_parse(name) : fallback;

	if (role >= least)
		return role;
	rq_bad_field(rq, "/role", "expected viewer, operator or admin%s",
		     least == DEIA_ROLE_BOT
			     ? "; bot for the program of an external bot"
			     : "");
	return DEIA_ROLE_NONE;
}

void route_codes_create(struct rq *rq)
{
	static const struct field fields[] = {
		{ "role", FIELD_TEXT, false, 1, 16 },
		{ "ttl_seconds", FIELD_INT, false, 1, 3600 },
	};
	char code[64], url[sizeof(app_of(rq->srv)->url) + 80];
	int64_t ttl;
	deia_role role;
	struct deia_jw w;
	deia_err err;

	if (!BODY_FIELDS(rq, fields))
		return;
	ttl = body_int(rq, "ttl_seconds", 900);
	role = role_of(rq, DEIA_ROLE_VIEWER, rq->actor.role);
	if (role == DEIA_ROLE_NONE)
		return;
	err = deia_hive_code_create(rq->srv->hive, &rq->actor, role,
				    (unsigned)ttl, code, sizeof(code));
	if (err) {
		rq_fail(rq, err);
		return;
	}
	snprintf(url, sizeof(url), "%s/#code=%s", app_of(rq->srv)->url, code);
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "code", code);
	deia_jw_kstr(&w, "url", url);
	deia_jw_kstr(&w, "role", deia_role_name(role));
	deia_jw_ktime(&w, "expires_at", ((int64_t)time(NULL) + ttl) * 1000);
	deia_jw_end_object(&w);
	rq_send_json(rq, 201, &w);
}

/* ---- tokens ------------------------------------------------------------ */

void route_tokens_list(struct rq *rq)
{
	struct deia_token_info page[DEIA_DEFAULT_PAGE_LEN];
	const char *after = rq_query(rq, "cursor");
	char last[DEIA_TOKEN_ID_LEN + 1];
	unsigned limit, done = 0;
	struct deia_jw w;
	size_t n = 1;

	if (!query_limit(rq, &limit))
		return;
	snprintf(last, sizeof(last), "%s", after ? after : "");
	list_begin(&w);
	while (done < limit && n) {
		size_t want = limit - done;

		if (want > DEIA_DEFAULT_PAGE_LEN)
			want = DEIA_DEFAULT_PAGE_LEN;
		n = deia_hive_token_list(rq->srv->hive, last[0] ? last : NULL,
					 page, want);
		for (size_t i = 0; i < n; i++) {
			deia_jw_object(&w);
			print_token_members(&w, &page[i]);
			deia_jw_end_object(&w);
		}
		if (n)
			snprintf(last, sizeof(last), "%s", page[n - 1].id);
		done += (unsigned)n;
	}
	n = n ? deia_hive_token_list(rq->srv->hive, last, page, 1) : 0;
	list_send(rq, &w, n ? last : NULL);
}

static void token_made(deia_err err, const char *token,
		       const struct deia_token_info *info, void *user)
{
	struct rq *rq = user;

	if (err)
		rq_fail(rq, err);
	else
		send_token(rq, 201, token, info);
	rq_drop(rq);
}

void route_tokens_create(struct rq *rq)
{
	static const struct field fields[] = {
		{ "name", FIELD_TEXT, true, 1, DEIA_MAX_NAME_BYTES },
		{ "role", FIELD_TEXT, true, 1, 16 },
		{ "ttl_seconds", FIELD_INT, false, 0, TTL_MAX },
	};
	deia_role role;

	if (!BODY_FIELDS(rq, fields))
		return;
	role = role_of(rq, DEIA_ROLE_BOT, DEIA_ROLE_NONE);
	if (role == DEIA_ROLE_NONE)
		return;
	rq_hold(rq);
	rq_begun(rq, deia_hive_token_create(rq->srv->hive, &rq->actor,
					    body_text(rq, "name"), role,
					    body_int(rq, "ttl_seconds", 0),
					    token_made, rq));
}

void route_token_revoke(struct rq *rq)
{
	revoke(rq, rq->param[0]);
}
