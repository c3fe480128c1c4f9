/* SPDX-License-Identifier: MIT */
/* spec.c - what the author of a task asked for, as a JSON object. */
#include <string.h>

#include "core/json.h"
#include "queue/budget.h"
#include "queue/queue.h"

char **deia__texts_copy(const char *const *texts, size_t n)
{
	char **out = deia__alloc((n + 1) * sizeof(*out));

	for (size_t i = 0; out && i < n; i++) {
		out[i] = deia__strdup(texts[i]);
		if (!out[i]) {
			deia__texts_free(out, i);
			return NULL;
		}
	}
	return out;
}

void deia__texts_free(char **texts, size_t n)
{
	for (size_t i = 0; texts && i < n; i++)
		deia__free(texts[i]);
	deia__free(texts);
}

void deia__spec_fini(struct deia__task_spec *s)
{
	deia__texts_free(s->capabilities, s->n_capabilities);
	deia__texts_free(s->depends_on, s->n_depends_on);
	deia__free(s->expect);
	deia__free(s->check);
	deia__free(s->traceparent);
	memset(s, 0, sizeof(*s));
}

static void print_texts(struct deia_jw *w, const char *key, char *const *texts,
			unsigned n)
{
	if (n == 0)
		return;
	deia_jw_key(w, key);
	deia_jw_array(w);
	for (unsigned i = 0; i < n; i++)
		deia_jw_str(w, texts[i]);
	deia_jw_end_array(w);
}

static void print_budget(struct deia_jw *w, const struct deia_budget *b)
{
	deia_jw_key(w, "budget");
	deia_jw_object(w);
	if (b->tokens)
		deia_jw_kint(w, "tokens", b->tokens);
	if (b->seconds)
		deia_jw_kint(w, "seconds", b->seconds);
	if (b->messages)
		deia_jw_kint(w, "messages", b->messages);
	deia_jw_kstr(w, "on_exceed", deia_on_exceed_name(b->on_exceed));
	deia_jw_end_object(w);
}

char *deia__spec_print(const struct deia__task_spec *s)
{
	struct deia_jw w;
	char *out = NULL;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_knum(&w, "complexity", s->complexity);
	deia_jw_knum(&w, "estimated_seconds", s->estimated_seconds);
	print_texts(&w, "capabilities", s->capabilities, s->n_capabilities);
	print_texts(&w, "depends_on", s->depends_on, s->n_depends_on);
	if (s->every_seconds)
		deia_jw_kint(&w, "every_seconds", s->every_seconds);
	if (s->not_before)
		deia_jw_kint(&w, "not_before", s->not_before);
	if (s->retried)
		deia_jw_kint(&w, "retried", s->retried);
	if (s->approval)
		deia_jw_kbool(&w, "approval", true);
	if (s->expect)
		deia_jw_kraw(&w, "expect", s->expect);
	if (s->check)
		deia_jw_kstr(&w, "check", s->check);
	if (s->traceparent)
		deia_jw_kstr(&w, "traceparent", s->traceparent);
	if (deia__budget_is_set(&s->budget))
		print_budget(&w, &s->budget);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		out = deia__strndup(w.text, w.len);
	deia_jw_fini(&w);
	return out;
}

/* A list of texts; false: out of memory. What is no text is left out. */
static bool parse_texts(const cJSON *json, char ***out, unsigned *n)
{
	int len = cJSON_IsArray(json) ? cJSON_GetArraySize(json) : 0;
	const cJSON *item;

	*n = 0;
	*out = NULL;
	if (len == 0)
		return true;
	*out = deia__alloc((size_t)(len + 1) * sizeof(**out));
	if (!*out)
		return false;
	cJSON_ArrayForEach(item, json) {
		if (!cJSON_IsString(item))
			continue;
		(*out)[*n] = deia__strdup(item->valuestring);
		if (!(*out)[*n])
			return false;
		++*n;
	}
	return true;
}

static double number(const cJSON *json, const char *key)
{
	const cJSON *v = deia__json_get(json, key);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static void take_budget(struct deia_budget *b, const cJSON *json)
{
	int what = deia_on_exceed_parse(deia__json_str(json, "on_exceed"));

	deia__json_int(json, "tokens", 1, DEIA_BUDGET_MAX_TOKENS, &b->tokens);
	deia__json_int(json, "seconds", 1, DEIA_BUDGET_MAX_SECONDS,
		       &b->seconds);
	deia__json_int(json, "messages", 1, DEIA_BUDGET_MAX_MESSAGES,
		       &b->messages);
	b->on_exceed = what < 0 ? DEIA_ON_EXCEED_PAUSE : (deia_on_exceed)what;
}

static deia_err take_members(struct deia__task_spec *s, const cJSON *json)
{
	const cJSON *expect = deia__json_get(json, "expect");
	int64_t every = 0;

	s->complexity = number(json, "complexity");
	s->estimated_seconds = number(json, "estimated_seconds");
	if (deia__json_int(json, "every_seconds", 1,
			   DEIA_TASK_MAX_EVERY_SECONDS, &every))
		s->every_seconds = (unsigned)every;
	deia__json_int(json, "not_before", 0, INT64_MAX / 2, &s->not_before);
	deia__json_int(json, "retried", 0, INT64_MAX / 2, &s->retried);
	s->approval = cJSON_IsTrue(deia__json_get(json, "approval"));
	take_budget(&s->budget, deia__json_get(json, "budget"));
	deia__set_text(&s->check, deia__json_str(json, "check"),
		       DEIA_MAX_ID_LEN);
	deia__set_text(&s->traceparent, deia__json_str(json, "traceparent"),
		       DEIA_TRACEPARENT_LEN);
	if (expect) {
		s->expect = deia__json_print(expect);
		if (!s->expect)
			return DEIA_ENOMEM;
	}
	if (!parse_texts(deia__json_get(json, "capabilities"), &s->capabilities,
			 &s->n_capabilities) ||
	    !parse_texts(deia__json_get(json, "depends_on"), &s->depends_on,
			 &s->n_depends_on))
		return DEIA_ENOMEM;
	return DEIA_OK;
}

deia_err deia__spec_parse(struct deia__task_spec *s, const char *json,
			  size_t len)
{
	cJSON *tree = NULL;
	deia_err err = deia_json_parse(&tree, json, len, NULL);

	memset(s, 0, sizeof(*s));
	if (!err)
		err = take_members(s, tree);
	cJSON_Delete(tree);
	if (err)
		deia__spec_fini(s);
	return err;
}
