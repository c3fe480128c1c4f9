/* SPDX-License-Identifier: MIT */
/*
 * auth.h - identities, roles and tokens.
 *
 * A token is `deia_` + 8-character id + `_` + 43 base64url characters + 6
 * base64url characters of CRC-32 over all before it. Only its SHA-256 is kept.
 * A one-time code signs a person in once and gives a session token.
 */
#ifndef DEIA_AUTH_H
#define DEIA_AUTH_H

#include <deia/error.h>
#include <deia/trace.h>

DEIA_BEGIN

/* In rising order of rights, but for bot, which stands apart. */
#define DEIA_ROLE_LIST(X)                                                      \
	X(DEIA_ROLE_NONE, "none")                                              \
	X(DEIA_ROLE_BOT, "bot")                                                \
	X(DEIA_ROLE_VIEWER, "viewer")                                          \
	X(DEIA_ROLE_OPERATOR, "operator")                                      \
	X(DEIA_ROLE_ADMIN, "admin")

typedef enum deia_role {
#define DEIA_ROLE_ENUM(e, n) e,
	DEIA_ROLE_LIST(DEIA_ROLE_ENUM)
#undef DEIA_ROLE_ENUM
		DEIA_ROLES
} deia_role;

/* "admin" for DEIA_ROLE_ADMIN; static text. Any thread. Since 0.1. */
DEIA_API const char *deia_role_name(deia_role role);
/* DEIA_ROLE_NONE for a text that names no role. */
DEIA_API deia_role deia_role_parse(const char *name);

#define DEIA_TOKEN_LEN 63 /* 5 + 8 + 1 + 43 + 6 */
#define DEIA_TOKEN_ID_LEN 8

/* Shape and checksum are right; says nothing about whether it is known. Any
 * thread. */
DEIA_API bool deia_token_well_formed(const char *token);

struct deia_replay;

/*
 * Who acts. Filled by deia_hive_authenticate, or by an embedding program for
 * itself. Every call that changes something takes one, for the audit table.
 */
struct deia_actor {
	char name[DEIA_TOKEN_ID_LEN + 72];    /* "admin", a bot's id, "local" */
	char token_id[DEIA_TOKEN_ID_LEN + 1]; /* "" when without token */
	deia_role role;
	char address[64];    /* where from; may be "" */
	char request_id[40]; /* may be "" */
	/* When the request may be repeated, see hive.h; else NULL. Borrowed
	 * until the callback of the call. Since 0.2. */
	const struct deia_replay *replay;
	/* Of the step that acts, see trace.h: what it submits, sends and asks
	 * goes on with its trace; "": none. Since 0.3. */
	char traceparent[DEIA_TRACEPARENT_LEN + 1];
	/* Nobody asked for that trace: what is answered, and the turn that a
	 * bot is in, say more. Since 0.3. */
	bool new_trace;
};

struct deia_token_info {
	const char *id, *name;
	deia_role role;
	const char *kind; /* "token", "session", "file", "external" (of
			   * an external bot's program) */
	int64_t created_unix_ms, expires_unix_ms; /* 0: never */
	int64_t last_used_unix_ms; /* 0: never; kept to the minute */
	bool revoked;
};

DEIA_END

#endif
