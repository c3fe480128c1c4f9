/* SPDX-License-Identifier: MIT */
/*
 * spec_copy.c - copying, comparing and printing specifications, field by
 * field as the table says.
 *
 * A copy is one heap block: the struct, then the pointer arrays, then the
 * text.
 */
#include "bot/spec.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/sys/json.h>

#include "bot/spec_fields.h"
#include "core/json.h"
#include "core/mem.h"

/* ---- copy ------------------------------------------------------------------ */

/* Measures while text is NULL, then copies into the block. */
struct copier {
	char *text; /* where the next text goes */
	const char **ptrs;
	size_t text_len, n_ptrs;
};

static const char *copy_text(struct copier *c, const char *s)
{
	char *at = c->text;
	size_t len;

	if (s == NULL)
		return NULL;
	len = strlen(s) + 1;
	c->text_len += len;
	if (at == NULL)
		return s;
	memcpy(at, s, len);
	c->text += len;
	return at;
}

static const char *const *copy_list(struct copier *c, const char *const *list,
				    size_t n)
{
	const char **at = c->ptrs;
	const char *s;
	size_t i;

	if (n == 0)
		return NULL;
	c->n_ptrs += n + 1;
	if (at != NULL)
		c->ptrs += n + 1; /* the last one stays NULL */
	for (i = 0; i < n; i++) {
		s = copy_text(c, list[i]);
		if (at != NULL)
			at[i] = s;
	}
	return at != NULL ? (const char *const *)at : list;
}

static void copy_members(struct copier *c, struct deia_bot_spec *to,
			 const struct deia_bot_spec *from)
{
	const struct deia__spec_field *f;
	const char *const *list;
	size_t i, n;

	*to = *from;
	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		switch (f->kind) {
		case DEIA__SPEC_TEXT:
		case DEIA__SPEC_OPTIONS:
			*deia__spec_text(to, f) =
				copy_text(c, deia__spec_text_of(from, f));
			break;
		case DEIA__SPEC_LIST:
		case DEIA__SPEC_ENV:
			list = deia__spec_list_of(from, f, &n);
			*deia__spec_list(to, f) = copy_list(c, list, n);
			break;
		case DEIA__SPEC_NUMBER:
		case DEIA__SPEC_POLICY:
			break;
		}
	}
}

deia_err deia_bot_spec_dup(struct deia_bot_spec **out,
			   const struct deia_bot_spec *spec)
{
	struct deia_bot_spec full, *copy, measured;
	struct copier measure = { 0 }, fill = { 0 };

	*out = NULL;
	if (spec == NULL || !deia__spec_overlay(&full, spec))
		return DEIA_EINVAL;
	copy_members(&measure, &measured, &full);
	copy = deia__alloc(sizeof(*copy) + measure.n_ptrs * sizeof(char *) +
			   measure.text_len);
	if (copy == NULL)
		return DEIA_ENOMEM;
	fill.ptrs = (const char **)(copy + 1);
	fill.text = (char *)(fill.ptrs + measure.n_ptrs);
	copy_members(&fill, copy, &full);
	*out = copy;
	return DEIA_OK;
}

void deia_bot_spec_free(struct deia_bot_spec *spec)
{
	deia__free(spec);
}

/* ---- compare --------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool same_field(const struct deia__spec_field *f,
		       const struct deia_bot_spec *a,
		       const struct deia_bot_spec *b)
{
	const char *const *list_a, *const *list_b;
	size_t i, n, m;

	switch (f->kind) {
	case DEIA__SPEC_TEXT:
	case DEIA__SPEC_OPTIONS:
		return same_text(deia__spec_text_of(a, f),
				 deia__spec_text_of(b, f));
	case DEIA__SPEC_NUMBER:
		return deia__spec_number_of(a, f) == deia__spec_number_of(b, f);
	case DEIA__SPEC_POLICY:
		return a->restart == b->restart;
	case DEIA__SPEC_LIST:
	case DEIA__SPEC_ENV:
		break;
	}
	list_a = deia__spec_list_of(a, f, &n);
	list_b = deia__spec_list_of(b, f, &m);
	for (i = 0; n == m && i < n; i++)
		if (!same_text(list_a[i], list_b[i]))
			return false;
	return n == m;
}

/* The program that an exec bot goes on with, as JSON; NULL: none, or no memory
 * (with *failed). It is an option, but one that names what is run. */
static char *resume_argv(const struct deia_bot_spec *s, bool *failed)
{
	cJSON *options = NULL;
	const cJSON *argv;
	char *text = NULL;

	if (s->options == NULL)
		return NULL;
	if (deia_json_parse(&options, s->options, strlen(s->options), NULL)) {
		*failed = true;
		return NULL;
	}
	argv = deia__json_get(options, "resume_argv");
	if (argv != NULL) {
		text = deia__json_print(argv);
		*failed |= text == NULL;
	}
	cJSON_Delete(options);
	return text;
}

static bool same_resume_argv(const struct deia_bot_spec *a,
			     const struct deia_bot_spec *b)
{
	bool failed = false;
	char *x = resume_argv(a, &failed), *y = resume_argv(b, &failed);
	bool same = !failed && (x == NULL) == (y == NULL) && same_text(x, y);

	deia__free(x);
	deia__free(y);
	return same;
}

/* Whether it holds a program, a folder, variables or keys: these are meant for
 * the adapter that they were given to, and for no other. */
static bool is_tied(const struct deia_bot_spec *s)
{
	const struct deia__spec_field *f;
	const char *text;
	size_t i, n;

	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		if ((f->flags & DEIA__SPEC_ADMIN) == 0 ||
		    f->at == offsetof(struct deia_bot_spec, base_url))
			continue;
		if (f->kind == DEIA__SPEC_LIST || f->kind == DEIA__SPEC_ENV) {
			(void)deia__spec_list_of(s, f, &n);
			if (n != 0)
				return true;
		} else if (f->kind == DEIA__SPEC_TEXT) {
			text = deia__spec_text_of(s, f);
			if (text != NULL && *text != '\0')
				return true;
		}
	}
	return false;
}

const char *deia_bot_spec_admin_field(const struct deia_bot_spec *now,
				      const struct deia_bot_spec *then)
{
	static const struct deia_bot_spec defaults = DEIA_BOT_SPEC_INIT;
	struct deia_bot_spec a, b;
	const struct deia__spec_field *f;
	size_t i;

	if (!deia__spec_overlay(&a, now) ||
	    !deia__spec_overlay(&b, then != NULL ? then : &defaults))
		return "id";
	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		if ((f->flags & DEIA__SPEC_ADMIN) != 0 &&
		    !same_field(f, &a, &b))
			return f->group != NULL ? f->group : f->name;
	}
	if (!same_resume_argv(&a, &b))
		return "options.resume_argv";
	if (!same_text(a.adapter, b.adapter) && (is_tied(&a) || is_tied(&b)))
		return "adapter";
	return NULL;
}

bool deia_bot_field_is_admin(const char *name)
{
	const struct deia__spec_field *f;
	size_t i;

	for (i = 0; i < deia__spec_fields_len; i++) {
		f = &deia__spec_fields[i];
		if ((f->flags & DEIA__SPEC_ADMIN) != 0 &&
		    strcmp(f->group != NULL ? f->group : f->name, name) == 0)
			return true;
	}
	return false;
}

bool deia_bot_spec_needs_restart(const struct deia_bot_spec *started,
				 const struct deia_bot_spec *now)
{
	struct deia_bot_spec a, b;
	size_t i;

	if (!deia__spec_overlay(&a, started) || !deia__spec_overlay(&b, now))
		return true;
	for (i = 0; i < deia__spec_fields_len; i++)
		if ((deia__spec_fields[i].flags & DEIA__SPEC_LIVE) == 0 &&
		    !same_field(&deia__spec_fields[i], &a, &b))
			return true;
	return false;
}

size_t deia_bot_spec_changes(const struct deia_bot_spec *now,
			     const struct deia_bot_spec *then,
			     void (*cb)(const char *field, void *user),
			     void *user)
{
	struct deia_bot_spec a, b;
	char name[64];
	size_t n = 0;

	if (!deia__spec_overlay(&a, now) || !deia__spec_overlay(&b, then))
		return 0;
	/* As it is printed. */
	a.on_message = a.on_message != NULL ? a.on_message : "hold";
	b.on_message = b.on_message != NULL ? b.on_message : "hold";
	for (size_t i = 0; i < deia__spec_fields_len; i++) {
		const struct deia__spec_field *f = &deia__spec_fields[i];

		if (same_field(f, &a, &b))
			continue;
		snprintf(name, sizeof(name), "%s%s%s",
			 f->group != NULL ? f->group : "",
			 f->group != NULL ? "." : "", f->name);
		n++;
		if (cb != NULL)
			cb(name, user);
	}
	return n;
}

/* ---- print ----------------------------------------------------------------- */

static void print_list(deia_jw *w, const char *key, const char *const *list,
		       size_t n)
{
	size_t i;

	deia_jw_key(w, key);
	deia_jw_array(w);
	for (i = 0; i < n; i++)
		deia_jw_str(w, list[i]);
	deia_jw_end_array(w);
}

static void print_env(const struct deia_bot_spec *s, bool redact, deia_jw *w)
{
	char name[DEIA_MAX_NAME_BYTES + 1];
	size_t i, len;

	deia_jw_key(w, "env");
	deia_jw_object(w);
	for (i = 0; i < s->n_env; i++) {
		len = strcspn(s->env[i], "=");
		if (len >= sizeof(name) || s->env[i][len] == '\0')
			continue;
		memcpy(name, s->env[i], len);
		name[len] = '\0';
		deia_jw_kstr(w, name,
			     redact ? DEIA__ENV_REDACTED : s->env[i] + len + 1);
	}
	deia_jw_end_object(w);
}

/* Fields of one group follow each other in the table. */
static void print_group(const struct deia__spec_field *f, const char **open,
			deia_jw *w)
{
	if (same_text(f->group, *open))
		return;
	if (*open != NULL)
		deia_jw_end_object(w);
	if (f->group != NULL) {
		deia_jw_key(w, f->group);
		deia_jw_object(w);
	}
	*open = f->group;
}

static void print_field(const struct deia__spec_field *f,
			const struct deia_bot_spec *s, bool redact, deia_jw *w)
{
	const char *const *list;
	size_t n;

	switch (f->kind) {
	case DEIA__SPEC_TEXT:
		deia_jw_kstr(w, f->name, deia__spec_text_of(s, f));
		break;
	case DEIA__SPEC_OPTIONS:
		deia_jw_kraw(w, f->name, s->options);
		break;
	case DEIA__SPEC_NUMBER:
		deia_jw_kint(w, f->name, deia__spec_number_of(s, f));
		break;
	case DEIA__SPEC_POLICY:
		deia_jw_kstr(w, f->name, deia__restart_policy_name(s->restart));
		break;
	case DEIA__SPEC_LIST:
		list = deia__spec_list_of(s, f, &n);
		print_list(w, f->name, list, n);
		break;
	case DEIA__SPEC_ENV:
		print_env(s, redact, w);
		break;
	}
}

void deia_bot_spec_print(const struct deia_bot_spec *spec, bool redact,
			 struct deia_jw *w)
{
	struct deia_bot_spec full;
	const char *open = NULL;
	size_t i;

	if (!deia__spec_overlay(&full, spec))
		return;
	if (full.on_message == NULL)
		full.on_message = "hold";
	for (i = 0; i < deia__spec_fields_len; i++) {
		print_group(&deia__spec_fields[i], &open, w);
		print_field(&deia__spec_fields[i], &full, redact, w);
	}
	if (open != NULL)
		deia_jw_end_object(w);
}
