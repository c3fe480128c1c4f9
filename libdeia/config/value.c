/* SPDX-License-Identifier: MIT */
/*
 * value.c - from what was written to a checked value.
 *
 * Every refusal has one form: the key, what was expected, what was found.
 */
#include "config/value.h"

#include <stdio.h>
#include <string.h>

#include "config/checks.h"
#include "core/mem.h"
#include "core/utf8.h"

#define MAX_TEXT_BYTES 4096
#define MAX_ITEMS 256

struct source {
	const struct deia__key *key;
	unsigned line, column;
	struct deia_config_error *where;
};

void deia__value_fini(struct deia__value *v)
{
	for (size_t i = 0; i < v->n_items; i++)
		deia__free(v->items[i]);
	deia__free(v->items);
	deia__free(v->text);
	memset(v, 0, sizeof(*v));
}

static deia_err no_memory(const struct source *s)
{
	return deia__config_refuse(s->where, DEIA_ENOMEM, 0, 0,
				   "memory ran out");
}

/* "full|normal|memory" as "full, normal or memory". */
static const char *choices_text(const char *choices, char *out, size_t len)
{
	size_t n = 0;

	for (const char *c = choices; *c && n + 8 < len; c++) {
		if (*c != '|') {
			out[n++] = *c;
			continue;
		}
		n += (size_t)snprintf(out + n, len - n, "%s",
				      strchr(c + 1, '|') ? ", " : " or ");
	}
	out[n] = '\0';
	return out;
}

static const char *expectation(const struct deia__key *key, char *out,
			       size_t len)
{
	if (key->type == DEIA__KEY_BOOL)
		return "true or false";
	if (key->choices)
		return choices_text(key->choices, out, len);
	if (key->type != DEIA__KEY_INT)
		return key->type == DEIA__KEY_LIST ? "a list" : "text";
	snprintf(out, len, "a whole number from %lld to %lld",
		 (long long)key->min, (long long)key->max);
	return out;
}

/* found: what was written, quoted in the message; hint may be "". */
static deia_err refuse(const struct source *s, const char *expected,
		       const char *found, const char *hint)
{
	char buf[96];
	int len;

	if (s->key->has_password && strchr(found, '@'))
		found = "***";
	len = (int)deia__utf8_whole(found, strnlen(found, 60));

	if (!expected)
		expected = expectation(s->key, buf, sizeof(buf));
	return deia__config_refuse(s->where, DEIA_EFIELD, s->line, s->column,
				   "%s: expected %s, found \"%.*s\"%s%s",
				   s->key->name, expected, len, found,
				   found[len] ? "..." : "", hint);
}

/* ---- scalars ----------------------------------------------------------- */

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *c = choices; len && c; c = strchr(c, '|')) {
		c += *c == '|';
		if (strncmp(c, text, len) == 0 &&
		    (c[len] == '|' || c[len] == '\0'))
			return true;
	}
	return false;
}

static bool whole_number(const char *text, int64_t *out)
{
	size_t sign = text[0] == '-', len = strlen(text);
	int64_t v = 0;

	if (len == sign || len > sign + 18 ||
	    strspn(text + sign, "0123456789") != len - sign)
		return false;
	for (size_t i = sign; i < len; i++)
		v = v * 10 + (text[i] - '0');
	*out = sign ? -v : v;
	return true;
}

static deia_err read_number(struct deia__value *v, const struct source *s,
			    const char *text)
{
	if (!whole_number(text, &v->number) || v->number < s->key->min ||
	    v->number > s->key->max)
		return refuse(s, NULL, text, "");
	return DEIA_OK;
}

static deia_err read_bool(struct deia__value *v, const struct source *s,
			  const char *text)
{
	v->number = strcmp(text, "true") == 0;
	if (!v->number && strcmp(text, "false") != 0)
		return refuse(s, NULL, text, "");
	return DEIA_OK;
}

/* Checks one text; *out is what is to be kept. */
static deia_err read_text(char **out, const struct source *s, const char *text)
{
	char better[DEIA__BETTER_BYTES] = "";
	const char *expected;
	size_t len = strlen(text);

	if (len > MAX_TEXT_BYTES || !deia__utf8_valid(text, len))
		return refuse(s, "at most 4096 bytes of UTF-8", text, "");
	if (s->key->choices && !is_choice(s->key->choices, text))
		return refuse(s, NULL, text, "");
	expected = s->key->check ? s->key->check(text, better) : NULL;
	if (expected)
		return refuse(s, expected, text, "");
	*out = deia__strdup(better[0] ? better : text);
	return *out ? DEIA_OK : no_memory(s);
}

static deia_err read_scalar(struct deia__value *v, const struct source *s,
			    const char *text)
{
	deia_err err;

	if (s->key->type == DEIA__KEY_TEXT)
		return read_text(&v->text, s, text);
	err = s->key->type == DEIA__KEY_INT ? read_number(v, s, text)
					    : read_bool(v, s, text);
	if (err)
		return err;
	v->text = deia__strdup(text);
	return v->text ? DEIA_OK : no_memory(s);
}

/* ---- lists ------------------------------------------------------------- */

static deia_err add_item(struct deia__value *v, const struct source *s,
			 const char *text)
{
	deia_err err;

	if (v->n_items == MAX_ITEMS)
		return refuse(s, "at most 256 items", text, "");
	if (!v->items)
		v->items = deia__alloc(MAX_ITEMS * sizeof(char *));
	if (!v->items)
		return no_memory(s);
	err = read_text(&v->items[v->n_items], s, text);
	v->n_items += !err;
	return err;
}

static deia_err read_commas(struct deia__value *v, const struct source *s,
			    const char *text)
{
	deia_err err = DEIA_OK;

	while (!err && *text) {
		size_t len, trimmed;
		char *item;

		text += strspn(text, " ,");
		len = trimmed = strcspn(text, ",");
		while (trimmed > 0 && text[trimmed - 1] == ' ')
			trimmed--;
		if (trimmed == 0)
			break;
		item = deia__strndup(text, trimmed);
		err = item ? add_item(v, s, item) : no_memory(s);
		deia__free(item);
		text += len;
	}
	return err;
}

static deia_err read_items(struct deia__value *v, const struct deia__yaml *node,
			   struct source *s)
{
	deia_err err = DEIA_OK;

	for (const struct deia__yaml *c = node->first; c && !err; c = c->next) {
		s->line = c->line;
		s->column = c->column;
		if (c->kind != DEIA__YAML_SCALAR || deia__yaml_is_empty(c))
			err = deia__config_refuse(
				s->where, DEIA_EFIELD, c->line, c->column,
				"%s: expected a list of texts, found %s in it",
				s->key->name,
				c->kind == DEIA__YAML_SCALAR
					? "an empty item"
					: deia__yaml_kind_name(c));
		else
			err = add_item(v, s, c->text);
	}
	return err;
}

/* ---- functions of the header ------------------------------------------- */

static deia_err keep(struct deia__value *out, struct deia__value *v,
		     deia_err err)
{
	if (err) {
		deia__value_fini(v);
		return err;
	}
	deia__value_fini(out);
	*out = *v;
	return DEIA_OK;
}

deia_err deia__value_read(struct deia__value *out, const struct deia__key *key,
			  const char *text, struct deia_config_error *where)
{
	struct source s = { .key = key, .where = where };
	struct deia__value v = { 0 };
	deia_err err;

	err = key->type == DEIA__KEY_LIST ? read_commas(&v, &s, text)
					  : read_scalar(&v, &s, text);
	return keep(out, &v, err);
}

deia_err deia__value_read_yaml(struct deia__value *out,
			       const struct deia__key *key,
			       const struct deia__yaml *node,
			       struct deia_config_error *where)
{
	struct source s = { key, node->line, node->column, where };
	struct deia__value v = { .origin = DEIA__FROM_FILE,
				 .line = node->key_line };
	enum deia__yaml_kind kind = key->type == DEIA__KEY_LIST
					    ? DEIA__YAML_LIST
					    : DEIA__YAML_SCALAR;
	char buf[96];

	if (deia__yaml_is_empty(node))
		return deia__config_refuse(
			where, DEIA_EFIELD, node->key_line, node->key_column,
			"%s: there is no value; write one, or put # before the "
			"line",
			key->name);
	if (node->kind != kind)
		return deia__config_refuse(
			where, DEIA_EFIELD, node->line, node->column,
			"%s: expected %s, found %s%s", key->name,
			expectation(key, buf, sizeof(buf)),
			deia__yaml_kind_name(node),
			kind == DEIA__YAML_LIST ? "; write it as [a, b]" : "");
	if (kind == DEIA__YAML_LIST)
		return keep(out, &v, read_items(&v, node, &s));
	if (node->quoted && key->type != DEIA__KEY_TEXT)
		return keep(out, &v,
			    refuse(&s, NULL, node->text,
				   "; write it without quotes"));
	return keep(out, &v, read_scalar(&v, &s, node->text));
}

bool deia__value_equal(const struct deia__value *a, const struct deia__value *b)
{
	if (a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return strcmp(a->text ? a->text : "", b->text ? b->text : "") == 0;
}
