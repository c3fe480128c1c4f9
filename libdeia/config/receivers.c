/* SPDX-License-Identifier: MIT */
/*
 * receivers.c - `alerts.receivers`: who is told of alerts, and how.
 *
 * One table says which keys there are and for which kinds. Secrets are never
 * written in the file: it names another file, or a variable.
 */
#include "config/receivers.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>
#include <deia/sys/json.h>

#include "core/mem.h"

#define MAX_SECONDS 300
#define HOOK (1u << DEIA_NOTIFY_WEBHOOK)
#define MAIL (1u << DEIA_NOTIFY_EMAIL)
#define MANAGER (1u << DEIA_NOTIFY_ALERTMANAGER)
#define EXEC (1u << DEIA_NOTIFY_EXEC)
#define HTTP (HOOK | MANAGER)
#define ANY (HTTP | MAIL | EXEC)

enum what { TEXT, LIST, SECONDS, KIND, LEVEL, FORMAT, RESOLVED, STARTTLS };

#define AT(member) offsetof(struct deia_config_receiver, member)
static const struct key {
	const char *name;
	enum what what;
	unsigned kinds;
	size_t at, n_at; /* of a text; of a list and its length */
} keys[] = {
	{ "kind", KIND, ANY, 0, 0 },
	{ "level", LEVEL, ANY, 0, 0 },
	{ "resolved", RESOLVED, ANY, 0, 0 },
	{ "timeout_seconds", SECONDS, ANY, 0, 0 },
	{ "url", TEXT, HTTP | MAIL, AT(set.url), 0 },
	{ "url_file", TEXT, HTTP | MAIL, AT(url_file), 0 },
	{ "url_env", TEXT, HTTP | MAIL, AT(url_env), 0 },
	{ "ca_file", TEXT, HTTP | MAIL, AT(set.ca_file), 0 },
	{ "secret_file", TEXT, HOOK, AT(secret_file), 0 },
	{ "secret_env", TEXT, HOOK, AT(secret_env), 0 },
	{ "format", FORMAT, HOOK, 0, 0 },
	{ "from", TEXT, MAIL, AT(set.from), 0 },
	{ "to", LIST, MAIL, AT(set.to), AT(set.n_to) },
	{ "username", TEXT, MAIL, AT(set.username), 0 },
	{ "password_file", TEXT, MAIL, AT(password_file), 0 },
	{ "password_env", TEXT, MAIL, AT(password_env), 0 },
	{ "starttls", STARTTLS, MAIL, 0, 0 },
	{ "argv", LIST, EXEC, AT(set.argv), AT(set.n_argv) },
};
#define N_KEYS (sizeof(keys) / sizeof(*keys))

static void *at(struct deia_config_receiver *r, size_t offset)
{
	return (char *)r + offset;
}

static deia_err refuse(const struct deia__yaml *node, const char *name,
		       const char *key, const char *detail,
		       struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_EFIELD, node->line, node->column,
				   "alerts.receivers%s%.64s%s%.64s: %s",
				   *name ? "." : "", name, *key ? "." : "", key,
				   detail);
}

static deia_err no_memory(struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_ENOMEM, 0, 0, "memory ran out");
}

static const struct key *find(const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* ---- values ------------------------------------------------------------- */

static bool is_bool(const struct deia__yaml *node, bool *out)
{
	if (node->kind != DEIA__YAML_SCALAR || node->quoted)
		return false;
	*out = strcmp(node->text, "true") == 0;
	return *out || strcmp(node->text, "false") == 0;
}

/* NULL: fine. */
static const char *read_word(struct deia_notify_receiver *set,
			     const struct deia__yaml *node, enum what what)
{
	const char *text = node->kind == DEIA__YAML_SCALAR ? node->text : "";

	if (what == KIND) {
		for (int i = 0; i < DEIA_NOTIFY_KINDS; i++)
			if (strcmp(text, deia_notify_kind_name(
						 (deia_notify_kind)i)) == 0) {
				set->kind = (deia_notify_kind)i;
				return NULL;
			}
		return "expected webhook, email, alertmanager or exec";
	}
	if (what == LEVEL) {
		for (int i = 0; i < DEIA_HEALTH_LEVELS; i++)
			if (strcmp(text, deia_health_level_name(
						 (deia_health_level)i)) == 0) {
				set->level = (deia_health_level)i;
				return NULL;
			}
		return "expected info, warning or critical";
	}
	set->slack = strcmp(text, "slack") == 0;
	return set->slack || strcmp(text, "json") == 0
		       ? NULL
		       : "expected json or slack";
}

static const char *read_seconds(unsigned *out, const struct deia__yaml *node)
{
	size_t len = node->kind == DEIA__YAML_SCALAR ? strlen(node->text) : 0;
	long n = 0;

	if (len > 0 && len < 6 && !node->quoted &&
	    node->text[strspn(node->text, "0123456789")] == '\0')
		n = strtol(node->text, NULL, 10);
	*out = (unsigned)n;
	return n >= 1 && n <= MAX_SECONDS
		       ? NULL
		       : "expected a whole number from 1 to 300";
}

static const char *read_list(struct deia_config_receiver *r,
			     const struct deia__yaml *node,
			     const struct key *key)
{
	char ***list = at(r, key->at);
	size_t *n = at(r, key->n_at);
	const struct deia__yaml *item =
		node->kind == DEIA__YAML_LIST ? node->first : node;

	if (node->kind == DEIA__YAML_MAP || !item)
		return "expected a list, such as [a, b]";
	*list = deia__alloc((DEIA_MAX_ARGV_LEN + 1) * sizeof(**list));
	for (; *list && item; item = item->next) {
		if (item->kind != DEIA__YAML_SCALAR)
			return "expected a list of texts";
		if (*n == DEIA_MAX_ARGV_LEN)
			return "the list is too long";
		(*list)[*n] = deia__strdup(item->text);
		if (!(*list)[(*n)++])
			return "memory ran out";
		if (node->kind != DEIA__YAML_LIST)
			break;
	}
	return *list ? NULL : "memory ran out";
}

static const char *read_text(struct deia_config_receiver *r,
			     const struct deia__yaml *node,
			     const struct key *key)
{
	char **text = at(r, key->at);

	if (node->kind != DEIA__YAML_SCALAR || !*node->text)
		return "expected a text";
	*text = deia__strdup(node->text);
	return *text ? NULL : "memory ran out";
}

static const char *read_value(struct deia_config_receiver *r,
			      const struct deia__yaml *node,
			      const struct key *key)
{
	bool on = true;

	switch (key->what) {
	case TEXT:
		return read_text(r, node, key);
	case LIST:
		return read_list(r, node, key);
	case SECONDS:
		return read_seconds(&r->set.timeout_seconds, node);
	case RESOLVED:
	case STARTTLS:
		if (!is_bool(node, &on))
			return "expected true or false";
		if (key->what == RESOLVED)
			r->set.quiet_end = !on;
		else
			r->set.plain = !on;
		return NULL;
	default:
		return read_word(&r->set, node, key->what);
	}
}

/* ---- one ------------------------------------------------------------------ */

static deia_err unknown(const struct deia__yaml *node, const char *name,
			struct deia_config_error *where)
{
	bool secret = strcmp(node->key, "secret") == 0 ||
		      strcmp(node->key, "password") == 0;

	return refuse(node, name, node->key,
		      secret ? "it is not written here: say where it is with "
			       "..._file or ..._env"
			     : "there is no such key; docs/alerts.md lists "
			       "them",
		      where);
}

/* Of each of these at most one. */
static deia_err check_sources(const struct deia_config_receiver *r,
			      const struct deia__yaml *node,
			      struct deia_config_error *where)
{
	const char *name = r->set.name;

	if (!!r->set.url + !!r->url_file + !!r->url_env > 1)
		return refuse(node, name, "",
			      "say url, url_file or url_env, not several",
			      where);
	if (r->secret_file && r->secret_env)
		return refuse(node, name, "",
			      "say secret_file or secret_env, not both", where);
	if (r->password_file && r->password_env)
		return refuse(node, name, "",
			      "say password_file or password_env, not both",
			      where);
	return DEIA_OK;
}

/* What stands elsewhere is taken as fine here, and checked when it is read. */
static deia_err check(const struct deia_config_receiver *r,
		      const struct deia__yaml *node,
		      struct deia_config_error *where)
{
	struct deia_notify_receiver set = r->set;
	const struct deia__yaml *at_node = node;
	char why[200] = "";
	size_t word;

	if (r->url_file || r->url_env)
		set.url = set.kind == DEIA_NOTIFY_EMAIL ? "smtp://elsewhere"
							: "https://elsewhere";
	if (r->password_file || r->password_env)
		set.password = "elsewhere";
	if (deia_notify_check(&set, why, sizeof(why)) == DEIA_OK)
		return check_sources(r, node, where);
	word = strcspn(why, ":");
	for (const struct deia__yaml *c = node->first; c; c = c->next)
		if (strlen(c->key) == word && strncmp(c->key, why, word) == 0)
			at_node = c;
	return refuse(at_node, set.name, "", why, where);
}

static const struct deia__yaml *child(const struct deia__yaml *map,
				      const char *key)
{
	for (const struct deia__yaml *c = map->first; c; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

static deia_err read_one(struct deia_config_receiver *r,
			 const struct deia__yaml *node,
			 struct deia_config_error *where)
{
	const char *name = r->set.name, *wrong = NULL;
	const struct deia__yaml *kind;

	if (node->kind != DEIA__YAML_MAP || !(kind = child(node, "kind")))
		return refuse(node, name, "kind",
			      "expected webhook, email, alertmanager or exec",
			      where);
	wrong = read_value(r, kind, find("kind"));
	if (wrong)
		return refuse(kind, name, "kind", wrong, where);
	for (const struct deia__yaml *c = node->first; c; c = c->next) {
		const struct key *key = find(c->key);

		if (!key)
			return unknown(c, name, where);
		if (!(key->kinds & (1u << r->set.kind)))
			return refuse(c, name, c->key,
				      "a receiver of this kind has no such "
				      "key; docs/alerts.md lists them",
				      where);
		wrong = key->what == KIND ? NULL : read_value(r, c, key);
		if (wrong)
			return refuse(c, name, c->key, wrong, where);
	}
	return check(r, node, where);
}

deia_err deia__config_receivers_read(struct deia__config_receivers *out,
				     const struct deia__yaml *section,
				     struct deia_config_error *where)
{
	deia_err err = DEIA_OK;

	if (section->kind != DEIA__YAML_MAP)
		return refuse(section, "", "", "expected names of receivers",
			      where);
	out->list = deia__alloc(DEIA_NOTIFY_MAX_RECEIVERS * sizeof(*out->list));
	if (!out->list)
		return no_memory(where);
	for (const struct deia__yaml *c = section->first; c && !err;
	     c = c->next) {
		struct deia__config_receiver *r = &out->list[out->len];

		if (out->len == DEIA_NOTIFY_MAX_RECEIVERS)
			return refuse(c, "", "", "there may be 16 at most",
				      where);
		out->len++;
		r->line = c->key_line;
		r->is.set =
			(struct deia_notify_receiver)DEIA_NOTIFY_RECEIVER_INIT;
		r->is.set.name = deia__strdup(c->key);
		err = r->is.set.name ? read_one(&r->is, c, where)
				     : no_memory(where);
	}
	return err;
}

/* ---- the end of it ---------------------------------------------------------- */

static void free_key(struct deia_config_receiver *r, const struct key *key)
{
	char **text, ***list;
	size_t *n;

	if (key->what == TEXT) {
		text = at(r, key->at);
		deia__free(*text);
	} else if (key->what == LIST) {
		list = at(r, key->at);
		n = at(r, key->n_at);
		for (size_t i = 0; i < *n; i++)
			deia__free((*list)[i]);
		deia__free(*list);
	}
}

void deia__config_receivers_fini(struct deia__config_receivers *r)
{
	for (size_t i = 0; i < r->len; i++) {
		for (size_t k = 0; k < N_KEYS; k++)
			free_key(&r->list[i].is, &keys[k]);
		deia__free((char *)(uintptr_t)r->list[i].is.set.name);
	}
	deia__free(r->list);
	memset(r, 0, sizeof(*r));
}

/* ---- printing ---------------------------------------------------------------- */

/* The path of a webhook is what lets in. */
static void print_url(struct deia_jw *w, const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t len = (size_t)(host - url) + strcspn(host, "/?#");

	if (url[len] && url[len + 1]) {
		char *shown = deia__asprintf("%.*s/***", (int)len, url);

		deia_jw_kstr(w, "url", shown ? shown : "***");
		deia__free(shown);
	} else {
		deia_jw_kstr(w, "url", url);
	}
}

static void print_key(const struct deia_config_receiver *r,
		      const struct key *key, struct deia_jw *w)
{
	const char *base = (const char *)r;
	const char *const *text = (const void *)(base + key->at);
	const char *const *const *list = (const void *)(base + key->at);
	const size_t *n = (const void *)(base + key->n_at);

	if (key->what == TEXT && *text && key->at == AT(set.url)) {
		print_url(w, *text);
	} else if (key->what == TEXT && *text) {
		deia_jw_kstr(w, key->name, *text);
	} else if (key->what == LIST && *n) {
		deia_jw_key(w, key->name);
		deia_jw_array(w);
		for (size_t i = 0; i < *n; i++)
			deia_jw_str(w, (*list)[i]);
		deia_jw_end_array(w);
	}
}

void deia__config_receiver_print(const struct deia__config_receiver *c,
				 struct deia_jw *w)
{
	const struct deia_notify_receiver *set = &c->is.set;

	deia_jw_object(w);
	deia_jw_kstr(w, "kind", deia_notify_kind_name(set->kind));
	deia_jw_kstr(w, "level", deia_health_level_name(set->level));
	deia_jw_kbool(w, "resolved", !set->quiet_end);
	if (set->kind == DEIA_NOTIFY_WEBHOOK)
		deia_jw_kstr(w, "format", set->slack ? "slack" : "json");
	if (set->kind == DEIA_NOTIFY_EMAIL)
		deia_jw_kbool(w, "starttls", !set->plain);
	if (set->timeout_seconds)
		deia_jw_kint(w, "timeout_seconds", set->timeout_seconds);
	for (size_t i = 0; i < N_KEYS; i++)
		print_key(&c->is, &keys[i], w);
	deia_jw_end_object(w);
}
