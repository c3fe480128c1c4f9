/* SPDX-License-Identifier: MIT */
/*
 * problem.c - what an answer means: RFC 9457 problem documents, and answers
 * of servers that are no hive at all.
 *
 * The server's own sentence is kept where there is one; text from the network
 * becomes one line without control characters (deia__fail sees to that).
 */
#include "client/handle.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/json.h"

static const struct {
	int status;
	deia_err err;
} by_status[] = {
	{ 400, DEIA_EINVAL },	 { 401, DEIA_EAUTH },
	{ 403, DEIA_EDENIED },	 { 404, DEIA_ENOTFOUND },
	{ 408, DEIA_ETIMEDOUT }, { 409, DEIA_ECONFLICT },
	{ 410, DEIA_ENOTFOUND }, { 412, DEIA_ECONFLICT },
	{ 413, DEIA_ELIMIT },	 { 414, DEIA_ELIMIT },
	{ 422, DEIA_EFIELD },	 { 429, DEIA_EBUSY },
	{ 431, DEIA_ELIMIT },	 { 501, DEIA_EUNSUPPORTED },
	{ 502, DEIA_EREMOTE },	 { 503, DEIA_EUNAVAILABLE },
	{ 504, DEIA_ETIMEDOUT }, { 507, DEIA_EFULL },
};

/* Codes that say more than their status. */
static const struct {
	int status;
	const char *code;
	deia_err err;
} by_code[] = {
	{ 400, "malformed", DEIA_EPARSE },
	{ 409, "illegal_state", DEIA_ESTATE },
	{ 409, "already_exists", DEIA_EEXIST },
	{ 409, "other_node", DEIA_EOTHERNODE },
};

static deia_err meaning(int status, const char *code)
{
	for (size_t i = 0; i < sizeof(by_code) / sizeof(by_code[0]); i++) {
		if (by_code[i].status == status &&
		    strcmp(by_code[i].code, code) == 0)
			return by_code[i].err;
	}
	for (size_t i = 0; i < sizeof(by_status) / sizeof(by_status[0]); i++) {
		if (by_status[i].status == status)
			return by_status[i].err;
	}
	return status >= 500 ? DEIA_EREMOTE : DEIA_EINVAL;
}

static bool is_type(const deia_client *c, const char *type)
{
	size_t len = strlen(type);

	return strncasecmp(c->content_type, type, len) == 0 &&
	       strchr(" ;", c->content_type[len]) != NULL;
}

/* The first of errors[], which names the field or the index. */
static void describe(deia_client *c, const cJSON *problem, deia_err err)
{
	const char *detail = deia__json_str(problem, "detail");
	const char *title = deia__json_str(problem, "title");
	const cJSON *errors = deia__json_get(problem, "errors");
	const cJSON *first = cJSON_IsArray(errors) ? errors->child : NULL;
	const char *where = NULL, *what = NULL;

	if (detail == NULL)
		detail = title != NULL ? title : deia_err_text(err);
	if (cJSON_IsObject(first)) {
		where = deia__json_str(first, "pointer");
		what = deia__json_str(first, "detail");
	}
	if (what == NULL || strstr(detail, what) != NULL)
		(void)deia__fail(&c->msg, err, "%s", detail);
	else if (where == NULL || strstr(what, where) != NULL)
		(void)deia__fail(&c->msg, err, "%s: %s", detail, what);
	else
		(void)deia__fail(&c->msg, err, "%s: %s: %s", detail, where,
				 what);
}

static deia_err not_a_hive(deia_client *c, const char *problem)
{
	return deia__fail(&c->msg, DEIA_EPROTO,
			  "what answers at %s is no deia hive: %s", c->url,
			  problem);
}

/* An answer without a problem document: a proxy's, or a stranger's. */
static deia_err stranger(deia_client *c)
{
	int status = c->reply.status;
	char what[400];

	if (status >= 300 && status < 400) {
		snprintf(what, sizeof(what),
			 "it redirects to '%s', and redirects are not followed",
			 c->location);
		return not_a_hive(c, what);
	}
	if (status == 401 || status == 403 || status == 502 || status == 503 ||
	    status == 504) {
		deia_err err = meaning(status, "");

		return deia__fail(&c->msg, err, "%s answered HTTP %d: %s",
				  c->url, status, deia_err_text(err));
	}
	snprintf(what, sizeof(what), "it answered HTTP %d with %s", status,
		 c->content_type[0] != '\0' ? c->content_type : "no content");
	return not_a_hive(c, what);
}

deia_err deia__problem(deia_client *c)
{
	int status = c->reply.status;
	cJSON *json = NULL;
	const char *code;
	deia_err err;

	c->code[0] = '\0';
	if (status >= 200 && status < 300)
		return DEIA_OK;
	if (!is_type(c, "application/problem+json") &&
	    !is_type(c, "application/json"))
		return stranger(c);
	err = deia_json_parse(&json, c->reply.body, c->reply.body_len, NULL);
	if (err == DEIA_ENOMEM)
		return deia__fail(&c->msg, err, "memory ran out");
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return stranger(c);
	}
	code = deia__json_str(json, "code");
	snprintf(c->code, sizeof(c->code), "%s", code != NULL ? code : "");
	err = meaning(status, c->code);
	describe(c, json, err);
	cJSON_Delete(json);
	return err;
}
