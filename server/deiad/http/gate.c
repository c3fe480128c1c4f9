/* SPDX-License-Identifier: MIT */
/*
 * gate.c - the one gate that every request passes.
 *
 * Host is matched exactly against a list, so that a name which an attacker
 * lets point here (DNS rebinding) is no name of ours. Literal addresses
 * cannot be rebound; they are taken when the server is bound wide.
 */
#include "gate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <deia/hive.h>

#include "conn.h"
#include "peers.h"
#include "reply.h"
#include "ws.h"

/* "1.2.3.4", "1.2.3.4:80", "[::1]:80": an address rather than a name. */
static bool is_literal(const char *host)
{
	unsigned char out[16];
	char text[64];
	const char *end;
	size_t len;

	if (host[0] == '[') {
		end = strchr(host, ']');
		host++;
	} else {
		end = host + strcspn(host, ":");
	}
	len = end ? (size_t)(end - host) : sizeof(text);
	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	return inet_pton(AF_INET, text, out) == 1 ||
	       inet_pton(AF_INET6, text, out) == 1;
}

/* Length without a port. */
static size_t name_len(const char *host)
{
	const char *end = host[0] == '[' ? strchr(host, ']') : NULL;

	return end ? (size_t)(end + 1 - host) : strcspn(host, ":");
}

/* An entry without port stands for every port. */
static bool entry_matches(const char *entry, const char *host)
{
	size_t len = name_len(entry);

	if (entry[len] != '\0')
		return strcasecmp(entry, host) == 0;
	return name_len(host) == len && strncasecmp(entry, host, len) == 0 &&
	       strspn(host + len, ":0123456789") == strlen(host + len);
}

bool host_is_ours(const struct server *s, const char *host)
{
	for (size_t i = 0; i < s->names.n_hosts; i++)
		if (entry_matches(s->names.hosts[i], host))
			return true;
	return s->names.any_literal && is_literal(host);
}

bool gate_host(struct rq *rq)
{
	const char *host = rq->head.host;

	if (host && host_is_ours(rq->srv, host))
		return true;
	rq_problem(rq, 421, "wrong_host",
		   "This server does not answer for the name in Host. Use the "
		   "address it printed at start, or add the name to "
		   "server.allowed_hosts in config.yaml.");
	return false;
}

static bool origin_is_ours(struct rq *rq, const char *origin)
{
	const char *host = rq->head.host;
	const char *p = strstr(origin, "://");

	for (size_t i = 0; i < rq->srv->names.n_origins; i++)
		if (strcasecmp(rq->srv->names.origins[i], origin) == 0)
			return true;
	if (!p || (strncasecmp(origin, "http://", 7) != 0 &&
		   strncasecmp(origin, "https://", 8) != 0))
		return false;
	return host && strcasecmp(p + 3, host) == 0;
}

bool gate_origin(struct rq *rq)
{
	const char *origin = rq->head.origin;
	const char *site = rq->head.site;
	bool reads = rq->is_head || strcmp(rq->method, "GET") == 0;

	if (origin && !origin_is_ours(rq, origin))
		goto refused;
	if (!origin && site && !reads && strcmp(site, "same-origin") != 0 &&
	    strcmp(site, "none") != 0)
		goto refused;
	if (site && !reads && strcmp(site, "cross-site") == 0)
		goto refused;
	return true;
refused:
	rq_problem(rq, 403, "foreign_origin",
		   "Requests from the pages of other sites are refused. A site "
		   "that may call this server stands in server.allowed_origins "
		   "in config.yaml.");
	return false;
}

/* The token of "Authorization: Bearer TOKEN"; "" when it is another scheme. */
static const char *bearer(const char *header)
{
	if (strncasecmp(header, "Bearer ", 7) != 0)
		return "";
	header += 7;
	return header + strspn(header, " ");
}

static bool wrong_credential(struct rq *rq)
{
	struct peer *peer = rq->conn ? rq->conn->peer : NULL;

	if (peer && peer_failed(peer, now_ms())) {
		rq_add_header(rq, "Retry-After", "300");
		rq_problem(rq, 429, "busy",
			   "Too many wrong credentials came from this address; "
			   "try again in 5 minutes. A valid one passes.");
		return false;
	}
	deia_hive_audit(rq->srv->hive, &rq->actor, "auth.refused", rq->path,
			DEIA_EAUTH);
	rq_add_header(rq, "WWW-Authenticate",
		      "Bearer realm=\"deia\", error=\"invalid_token\"");
	rq_problem(rq, 401, deia_err_name(DEIA_EAUTH),
		   "This token is unknown, expired or revoked. Sign in again, "
		   "or send the content of DIR/token.");
	return false;
}

bool gate_credential(struct rq *rq)
{
	const char *header = rq->head.authorization;

	if (header) {
		rq->token = bearer(header);
	} else if (rq->route && (rq->route->flags & RF_SOCKET) &&
		   ws_token(rq, rq->ws_token, sizeof(rq->ws_token))) {
		rq->token = rq->ws_token;
	} else {
		rq_add_header(rq, "WWW-Authenticate", "Bearer realm=\"deia\"");
		rq_problem(rq, 401, deia_err_name(DEIA_EAUTH),
			   "A credential is needed: send \"Authorization: "
			   "Bearer TOKEN\"; `deia login --link` gives a "
			   "sign-in link.");
		return false;
	}
	if (deia_hive_authenticate(rq->srv->hive, rq->token, &rq->actor))
		return wrong_credential(rq);
	return true;
}

static deia_role least_role(enum access access)
{
	switch (access) {
	case AC_VIEWER:
		return DEIA_ROLE_VIEWER;
	case AC_OPERATOR:
		return DEIA_ROLE_OPERATOR;
	case AC_ADMIN:
		return DEIA_ROLE_ADMIN;
	default:
		return DEIA_ROLE_BOT;
	}
}

bool gate_role(struct rq *rq, const struct route *route)
{
	deia_role least = least_role(route->access);

	if (route->access == AC_PUBLIC || rq->actor.role >= least)
		return true;
	if (rq->actor.role == DEIA_ROLE_BOT && (route->flags & RF_BOT_SELF) &&
	    rq->param[0] && strcmp(rq->param[0], rq->actor.name) == 0)
		return true;
	if (rq->actor.role == DEIA_ROLE_BOT && (route->flags & RF_BOT_ANY))
		return true;
	deia_hive_audit(rq->srv->hive, &rq->actor, "auth.denied", rq->path,
			DEIA_EDENIED);
	rq_problem(rq, 403, deia_err_name(DEIA_EDENIED),
		   "The role %s may not do this; it takes the role %s.",
		   deia_role_name(rq->actor.role), deia_role_name(least));
	return false;
}
