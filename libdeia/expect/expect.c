/* SPDX-License-Identifier: MIT */
/*
 * expect.c - expectations: read, and held against results.
 *
 * All that a check does takes steps from one store, so that no pattern, no
 * schema and no result holds the loop up: MAX_WORK steps are 20 to 100 ms. JSON is
 * parsed once more than that; its limits are those of deia/sys/json.h.
 */
#include "expect/expect.h"

#include <string.h>

#include <deia/limits.h>

#include "core/mem.h"
#include "core/utf8.h"
#include "expect/regex.h"
#include "expect/schema.h"

#define MAX_WORK 3000000
/* Of a pattern and of an answer, in a message. */
#define HEAD_BYTES 80

struct deia__expect {
	cJSON *json; /* owned, or NULL: its owner outlives this */
	const char *pattern;
	struct deia__regex *regex;   /* one of these */
	struct deia__schema *schema; /* two */
};

/* ---- reading ----------------------------------------------------------- */

static deia_err read_one(struct deia__expect *e, const cJSON *expect,
			 struct deia__errmsg *why)
{
	const cJSON *what = NULL;
	struct deia__errmsg detail = { "" };
	deia_err err;

	if (expect && cJSON_IsObject(expect))
		what = expect->child;
	if (what == NULL || what->next)
		return deia__fail(why, DEIA_EFIELD,
				  "must be an object with either regex or "
				  "json_schema");
	if (!strcmp(what->string, "json_schema"))
		return deia__schema_new(&e->schema, what, why);
	if (strcmp(what->string, "regex") != 0)
		return deia__fail(why, DEIA_EFIELD,
				  "there is no %.60s; it is either regex or "
				  "json_schema",
				  what->string);
	if (!cJSON_IsString(what))
		return deia__fail(why, DEIA_EFIELD, "regex: must be a text");
	e->pattern = what->valuestring;
	err = deia__regex_new(&e->regex, e->pattern, false, &detail);
	if (err == DEIA_EFIELD)
		return deia__fail(why, err, "regex: %s", detail.text);
	return err ? deia__fail(why, err, "%s", detail.text) : DEIA_OK;
}

static void fini(struct deia__expect *e)
{
	deia__regex_free(e->regex);
	deia__schema_free(e->schema);
}

static deia_err too_long(struct deia__errmsg *why)
{
	return deia__fail(why, DEIA_ELIMIT, "longer than %u bytes",
			  DEIA_TASK_MAX_EXPECT_BYTES);
}

static deia_err refuse_long(const cJSON *expect, struct deia__errmsg *why)
{
	char *text = deia__json_print(expect);
	size_t len = text ? strlen(text) : 0;

	deia__free(text);
	if (text == NULL)
		return deia__fail(why, DEIA_ENOMEM, "memory ran out");
	return len > DEIA_TASK_MAX_EXPECT_BYTES ? too_long(why) : DEIA_OK;
}

deia_err deia__expect_check(const cJSON *expect, struct deia__errmsg *why)
{
	struct deia__expect e = { .json = NULL };
	deia_err err = expect ? refuse_long(expect, why) : DEIA_OK;

	if (!err)
		err = read_one(&e, expect, why);
	fini(&e);
	return err;
}

static deia_err parse(cJSON **out, const char *json, struct deia__errmsg *why)
{
	struct deia_json_error where;
	size_t len = strnlen(json, DEIA_TASK_MAX_EXPECT_BYTES + 1);
	deia_err err;

	if (len > DEIA_TASK_MAX_EXPECT_BYTES)
		return too_long(why);
	err = deia_json_parse(out, json, len, &where);
	if (err == DEIA_ENOMEM)
		return deia__fail(why, err, "memory ran out");
	return err ? deia__fail(why, DEIA_EFIELD, "line %u, column %u: %s",
				where.line, where.column, where.detail)
		   : DEIA_OK;
}

deia_err deia__expect_new(struct deia__expect **out, const char *json,
			  struct deia__errmsg *why)
{
	struct deia__expect *e = deia__alloc(sizeof(*e));
	deia_err err;

	*out = NULL;
	if (e == NULL)
		return deia__fail(why, DEIA_ENOMEM, "memory ran out");
	err = parse(&e->json, json, why);
	if (!err)
		err = read_one(e, e->json, why);
	if (err)
		deia__expect_free(e);
	else
		*out = e;
	return err;
}

void deia__expect_free(struct deia__expect *e)
{
	if (e == NULL)
		return;
	fini(e);
	cJSON_Delete(e->json);
	deia__free(e);
}

/* ---- holding ----------------------------------------------------------- */

static int head_len(const char *text, size_t len)
{
	return (int)deia__utf8_whole(text, len < HEAD_BYTES ? len : HEAD_BYTES);
}

static deia_err match(const struct deia__expect *e, const char *text,
		      size_t len, uint64_t *work, struct deia__errmsg *why)
{
	deia_err err = deia__regex_find(e->regex, text, len, work);
	size_t pattern_len = strlen(e->pattern);
	int shown = head_len(e->pattern, pattern_len);

	if (err != DEIA_ENOTFOUND)
		return err;
	if (len == 0)
		return deia__fail(why, DEIA_EREMOTE,
				  "the answer is empty, and so does not match "
				  "/%.*s/",
				  shown, e->pattern);
	return deia__fail(
		why, DEIA_EREMOTE,
		"the answer does not match /%.*s%s/: it %s \"%.*s\"", shown,
		e->pattern, (size_t)shown < pattern_len ? "..." : "",
		len > HEAD_BYTES ? "begins" : "is", head_len(text, len), text);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void trim(const char **text, size_t *len)
{
	while (*len && is_space(**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len && is_space((*text)[*len - 1]))
		(*len)--;
}

/* Models like to put JSON into a block of Markdown: ```json, lines, ```. One
 * that is all of the answer is taken off. */
static void take_out_of_fence(const char **text, size_t *len)
{
	const char *line_end;
	size_t head;

	trim(text, len);
	if (*len < 7 || memcmp(*text, "```", 3) != 0 ||
	    memcmp(*text + *len - 3, "```", 3) != 0)
		return;
	line_end = memchr(*text, '\n', *len);
	if (line_end == NULL)
		return;
	head = (size_t)(line_end - *text) + 1;
	*text += head;
	*len -= head + 3;
	trim(text, len);
}

static deia_err keep_to_schema(const struct deia__expect *e, const char *text,
			       size_t len, uint64_t *work,
			       struct deia__errmsg *why)
{
	struct deia_json_error where;
	cJSON *value;
	deia_err err;

	take_out_of_fence(&text, &len);
	if (len == 0)
		return deia__fail(why, DEIA_EREMOTE,
				  "the answer is empty, not JSON");
	err = deia_json_parse(&value, text, len, &where);
	if (err == DEIA_ENOMEM)
		return err;
	if (err)
		return deia__fail(why, DEIA_EREMOTE,
				  "the answer is not JSON: line %u, column %u: "
				  "%s",
				  where.line, where.column, where.detail);
	err = deia__schema_holds(e->schema, value, work, why);
	cJSON_Delete(value);
	return err;
}

deia_err deia__expect_holds(const struct deia__expect *e, const char *text,
			    size_t len, struct deia__errmsg *why)
{
	uint64_t work = MAX_WORK;
	deia_err err;

	if (len > DEIA_MAX_ANSWER_BYTES)
		return deia__fail(why, DEIA_ELIMIT,
				  "the answer is longer than %u bytes",
				  DEIA_MAX_ANSWER_BYTES);
	if (!deia__utf8_valid(text, len))
		return deia__fail(why, DEIA_EREMOTE,
				  "the answer is not valid UTF-8");
	err = e->regex ? match(e, text, len, &work, why)
		       : keep_to_schema(e, text, len, &work, why);
	if (err == DEIA_ELIMIT)
		return deia__fail(why, err,
				  "whether the answer is what was expected "
				  "takes more work than is allowed; make the "
				  "expectation simpler");
	if (err == DEIA_ENOMEM)
		return deia__fail(why, err, "memory ran out");
	return err;
}
