/* SPDX-License-Identifier: MIT */
/*
 * checks.c - addresses, names, origins and URLs in the configuration.
 *
 * Nothing is resolved here: a name is right when it could be one.
 */
#include "config/checks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <deia/bot.h>
#include <deia/node.h>
#include <deia/sys/cache.h>

#include "core/buf.h"

#define MAX_HOST 253

static bool is_ip(int family, const char *text)
{
	struct in6_addr addr;

	return inet_pton(family, text, &addr) == 1;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool is_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > MAX_HOST || text[0] == '.' || text[0] == '-' ||
	    strstr(text, ".."))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(text[i]))
			return false;
	return true;
}

/* 1..5 digits up to 65535; -1 when it is none. */
static int port_of(const char *text)
{
	int port = 0;
	size_t n = 0;

	for (; text[n] >= '0' && text[n] <= '9' && n < 5; n++)
		port = port * 10 + (text[n] - '0');
	return n > 0 && text[n] == '\0' && port <= 65535 ? port : -1;
}

bool deia__host_is_loopback(const char *host)
{
	struct in6_addr v6;

	if (strcmp(host, "localhost") == 0)
		return true;
	if (is_ip(AF_INET, host))
		return strncmp(host, "127.", 4) == 0;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

const char *deia__check_host(const char *text, char *better)
{
	(void)better;
	if (strstr(text, "://"))
		return "an address such as 127.0.0.1 without http://";
	if (is_ip(AF_INET, text) || is_ip(AF_INET6, text))
		return NULL;
	if (strchr(text, ':') && text[0] != '[')
		return "an address without a port (that is server.port)";
	if (!is_name(text))
		return "an address such as 127.0.0.1 or ::1, or a host name";
	return NULL;
}

const char *deia__check_host_name(const char *text, char *better)
{
	static const char expected[] =
		"a host name or HOST:PORT such as deia.example.org";
	const char *colon = strrchr(text, ':');
	char host[MAX_HOST + 1];
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	(void)better;
	if (len > MAX_HOST || (colon && port_of(colon + 1) < 1))
		return expected;
	memcpy(host, text, len);
	host[len] = '\0';
	return is_name(host) ? NULL : expected;
}

const char *deia__check_origin(const char *text, char *better)
{
	static const char expected[] =
		"an origin such as https://deia.example.org, without a path";
	const char *host;

	if (strncmp(text, "https://", 8) == 0)
		host = text + 8;
	else if (strncmp(text, "http://", 7) == 0)
		host = text + 7;
	else
		return expected;
	return deia__check_host_name(host, better) ? expected : NULL;
}

/* libpq reads the rest; the store says what it finds wrong. */
static const char *check_postgres(const char *text)
{
	const char *rest = strchr(text, ':');
	size_t len = rest ? (size_t)(rest - text) : 0;
	bool known =
		len == 8 || (len == 10 && strncmp(text, "postgresql", 10) == 0);

	if (known && (rest[1] == '/' ? rest[2] == '/' && rest[3] != '\0'
				     : strchr(rest, '=') != NULL))
		return NULL;
	return "postgresql://USER:PASSWORD@HOST:PORT/DATABASE";
}

const char *deia__check_store_url(const char *text, char *better)
{
	(void)better;
	if (text[0] == '\0' || strcmp(text, "memory:") == 0)
		return NULL;
	if (strncmp(text, "postgres", 8) == 0)
		return check_postgres(text);
	if (strncmp(text, "sqlite:", 7) != 0)
		return "sqlite:PATH, postgresql://USER@HOST/DATABASE or "
		       "memory:";
	if (text[7] == '\0' || strncmp(text + 7, "//", 2) == 0)
		return "sqlite:PATH, such as sqlite:/var/lib/deia/deia.db";
	return NULL;
}

/* Puts *** in place of what stands from..to. */
static void put_stars(struct deia__buf *out, const char **at, const char *from,
		      const char *to)
{
	deia__buf_add(out, *at, (size_t)(from - *at));
	deia__buf_adds(out, "***");
	*at = to;
}

/* Up to the last @ before to: one in a password should be %40, but who knows. */
static const char *last_at(const char *from, const char *to)
{
	while (to-- > from)
		if (*to == '@')
			return to;
	return NULL;
}

char *deia__hide_password(const char *url)
{
	const char *user = strstr(url, "://"), *end = url + strlen(url);
	const char *colon = strchr(user ? user + 3 : url, ':');
	const char *secret = strstr(url, "?password=");
	const char *at = url, *stop;
	struct deia__buf out;

	deia__buf_init(&out, 0);
	if (!secret)
		secret = strstr(url, "&password=");
	stop = last_at(colon ? colon : end, secret ? secret : end);
	if (!user && (strncmp(url, "postgres", 8) == 0 || strchr(url, '@')))
		/* Keywords quote in ways of their own: nothing of them. */
		put_stars(&out, &at, colon ? colon + 1 : url, end);
	else if (stop)
		put_stars(&out, &at, colon + 1, stop);
	/* The parameter, and all behind it. */
	if (secret && secret >= at)
		put_stars(&out, &at, secret + strlen("?password="), end);
	deia__buf_adds(&out, at);
	return deia__buf_take(&out);
}

const char *deia__check_node_name(const char *text, char *better)
{
	(void)better;
	return deia_bot_id_valid(text) ? NULL
				       : "1 to 64 letters, digits and . _ - , "
					 "such as main or office-2";
}

const char *deia__check_node_url(const char *text, char *better)
{
	bool http = strncmp(text, "http://", 7) == 0 && text[7];
	bool https = strncmp(text, "https://", 8) == 0 && text[8];

	(void)better;
	if (!*text)
		return NULL;
	if (strlen(text) > DEIA_MAX_NODE_URL_BYTES)
		return "at most 255 characters";
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '@')
			return "an address without blanks, user and password";
	return http || https ? NULL
			     : "an address such as "
			       "https://deia-1.example.org";
}

const char *deia__check_cache_url(const char *text, char *better)
{
	(void)better;
	switch (deia_cache_url_check(text, NULL, 0)) {
	case DEIA_OK:
		return NULL;
	case DEIA_EUNSUPPORTED:
		return strncmp(text, "rediss:", 7) == 0
			       ? "memory: or redis:// (for TLS put a tunnel in "
				 "front)"
			       : "memory: (this program was built without "
				 "Redis)";
	default:
		return "memory: or redis://[user:password@]host[:port][/db]";
	}
}

const char *deia__check_cache_prefix(const char *text, char *better)
{
	size_t len = strlen(text);

	(void)better;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return "printable characters without blanks";
	return len && len <= DEIA_CACHE_MAX_PREFIX_BYTES ? NULL
							 : "1 to 32 characters";
}

const char *deia__check_task_type(const char *text, char *better)
{
	(void)better;
	return deia_bot_id_valid(text) ? NULL
				       : "1 to 64 letters, digits and . _ - , "
					 "such as translation";
}

/* ---- OLLAMA_HOST ------------------------------------------------------- */

struct address {
	const char *scheme, *port;
	char host[MAX_HOST + 3]; /* with the brackets of IPv6 */
};

/* Splits HOST, HOST:PORT, [IPv6]:PORT, IPv6 or :PORT. */
static bool split_host(struct address *a, const char *text, size_t len)
{
	char *colon, *start = a->host;
	char copy[MAX_HOST + 3];

	if (len >= sizeof(a->host) - 3)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (is_ip(AF_INET6, copy)) {
		snprintf(a->host, sizeof(a->host), "[%.*s]", MAX_HOST, copy);
		return true;
	}
	memcpy(start, copy, len + 1);
	if (start[0] == '[') {
		start = strchr(start, ']');
		if (!start)
			return false;
		memcpy(copy, a->host + 1, (size_t)(start - a->host) - 1);
		copy[start - a->host - 1] = '\0';
		if (!is_ip(AF_INET6, copy) || (start[1] && start[1] != ':'))
			return false;
	}
	colon = strchr(start, ':');
	if (colon) {
		*colon = '\0';
		/* The port stands at the same place in the caller's text. */
		a->port = text + (colon - a->host) + 1;
	}
	return a->host[0] == '[' || a->host[0] == '\0' || is_name(a->host);
}

/* What a server is told to bind to is no address to connect to. */
static const char *reachable(const char *host)
{
	if (host[0] == '\0' || strcmp(host, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(host, "[::]") == 0 ? "[::1]" : host;
}

const char *deia__check_ollama(const char *text, char *better)
{
	static const char expected[] =
		"HOST, HOST:PORT or a URL such as http://127.0.0.1:11434";
	struct address a = { .scheme = "http", .port = "11434" };
	size_t len, host_len, port_len;
	char port[6] = "";

	text += strspn(text, " \t");
	if (strncmp(text, "http://", 7) == 0) {
		a.port = "80";
		text += 7;
	} else if (strncmp(text, "https://", 8) == 0) {
		a.scheme = "https";
		a.port = "443";
		text += 8;
	}
	len = strcspn(text, " \t");
	if (text[len + strspn(text + len, " \t")] != '\0')
		return expected;
	while (len > 0 && text[len - 1] == '/')
		len--;
	host_len = strcspn(text, "/");
	host_len = host_len < len ? host_len : len;
	if (!split_host(&a, text, host_len))
		return expected;
	port_len = strcspn(a.port, "/ \t");
	if (port_len >= sizeof(port))
		return expected;
	memcpy(port, a.port, port_len);
	if (port_of(port) < 1)
		return expected;
	if (len - host_len > DEIA__BETTER_BYTES - sizeof(a.host) - 20)
		return expected;
	snprintf(better, DEIA__BETTER_BYTES, "%s://%s:%s%.*s", a.scheme,
		 reachable(a.host), port, (int)(len - host_len),
		 text + host_len);
	return NULL;
}
