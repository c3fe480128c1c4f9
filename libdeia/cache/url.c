/* SPDX-License-Identifier: MIT */
/* url.c - redis://[user:password@]host[:port][/db], taken apart. */
#include "cache/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM "redis://[user:password@]host[:port][/db]"
#define DB_MAX 1023

static deia_err refuse(char *detail, size_t len, deia_err err, const char *why)
{
	if (detail && len)
		snprintf(detail, len, "cache.url: %s", why);
	return err;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copies s[0..len) with %XX decoded; false: too long, a NUL, a bad escape. */
static bool decode(char *out, size_t room, const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)s[i];

		if (c == '%') {
			if (i + 2 >= len || hex(s[i + 1]) < 0 ||
			    hex(s[i + 2]) < 0)
				return false;
			c = hex(s[i + 1]) * 16 + hex(s[i + 2]);
			i += 2;
		}
		if (!c || n + 1 >= room)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

static bool take_user(struct deia__redis_url *u, const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);
	size_t name = colon ? (size_t)(colon - s) : len;

	return colon && decode(u->user, sizeof(u->user), s, name) &&
	       decode(u->password, sizeof(u->password), colon + 1,
		      len - name - 1);
}

static bool take_number(const char *s, size_t len, int max, int *out)
{
	*out = 0;
	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (s[i] - '0');
	}
	return *out <= max;
}

static bool take_host(struct deia__redis_url *u, const char *s, size_t len)
{
	const char *end = s + len, *host = s, *stop, *port;
	int number;

	if (len && *s == '[') {
		host = s + 1;
		stop = memchr(s, ']', len);
		if (!stop)
			return false;
		port = stop + 1;
	} else {
		stop = memchr(s, ':', len);
		if (!stop)
			stop = end;
		port = stop;
	}
	if (stop == host || (size_t)(stop - host) >= sizeof(u->host))
		return false;
	memcpy(u->host, host, (size_t)(stop - host));
	strcpy(u->port, "6379");
	if (port == end)
		return true;
	if (*port != ':' ||
	    !take_number(port + 1, (size_t)(end - port - 1), 65535, &number) ||
	    !number)
		return false;
	snprintf(u->port, sizeof(u->port), "%u", (unsigned)number & 0xffff);
	return true;
}

deia_err deia__redis_url_parse(struct deia__redis_url *u, const char *url,
			       char *detail, size_t len)
{
	const char *rest, *at, *slash;
	size_t host_len;

	memset(u, 0, sizeof(*u));
	if (strncmp(url, "rediss:", 7) == 0)
		return refuse(detail, len, DEIA_EUNSUPPORTED,
			      "rediss:// (TLS) is not spoken here; put a TLS "
			      "tunnel in front and name its end as redis://");
	if (strncmp(url, "redis://", 8) != 0)
		return refuse(detail, len, DEIA_EINVAL,
			      "expected memory: or " FORM);
	rest = url + 8;
	at = strrchr(rest, '@');
	if (at && !take_user(u, rest, (size_t)(at - rest)))
		return refuse(detail, len, DEIA_EINVAL,
			      "user and password stand as user:password@, "
			      "special characters as %XX; " FORM);
	rest = at ? at + 1 : rest;
	slash = strchr(rest, '/');
	host_len = slash ? (size_t)(slash - rest) : strlen(rest);
	if (!take_host(u, rest, host_len))
		return refuse(detail, len, DEIA_EINVAL,
			      "the host or its port is not one; " FORM);
	if (slash && slash[1] &&
	    !take_number(slash + 1, strlen(slash + 1), DB_MAX, &u->db))
		return refuse(detail, len, DEIA_EINVAL,
			      "the database is a number from 0 to 1023; " FORM);
	return DEIA_OK;
}

bool deia__cache_url_is_memory(const char *url)
{
	return !url || !*url || strcmp(url, "memory:") == 0;
}

deia_err deia_cache_url_check(const char *url, char *detail, size_t len)
{
	struct deia__redis_url u;
	deia_err err;

	if (deia__cache_url_is_memory(url))
		return DEIA_OK;
	err = deia__redis_url_parse(&u, url, detail, len);
#ifndef DEIA_HAVE_REDIS
	if (!err)
		err = refuse(detail, len, DEIA_EUNSUPPORTED,
			     "this program was built without Redis; install "
			     "libhiredis-dev and build again with "
			     "-Dredis=enabled, or use memory:");
#endif
	explicit_bzero(&u, sizeof(u));
	return err;
}
