/* SPDX-License-Identifier: MIT */
/* check.c - what a receiver must be, and how it is shown without secrets. */
#include "notify/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <deia/bot.h>

#include "core/mem.h"
#include "core/utf8.h"

#define MAX_URL 2048
#define MAX_SECRET 512
#define MAX_ADDRESS 254
#define MAX_SECONDS 300

static deia_err refuse(char *why, size_t why_len, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
static deia_err refuse(char *why, size_t why_len, const char *fmt, ...)
{
	va_list ap;

	if (!why || !why_len)
		return DEIA_EINVAL;
	va_start(ap, fmt);
	vsnprintf(why, why_len, fmt, ap);
	va_end(ap);
	return DEIA_EINVAL;
}

static bool is_visible(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text > '~')
			return false;
	return true;
}

/* Begins with one of the schemes, has a host, and nothing that ends a line. */
static bool is_url(const char *url, const char *scheme, const char *tls)
{
	size_t n = strlen(scheme), t = strlen(tls);
	const char *host;

	if (!url || strlen(url) > MAX_URL || !is_visible(url))
		return false;
	if (strncmp(url, scheme, n) == 0)
		host = url + n;
	else if (strncmp(url, tls, t) == 0)
		host = url + t;
	else
		return false;
	/* Who may enter is said elsewhere, where it is not shown. */
	return *host && !strchr("/:?#@", *host) && !strchr(host, '@');
}

/* user@host, of characters that need no quotes anywhere. */
static bool is_address(const char *text)
{
	const char *at = text ? strchr(text, '@') : NULL;

	return at && at != text && at[1] && !strchr(at + 1, '@') &&
	       strlen(text) <= MAX_ADDRESS && is_visible(text) &&
	       !strpbrk(text, "<>()[],;:\\\"");
}

static deia_err check_http(const struct deia_notify_receiver *r, char *why,
			   size_t n)
{
	if (!is_url(r->url, "http://", "https://"))
		return refuse(why, n,
			      "url: expected an address such as "
			      "https://example.org/path, without a password");
	if (r->secret && (!*r->secret || strlen(r->secret) > MAX_SECRET))
		return refuse(why, n, "the secret: expected 1 to %d bytes",
			      MAX_SECRET);
	return DEIA_OK;
}

static deia_err check_email(const struct deia_notify_receiver *r, char *why,
			    size_t n)
{
	if (!is_url(r->url, "smtp://", "smtps://") ||
	    strpbrk(strstr(r->url, "://") + 3, "/?#"))
		return refuse(why, n,
			      "url: expected a mail server such as "
			      "smtp://mail.example.org:587");
	if (!is_address(r->from))
		return refuse(why, n,
			      "from: expected an address such as "
			      "deia@example.org");
	if (r->n_to < 1 || r->n_to > DEIA_NOTIFY_MAX_TO)
		return refuse(why, n, "to: expected 1 to %d addresses",
			      DEIA_NOTIFY_MAX_TO);
	for (size_t i = 0; i < r->n_to; i++)
		if (!is_address(r->to[i]))
			return refuse(why, n,
				      "to: expected addresses such as "
				      "ops@example.org");
	if (!r->username != !r->password)
		return refuse(why, n, "username and a password go together");
	if (r->username && r->plain)
		return refuse(why, n,
			      "a password is not sent without TLS: starttls "
			      "must not be false");
	return DEIA_OK;
}

static deia_err check_exec(const struct deia_notify_receiver *r, char *why,
			   size_t n)
{
	if (r->n_argv < 1 || r->n_argv > DEIA_MAX_ARGV_LEN || !r->argv[0] ||
	    r->argv[0][0] != '/')
		return refuse(why, n,
			      "argv: its program is given by a path that "
			      "begins with /");
	return DEIA_OK;
}

static deia_err check_kind(const struct deia_notify_receiver *r, char *why,
			   size_t n)
{
	switch (r->kind) {
	case DEIA_NOTIFY_WEBHOOK:
	case DEIA_NOTIFY_ALERTMANAGER:
		return check_http(r, why, n);
	case DEIA_NOTIFY_EMAIL:
		return check_email(r, why, n);
	case DEIA_NOTIFY_EXEC:
		return check_exec(r, why, n);
	}
	return refuse(why, n,
		      "kind: expected webhook, email, alertmanager or exec");
}

deia_err deia_notify_check(const struct deia_notify_receiver *r, char *why,
			   size_t why_len)
{
	if (!r || r->size < sizeof(*r))
		return refuse(why, why_len, "the receiver is of no version");
	if (!r->name || !deia_bot_id_valid(r->name))
		return refuse(
			why, why_len,
			"no receiver can have this name: 1 to %d letters, "
			"digits, '.', '_', '-'",
			DEIA_MAX_ID_LEN);
	if ((unsigned)r->level >= DEIA_HEALTH_LEVELS)
		return refuse(why, why_len,
			      "level: expected info, warning or critical");
	if (r->timeout_seconds > MAX_SECONDS)
		return refuse(why, why_len, "timeout_seconds: expected 1 to %d",
			      MAX_SECONDS);
	return check_kind(r, why, why_len);
}

/* Paths of webhooks are secrets. */
static char *origin_of(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return deia__strndup(url, (size_t)(host - url) + strcspn(host, "/?#"));
}

static char *join(const char *const *words, size_t n)
{
	struct deia__buf b;
	char *text;

	deia__buf_init(&b, 0);
	for (size_t i = 0; i < n; i++)
		deia__buf_addf(&b, "%s%s", i ? ", " : "", words[i]);
	text = b.err ? NULL : deia__buf_take(&b);
	deia__buf_fini(&b);
	return text;
}

char *deia__notify_target(const struct deia_notify_receiver *r)
{
	if (r->kind == DEIA_NOTIFY_EMAIL)
		return join(r->to, r->n_to);
	if (r->kind == DEIA_NOTIFY_EXEC)
		return deia__strdup(r->argv[0]);
	return origin_of(r->url);
}
