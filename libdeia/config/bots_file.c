/* SPDX-License-Identifier: MIT */
/*
 * bots_file.c - files of declared bots: from YAML to one JSON body a bot.
 *
 * Errors are collected, so that a person gets all of them at once; only a file
 * that is no YAML has a single one. The trees are kept, since what the hive
 * refuses later is told with the place in the file as well. Checking fields is
 * in bots_check.c, order in bots_order.c, printing in bots_print.c.
 */
#include "config/bots_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <deia/limits.h>

#include "config/nearest.h"
#include "config/yaml_json.h"
#include "core/mem.h"

#define MAX_FILE_BYTES (1u << 20)

/* ---- errors ------------------------------------------------------------ */

static deia_err room_for_error(deia_bots_file *f)
{
	size_t cap = f->cap_errors ? f->cap_errors * 2 : 16;
	struct deia_config_error *more;

	if (f->n_errors < f->cap_errors)
		return DEIA_OK;
	more = deia__realloc(f->errors, cap * sizeof(*more));
	if (!more)
		return DEIA_ENOMEM;
	f->errors = more;
	f->cap_errors = cap;
	return DEIA_OK;
}

/* Where an error of this place goes: files as they came, lines ascending. */
static size_t place_of(const deia_bots_file *f, const char *name, unsigned line,
		       unsigned column)
{
	const struct deia_config_error *e;
	size_t i = f->n_errors;

	while (i > 0 && strcmp(f->errors[i - 1].file, name) != 0)
		i--;
	if (i == 0)
		return f->n_errors;
	for (; i > 0; i--) {
		e = &f->errors[i - 1];
		if (strcmp(e->file, name) != 0 || e->line < line ||
		    (e->line == line && e->column <= column))
			break;
	}
	return i;
}

deia_err deia__bots_file_error(deia_bots_file *f,
			       const struct deia__source *source, unsigned line,
			       unsigned column, const char *fmt, ...)
{
	struct deia_config_error e = { 0 };
	char detail[sizeof(e.detail)];
	va_list args;
	size_t at;

	if (f->n_errors == DEIA__MAX_FILE_ERRORS)
		return DEIA_OK;
	if (room_for_error(f))
		return DEIA_ENOMEM;
	snprintf(e.file, sizeof(e.file), "%s", source->name);
	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	/* Makes it one line of UTF-8. */
	(void)deia__config_refuse(&e, DEIA_EFIELD, line, column, "%s", detail);
	at = place_of(f, e.file, line, column);
	memmove(&f->errors[at + 1], &f->errors[at],
		(f->n_errors - at) * sizeof(e));
	f->errors[at] = e;
	f->n_errors++;
	return DEIA_OK;
}

/* ---- one bot ----------------------------------------------------------- */

bool deia__declared_merges(const char *field)
{
	static const char *const groups[] = { "restart", "ping", "limits",
					      "env", "options" };

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (strcmp(groups[i], field) == 0)
			return true;
	return false;
}

static const struct deia__yaml *default_of(const struct deia__source *source,
					   const char *field)
{
	return source->defaults ? deia__yaml_child(source->defaults, field)
				: NULL;
}

static void print_merged(deia_jw *w, const struct deia__yaml *own,
			 const struct deia__yaml *base)
{
	const struct deia__yaml *c;

	if (!base || own->kind != DEIA__YAML_MAP ||
	    base->kind != DEIA__YAML_MAP || !deia__declared_merges(own->key)) {
		deia__yaml_print_json(w, own, false);
		return;
	}
	deia_jw_object(w);
	for (c = base->first; c; c = c->next) {
		if (deia__yaml_child(own, c->key))
			continue;
		deia_jw_key(w, c->key);
		deia__yaml_print_json(w, c, false);
	}
	for (c = own->first; c; c = c->next) {
		deia_jw_key(w, c->key);
		deia__yaml_print_json(w, c, false);
	}
	deia_jw_end_object(w);
}

static void print_bot(deia_jw *w, const struct deia__declared *d)
{
	const struct deia__source *s = d->source;
	const struct deia__yaml *c = s->defaults ? s->defaults->first : NULL;

	deia_jw_object(w);
	/* An id of digits is text as well. */
	deia_jw_kstr(w, "id", d->bot.id);
	for (; c; c = c->next) {
		if (strcmp(c->key, "start") == 0 || strcmp(c->key, "id") == 0 ||
		    deia__yaml_child(d->node, c->key))
			continue;
		deia_jw_key(w, c->key);
		deia__yaml_print_json(w, c, false);
	}
	for (c = d->node->first; c; c = c->next) {
		if (strcmp(c->key, "start") == 0 || strcmp(c->key, "id") == 0)
			continue;
		deia_jw_key(w, c->key);
		print_merged(w, c, default_of(s, c->key));
	}
	deia_jw_end_object(w);
}

/* The text of PUT's body, and its tree for the checks. */
static deia_err make_json(deia_bots_file *f, struct deia__declared *d)
{
	struct deia_json_error at;
	deia_err err;
	deia_jw w;

	deia_jw_init(&w);
	print_bot(&w, d);
	err = deia_jw_status(&w);
	if (!err)
		err = deia_json_parse(&d->json, w.text, w.len, &at);
	if (err == DEIA_ENOMEM || !w.text) {
		deia_jw_fini(&w);
		return DEIA_ENOMEM;
	}
	d->bot.json = d->body = w.text;
	return err ? deia__bots_file_error(f, d->source, d->node->line,
					   d->node->column, "bot %s: %s",
					   d->bot.id, at.detail)
		   : DEIA_OK;
}

static deia_err list_depends(struct deia__declared *d)
{
	const cJSON *list, *item;
	const char **ids;
	size_t n = 0;

	list = cJSON_GetObjectItemCaseSensitive(d->json, "depends_on");
	ids = deia__alloc((size_t)(cJSON_GetArraySize(list) + 1) *
			  sizeof(*ids));
	if (!ids)
		return DEIA_ENOMEM;
	cJSON_ArrayForEach(item, list)
		if (cJSON_IsString(item))
			ids[n++] = item->valuestring;
	d->bot.depends_on = d->depends_on = ids;
	d->bot.n_depends_on = n;
	return DEIA_OK;
}

static deia_err read_start(deia_bots_file *f, struct deia__declared *d)
{
	const struct deia__yaml *at = deia__yaml_child(d->node, "start");

	d->bot.start = true;
	if (!at)
		at = default_of(d->source, "start");
	if (!at)
		return DEIA_OK;
	if (at->kind == DEIA__YAML_SCALAR && !at->quoted) {
		d->bot.start = strcmp(at->text, "true") == 0;
		if (d->bot.start || strcmp(at->text, "false") == 0)
			return DEIA_OK;
	}
	return deia__bots_file_error(f, d->source, at->line, at->column,
				     "bot %s: start: expected true or false",
				     d->bot.id);
}

/* The id, or NULL after adding an error; *err as the return code. */
static const char *read_id(deia_bots_file *f, const struct deia__source *s,
			   const struct deia__yaml *node, deia_err *err)
{
	const struct deia__yaml *id;

	if (node->kind != DEIA__YAML_MAP) {
		*err = deia__bots_file_error(
			f, s, node->line, node->column,
			"bots: expected the fields of a bot, such as "
			"\"- id: BOT-001\", found %s",
			deia__yaml_kind_name(node));
		return NULL;
	}
	id = deia__yaml_child(node, "id");
	if (!id) {
		*err = deia__bots_file_error(f, s, node->line, node->column,
					     "a bot without an id; write id: "
					     "BOT-001");
		return NULL;
	}
	if (id->kind == DEIA__YAML_SCALAR && deia_bot_id_valid(id->text))
		return id->text;
	*err = deia__bots_file_error(
		f, s, id->line, id->column,
		"id: must be 1 to 64 letters, digits, '.', '_' or '-', and "
		"begin with a letter or digit");
	return NULL;
}

static deia_err room_for_bot(deia_bots_file *f)
{
	size_t cap = f->cap_bots ? f->cap_bots * 2 : 16;
	struct deia__declared *more;

	if (f->n_bots < f->cap_bots)
		return DEIA_OK;
	more = deia__realloc(f->bots, cap * sizeof(*more));
	if (!more)
		return DEIA_ENOMEM;
	f->bots = more;
	f->cap_bots = cap;
	return DEIA_OK;
}

static deia_err add_bot(deia_bots_file *f, const struct deia__source *s,
			const struct deia__yaml *node)
{
	struct deia__declared *d;
	deia_err err = DEIA_OK;
	const char *id = read_id(f, s, node, &err);

	if (!id)
		return err;
	if (room_for_bot(f))
		return DEIA_ENOMEM;
	d = &f->bots[f->n_bots++];
	*d = (struct deia__declared){ .node = node, .source = s };
	d->bot.id = d->id = deia__strdup(id);
	err = d->id ? make_json(f, d) : DEIA_ENOMEM;
	if (!err)
		err = read_start(f, d);
	if (!err)
		err = list_depends(d);
	if (!err && d->json)
		err = deia__declared_check(f, d);
	return err;
}

/* ---- one file ---------------------------------------------------------- */

static deia_err read_defaults(deia_bots_file *f, struct deia__source *s,
			      const struct deia__yaml *node)
{
	const struct deia__yaml *id;

	if (deia__yaml_is_empty(node))
		return DEIA_OK;
	if (node->kind != DEIA__YAML_MAP)
		return deia__bots_file_error(f, s, node->line, node->column,
					     "defaults: expected fields of a "
					     "bot below it, found %s",
					     deia__yaml_kind_name(node));
	s->defaults = node;
	id = deia__yaml_child(node, "id");
	return id ? deia__bots_file_error(f, s, id->key_line, id->key_column,
					  "defaults: an id is for one bot; "
					  "write it there")
		  : DEIA_OK;
}

static deia_err read_bots(deia_bots_file *f, const struct deia__source *s,
			  const struct deia__yaml *node)
{
	deia_err err = DEIA_OK;

	if (deia__yaml_is_empty(node))
		return DEIA_OK;
	if (node->kind != DEIA__YAML_LIST)
		return deia__bots_file_error(
			f, s, node->line, node->column,
			"bots: expected a list, each item beginning with "
			"\"- id: BOT-001\", found %s",
			deia__yaml_kind_name(node));
	for (const struct deia__yaml *c = node->first; c && !err; c = c->next) {
		if (f->n_bots < DEIA_MAX_BOTS) {
			err = add_bot(f, s, c);
			continue;
		}
		err = deia__bots_file_error(f, s, c->line, c->column,
					    "more than %d bots", DEIA_MAX_BOTS);
		return err ? err : DEIA_ELIMIT;
	}
	return err;
}

static deia_err unknown_key(deia_bots_file *f, const struct deia__source *s,
			    const struct deia__yaml *node)
{
	struct deia__nearest n = { .typed = node->key };

	deia__nearest_offer(&n, "bots");
	deia__nearest_offer(&n, "defaults");
	return deia__bots_file_error(f, s, node->key_line, node->key_column,
				     "there is no key \"%.64s\" here; %s%s%s",
				     node->key,
				     n.word ? "did you mean "
					    : "a file of bots has bots: and "
					      "defaults:",
				     n.word ? n.word : "", n.word ? "?" : "");
}

static deia_err read_tree(deia_bots_file *f, struct deia__source *s)
{
	const struct deia__yaml *tree = s->tree, *c, *bots;
	deia_err err = DEIA_OK;

	if (!tree || deia__yaml_is_empty(tree))
		return DEIA_OK;
	if (tree->kind != DEIA__YAML_MAP)
		return deia__bots_file_error(f, s, tree->line, tree->column,
					     "expected bots: with a list below "
					     "it, found %s",
					     deia__yaml_kind_name(tree));
	bots = deia__yaml_child(tree, "bots");
	/* defaults: may stand behind bots: as well. */
	for (c = tree->first; c && !err; c = c->next) {
		if (strcmp(c->key, "defaults") == 0)
			err = read_defaults(f, s, c);
		else if (c != bots)
			err = unknown_key(f, s, c);
	}
	return err || !bots ? err : read_bots(f, s, bots);
}

static struct deia__source *add_source(deia_bots_file *f, const char *name)
{
	struct deia__source *s = deia__alloc(sizeof(*s));

	if (!s)
		return NULL;
	s->name = deia__strdup(name);
	if (!s->name) {
		deia__free(s);
		return NULL;
	}
	s->next = f->sources;
	f->sources = s;
	return s;
}

deia_err deia_bots_file_add(deia_bots_file *f, const char *name,
			    const char *text, size_t len)
{
	struct deia_config_error where = { 0 };
	struct deia__source *s = add_source(f, name);
	deia_err err;

	if (!s)
		return DEIA_ENOMEM;
	if (len > MAX_FILE_BYTES) {
		err = deia__bots_file_error(f, s, 0, 0, "is larger than 1 MiB");
		return err ? err : DEIA_ELIMIT;
	}
	err = deia__yaml_parse(&s->tree, text, len, &where);
	if (err == DEIA_EPARSE)
		return deia__bots_file_error(f, s, where.line, where.column,
					     "%s", where.detail);
	return err ? err : read_tree(f, s);
}

/* ---- the others of the header ------------------------------------------ */

deia_err deia_bots_file_new(deia_bots_file **out)
{
	*out = deia__alloc(sizeof(**out));
	return *out ? DEIA_OK : DEIA_ENOMEM;
}

void deia_bots_file_free(deia_bots_file *f)
{
	struct deia__source *s, *next;

	if (!f)
		return;
	for (size_t i = 0; i < f->n_bots; i++) {
		struct deia__declared *d = &f->bots[i];

		cJSON_Delete(d->json);
		deia__free(d->id);
		deia__free(d->body);
		deia__free(d->depends_on);
	}
	for (s = f->sources; s; s = next) {
		next = s->next;
		deia__yaml_free(s->tree);
		deia__free(s->name);
		deia__free(s);
	}
	deia__free(f->bots);
	deia__free(f->errors);
	deia__free(f);
}

size_t deia_bots_file_errors(const deia_bots_file *f,
			     const struct deia_config_error **list)
{
	if (list)
		*list = f->errors;
	return f->n_errors;
}

const struct deia_declared_bot *deia_bots_file_bot(const deia_bots_file *f,
						   size_t n)
{
	return n < f->n_bots ? &f->bots[n].bot : NULL;
}
