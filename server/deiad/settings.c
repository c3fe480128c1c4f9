/* SPDX-License-Identifier: MIT */
/* settings.c - see settings.h. */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <deia/hive_budget.h>
#include <deia/hive_task.h>
#include <deia/limits.h>
#include <deia/mail.h>

#include "log.h"

/* Once deiad runs nothing is written to stderr but by the log's thread. */
static void print_error(const struct deia_config_error *e)
{
	char text[1024];

	if (e->line)
		snprintf(text, sizeof(text), "%s:%u:%u: %s", e->file, e->line,
			 e->column, e->detail);
	else if (e->file[0])
		snprintf(text, sizeof(text), "%s: %s", e->file, e->detail);
	else
		snprintf(text, sizeof(text), "%s", e->detail);
	if (log_runs())
		log_msg(DEIA_LOG_ERROR, "%s", text);
	else
		fprintf(stderr, "deiad: %s\n", text);
}

static bool set(deia_config *config, const char *key, const char *value)
{
	struct deia_config_error where = { 0 };

	if (!value || deia_config_set(config, key, value, &where) == DEIA_OK)
		return true;
	print_error(&where);
	return false;
}

static bool set_pair(deia_config *config, const char *pair)
{
	size_t len = strcspn(pair, "=");
	char key[128];

	snprintf(key, sizeof(key), "%.*s", (int)(len < 127 ? len : 127), pair);
	return set(config, key, pair + len + 1);
}

bool settings_load(deia_config **out, const char *dir, const struct options *o)
{
	struct deia_config_error where = { 0 };
	bool ok;

	*out = NULL;
	if (deia_config_load(out, dir, &where)) {
		print_error(&where);
		return false;
	}
	ok = set(*out, "server.host", o->host) &&
	     set(*out, "server.port", o->port) &&
	     set(*out, "logging.level", o->log_level) &&
	     set(*out, "logging.format", o->log_format);
	for (int i = 0; ok && i < o->n_sets; i++)
		ok = set_pair(*out, o->sets[i]);
	if (!ok) {
		deia_config_free(*out);
		*out = NULL;
	}
	return ok;
}

static unsigned whole(const deia_config *config, const char *key)
{
	return (unsigned)deia_config_int(config, key);
}

void settings_apply(const deia_config *config)
{
	struct log_settings s = {
		.level = log_level_parse(
			deia_config_str(config, "logging.level")),
		.form = log_form_parse(
			deia_config_str(config, "logging.format")),
		.requests = log_requests_parse(
			deia_config_str(config, "logging.requests")),
		.slow_ms = whole(config, "logging.slow_ms"),
		.same_per_10s = whole(config, "logging.same_per_10s"),
		.lines_per_second = whole(config, "logging.lines_per_second"),
	};

	log_configure(&s);
}

static bool read_password(const char *dir, const char *name, char *password)
{
	char path[4400];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "%s%s%s", *name == '/' ? "" : dir,
		 *name == '/' ? "" : "/", name);
	f = fopen(path, "re");
	ok = f && fgets(password, 256, f) != NULL;
	if (ok)
		password[strcspn(password, "\r\n")] = '\0';
	else
		fprintf(stderr,
			"deiad: cache.password_file: %s cannot be read or is "
			"empty\n",
			path);
	if (f)
		fclose(f);
	return ok;
}

bool settings_cache(struct deia_hive_opts *opts, const deia_config *config,
		    const char *dir, char *password)
{
	const char *file = deia_config_str(config, "cache.password_file");

	opts->cache_url = deia_config_str(config, "cache.url");
	opts->cache_prefix = deia_config_str(config, "cache.prefix");
	opts->cache_memory_bytes =
		(size_t)deia_config_int(config, "cache.memory_bytes");
	if (!*file)
		return true;
	opts->cache_password = password;
	return read_password(dir, file, password);
}

bool settings_mail(deia_hive *hive, const deia_config *config)
{
	struct deia_mail_opts o = DEIA_MAIL_OPTS_INIT;
	struct deia_messenger_opts *m = &o.messenger;

	m->ttl_seconds = deia_config_int(config, "messages.ttl_seconds");
	m->max_attempts =
		(unsigned)deia_config_int(config, "messages.max_attempts");
	m->inbox_max =
		(unsigned)deia_config_int(config, "messages.inbox_length");
	m->retention_days =
		(unsigned)deia_config_int(config, "messages.retention_days");
	m->ageing_ms =
		deia_config_int(config, "messages.ageing_seconds") * 1000;
	m->journal_content =
		deia_config_bool(config, "messages.journal_content");
	o.max_hops = (unsigned)deia_config_int(config, "messages.max_hops");
	o.answers_per_minute = (unsigned)deia_config_int(
		config, "messages.answers_per_minute");
	if (deia_mail_configure(hive, &o) == DEIA_OK)
		return true;
	log_msg(DEIA_LOG_ERROR, "the settings of mail are not used: %s",
		deia_hive_errmsg(hive));
	return false;
}

static deia_scheduler_policy policy_of(const deia_config *c)
{
	/* One of its choices, so there is such a policy. */
	return (deia_scheduler_policy)deia_scheduler_policy_parse(
		deia_config_str(c, "scheduler.policy"));
}

void settings_tasks(struct deia_hive_opts *opts, const deia_config *c,
		    struct settings_tasks *room)
{
	struct deia_scheduler_opts s = DEIA_SCHEDULER_OPTS_INIT;
	size_t n = 0;

	s.policy = policy_of(c);
	s.half_life_seconds =
		(double)deia_config_int(c, "scheduler.half_life_seconds");
	s.half_life_outcomes =
		(double)deia_config_int(c, "scheduler.half_life_outcomes");
	s.pause_ms = deia_config_int(c, "scheduler.pause_seconds") * 1000;
	s.max_pause_ms =
		deia_config_int(c, "scheduler.max_pause_seconds") * 1000;
	if (s.max_pause_ms < s.pause_ms)
		s.max_pause_ms = s.pause_ms;
	s.history_len =
		(unsigned)deia_config_int(c, "scheduler.history_length");
	room->scheduler = s;
	while (n < DEIA_MAX_TASK_TYPES &&
	       (room->types[n] = deia_config_item(c, "tasks.types", n)))
		n++;
	opts->scheduler = &room->scheduler;
	opts->task_types = room->types;
	opts->n_task_types = n;
}

void settings_policy(deia_hive *hive, const deia_config *c)
{
	if (deia_hive_scheduler_set_policy(hive, deia_actor_local(),
					   policy_of(c)))
		log_msg(DEIA_LOG_ERROR, "scheduler.policy is not used: %s",
			deia_hive_errmsg(hive));
}

void settings_retention(deia_hive *hive, const deia_config *c)
{
	deia_hive_set_retention(
		hive, (unsigned)deia_config_int(c, "retention.events"),
		(unsigned)deia_config_int(c, "retention.audit_days"),
		(unsigned)deia_config_int(c, "retention.chat_days"),
		(unsigned)deia_config_int(c, "retention.bot_status_days"));
}

/* ---- scaling ------------------------------------------------------------ */

static void say_failed(deia_hive *hive, const char *what, deia_err err)
{
	if (err)
		log_msg(DEIA_LOG_ERROR, "%s cannot be used: %s", what,
			deia_hive_errmsg(hive));
}

/* As a launch from it would be. */
static void give_template(deia_hive *hive, const deia_config *config,
			  const char *name)
{
	struct deia_bot_spec spec = *deia_config_template(config, name);

	if (strcmp(spec.adapter, "ollama") == 0 && !spec.base_url)
		spec.base_url = deia_config_str(config, "ollama.url");
	say_failed(hive, name, deia_hive_set_template(hive, name, &spec));
}

static void give_templates(deia_hive *hive, const deia_config *before,
			   const deia_config *config)
{
	const char *names[DEIA_SCALER_MAX_TEMPLATES];
	size_t n = before ? deia_config_templates(before, names,
						  DEIA_SCALER_MAX_TEMPLATES)
			  : 0;

	for (size_t i = 0; i < n; i++)
		if (!deia_config_template(config, names[i]))
			say_failed(
				hive, names[i],
				deia_hive_set_template(hive, names[i], NULL));
	n = deia_config_templates(config, names, DEIA_SCALER_MAX_TEMPLATES);
	for (size_t i = 0; i < n; i++)
		give_template(hive, config, names[i]);
}

void settings_scaling(deia_hive *hive, const deia_config *before,
		      const deia_config *config)
{
	struct deia_scaling_setting items[DEIA_SCALER_MAX_TEMPLATES];
	struct deia_scaling_limits l = DEIA_SCALING_LIMITS_INIT;
	size_t n =
		deia_config_scaling(config, items, DEIA_SCALER_MAX_TEMPLATES);

	give_templates(hive, before, config);
	l.max_bots = whole(config, "scaling.max_bots");
	l.dry_run = deia_config_bool(config, "scaling.dry_run");
	l.up_cooldown_seconds = whole(config, "scaling.up_cooldown_seconds");
	l.down_cooldown_seconds =
		whole(config, "scaling.down_cooldown_seconds");
	l.down_window_seconds = whole(config, "scaling.down_window_seconds");
	l.cpu_max_percent = whole(config, "scaling.cpu_max_percent");
	l.reserve_mib = whole(config, "scaling.reserve_mib");
	say_failed(hive, "scaling",
		   deia_hive_scaling_configure(hive, &l, items, n));
}

void settings_budgets(deia_hive *hive, const deia_config *config)
{
	struct deia_budget_setting *items =
		calloc(DEIA_BUDGETS_MAX, sizeof(*items));
	size_t n;

	if (!items) {
		log_msg(DEIA_LOG_ERROR, "memory ran out: budgets are as they "
					"were");
		return;
	}
	n = deia_config_budgets(config, items, DEIA_BUDGETS_MAX);
	say_failed(hive, "budgets",
		   deia_hive_budgets_configure(hive, items, n));
	free(items);
}

void settings_checks(deia_hive *hive, const deia_config *config)
{
	struct deia_config_check said[DEIA_TASK_CHECKS_MAX];
	struct deia_task_check items[DEIA_TASK_CHECKS_MAX];
	size_t n = deia_config_checks(config, said, DEIA_TASK_CHECKS_MAX);

	for (size_t i = 0; i < n; i++)
		items[i] = (struct deia_task_check){ said[i].name, said[i].argv,
						     said[i].n_argv,
						     said[i].timeout_seconds };
	say_failed(hive, "checks", deia_hive_task_checks(hive, items, n));
}

static void tell_change(const char *key, bool reload, void *user)
{
	(void)user;
	if (reload)
		log_msg(DEIA_LOG_INFO, "%s changed", key);
	else
		log_msg(DEIA_LOG_WARN, "%s changed: that needs a restart", key);
}

void settings_compare(const deia_config *before, const deia_config *after)
{
	deia_config_changes(before, after, tell_change, NULL);
}

/* ---- HTTP -------------------------------------------------------------- */

/* Leaves descriptors for bots, files and the store. */
static unsigned connection_cap(int64_t wanted)
{
	struct rlimit r;
	rlim_t spare;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return 256;
	if (r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r) != 0)
			getrlimit(RLIMIT_NOFILE, &r);
	}
	spare = r.rlim_cur / 4 > 32 ? r.rlim_cur / 4 : 32;
	if (r.rlim_cur <= spare + 8)
		return 8;
	if ((rlim_t)wanted > r.rlim_cur - spare)
		return (unsigned)(r.rlim_cur - spare);
	return (unsigned)wanted;
}

static unsigned seconds(const deia_config *config, const char *key)
{
	return (unsigned)deia_config_int(config, key) * 1000;
}

static void set_limits(struct http_limits *l, const deia_config *config)
{
	l->max_connections = connection_cap(
		deia_config_int(config, "server.max_connections"));
	l->max_per_address = (unsigned)deia_config_int(
		config, "server.max_connections_per_address");
	l->head_ms = seconds(config, "server.head_timeout_seconds");
	l->body_ms = seconds(config, "server.body_timeout_seconds");
	l->idle_ms = seconds(config, "server.idle_timeout_seconds");
	l->heartbeat_ms = 15000;
	l->linger_ms = 2000;
	l->max_bodies_bytes = DEIA_MAX_BODIES_IN_MEMORY_BYTES;
	l->max_replies_bytes = DEIA_MAX_REPLIES_IN_MEMORY_BYTES;
	l->max_stream_bytes = DEIA_MAX_STREAM_QUEUE_BYTES;
	l->max_streams_per_identity = DEIA_MAX_STREAMS_PER_IDENTITY;
}

static bool add_name(char ***list, size_t *n, const char *text)
{
	char **grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown)
		return false;
	*list = grown;
	grown[*n] = strdup(text);
	if (!grown[*n])
		return false;
	(*n)++;
	return true;
}

static bool add_host(struct http_names *names, const char *host, int port)
{
	bool v6 = strchr(host, ':') != NULL;
	char text[300];

	snprintf(text, sizeof(text), v6 ? "[%s]:%d" : "%s:%d", host, port);
	if (!add_name(&names->hosts, &names->n_hosts, text))
		return false;
	if (port != 80)
		return true;
	snprintf(text, sizeof(text), v6 ? "[%s]" : "%s", host);
	return add_name(&names->hosts, &names->n_hosts, text);
}

static void free_names(struct http_names *n)
{
	for (size_t i = 0; i < n->n_hosts; i++)
		free(n->hosts[i]);
	for (size_t i = 0; i < n->n_origins; i++)
		free(n->origins[i]);
	free(n->hosts);
	free(n->origins);
}

static bool fill_names(struct http_names *n, const deia_config *config,
		       int port)
{
	const char *item;
	bool ok;

	n->any_literal = deia_config_bool(config, "server.allow_remote");
	ok = add_host(n, "localhost", port) && add_host(n, "127.0.0.1", port) &&
	     add_host(n, "::1", port) &&
	     add_host(n, deia_config_str(config, "server.host"), port);
	for (size_t i = 0;
	     ok && (item = deia_config_item(config, "server.allowed_hosts", i));
	     i++)
		ok = add_name(&n->hosts, &n->n_hosts, item);
	for (size_t i = 0;
	     ok &&
	     (item = deia_config_item(config, "server.allowed_origins", i));
	     i++)
		ok = add_name(&n->origins, &n->n_origins, item);
	return ok;
}

bool settings_names(struct server *s, const deia_config *config)
{
	struct http_names fresh = { 0 };

	if (!fill_names(&fresh, config, s->port)) {
		free_names(&fresh);
		return false;
	}
	free_names(&s->names);
	s->names = fresh;
	return true;
}

bool settings_http(struct server *s, const deia_config *config, int port)
{
	set_limits(&s->limits, config);
	s->port = port;
	return settings_names(s, config);
}

void settings_http_free(struct server *s)
{
	free_names(&s->names);
	s->names = (struct http_names){ 0 };
}
