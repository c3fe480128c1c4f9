/* SPDX-License-Identifier: MIT */
/*
 * url.c - from store.url to libpq's options.
 *
 * libpq reads the url; what it does not say gets a default here, and what is
 * set in the server's configuration is overridden where the store relies on
 * it. libpq's own words about a url it cannot read are never shown: a password
 * with a character that should have been written as %XX may be part of them.
 */
#include "store/postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define CONNECT_MS 5000

/* Values given here win over the server's configuration, lose to the url's. */
#define SETTINGS                                                               \
	"-c statement_timeout=30s -c lock_timeout=10s "                        \
	"-c idle_in_transaction_session_timeout=60s "                          \
	"-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 "              \
	"-c tcp_keepalives_count=3 -c tcp_user_timeout=20000 "                 \
	"-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off "
/*
 * Each page's order is an index: walking it costs the same whatever statistics
 * say, sorting does not.
 */
#define READ_SETTINGS                                                          \
	"-c default_transaction_read_only=on -c enable_sort=off "              \
	"-c plan_cache_mode=force_custom_plan "

static const struct {
	const char *keyword, *value;
} defaults[] = {
	{ "application_name", "deia" },
	{ "keepalives", "1" },
	{ "keepalives_idle", "10" },
	{ "keepalives_interval", "5" },
	{ "keepalives_count", "3" },
	{ "tcp_user_timeout", "20000" },
	/* A standby would take the connection, and refuse every change. */
	{ "target_session_attrs", "primary" },
};

static deia_err unreadable(struct deia__errmsg *msg)
{
	return deia__fail(
		msg, DEIA_EINVAL,
		"store.url cannot be read: write postgresql://USER:"
		"PASSWORD@HOST:PORT/DATABASE, and every character of "
		"user and password that is no letter or digit as %%XX");
}

/* A raw @ or / in a password would shift its end into host, port or name. */
static bool is_clear(const char *rest)
{
	const char *slash, *at, *end;

	if (strncmp(rest, "//", 2) != 0)
		return true;
	rest += 2;
	end = rest + strcspn(rest, "?");
	slash = memchr(rest, '/', (size_t)(end - rest));
	at = memchr(rest, '@', (size_t)(end - rest));
	if (at && slash && at > slash)
		return false;
	return !at || !memchr(at + 1, '@', (size_t)(end - at) - 1);
}

static const char *find(const PQconninfoOption *o, const char *keyword)
{
	for (; o->keyword; o++)
		if (strcmp(o->keyword, keyword) == 0)
			return o->val;
	return NULL;
}

static bool is_number_list(const char *s)
{
	return !s || s[strspn(s, "0123456789,")] == '\0';
}

/* ---- lists of options -------------------------------------------------- */

static void set(struct deia__pg_options *o, const char *keyword,
		const char *value, bool *ok)
{
	if (o->n >= sizeof(o->keywords) / sizeof(o->keywords[0]) - 1) {
		*ok = false;
		return;
	}
	o->keywords[o->n] = deia__strdup(keyword);
	o->values[o->n] = deia__strdup(value);
	*ok = *ok && o->keywords[o->n] && o->values[o->n];
	o->n++;
}

/* The writer's or, with read, the reader's. False: out of memory. */
static bool fill(struct deia__pg_options *o, const PQconninfoOption *url,
		 const char *settings, const char *last)
{
	const char *own = find(url, "options"), *ms;
	const PQconninfoOption *u;
	char *text;
	bool ok = true;
	size_t i;

	for (u = url; u->keyword; u++)
		if (u->val && strcmp(u->keyword, "options") != 0 &&
		    strcmp(u->keyword, "client_encoding") != 0)
			set(o, u->keyword, u->val, &ok);
	for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (!find(url, defaults[i].keyword))
			set(o, defaults[i].keyword, defaults[i].value, &ok);
	set(o, "client_encoding", "UTF8", &ok);
	text = deia__asprintf("%s %s %s", settings, own ? own : "", last);
	if (text)
		set(o, "options", text, &ok);
	ok = ok && text;
	deia__free(text);
	ms = find(url, "connect_timeout");
	o->connect_ms =
		ms && atoi(ms) > 0 ? (int64_t)atoi(ms) * 1000 : CONNECT_MS;
	return ok;
}

static bool fill_both(struct deia__pg *p, const PQconninfoOption *url,
		      const struct deia_store_opts *opts)
{
	const char *password = find(url, "password");

	if (password && *password) {
		p->password = deia__strdup(password);
		if (!p->password)
			return false;
	}
	return fill(&p->write_options, url,
		    opts->durability == DEIA_DURABILITY_FULL
			    ? SETTINGS "-c synchronous_commit=on"
			    : SETTINGS "-c synchronous_commit=off",
		    "") &&
	       fill(&p->read_options, url, SETTINGS, READ_SETTINGS);
}

deia_err deia__pg_options(struct deia__pg *p, const char *rest,
			  const struct deia_store_opts *opts,
			  struct deia__errmsg *msg)
{
	bool is_url = strncmp(rest, "//", 2) == 0;
	char *whole = deia__asprintf("%s%s", is_url ? "postgresql:" : "", rest);
	PQconninfoOption *url = NULL;
	char *why = NULL;
	deia_err err = DEIA_OK;

	if (!whole)
		return deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	if (is_clear(rest))
		url = PQconninfoParse(whole, &why);
	if (!url || !is_number_list(find(url, "port")) ||
	    !is_number_list(find(url, "connect_timeout")))
		err = unreadable(msg);
	else if (!fill_both(p, url, opts))
		err = deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	PQfreemem(why);
	PQconninfoFree(url);
	deia__free(whole);
	return err;
}

static void options_fini(struct deia__pg_options *o)
{
	unsigned i;

	for (i = 0; i < o->n; i++) {
		deia__free(o->keywords[i]);
		deia__free(o->values[i]);
	}
	o->n = 0;
}

void deia__pg_options_fini(struct deia__pg *p)
{
	options_fini(&p->write_options);
	options_fini(&p->read_options);
	deia__free(p->password);
}

void deia__pg_hide(const struct deia__pg *p, struct deia__errmsg *msg)
{
	size_t len = p->password ? strlen(p->password) : 0;
	char *at = len ? strstr(msg->text, p->password) : NULL;

	/* One or two characters say nothing, and stand in every text. */
	while (at && len > 2) {
		memset(at, '*', len);
		at = strstr(at, p->password);
	}
}
