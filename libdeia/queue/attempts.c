/* SPDX-License-Identifier: MIT */
/* attempts.c - the attempts of a task, as a list in memory and as JSON. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "queue/queue.h"

static const char *const outcomes[] = { "",	     "succeeded", "failed",
					"timed_out", "cancelled", "excused" };

struct deia__attempt *deia__attempt_open(struct deia__task *t)
{
	struct deia__attempt *a =
		t->n_attempts ? &t->attempts[t->n_attempts - 1] : NULL;

	return a && !*a->outcome ? a : NULL;
}

static void drop_oldest(struct deia__task *t)
{
	deia__free(t->attempts[0].error);
	t->n_attempts--;
	memmove(t->attempts, t->attempts + 1,
		t->n_attempts * sizeof(t->attempts[0]));
}

bool deia__attempt_begin(struct deia__task *t, const char *bot)
{
	struct deia__attempt *list, *a;

	if (t->n_attempts == DEIA__ATTEMPTS_KEPT)
		drop_oldest(t);
	list = deia__realloc(t->attempts, (t->n_attempts + 1) * sizeof(*list));
	if (!list)
		return false;
	t->attempts = list;
	a = &list[t->n_attempts++];
	memset(a, 0, sizeof(*a));
	if (t->n_attempts > 1)
		a->spent = a[-1].spent;
	a->number = t->s.attempt;
	snprintf(a->bot, sizeof(a->bot), "%s", bot);
	a->started = deia__tasks_wall(t->q);
	a->outcome = outcomes[0];
	return true;
}

void deia__attempt_take_back(struct deia__task *t)
{
	if (t->n_attempts)
		deia__free(t->attempts[--t->n_attempts].error);
}

void deia__attempts_free(struct deia__task *t)
{
	while (t->n_attempts)
		deia__attempt_take_back(t);
	deia__free(t->attempts);
	t->attempts = NULL;
}

static void print_spent(struct deia_jw *w, const struct deia__spent *s)
{
	if (s->tokens)
		deia_jw_kint(w, "spent_tokens", s->tokens);
	if (s->ms)
		deia_jw_kint(w, "spent_ms", s->ms);
	if (s->messages)
		deia_jw_kint(w, "spent_messages", s->messages);
}

char *deia__attempts_print(const struct deia__task *t)
{
	const struct deia__attempt *a;
	struct deia_jw w;
	char *out = NULL;

	deia_jw_init(&w);
	deia_jw_array(&w);
	for (a = t->attempts; a < t->attempts + t->n_attempts; a++) {
		deia_jw_object(&w);
		deia_jw_kint(&w, "number", a->number);
		deia_jw_kstr(&w, "bot", a->bot);
		deia_jw_kint(&w, "started", a->started);
		deia_jw_kint(&w, "finished", a->finished);
		deia_jw_kstr(&w, "outcome", a->outcome);
		if (a->error)
			deia_jw_kstr(&w, "error", a->error);
		deia_jw_knum(&w, "seconds", a->seconds);
		print_spent(&w, &a->spent);
		deia_jw_end_object(&w);
	}
	deia_jw_end_array(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		out = deia__strndup(w.text, w.len);
	deia_jw_fini(&w);
	return out;
}

static const char *known_outcome(const char *text)
{
	for (size_t i = 0; text && i < sizeof(outcomes) / sizeof(*outcomes);
	     i++)
		if (strcmp(outcomes[i], text) == 0)
			return outcomes[i];
	return outcomes[0];
}

static void take(struct deia__attempt *a, const cJSON *json)
{
	const char *bot = deia__json_str(json, "bot");
	const cJSON *seconds = deia__json_get(json, "seconds");
	int64_t number = 0;

	deia__json_int(json, "number", 1, UINT32_MAX, &number);
	a->number = (unsigned)number;
	snprintf(a->bot, sizeof(a->bot), "%.64s", bot ? bot : "");
	deia__json_int(json, "started", 0, INT64_MAX / 2, &a->started);
	deia__json_int(json, "finished", 0, INT64_MAX / 2, &a->finished);
	a->outcome = known_outcome(deia__json_str(json, "outcome"));
	a->error = deia__strdup(deia__json_str(json, "error"));
	a->seconds = cJSON_IsNumber(seconds) ? seconds->valuedouble : 0;
	deia__json_int(json, "spent_tokens", 0, INT64_MAX / 2,
		       &a->spent.tokens);
	deia__json_int(json, "spent_ms", 0, INT64_MAX / 2, &a->spent.ms);
	deia__json_int(json, "spent_messages", 0, INT64_MAX / 2,
		       &a->spent.messages);
}

deia_err deia__attempts_parse(struct deia__task *t, const char *json,
			      size_t len)
{
	cJSON *tree = NULL;
	const cJSON *item;
	deia_err err = deia_json_parse(&tree, json, len, NULL);
	int n = err ? 0 : cJSON_GetArraySize(tree);

	if (n > DEIA__ATTEMPTS_KEPT)
		err = DEIA_ELIMIT;
	if (!err && n > 0) {
		t->attempts = deia__alloc((size_t)n * sizeof(*t->attempts));
		err = t->attempts ? DEIA_OK : DEIA_ENOMEM;
	}
	if (!err)
		cJSON_ArrayForEach(item, tree)
			take(&t->attempts[t->n_attempts++], item);
	cJSON_Delete(tree);
	return err;
}

static bool has(const char *const *list, size_t n, const char *bot)
{
	while (n > 0)
		if (strcmp(list[--n], bot) == 0)
			return true;
	return false;
}

size_t deia__attempts_failed(const struct deia__task *t, const char **out,
			     size_t max)
{
	const struct deia__attempt *a;
	size_t n = 0;

	for (a = t->attempts; a < t->attempts + t->n_attempts; a++)
		if ((strcmp(a->outcome, "failed") == 0 ||
		     strcmp(a->outcome, "timed_out") == 0) &&
		    n < max && !has(out, n, a->bot))
			out[n++] = a->bot;
	return n;
}
