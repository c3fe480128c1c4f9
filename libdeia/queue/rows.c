/* SPDX-License-Identifier: MIT */
/*
 * rows.c - tasks as rows of the store.
 *
 * A row holds the beginning of a content and of a result; when that is not all
 * of it the whole stands in task_texts, so that the row, which is written again
 * at each step, stays small.
 */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/utf8.h"
#include "queue/queue.h"

struct deia_value deia__text_n(const char *s, size_t len)
{
	struct deia_value v = { DEIA_TEXT, 0, s ? s : "", s ? len : 0 };
	return v;
}

static struct deia_value text(const char *s)
{
	return deia_text(s ? s : "");
}

static struct deia_value head(const char *s, size_t len)
{
	if (len > DEIA_TASK_HEAD_BYTES)
		len = deia__utf8_whole(s, DEIA_TASK_HEAD_BYTES);
	return deia__text_n(s, len);
}

static void put_whole(deia_txn *txn, const char *id, int64_t kind,
		      const char *s, size_t len)
{
	struct deia_value row[TASK_TEXT_COLUMNS];

	if (len <= DEIA_TASK_HEAD_BYTES)
		return;
	row[TASK_TEXT_ID] = text(id);
	row[TASK_TEXT_KIND] = deia_int(kind);
	row[TASK_TEXT_TEXT] = deia__text_n(s, len);
	deia_txn_put(txn, &deia__table_task_texts, row);
}

struct deia_page_query deia__task_row(const struct deia_value *id)
{
	return (struct deia_page_query){ .table = &deia__table_tasks,
					 .index = -1,
					 .equal = id,
					 .n_equal = 1,
					 .limit = 1 };
}

struct deia_page_query deia__task_text_row(const struct deia_value key[2])
{
	return (struct deia_page_query){ .table = &deia__table_task_texts,
					 .index = -1,
					 .equal = key,
					 .n_equal = 2,
					 .limit = 1 };
}

/* ---- what changes ------------------------------------------------------ */

/* Columns of a row that change, in parts that change together. */
enum part { ALWAYS, ENDING, BOT, TRIES, SAID };

/* By rising column. */
static const struct {
	unsigned column;
	enum part part;
} changing[] = {
	{ TASK_PHASE, ENDING },
	{ TASK_STATUS, ALWAYS },
	{ TASK_BOT, BOT },
	{ TASK_NODE, ALWAYS },
	{ TASK_DUE, SAID },
	{ TASK_DEADLINE, SAID },
	{ TASK_STARTED, SAID },
	{ TASK_FINISHED, ENDING },
	{ TASK_ATTEMPT, TRIES },
	{ TASK_EXCUSED, TRIES },
	{ TASK_ATTEMPTS, TRIES },
	{ TASK_ERROR, SAID },
	{ TASK_REASON, SAID },
	{ TASK_VERDICT, SAID },
	{ TASK_PROMPT_TOKENS, SAID },
	{ TASK_COMPLETION_TOKENS, SAID },
};
#define N_CHANGING (sizeof(changing) / sizeof(changing[0]))

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool said_the_same(const struct deia__task_state *a,
			  const struct deia__task_state *b)
{
	return a->due == b->due && a->deadline == b->deadline &&
	       a->started == b->started && same(a->error_code, b->error_code) &&
	       same(a->error, b->error) && same(a->reason, b->reason) &&
	       a->verdict == b->verdict && same(a->verdict_by, b->verdict_by) &&
	       same(a->verdict_note, b->verdict_note) &&
	       a->verdict_at == b->verdict_at &&
	       a->prompt_tokens == b->prompt_tokens &&
	       a->completion_tokens == b->completion_tokens;
}

/* A person gave it its budget anew: the newest attempt says so. */
static bool spent_changed(const struct deia__task_op *op)
{
	const struct deia__task *t = op->t;
	const struct deia__spent *is =
		t->n_attempts ? &t->attempts[t->n_attempts - 1].spent : NULL;

	return is && (is->tokens != op->spent_before.tokens ||
		      is->ms != op->spent_before.ms ||
		      is->messages != op->spent_before.messages);
}

/* As bits, 1 << part: what is as it was is not written, for the sake of its
 * indexes. */
static unsigned changed_parts(const struct deia__task_op *op)
{
	const struct deia__task_state *was = &op->before, *is = &op->t->s;
	bool is_open = deia__attempt_open(op->t) != NULL;
	unsigned parts = 1u << ALWAYS;

	if (deia_task_status_is_final(was->status) !=
		    deia_task_status_is_final(is->status) ||
	    was->finished != is->finished)
		parts |= 1u << ENDING;
	if (!same(was->bot, is->bot))
		parts |= 1u << BOT;
	if (was->attempt != is->attempt || was->excused != is->excused ||
	    op->attempt_was_open != is_open || spent_changed(op))
		parts |= 1u << TRIES;
	if (!said_the_same(was, is))
		parts |= 1u << SAID;
	return parts;
}

/* JSON of two members, or NULL: none. */
static char *print_error(const struct deia__task_state *s)
{
	struct deia_jw w;
	char *out = NULL;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "code", s->error_code);
	deia_jw_kstr(&w, "message", s->error);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		out = deia__strndup(w.text, w.len);
	deia_jw_fini(&w);
	return out;
}

static char *print_verdict(const struct deia__task_state *s)
{
	struct deia_jw w;
	char *out = NULL;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kbool(&w, "success", s->verdict > 0);
	deia_jw_kstr(&w, "by", s->verdict_by);
	if (s->verdict_note)
		deia_jw_kstr(&w, "note", s->verdict_note);
	deia_jw_kint(&w, "at", s->verdict_at);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		out = deia__strndup(w.text, w.len);
	deia_jw_fini(&w);
	return out;
}

/* Texts that are made for a row. */
struct printed {
	char *attempts, *error, *verdict;
	char *spec; /* NULL: it has not changed */
};

/* Those of these parts. */
static bool print_some(struct printed *p, const struct deia__task *t,
		       unsigned parts)
{
	bool tries = parts & 1u << TRIES, said = parts & 1u << SAID;
	bool error = said && (t->s.error || t->s.error_code);
	bool verdict = said && t->s.verdict >= 0;

	p->attempts = tries ? deia__attempts_print(t) : NULL;
	p->error = error ? print_error(&t->s) : NULL;
	p->verdict = verdict ? print_verdict(&t->s) : NULL;
	return (p->attempts || !tries) && (p->error || !error) &&
	       (p->verdict || !verdict);
}

static void printed_fini(struct printed *p)
{
	deia__free(p->attempts);
	deia__free(p->error);
	deia__free(p->verdict);
	deia__free(p->spec);
}

static void state_values(struct deia_value *row, const struct deia__task *t,
			 const struct printed *p)
{
	const struct deia__task_state *s = &t->s;

	row[TASK_PHASE] = deia_int(deia_task_status_is_final(s->status));
	row[TASK_STATUS] = text(deia_task_status_name(s->status));
	row[TASK_BOT] = text(s->bot);
	row[TASK_NODE] = text(t->q->node);
	row[TASK_DUE] = deia_int(s->due);
	row[TASK_DEADLINE] = deia_int(s->deadline);
	row[TASK_STARTED] = deia_int(s->started);
	row[TASK_FINISHED] = deia_int(s->finished);
	row[TASK_ATTEMPT] = deia_int(s->attempt);
	row[TASK_EXCUSED] = deia_int(s->excused);
	row[TASK_ATTEMPTS] = text(p->attempts);
	row[TASK_ERROR] = text(p->error);
	row[TASK_REASON] = text(s->reason);
	row[TASK_VERDICT] = text(p->verdict);
	row[TASK_PROMPT_TOKENS] = deia_int(s->prompt_tokens);
	row[TASK_COMPLETION_TOKENS] = deia_int(s->completion_tokens);
}

static void fixed_values(struct deia_value *row, const struct deia__task *t,
			 const char *spec, const char *content, size_t len)
{
	row[TASK_ID] = text(t->id);
	row[TASK_TYPE] = text(t->type->name);
	row[TASK_PRIORITY] = deia_int(t->priority);
	row[TASK_PINNED] = text(t->pinned);
	row[TASK_SUBMITTED_BY] = text(t->submitted_by);
	row[TASK_SERIES] = text(t->series);
	row[TASK_CREATED] = deia_int(t->created);
	row[TASK_TIMEOUT_SECONDS] = deia_int(t->timeout_seconds);
	row[TASK_MAX_ATTEMPTS] = deia_int(t->max_attempts);
	row[TASK_SPEC] = text(spec);
	row[TASK_CONTENT] = head(content, len);
	row[TASK_CONTENT_BYTES] = deia_int((int64_t)len);
	row[TASK_RESULT] = text(NULL);
	row[TASK_RESULT_BYTES] = deia_int(-1);
}

deia_err deia__task_insert(deia_txn *txn, const struct deia__task *t,
			   const char *content, size_t len)
{
	struct deia_value row[TASK_COLUMNS];
	struct printed p = { 0 };
	char *spec = deia__spec_print(&t->spec);
	bool ok = print_some(&p, t, ~0u) && spec;

	if (ok) {
		fixed_values(row, t, spec, content, len);
		state_values(row, t, &p);
		deia_txn_insert(txn, &deia__table_tasks, row);
		put_whole(txn, t->id, 0, content, len);
	}
	printed_fini(&p);
	deia__free(spec);
	return ok ? DEIA_OK : DEIA_ENOMEM;
}

/* By rising column: spec (or NULL) and result stand between the others. */
static size_t fill_sets(struct deia_set *set, const struct deia__task_op *op,
			const struct deia_value *row, unsigned parts,
			const char *spec)
{
	size_t n = 0;

	for (size_t i = 0; i < N_CHANGING; i++) {
		unsigned column = changing[i].column;

		if (spec && column == TASK_ATTEMPTS) {
			set[n].column = TASK_SPEC;
			set[n++].value = text(spec);
		}
		if (op->has_result && column == TASK_ATTEMPTS) {
			set[n].column = TASK_RESULT;
			set[n++].value = head(op->result, op->result_len);
			set[n].column = TASK_RESULT_BYTES;
			set[n++].value = deia_int((int64_t)op->result_len);
		}
		if (!(parts & 1u << changing[i].part))
			continue;
		set[n].column = column;
		set[n++].value = row[column];
	}
	return n;
}

deia_err deia__task_update(struct deia__task_op *op)
{
	struct deia_value row[TASK_COLUMNS], key = text(op->t->id);
	struct deia_set set[N_CHANGING + 3];
	struct printed p = { 0 };
	unsigned parts = changed_parts(op);
	bool ok = print_some(&p, op->t, parts);

	if (op->event == DEIA_TASK_RETRIED) {
		p.spec = deia__spec_print(&op->t->spec);
		ok = ok && p.spec;
	}
	if (ok) {
		state_values(row, op->t, &p);
		deia_txn_update(op->txn, &deia__table_tasks, &key, set,
				fill_sets(set, op, row, parts, p.spec), NULL);
		if (op->has_result)
			put_whole(op->txn, op->t->id, 1, op->result,
				  op->result_len);
	}
	printed_fini(&p);
	return ok ? DEIA_OK : DEIA_ENOMEM;
}

/* ---- reading ----------------------------------------------------------- */

static int64_t number(const deia_rows *rows, size_t r, unsigned c)
{
	return deia_rows_get(rows, r, c)->i;
}

static void take_text(char **to, const deia_rows *rows, size_t r, unsigned c)
{
	deia__set_text(to, deia_rows_text(rows, r, c), SIZE_MAX / 2);
}

static deia_err take_error(struct deia__task_state *s, const char *json,
			   size_t len)
{
	cJSON *tree = NULL;
	deia_err err = len ? deia_json_parse(&tree, json, len, NULL) : DEIA_OK;

	if (tree) {
		deia__set_text(&s->error_code, deia__json_str(tree, "code"),
			       DEIA_MAX_ID_LEN);
		deia__set_text(&s->error, deia__json_str(tree, "message"),
			       DEIA_MAX_ERROR_BYTES);
	}
	cJSON_Delete(tree);
	return err;
}

static deia_err take_verdict(struct deia__task_state *s, const char *json,
			     size_t len)
{
	cJSON *tree = NULL;
	deia_err err = len ? deia_json_parse(&tree, json, len, NULL) : DEIA_OK;

	s->verdict = -1;
	if (tree) {
		s->verdict = cJSON_IsTrue(deia__json_get(tree, "success"));
		deia__set_text(&s->verdict_by, deia__json_str(tree, "by"),
			       DEIA_MAX_NAME_BYTES);
		deia__set_text(&s->verdict_note, deia__json_str(tree, "note"),
			       DEIA_MAX_REASON_BYTES);
		deia__json_int(tree, "at", 0, INT64_MAX / 2, &s->verdict_at);
	}
	cJSON_Delete(tree);
	return err;
}

static void take_numbers(struct deia__task *t, const deia_rows *rows, size_t r)
{
	struct deia__task_state *s = &t->s;
	int64_t result = number(rows, r, TASK_RESULT_BYTES);

	t->priority = (unsigned)number(rows, r, TASK_PRIORITY) &
		      (DEIA_TASK_PRIORITIES - 1);
	t->timeout_seconds = (unsigned)number(rows, r, TASK_TIMEOUT_SECONDS);
	t->max_attempts = (unsigned)number(rows, r, TASK_MAX_ATTEMPTS);
	t->created = number(rows, r, TASK_CREATED);
	t->content_bytes = (size_t)number(rows, r, TASK_CONTENT_BYTES);
	t->result_bytes = result > 0 ? (size_t)result : 0;
	s->due = number(rows, r, TASK_DUE);
	s->deadline = number(rows, r, TASK_DEADLINE);
	s->started = number(rows, r, TASK_STARTED);
	s->finished = number(rows, r, TASK_FINISHED);
	s->attempt = (unsigned)number(rows, r, TASK_ATTEMPT);
	s->excused = (unsigned)number(rows, r, TASK_EXCUSED);
	s->prompt_tokens = number(rows, r, TASK_PROMPT_TOKENS);
	s->completion_tokens = number(rows, r, TASK_COMPLETION_TOKENS);
}

static deia_err take_jsons(struct deia__task *t, const deia_rows *rows,
			   size_t r)
{
	const struct deia_value *spec = deia_rows_get(rows, r, TASK_SPEC);
	const struct deia_value *list = deia_rows_get(rows, r, TASK_ATTEMPTS);
	const struct deia_value *error = deia_rows_get(rows, r, TASK_ERROR);
	const struct deia_value *said = deia_rows_get(rows, r, TASK_VERDICT);
	deia_err err = deia__spec_parse(&t->spec, spec->s, spec->len);

	if (!err)
		err = deia__attempts_parse(t, list->s, list->len);
	if (!err)
		err = take_error(&t->s, error->s, error->len);
	return err ? err : take_verdict(&t->s, said->s, said->len);
}

bool deia__task_row_is_own(const deia_tasks *q, const deia_rows *rows, size_t r)
{
	const char *node = deia_rows_text(rows, r, TASK_NODE);

	return !*q->node || !*node || strcmp(node, q->node) == 0;
}

struct deia__task *deia__task_from_row(deia_tasks *q, const deia_rows *rows,
				       size_t r, deia_err *err)
{
	const char *id = deia_rows_text(rows, r, TASK_ID);
	struct deia__task *t = NULL;
	int status =
		deia_task_status_parse(deia_rows_text(rows, r, TASK_STATUS));

	*err = DEIA_ESTORE;
	if (status >= 0 && deia__uuid_valid(id)) {
		*err = DEIA_ENOMEM;
		t = deia__task_new(q, id);
	}
	if (!t)
		return NULL;
	t->s.status = (deia_task_status)status;
	t->type = deia__ttype_add(q, deia_rows_text(rows, r, TASK_TYPE));
	/* More types than there may be, of former configurations. */
	if (!t->type)
		t->type = &q->types[0];
	snprintf(t->s.bot, sizeof(t->s.bot), "%.64s",
		 deia_rows_text(rows, r, TASK_BOT));
	take_text(&t->pinned, rows, r, TASK_PINNED);
	take_text(&t->submitted_by, rows, r, TASK_SUBMITTED_BY);
	take_text(&t->series, rows, r, TASK_SERIES);
	take_text(&t->s.reason, rows, r, TASK_REASON);
	take_numbers(t, rows, r);
	t->foreign = !deia__task_row_is_own(q, rows, r);
	*err = take_jsons(t, rows, r);
	if (!*err)
		return t;
	deia__task_drop(t, *err);
	return NULL;
}
