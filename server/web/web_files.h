/* SPDX-License-Identifier: MIT */
/*
 * web_files.h - the files that deiad carries inside itself: the web page and
 * the description of the API.
 *
 * The table is generated at build time by embed.py. Names under /assets/
 * contain a hash of the contents and never change what they mean, so browsers
 * may keep them for ever (immutable); all others are asked for again and
 * answered by their etag.
 */
#ifndef WEB_FILES_H
#define WEB_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* What the page may do. To be sent with every file of the table. */
#define WEB_CSP                                                                \
	"default-src 'none'; script-src 'self'; style-src 'self'; "            \
	"connect-src 'self'; img-src 'self' data:; base-uri 'none'; "          \
	"form-action 'self'; frame-ancestors 'none'; "                         \
	"require-trusted-types-for 'script'"

struct web_file {
	const char *path; /* "/", "/openapi.json", ... */
	const char *type; /* of Content-Type */
	const char *etag; /* with its quotation marks */
	const unsigned char *data;
	size_t len;
	const unsigned char *gz; /* the same, gzipped; NULL: not worth it */
	size_t gz_len;
	bool immutable; /* may be cached for ever */
};

/* In order of path (strcmp), so that it can be searched by halves. */
extern const struct web_file web_files[];
extern const size_t web_files_len;

#endif
