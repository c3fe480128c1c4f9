/* SPDX-License-Identifier: MIT */
/*
 * task_json.c - a task to be, read from JSON; a task as JSON.
 *
 * One table says which members there are; each is read by its kind, so a
 * member that is not in the table is unknown. What concerns several tasks (refs
 * of a batch, circles) or what is known elsewhere (types, bots) is not looked
 * at here. The lists and `expect` are the only memory that a draft owns.
 */
#include "hive/tasks/task_json.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <deia/messenger.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/utf8.h"

#define FIELD_SHOWN 64 /* bytes of a member's name, where it is wrong */

struct reading {
	struct deia_task_draft *draft;
	struct deia_field_error *where;
	deia_err err;
};

/* What is wrong with a member; item < 0: with all of it. */
static void wrong_item(struct reading *r, const char *field, int item,
		       const char *fmt, ...) DEIA_PRINTF(4, 5);

static void wrong_item(struct reading *r, const char *field, int item,
		       const char *fmt, ...)
{
	size_t len = strnlen(field, FIELD_SHOWN);
	char at[16] = "";
	va_list ap;

	if (r->err)
		return;
	r->err = DEIA_EFIELD;
	if (!r->where)
		return;
	if (item >= 0)
		snprintf(at, sizeof(at), "/%d", item);
	/* The name of a member that is not known may be anything. */
	snprintf(r->where->pointer, sizeof(r->where->pointer), "%s%.*s%s",
		 *field ? "/" : "", (int)deia__utf8_whole(field, len), field,
		 at);
	va_start(ap, fmt);
	vsnprintf(r->where->detail, sizeof(r->where->detail), fmt, ap);
	va_end(ap);
}

/* ---- kinds of members ------------------------------------------------------- */

/* A member of a draft: where it is and what it may be. */
struct field {
	const char *name;
	void (*read)(struct reading *r, const struct field *f,
		     const cJSON *json);
	size_t at; /* in struct deia_task_draft */
	double min, max;
	size_t at_count; /* of lists */
};

#define WRONG(r, f, ...) wrong_item(r, (f)->name, -1, __VA_ARGS__)

static void *member(const struct reading *r, size_t at)
{
	return (char *)r->draft + at;
}

static void read_content(struct reading *r, const struct field *f,
			 const cJSON *json)
{
	size_t len = cJSON_IsString(json) ? strlen(json->valuestring) : 0;

	if (len < 1 || len > DEIA_MAX_CONTENT_BYTES) {
		WRONG(r, f, "expected a text of 1 to %u bytes",
		      DEIA_MAX_CONTENT_BYTES);
		return;
	}
	r->draft->content = json->valuestring;
	r->draft->content_len = len;
}

/* A bot's id, a type, a name within a batch. */
static void read_name(struct reading *r, const struct field *f,
		      const cJSON *json)
{
	if (!cJSON_IsString(json) || !deia_bot_id_valid(json->valuestring)) {
		WRONG(r, f,
		      "expected a name of 1 to %d letters, digits, '.', '_' "
		      "or '-'",
		      DEIA_MAX_ID_LEN);
		return;
	}
	*(const char **)member(r, f->at) = json->valuestring;
}

static void read_priority(struct reading *r, const struct field *f,
			  const cJSON *json)
{
	int p = cJSON_IsString(json) ? deia_priority_parse(json->valuestring)
				     : -1;

	if (p < 0)
		WRONG(r, f, "expected \"P0\", \"P1\", \"P2\" or \"P3\"");
	else
		r->draft->priority = (unsigned)p;
}

static void read_whole(struct reading *r, const struct field *f,
		       const cJSON *json)
{
	double v = cJSON_IsNumber(json) ? json->valuedouble : -1;

	if (!(v >= f->min && v <= f->max) || v != floor(v))
		WRONG(r, f, "expected a whole number from %.0f to %.0f", f->min,
		      f->max);
	else
		*(unsigned *)member(r, f->at) = (unsigned)v;
}

static void read_number(struct reading *r, const struct field *f,
			const cJSON *json)
{
	double v = cJSON_IsNumber(json) ? json->valuedouble : -1;

	if (!(v >= f->min && v <= f->max))
		WRONG(r, f, "expected a number from %.0f to %.0f", f->min,
		      f->max);
	else
		*(double *)member(r, f->at) = v;
}

static void read_bool(struct reading *r, const struct field *f,
		      const cJSON *json)
{
	if (!cJSON_IsBool(json))
		WRONG(r, f, "expected true or false");
	else
		*(bool *)member(r, f->at) = cJSON_IsTrue(json);
}

static void read_time(struct reading *r, const struct field *f,
		      const cJSON *json)
{
	int64_t at = 0;

	if (!cJSON_IsString(json) ||
	    !deia__time_parse(json->valuestring, &at) || at <= 0)
		WRONG(r, f,
		      "expected a time like \"2026-11-30T08:00:00Z\" "
		      "(RFC 3339), after 1970");
	else
		*(int64_t *)member(r, f->at) = at;
}

/* No blanks, no control characters. */
static bool is_word(const char *s)
{
	size_t len = strlen(s);

	if (len < 1 || len > DEIA_MAX_ID_LEN)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

/* An empty list is one, too: no capability is needed. */
static void read_list(struct reading *r, const struct field *f,
		      const cJSON *json)
{
	const char **list;
	const cJSON *item;
	size_t n = 0, max = (size_t)f->max;

	if (!cJSON_IsArray(json) || cJSON_GetArraySize(json) > (int)max) {
		WRONG(r, f, "expected a list of at most %zu", max);
		return;
	}
	list = deia__alloc((max + 1) * sizeof(*list));
	if (!list) {
		r->err = DEIA_ENOMEM;
		return;
	}
	*(const char *const **)member(r, f->at) = list;
	cJSON_ArrayForEach(item, json) {
		if (!cJSON_IsString(item) || !is_word(item->valuestring)) {
			wrong_item(r, f->name, (int)n,
				   "expected a text of 1 to %d bytes without "
				   "blanks",
				   DEIA_MAX_ID_LEN);
			return;
		}
		list[n++] = item->valuestring;
	}
	*(size_t *)member(r, f->at_count) = n;
}

static void read_expect(struct reading *r, const struct field *f,
			const cJSON *json)
{
	char *text;

	if (!cJSON_IsObject(json)) {
		WRONG(r, f,
		      "expected an object, {\"regex\": TEXT} or "
		      "{\"json_schema\": {...}}");
		return;
	}
	text = deia__json_print(json);
	if (!text)
		r->err = DEIA_ENOMEM;
	else if (strlen(text) > DEIA_TASK_MAX_EXPECT_BYTES)
		WRONG(r, f, "expected at most %u bytes",
		      DEIA_TASK_MAX_EXPECT_BYTES);
	if (r->err)
		deia__free(text);
	else
		r->draft->expect = text;
}

/* A whole number from 1 to max. */
static void read_limit(struct reading *r, const cJSON *json, int64_t max,
		       int64_t *out)
{
	double v = cJSON_IsNumber(json) ? json->valuedouble : -1;
	char name[80];

	if (v >= 1 && v <= (double)max && v == floor(v)) {
		*out = (int64_t)v;
		return;
	}
	snprintf(name, sizeof(name), "budget/%.64s", json->string);
	wrong_item(r, name, -1, "expected a whole number from 1 to %lld",
		   (long long)max);
}

static void read_on_exceed(struct reading *r, const cJSON *json)
{
	int what = cJSON_IsString(json)
			   ? deia_on_exceed_parse(json->valuestring)
			   : -1;

	if (what < 0)
		wrong_item(r, "budget/on_exceed", -1,
			   "expected \"pause\", \"stop\" or \"notify\"");
	else
		r->draft->budget.on_exceed = (deia_on_exceed)what;
}

static void read_of_budget(struct reading *r, const cJSON *json)
{
	struct deia_budget *b = &r->draft->budget;
	char name[80];

	if (cJSON_IsNull(json))
		return;
	if (strcmp(json->string, "tokens") == 0) {
		read_limit(r, json, DEIA_BUDGET_MAX_TOKENS, &b->tokens);
	} else if (strcmp(json->string, "seconds") == 0) {
		read_limit(r, json, DEIA_BUDGET_MAX_SECONDS, &b->seconds);
	} else if (strcmp(json->string, "messages") == 0) {
		read_limit(r, json, DEIA_BUDGET_MAX_MESSAGES, &b->messages);
	} else if (strcmp(json->string, "on_exceed") == 0) {
		read_on_exceed(r, json);
	} else {
		snprintf(name, sizeof(name), "budget/%.64s", json->string);
		wrong_item(r, name, -1,
			   "a task's budget has tokens, seconds, messages and "
			   "on_exceed");
	}
}

static void read_budget(struct reading *r, const struct field *f,
			const cJSON *json)
{
	const cJSON *item;

	if (!cJSON_IsObject(json)) {
		WRONG(r, f, "expected an object");
		return;
	}
	cJSON_ArrayForEach(item, json) {
		read_of_budget(r, item);
		if (r->err)
			return;
	}
	if (!r->draft->budget.tokens && !r->draft->budget.seconds &&
	    !r->draft->budget.messages)
		WRONG(r, f, "tokens, seconds or messages: one is required");
}

/* ---- reading ------------------------------------------------------------------ */

#define AT(member) offsetof(struct deia_task_draft, member)

static const struct field fields[] = {
	{ "content", read_content, AT(content), 0, 0, 0 },
	{ "type", read_name, AT(type), 0, 0, 0 },
	{ "priority", read_priority, AT(priority), 0, 0, 0 },
	{ "bot", read_name, AT(bot), 0, 0, 0 },
	{ "capabilities", read_list, AT(capabilities), 0,
	  DEIA_TASK_MAX_CAPABILITIES, AT(n_capabilities) },
	{ "depends_on", read_list, AT(depends_on), 0, DEIA_MAX_DEPENDS_LEN,
	  AT(n_depends_on) },
	{ "ref", read_name, AT(ref), 0, 0, 0 },
	{ "not_before", read_time, AT(due_unix_ms), 0, 0, 0 },
	{ "deadline", read_time, AT(deadline_unix_ms), 0, 0, 0 },
	{ "timeout_seconds", read_whole, AT(timeout_seconds), 1,
	  DEIA_TASK_MAX_TIMEOUT_SECONDS, 0 },
	{ "max_attempts", read_whole, AT(max_attempts), 1, DEIA_MAX_ATTEMPTS,
	  0 },
	{ "every_seconds", read_whole, AT(every_seconds), 1,
	  DEIA_TASK_MAX_EVERY_SECONDS, 0 },
	{ "approval", read_bool, AT(approval), 0, 0, 0 },
	{ "expect", read_expect, AT(expect), 0, 0, 0 },
	{ "check", read_name, AT(check), 0, 0, 0 },
	{ "budget", read_budget, AT(budget), 0, 0, 0 },
	{ "complexity", read_number, AT(complexity), 0, 1, 0 },
	{ "estimated_seconds", read_number, AT(estimated_seconds), 0,
	  DEIA_TASK_MAX_ESTIMATE_SECONDS, 0 },
};

static const struct field *find_field(const char *name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* The name that a member of a line has in a draft; NULL: it is the line's. */
static const char *name_in_line(const char *name)
{
	if (strcmp(name, "type") == 0 || strcmp(name, "ref") == 0 ||
	    strcmp(name, "key") == 0 || strcmp(name, "traceparent") == 0)
		return NULL;
	return strcmp(name, "task_type") == 0 ? "type" : name;
}

static void read_member(struct reading *r, const cJSON *json, bool is_line)
{
	const char *name = is_line ? name_in_line(json->string) : json->string;
	const struct field *f = name ? find_field(name) : NULL;
	struct field named;

	if (!name)
		return;
	if (!f) {
		wrong_item(r, json->string, -1, "a task has no such member");
		return;
	}
	if (cJSON_IsNull(json))
		return;
	named = *f;
	named.name = json->string; /* as its author knows it */
	f->read(r, &named, json);
}

static void check_whole(struct reading *r, const cJSON *json)
{
	r->draft->has_complexity =
		cJSON_IsNumber(deia__json_get(json, "complexity"));
	r->draft->has_seconds =
		cJSON_IsNumber(deia__json_get(json, "estimated_seconds"));
	if (!r->draft->content)
		wrong_item(r, "content", -1, "required: what is to be done");
}

deia_err deia__task_draft_read(struct deia_task_draft *out, const cJSON *json,
			       bool is_line, struct deia_field_error *where)
{
	struct reading r = { .draft = out, .where = where };
	const cJSON *item;

	*out = (struct deia_task_draft)DEIA_TASK_DRAFT_INIT;
	if (!json || !cJSON_IsObject(json)) {
		wrong_item(&r, "", -1, "expected an object");
		return r.err;
	}
	cJSON_ArrayForEach(item, json) {
		read_member(&r, item, is_line);
		if (r.err)
			break;
	}
	if (!r.err)
		check_whole(&r, json);
	if (r.err) {
		deia_task_draft_fini(out);
		*out = (struct deia_task_draft)DEIA_TASK_DRAFT_INIT;
	}
	return r.err;
}

deia_err deia_task_draft_parse(struct deia_task_draft *out, const cJSON *json,
			       struct deia_field_error *where)
{
	return deia__task_draft_read(out, json, false, where);
}

void deia_task_draft_fini(struct deia_task_draft *draft)
{
	deia__free((void *)(uintptr_t)draft->capabilities);
	deia__free((void *)(uintptr_t)draft->depends_on);
	deia__free((void *)(uintptr_t)draft->expect);
	draft->capabilities = NULL;
	draft->depends_on = NULL;
	draft->expect = NULL;
	draft->n_capabilities = draft->n_depends_on = 0;
}
