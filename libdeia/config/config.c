/* SPDX-License-Identifier: MIT */
/*
 * config.c - a configuration: its values from default, file, environment and
 * flags, in this order, and access to them.
 *
 * A configuration that was loaded is whole and checked; nothing is read again
 * later. Making the directory and its files is in dir.c and document.c.
 */
#include <deia/config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deia/sys/json.h>

#include "config/checks.h"
#include "config/load.h"
#include "config/priv.h"
#include "config/yaml.h"
#include "core/buf.h"
#include "core/mem.h"

#define MAX_FILE_BYTES (1u << 20)

/* ---- the file ---------------------------------------------------------- */

static deia_err io_error(struct deia_config_error *where)
{
	return deia__config_refuse(where, DEIA_EIO, 0, 0, "cannot be read: %s",
				   strerror(errno));
}

static deia_err read_all(int fd, struct deia__buf *b,
			 struct deia_config_error *where)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io_error(where);
		deia__buf_add(b, chunk, (size_t)n);
		if (b->err == DEIA_ELIMIT)
			return deia__config_refuse(where, DEIA_EPARSE, 0, 0,
						   "is larger than 1 MiB");
		if (b->err)
			return deia__config_refuse(where, b->err, 0, 0,
						   "memory ran out");
	}
	return DEIA_OK;
}

/* A file that is not there reads as empty. */
static deia_err read_file(const char *path, struct deia__buf *b,
			  struct deia_config_error *where)
{
	struct stat st;
	deia_err err;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ENOENT ? DEIA_OK : io_error(where);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		err = deia__config_refuse(where, DEIA_EIO, 0, 0,
					  "is not a regular file");
	else
		err = read_all(fd, b, where);
	close(fd);
	return err;
}

/* ---- from the tree to the values --------------------------------------- */

static deia_err unknown_key(const struct deia__yaml *node, const char *name,
			    struct deia_config_error *where)
{
	const char *suggestion = deia__key_suggest(name);

	if (suggestion)
		return deia__config_refuse(
			where, DEIA_EFIELD, node ? node->key_line : 0,
			node ? node->key_column : 0,
			"there is no key %.100s; did you mean %s?", name,
			suggestion);
	return deia__config_refuse(
		where, DEIA_EFIELD, node ? node->key_line : 0,
		node ? node->key_column : 0,
		"there is no key %.100s; `deia config show` lists all keys",
		name);
}

static deia_err read_section(deia_config *config, const char *prefix,
			     const struct deia__yaml *section,
			     struct deia_config_error *where);

static deia_err read_key(deia_config *config, const char *name,
			 const struct deia__yaml *node,
			 struct deia_config_error *where)
{
	size_t i = deia__key_find(name);

	if (i < deia__n_keys)
		return deia__value_read_yaml(&config->values[i], &deia__keys[i],
					     node, where);
	/* Read after all others, whose values they start from. */
	if (strcmp(name, "templates") == 0 || strcmp(name, "budgets") == 0 ||
	    strcmp(name, "checks") == 0 ||
	    strcmp(name, "alerts.receivers") == 0 ||
	    strcmp(name, "scaling.templates") == 0)
		return DEIA_OK;
	if (!deia__key_is_section(name))
		return unknown_key(node, name, where);
	return read_section(config, name, node, where);
}

/* prefix: "" or a section's name. Recursion is bounded by the schema. */
static deia_err read_section(deia_config *config, const char *prefix,
			     const struct deia__yaml *section,
			     struct deia_config_error *where)
{
	deia_err err = DEIA_OK;
	char name[160];

	if (deia__yaml_is_empty(section))
		return DEIA_OK;
	if (section->kind != DEIA__YAML_MAP)
		return deia__config_refuse(
			where, DEIA_EFIELD, section->line, section->column,
			"%s: expected keys below it, such as \"%s\", found %s",
			*prefix ? prefix : "the file",
			*prefix ? "key: value" : "server:",
			deia__yaml_kind_name(section));
	for (const struct deia__yaml *c = section->first; c && !err;
	     c = c->next) {
		snprintf(name, sizeof(name), "%s%s%.100s", prefix,
			 *prefix ? "." : "", c->key);
		err = read_key(config, name, c, where);
	}
	return err;
}

/* The numbers of bots.defaults, as every bot starts from them. */
static void fill_bot_defaults(deia_config *config)
{
	struct deia_bot_spec *s = &config->bot_defaults;
	const struct {
		const char *key;
		unsigned *to;
	} numbers[] = {
		{ "bots.defaults.max_concurrent", &s->max_concurrent },
		{ "bots.defaults.ready_timeout_seconds",
		  &s->ready_timeout_seconds },
		{ "bots.defaults.stop_timeout_seconds",
		  &s->stop_timeout_seconds },
		{ "bots.defaults.max_restarts", &s->max_restarts },
		{ "bots.defaults.window_seconds", &s->window_seconds },
	};

	*s = (struct deia_bot_spec)DEIA_BOT_SPEC_INIT;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i].to =
			(unsigned)deia_config_int(config, numbers[i].key);
}

static const struct deia__yaml *child(const struct deia__yaml *map,
				      const char *key)
{
	if (map->kind != DEIA__YAML_MAP)
		return NULL;
	for (const struct deia__yaml *c = map->first; c; c = c->next)
		if (strcmp(c->key, key) == 0 && !deia__yaml_is_empty(c))
			return c;
	return NULL;
}

static deia_err read_templates(deia_config *config,
			       const struct deia__yaml *tree,
			       struct deia_config_error *where)
{
	const struct deia__yaml *node = child(tree, "templates");

	if (!node)
		return DEIA_OK;
	return deia__templates_read(&config->templates, node,
				    &config->bot_defaults, where);
}

static deia_err read_scaling(deia_config *config, const struct deia__yaml *tree,
			     struct deia_config_error *where)
{
	const struct deia__yaml *node = child(tree, "scaling");

	node = node ? child(node, "templates") : NULL;
	if (!node)
		return DEIA_OK;
	return deia__config_scaling_read(&config->scaling, node,
					 &config->templates, where);
}

static deia_err read_checks(deia_config *config, const struct deia__yaml *tree,
			    struct deia_config_error *where)
{
	const struct deia__yaml *node = child(tree, "checks");

	return node ? deia__config_checks_read(&config->checks, node, where)
		    : DEIA_OK;
}

static deia_err read_receivers(deia_config *config,
			       const struct deia__yaml *tree,
			       struct deia_config_error *where)
{
	const struct deia__yaml *node = child(tree, "alerts");

	node = node ? child(node, "receivers") : NULL;
	return node ? deia__config_receivers_read(&config->receivers, node,
						  where)
		    : DEIA_OK;
}

static deia_err read_budgets(deia_config *config, const struct deia__yaml *tree,
			     struct deia_config_error *where)
{
	const struct deia__yaml *node = child(tree, "budgets");

	return node ? deia__config_budgets_read(&config->budgets, node, where)
		    : DEIA_OK;
}

static deia_err read_text(deia_config *config, const char *text, size_t len,
			  struct deia_config_error *where)
{
	struct deia__yaml *tree;
	deia_err err;

	err = deia__yaml_parse(&tree, text, len, where);
	if (err || !tree)
		return err;
	err = read_section(config, "", tree, where);
	if (!err) {
		fill_bot_defaults(config);
		err = read_templates(config, tree, where);
	}
	if (!err)
		err = read_scaling(config, tree, where);
	if (!err)
		err = read_budgets(config, tree, where);
	if (!err)
		err = read_checks(config, tree, where);
	if (!err)
		err = read_receivers(config, tree, where);
	deia__yaml_free(tree);
	return err;
}

/* ---- defaults, environment, rules over several keys -------------------- */

static deia_err set_defaults(deia_config *config,
			     struct deia_config_error *where)
{
	deia_err err = DEIA_OK;

	for (size_t i = 0; i < deia__n_keys && !err; i++)
		err = deia__value_read(&config->values[i], &deia__keys[i],
				       deia__keys[i].fallback, where);
	return err;
}

static void set_file(struct deia_config_error *where, const char *kind,
		     const char *name)
{
	if (where)
		snprintf(where->file, sizeof(where->file), "%s%s", kind, name);
}

static deia_err read_environment(deia_config *config,
				 struct deia_config_error *where)
{
	deia_err err;

	for (size_t i = 0; i < deia__n_keys; i++) {
		const char *name = deia__keys[i].env;
		const char *text = name ? getenv(name) : NULL;

		if (!text || text[0] == '\0')
			continue;
		set_file(where, "environment variable ", name);
		err = deia__value_read(&config->values[i], &deia__keys[i], text,
				       where);
		if (err)
			return err;
		config->values[i].origin = DEIA__FROM_ENVIRONMENT;
	}
	return DEIA_OK;
}

/* Tells the place of a key's value, wherever it came from. */
static deia_err check_remote(const deia_config *config,
			     struct deia_config_error *where)
{
	size_t i = deia__key_find("server.host");
	const struct deia__value *host = &config->values[i];

	if (deia__host_is_loopback(host->text) ||
	    deia_config_bool(config, "server.allow_remote"))
		return DEIA_OK;
	if (host->origin == DEIA__FROM_FILE)
		set_file(where, "", config->file);
	else if (host->origin == DEIA__FROM_ENVIRONMENT)
		set_file(where, "environment variable ", deia__keys[i].env);
	else
		set_file(where, "", "--host");
	return deia__config_refuse(
		where, DEIA_EFIELD, host->line, host->line ? 1 : 0,
		"server.host: other machines can reach %.80s; if that is "
		"meant, set server.allow_remote: true in config.yaml",
		host->text);
}

/* ---- functions of the header ------------------------------------------- */

static deia_err no_memory(struct deia_config_error *where)
{
	deia__config_refuse(where, DEIA_ENOMEM, 0, 0, "memory ran out");
	return DEIA_ENOMEM;
}

/* A configuration of defaults. */
static deia_err new_config(deia_config **out, const char *dir,
			   struct deia_config_error *where)
{
	deia_config *config = deia__alloc(sizeof(*config));
	deia_err err;

	if (!config)
		return no_memory(where);
	config->values = deia__alloc(deia__n_keys * sizeof(*config->values));
	config->file = deia__asprintf("%s/config.yaml", dir);
	if (config->values && config->file) {
		set_file(where, "", config->file);
		err = set_defaults(config, where);
	} else {
		err = no_memory(where);
	}
	if (err) {
		deia_config_free(config);
		return err;
	}
	fill_bot_defaults(config);
	*out = config;
	return DEIA_OK;
}

static deia_err load_file(deia_config *config, struct deia_config_error *where)
{
	struct deia__buf b;
	deia_err err;

	deia__buf_init(&b, MAX_FILE_BYTES);
	err = read_file(config->file, &b, where);
	if (!err)
		err = read_text(config, b.data ? b.data : "", b.len, where);
	deia__buf_fini(&b);
	if (!err)
		err = read_environment(config, where);
	return err;
}

/* The last step of every load: the rules over several keys. */
static deia_err finish(deia_config **out, deia_config *config, deia_err err,
		       struct deia_config_error *where)
{
	if (!err)
		err = check_remote(config, where);
	if (err) {
		deia_config_free(config);
		return err;
	}
	if (where)
		memset(where, 0, sizeof(*where));
	*out = config;
	return DEIA_OK;
}

deia_err deia_config_load(deia_config **out, const char *dir,
			  struct deia_config_error *where)
{
	deia_config *config;
	deia_err err;

	*out = NULL;
	if (where)
		memset(where, 0, sizeof(*where));
	if (!dir || !*dir)
		return deia__config_refuse(where, DEIA_EINVAL, 0, 0,
					   "dir is not given");
	err = new_config(&config, dir, where);
	if (err)
		return err;
	return finish(out, config, load_file(config, where), where);
}

deia_err deia__config_load_text(deia_config **out, const char *text, size_t len,
				struct deia_config_error *where)
{
	deia_config *config;
	deia_err err;

	*out = NULL;
	err = new_config(&config, ".", where);
	if (err)
		return err;
	return finish(out, config, read_text(config, text, len, where), where);
}

void deia_config_free(deia_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; config->values && i < deia__n_keys; i++)
		deia__value_fini(&config->values[i]);
	deia__free(config->values);
	deia__config_scaling_fini(&config->scaling);
	deia__config_budgets_fini(&config->budgets);
	deia__config_checks_fini(&config->checks);
	deia__config_receivers_fini(&config->receivers);
	deia__templates_fini(&config->templates);
	deia__free(config->file);
	deia__free(config);
}

deia_err deia_config_set(deia_config *config, const char *key,
			 const char *value, struct deia_config_error *where)
{
	size_t i = deia__key_find(key);
	struct deia__value old, new = { 0 };
	deia_err err;

	if (where)
		memset(where, 0, sizeof(*where));
	if (i == deia__n_keys)
		return unknown_key(NULL, key, where);
	err = deia__value_read(&new, &deia__keys[i], value, where);
	if (err)
		return err;
	new.origin = DEIA__FROM_FLAG;
	old = config->values[i];
	config->values[i] = new;
	err = check_remote(config, where);
	if (err) {
		config->values[i] = old;
		deia__value_fini(&new);
		return err;
	}
	deia__value_fini(&old);
	fill_bot_defaults(config);
	return DEIA_OK;
}

static const struct deia__value *value_of(const deia_config *config,
					  const char *key,
					  enum deia__key_type type)
{
	static const struct deia__value none;
	size_t i = deia__key_find(key);

	assert(i < deia__n_keys && deia__keys[i].type == type);
	if (i == deia__n_keys || deia__keys[i].type != type)
		return &none;
	return &config->values[i];
}

const char *deia_config_str(const deia_config *config, const char *key)
{
	const char *text = value_of(config, key, DEIA__KEY_TEXT)->text;

	return text ? text : "";
}

int64_t deia_config_int(const deia_config *config, const char *key)
{
	return value_of(config, key, DEIA__KEY_INT)->number;
}

bool deia_config_bool(const deia_config *config, const char *key)
{
	return value_of(config, key, DEIA__KEY_BOOL)->number != 0;
}

const char *deia_config_item(const deia_config *config, const char *key,
			     size_t n)
{
	const struct deia__value *v = value_of(config, key, DEIA__KEY_LIST);

	return n < v->n_items ? v->items[n] : NULL;
}

const struct deia_bot_spec *deia_config_template(const deia_config *config,
						 const char *name)
{
	if (!name)
		return &config->bot_defaults;
	for (size_t i = 0; i < config->templates.len; i++)
		if (strcmp(config->templates.list[i].name, name) == 0)
			return config->templates.list[i].spec;
	return NULL;
}

size_t deia_config_templates(const deia_config *config, const char **names,
			     size_t max)
{
	for (size_t i = 0; i < config->templates.len && i < max; i++)
		names[i] = config->templates.list[i].name;
	return config->templates.len;
}

size_t deia_config_scaling(const deia_config *config,
			   struct deia_scaling_setting *out, size_t max)
{
	const struct deia__config_scaling *s = &config->scaling;

	for (size_t i = 0; i < s->len && i < max; i++) {
		out[i].name = s->list[i].name;
		out[i].set = s->list[i].set;
	}
	return s->len;
}

size_t deia_config_budgets(const deia_config *config,
			   struct deia_budget_setting *out, size_t max)
{
	const struct deia__config_budgets *b = &config->budgets;

	for (size_t i = 0; i < b->len && i < max; i++) {
		out[i].bot = b->list[i].bot;
		out[i].budget = b->list[i].budget;
	}
	return b->len;
}

size_t deia_config_checks(const deia_config *config,
			  struct deia_config_check *out, size_t max)
{
	const struct deia__config_checks *c = &config->checks;

	for (size_t i = 0; i < c->len && i < max; i++)
		out[i] = (struct deia_config_check){
			c->list[i].name,
			(const char *const *)c->list[i].argv,
			c->list[i].n_argv,
			c->list[i].timeout_seconds,
		};
	return c->len;
}

size_t deia_config_receivers(const deia_config *config,
			     struct deia_config_receiver *out, size_t max)
{
	const struct deia__config_receivers *r = &config->receivers;

	for (size_t i = 0; i < r->len && i < max; i++)
		out[i] = r->list[i].is;
	return r->len;
}

void deia_config_changes(const deia_config *before, const deia_config *after,
			 void (*cb)(const char *key, bool reload, void *user),
			 void *user)
{
	for (size_t i = 0; i < deia__n_keys; i++)
		if (!deia__value_equal(&before->values[i], &after->values[i]))
			cb(deia__keys[i].name, deia__keys[i].reload, user);
}
