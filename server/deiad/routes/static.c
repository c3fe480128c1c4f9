/* SPDX-License-Identifier: MIT */
/*
 * static.c - the files that deiad carries inside: the page and /openapi.json.
 *
 * A fallback page says how to go on where the page was not built in.
 */
#include "routes.h"

#include <string.h>

#include "../http/reply.h"
#include "web_files.h"

static const char fallback[] =
	"<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
	"<title>deia</title>\n<h1>deia</h1>\n"
	"<p>The hive is running. This build carries no web page; use the "
	"command line:</p>\n"
	"<pre>deia status\ndeia bot launch BOT-001 --adapter echo\n"
	"deia chat BOT-001</pre>\n</html>\n";

static const struct web_file *find(const char *path)
{
	size_t lo = 0, hi = web_files_len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int cmp = strcmp(path, web_files[mid].path);

		if (cmp == 0)
			return &web_files[mid];
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* Is gzip in Accept-Encoding, and not with q=0? */
static bool takes_gzip(const struct rq *rq)
{
	const char *accept = rq_header(rq, "Accept-Encoding");
	const char *at = accept ? strstr(accept, "gzip") : NULL;
	const char *end;

	if (!at)
		return false;
	end = at + strcspn(at, ",");
	for (const char *p = at; p + 2 < end; p++)
		if (p[0] == 'q' && p[1] == '=')
			return strspn(p + 2, "0.") < (size_t)(end - p - 2);
	return true;
}

static bool same_etag(const struct rq *rq, const char *etag)
{
	const char *sent = rq_header(rq, "If-None-Match");

	return sent && (strcmp(sent, "*") == 0 || strstr(sent, etag) != NULL);
}

static void page_headers(struct rq *rq)
{
	rq_add_header(rq, "Content-Security-Policy", WEB_CSP);
	rq_add_header(rq, "Cross-Origin-Opener-Policy", "same-origin");
}

void route_static(struct rq *rq)
{
	const struct web_file *f = find(rq->path);
	bool gzip = f && f->gz && takes_gzip(rq);

	page_headers(rq);
	if (!f && strcmp(rq->path, "/") == 0) {
		rq_add_header(rq, "Cache-Control", "no-cache");
		rq_send(rq, 200, "text/html; charset=utf-8", fallback,
			sizeof(fallback) - 1);
		return;
	}
	if (!f) {
		rq_problem(rq, 404, deia_err_name(DEIA_ENOTFOUND),
			   "There is no such file.");
		return;
	}
	rq_add_header(rq, "ETag", f->etag);
	rq_add_header(rq, "Vary", "Accept-Encoding");
	rq_add_header(rq, "Cache-Control",
		      f->immutable ? "public, max-age=31536000, immutable"
				   : "no-cache");
	if (same_etag(rq, f->etag)) {
		rq_send(rq, 304, NULL, NULL, 0);
		return;
	}
	if (gzip)
		rq_add_header(rq, "Content-Encoding", "gzip");
	rq_send(rq, 200, f->type, gzip ? f->gz : f->data,
		gzip ? f->gz_len : f->len);
}

void route_well_known(struct rq *rq)
{
	rq_problem(rq, 404, deia_err_name(DEIA_ENOTFOUND),
		   "Nothing is served under /.well-known/.");
}
