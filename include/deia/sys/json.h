/* SPDX-License-Identifier: MIT */
/*
 * json.h - strict JSON in, escaped JSON out.
 *
 * Reading: cJSON accepts texts that RFC 8259 refuses, so a strict check runs
 * first (grammar, UTF-8, depth, size, duplicate keys, no U+0000 in strings,
 * since cJSON's strings end at a NUL). Writing: a printer into a growing buffer
 * that escapes control characters, U+2028, U+2029 and DEL, and replaces invalid
 * UTF-8 by U+FFFD, so that one value is always one line.
 */
#ifndef DEIA_SYS_JSON_H
#define DEIA_SYS_JSON_H

#include <deia/error.h>

DEIA_BEGIN

struct cJSON;

/* Where and why a text was refused. line and column count from 1. */
struct deia_json_error {
	size_t offset;
	unsigned line, column;
	char detail[160];
};

/*
 * Checks a text against RFC 8259 and the limits above.
 * text: any bytes, len of them, need not end in NUL. where: may be NULL.
 * Returns DEIA_OK, DEIA_EPARSE, DEIA_ELIMIT (depth over DEIA_MAX_JSON_DEPTH,
 * more values than DEIA_MAX_JSON_VALUES,
 * or longer than 1 GiB) or DEIA_ENOMEM. Any thread. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_json_check(const char *text, size_t len,
						 struct deia_json_error *where);

/*
 * Checks and parses. *out is the caller's, to be freed with cJSON_Delete.
 * Returns as deia_json_check. Any thread. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_json_parse(struct cJSON **out,
						 const char *text, size_t len,
						 struct deia_json_error *where);

/*
 * A JSON printer. Embedded, zero-initialised by deia_jw_init; owns `text`.
 * Errors stick: print on, ask once at the end.
 */
typedef struct deia_jw {
	char *text; /* NUL-terminated once anything was printed */
	size_t len, cap;
	uint64_t in_array; /* bit d: container d is an array */
	uint64_t has_item; /* bit d: container d needs a comma */
	unsigned depth;
	bool after_key, failed;
	bool misused; /* failed by wrong calls, not for want of memory */
} deia_jw;

/* Prepares a printer; nothing is allocated. Since 0.1. */
DEIA_API void deia_jw_init(deia_jw *w);
/* Frees the text. The printer may be initialised again. Since 0.1. */
DEIA_API void deia_jw_fini(deia_jw *w);
/* Empties it for another value and keeps its memory. Since 0.1. */
DEIA_API void deia_jw_reset(deia_jw *w);
/* Opens and closes objects and arrays (at most DEIA_MAX_JSON_DEPTH deep). Since 0.1. */
DEIA_API void deia_jw_object(deia_jw *w);
DEIA_API void deia_jw_end_object(deia_jw *w);
DEIA_API void deia_jw_array(deia_jw *w);
DEIA_API void deia_jw_end_array(deia_jw *w);
/* The key of the next value; key is plain text, escaped here. Since 0.1. */
DEIA_API void deia_jw_key(deia_jw *w, const char *key);
/* A string; NULL prints null. Since 0.1. */
DEIA_API void deia_jw_str(deia_jw *w, const char *s);
/* A string of len bytes, NUL allowed inside. Since 0.1. */
DEIA_API void deia_jw_strn(deia_jw *w, const char *s, size_t len);
/* A whole number. Since 0.1. */
DEIA_API void deia_jw_int(deia_jw *w, int64_t v);
/* A number with up to 6 decimals (very large and very small ones: 6 digits and
 * an exponent); NaN and infinities: null. Since 0.1. */
DEIA_API void deia_jw_num(deia_jw *w, double v);
DEIA_API void deia_jw_bool(deia_jw *w, bool v);
DEIA_API void deia_jw_null(deia_jw *w);
/* Wall clock in milliseconds as an RFC 3339 string in UTC; 0 prints null. */
DEIA_API void deia_jw_time(deia_jw *w, int64_t unix_ms);
/* Text that is JSON already, copied as it is; NULL prints null. Since 0.1. */
DEIA_API void deia_jw_raw(deia_jw *w, const char *json);
/* key and value in one call. Since 0.1. */
DEIA_API void deia_jw_kstr(deia_jw *w, const char *key, const char *s);
DEIA_API void deia_jw_kint(deia_jw *w, const char *key, int64_t v);
DEIA_API void deia_jw_knum(deia_jw *w, const char *key, double v);
DEIA_API void deia_jw_kbool(deia_jw *w, const char *key, bool v);
DEIA_API void deia_jw_ktime(deia_jw *w, const char *key, int64_t unix_ms);
DEIA_API void deia_jw_kraw(deia_jw *w, const char *key, const char *json);
/*
 * DEIA_OK when all was printed and everything opened was closed, else
 * DEIA_ENOMEM or DEIA_EINVAL. Since 0.1.
 */
DEIA_API DEIA_NODISCARD deia_err deia_jw_status(const deia_jw *w);

DEIA_END

#endif
