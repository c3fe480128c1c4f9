/* SPDX-License-Identifier: MIT */
/*
 * yaml.c - libyaml's events to a tree.
 *
 * Recursion is bounded by MAX_DEPTH, the number of nodes by the size of the
 * text, which the caller caps. The text is checked for UTF-8 first, since
 * libyaml gives only a byte offset for that.
 */
#include "config/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "core/mem.h"
#include "core/utf8.h"

#define MAX_DEPTH 16

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	unsigned depth;
	struct deia_config_error *where;
	deia_err err;
};

deia_err deia__config_refuse(struct deia_config_error *where, deia_err err,
			     unsigned line, unsigned column, const char *fmt,
			     ...)
{
	va_list args;

	if (!where)
		return err;
	where->line = line;
	where->column = column;
	va_start(args, fmt);
	if (vsnprintf(where->detail, sizeof(where->detail), fmt, args) < 0)
		where->detail[0] = '\0';
	va_end(args);
	for (char *s = where->detail; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	where->detail[deia__utf8_whole(where->detail, strlen(where->detail))] =
		'\0';
	return err;
}

static unsigned from_one(size_t n)
{
	return (unsigned)(n + 1);
}

static bool refuse(struct reader *r, yaml_mark_t at, const char *detail)
{
	r->err = deia__config_refuse(r->where, DEIA_EPARSE, from_one(at.line),
				     from_one(at.column), "%s", detail);
	return false;
}

static bool no_memory(struct reader *r)
{
	r->err = DEIA_ENOMEM;
	deia__config_refuse(r->where, r->err, 0, 0, "memory ran out");
	return false;
}

/* True when the indentation of a line (from 0) has a tab in it. */
static bool tab_indents(const struct reader *r, size_t line)
{
	const char *at = r->text, *end = r->text + r->len;

	for (; line > 0 && at; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	while (at && at < end && *at == ' ')
		at++;
	return at && at < end && *at == '\t';
}

static bool syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	yaml_mark_t at = p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(r);
	if (p->error == YAML_READER_ERROR) {
		at = p->mark;
		r->err = deia__config_refuse(
			r->where, DEIA_EPARSE, from_one(at.line),
			from_one(at.column),
			"a character that YAML does not allow (%s)",
			p->problem);
		return false;
	}
	if (tab_indents(r, at.line))
		return refuse(r, at, "YAML is indented with spaces, not tabs");
	r->err = deia__config_refuse(
		r->where, DEIA_EPARSE, from_one(at.line), from_one(at.column),
		"not valid YAML: %s%s%s",
		p->problem ? p->problem : "unknown problem",
		p->context ? " " : "", p->context ? p->context : "");
	return false;
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
	return yaml_parser_parse(&r->parser, event) || syntax_error(r);
}

/* ---- nodes ------------------------------------------------------------- */

void deia__yaml_free(struct deia__yaml *node)
{
	while (node) {
		struct deia__yaml *next = node->next;

		deia__yaml_free(node->first);
		deia__free(node->key);
		deia__free(node->text);
		deia__free(node);
		node = next;
	}
}

bool deia__yaml_is_empty(const struct deia__yaml *node)
{
	if (node->kind != DEIA__YAML_SCALAR || node->quoted)
		return false;
	return node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
	       strcmp(node->text, "null") == 0;
}

const char *deia__yaml_kind_name(const struct deia__yaml *node)
{
	switch (node->kind) {
	case DEIA__YAML_MAP:
		return "a section";
	case DEIA__YAML_LIST:
		return "a list";
	case DEIA__YAML_SCALAR:
		break;
	}
	return "text";
}

static char *scalar_text(struct reader *r, const yaml_event_t *event)
{
	const char *s = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	char *text;

	if (memchr(s, '\0', len)) {
		refuse(r, event->start_mark, "U+0000 is not allowed in a text");
		return NULL;
	}
	text = deia__strndup(s, len);
	if (!text)
		no_memory(r);
	return text;
}

static struct deia__yaml *read_node(struct reader *r,
				    const yaml_event_t *event);

/* Appends a child; takes the key, also on failure. */
static bool add_child(struct reader *r, struct deia__yaml ***end,
		      const yaml_event_t *event, char *key, yaml_mark_t key_at)
{
	struct deia__yaml *child = read_node(r, event);

	if (!child) {
		deia__free(key);
		return false;
	}
	child->key = key;
	child->key_line = from_one(key_at.line);
	child->key_column = from_one(key_at.column);
	**end = child;
	*end = &child->next;
	return true;
}

static bool read_list_item(struct reader *r, struct deia__yaml ***end,
			   const yaml_event_t *event)
{
	return add_child(r, end, event, NULL, event->start_mark);
}

static bool is_duplicate(struct reader *r, const struct deia__yaml *map,
			 const char *key, yaml_mark_t at)
{
	for (const struct deia__yaml *c = map->first; c; c = c->next) {
		if (strcmp(c->key, key) != 0)
			continue;
		r->err = deia__config_refuse(
			r->where, DEIA_EPARSE, from_one(at.line),
			from_one(at.column),
			"\"%s\" is here twice; it was set on line %u already",
			key, c->key_line);
		return true;
	}
	return false;
}

static bool read_pair(struct reader *r, struct deia__yaml *map,
		      struct deia__yaml ***end, const yaml_event_t *key_event)
{
	yaml_mark_t at = key_event->start_mark;
	yaml_event_t event;
	char *key;
	bool ok;

	if (key_event->type == YAML_ALIAS_EVENT ||
	    key_event->data.scalar.anchor)
		return refuse(r, at,
			      "anchors (&) and aliases (*) are not used "
			      "here; write the value out");
	if (key_event->type != YAML_SCALAR_EVENT)
		return refuse(r, at, "a key must be a plain word");
	key = scalar_text(r, key_event);
	if (!key)
		return false;
	if (is_duplicate(r, map, key, at) || !next_event(r, &event)) {
		deia__free(key);
		return false;
	}
	ok = add_child(r, end, &event, key, at);
	yaml_event_delete(&event);
	return ok;
}

static bool read_children(struct reader *r, struct deia__yaml *node)
{
	struct deia__yaml **end = &node->first;
	yaml_event_t event;
	bool ok = true;

	while (ok) {
		if (!next_event(r, &event))
			return false;
		if (event.type == YAML_MAPPING_END_EVENT ||
		    event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return true;
		}
		ok = node->kind == DEIA__YAML_MAP
			     ? read_pair(r, node, &end, &event)
			     : read_list_item(r, &end, &event);
		yaml_event_delete(&event);
	}
	return false;
}

/* What the subset leaves out; true when there is none of it. */
static bool check_event(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor || event->type == YAML_ALIAS_EVENT)
		return refuse(r, event->start_mark,
			      "anchors (&) and aliases (*) are not used here; "
			      "write the value out, in quotes if it is text");
	if (tag)
		return refuse(r, event->start_mark,
			      "tags (!) are not used here; put text that "
			      "starts with ! into quotes");
	if (r->depth == MAX_DEPTH)
		return refuse(r, event->start_mark,
			      "nested deeper than 16 levels");
	return true;
}

static bool fill(struct reader *r, struct deia__yaml *node,
		 const yaml_event_t *event)
{
	bool ok;

	node->line = from_one(event->start_mark.line);
	node->column = from_one(event->start_mark.column);
	if (event->type == YAML_SCALAR_EVENT) {
		node->kind = DEIA__YAML_SCALAR;
		node->quoted =
			event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		node->text = scalar_text(r, event);
		return node->text != NULL;
	}
	node->kind = event->type == YAML_MAPPING_START_EVENT ? DEIA__YAML_MAP
							     : DEIA__YAML_LIST;
	r->depth++;
	ok = read_children(r, node);
	r->depth--;
	return ok;
}

static struct deia__yaml *read_node(struct reader *r, const yaml_event_t *event)
{
	struct deia__yaml *node;

	if (!check_event(r, event))
		return NULL;
	node = deia__alloc(sizeof(*node));
	if (!node) {
		no_memory(r);
		return NULL;
	}
	if (!fill(r, node, event)) {
		deia__yaml_free(node);
		return NULL;
	}
	return node;
}

/* ---- the document ------------------------------------------------------ */

/* From the start of the stream to its end. */
static bool read_stream(struct reader *r, struct deia__yaml **out)
{
	yaml_event_t event;
	yaml_event_type_t type;
	bool ok = true;

	while (ok) {
		if (!next_event(r, &event))
			return false;
		type = event.type;
		if (type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&event);
			return true;
		}
		if (type == YAML_DOCUMENT_START_EVENT && *out)
			ok = refuse(r, event.start_mark,
				    "a second document (---); one file is one "
				    "document");
		else if (type != YAML_STREAM_START_EVENT &&
			 type != YAML_DOCUMENT_START_EVENT &&
			 type != YAML_DOCUMENT_END_EVENT)
			ok = (*out = read_node(r, &event)) != NULL;
		yaml_event_delete(&event);
	}
	return false;
}

static bool check_utf8(struct reader *r)
{
	yaml_mark_t at = { 0 };
	size_t i = 0;
	int n;

	while (i < r->len) {
		n = deia__utf8_next(r->text + i, r->len - i);
		if (n <= 0) {
			r->err = deia__config_refuse(
				r->where, DEIA_EPARSE, from_one(at.line),
				from_one(at.column),
				"byte 0x%02X is not valid UTF-8; save the file "
				"as UTF-8",
				(unsigned char)r->text[i]);
			return false;
		}
		at.column++;
		if (r->text[i] == '\n') {
			at.line++;
			at.column = 0;
		}
		i += (size_t)n;
	}
	return true;
}

deia_err deia__yaml_parse(struct deia__yaml **out, const char *text, size_t len,
			  struct deia_config_error *where)
{
	struct reader r = { .text = text, .len = len, .where = where };

	*out = NULL;
	if (!check_utf8(&r))
		return r.err;
	if (!yaml_parser_initialize(&r.parser)) {
		no_memory(&r);
		return r.err;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text,
				     len);
	if (!read_stream(&r, out)) {
		deia__yaml_free(*out);
		*out = NULL;
	}
	yaml_parser_delete(&r.parser);
	return r.err;
}
