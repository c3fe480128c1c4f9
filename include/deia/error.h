/* SPDX-License-Identifier: MIT */
/*
 * error.h - the error codes of every deia function.
 *
 * Values are fixed and never reused. 0 is success, so `if (err)` reads well.
 * The name column is the stable `code` that the HTTP API puts into its
 * problem documents, in lower case.
 */
#ifndef DEIA_ERROR_H
#define DEIA_ERROR_H

#include <deia/base.h>

DEIA_BEGIN

/* X(enumerator, value, stable name, text) */
#define DEIA_ERROR_LIST(X)                                                     \
	X(DEIA_OK, 0, "ok", "success")                                         \
	X(DEIA_EINVAL, 1, "invalid_argument", "an argument is not valid")      \
	X(DEIA_ENOMEM, 2, "out_of_memory", "memory ran out")                   \
	X(DEIA_ENOTFOUND, 3, "not_found", "there is no such thing")            \
	X(DEIA_EEXIST, 4, "already_exists", "it exists already")               \
	X(DEIA_ESTATE, 5, "illegal_state", "not possible in this state")       \
	X(DEIA_ECONFLICT, 6, "conflict", "something else changed it first")    \
	X(DEIA_ELIMIT, 7, "limit_exceeded", "a documented limit is exceeded")  \
	X(DEIA_EBUSY, 8, "busy", "the queue is full; try again later")         \
	X(DEIA_ETIMEDOUT, 9, "timed_out", "it took longer than allowed")       \
	X(DEIA_EIO, 10, "io_error", "the operating system refused")            \
	X(DEIA_ESTORE, 11, "store_failed", "the store failed")                 \
	X(DEIA_EPARSE, 12, "malformed", "the text does not parse")             \
	X(DEIA_EFIELD, 13, "invalid_field", "a field has a wrong value")       \
	X(DEIA_EDENIED, 14, "forbidden", "this identity may not do that")      \
	X(DEIA_EAUTH, 15, "unauthenticated", "a valid credential is needed")   \
	X(DEIA_ECANCELED, 16, "cancelled", "it was cancelled")                 \
	X(DEIA_EUNAVAILABLE, 17, "unavailable", "not available right now")     \
	X(DEIA_EPROTO, 18, "protocol_error", "the other side broke protocol")  \
	X(DEIA_EREMOTE, 19, "upstream_failed", "the bot or model failed")      \
	X(DEIA_EVERSION, 20, "version_mismatch", "versions do not match")      \
	X(DEIA_EUNSUPPORTED, 21, "unsupported", "not in this build")           \
	X(DEIA_EFULL, 22, "storage_full", "no space is left to store it")      \
	X(DEIA_EOTHERNODE, 23, "other_node", "it lives on another node")

typedef enum deia_err {
#define DEIA_ERROR_ENUM(e, v, n, t) e = v,
	DEIA_ERROR_LIST(DEIA_ERROR_ENUM)
#undef DEIA_ERROR_ENUM
} deia_err;

/*
 * The stable lower-case name of a code ("not_found"), "unknown" for a value
 * that is none. Static text. Any thread. Since 0.1.
 */
DEIA_API const char *deia_err_name(deia_err err);

/*
 * One English sentence part for a code ("there is no such thing"). Static
 * text. Any thread. Since 0.1.
 */
DEIA_API const char *deia_err_text(deia_err err);

DEIA_END

#endif
