/* SPDX-License-Identifier: MIT */
/*
 * router.c - finding a request's route.
 *
 * Paths are compared segment by segment; a segment {…} in a pattern takes any
 * one non-empty segment, decoded. Nothing is normalised: "//", "/./" and a
 * trailing slash are other paths, and no route.
 */
#include "router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/sys/json.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes a segment to printable ASCII; false when it is anything else. */
static bool decode(const char *p, size_t len, char *out)
{
	while (len) {
		int c = (unsigned char)*p;

		if (c == '%') {
			int hi = len > 2 ? hex(p[1]) : -1;
			int lo = len > 2 ? hex(p[2]) : -1;

			if (hi < 0 || lo < 0)
				return false;
			c = hi * 16 + lo;
			p += 2;
			len -= 2;
		}
		if (c <= ' ' || c >= 127)
			return false;
		*out++ = (char)c;
		p++;
		len--;
	}
	*out = '\0';
	return true;
}

/* Does path follow pattern? at[] and n_at: where the parameters are. */
static bool matches(const char *pattern, const char *path,
		    const char *at[RQ_PARAMS], size_t n_at[RQ_PARAMS])
{
	unsigned n = 0;

	for (; *pattern; pattern++) {
		if (*pattern != '{') {
			if (*path++ != *pattern)
				return false;
			continue;
		}
		if (n == RQ_PARAMS)
			return false;
		at[n] = path;
		n_at[n] = strcspn(path, "/");
		if (n_at[n] == 0)
			return false;
		path += n_at[n++];
		pattern = strchr(pattern, '}');
	}
	return *path == '\0';
}

/* Nearly all patterns begin alike; of those few have the next letters, too. */
#define COMMON "/api/v1/"
#define COMMON_LEN (sizeof(COMMON) - 1)

/* False: certainly not. */
static bool may_match(const char *pattern, const char *path, bool is_common)
{
	if (strncmp(pattern, COMMON, COMMON_LEN) != 0)
		return !is_common;
	return is_common && (pattern[COMMON_LEN] == path[COMMON_LEN] ||
			     pattern[COMMON_LEN] == '{');
}

static bool take_params(struct rq *rq, const char *at[RQ_PARAMS],
			const size_t n_at[RQ_PARAMS])
{
	char *p = rq->decoded; /* what is decoded is never longer */

	for (int i = 0; i < RQ_PARAMS && at[i]; i++) {
		if (!decode(at[i], n_at[i], p))
			return false;
		rq->param[i] = p;
		p += strlen(p) + 1;
	}
	return true;
}

static void add_allow(char allow[64], const char *method)
{
	size_t len = strlen(allow);

	if (strstr(allow, method)) /* another pattern has it, too */
		return;
	snprintf(allow + len, 64 - len, "%s%s%s", len ? ", " : "", method,
		 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

const struct route *route_find(struct rq *rq, char allow[64])
{
	const char *method = rq->is_head ? "GET" : rq->method;

	bool is_common = strncmp(rq->path, COMMON, COMMON_LEN) == 0;

	allow[0] = '\0';
	for (size_t i = 0; i < rq->srv->n_routes; i++) {
		const struct route *r = &rq->srv->routes[i];
		const char *at[RQ_PARAMS] = { NULL };
		size_t n_at[RQ_PARAMS] = { 0 };

		if (!may_match(r->pattern, rq->path, is_common) ||
		    !matches(r->pattern, rq->path, at, n_at))
			continue;
		if (strcmp(r->method, method) != 0) {
			add_allow(allow, r->method);
			continue;
		}
		allow[0] = '\0';
		return take_params(rq, at, n_at) ? r : NULL;
	}
	return NULL;
}

const char *access_name(enum access access)
{
	static const char *const names[] = { "public", "any", "viewer",
					     "operator", "admin" };

	return names[access];
}

static void route_print(const struct route *r, struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "method", r->method);
	deia_jw_kstr(w, "path", r->pattern);
	deia_jw_kstr(w, "access", access_name(r->access));
	deia_jw_kstr(w, "body",
		     r->flags & RF_JSON	      ? "required"
		     : r->flags & RF_JSON_OPT ? "optional"
					      : "none");
	deia_jw_kint(w, "max_body_bytes", (int64_t)r->max_body);
	deia_jw_kbool(w, "idempotency_key",
		      r->flags & (RF_IDEMPOTENT | RF_OWN_KEY));
	deia_jw_kbool(w, "bot_self", r->flags & (RF_BOT_SELF | RF_BOT_ANY));
	deia_jw_kstr(w, "query", r->query ? r->query : "");
	deia_jw_kstr(w, "summary", r->summary);
	deia_jw_end_object(w);
}

void routes_print(const struct route *routes, size_t n, struct deia_jw *w)
{
	deia_jw_array(w);
	for (size_t i = 0; i < n; i++)
		route_print(&routes[i], w);
	deia_jw_end_array(w);
}
