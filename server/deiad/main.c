/* SPDX-License-Identifier: MIT */
/*
 * main.c - deiad: the order of starting and ending.
 *
 * Start: options, directory, configuration, socket (so that a taken port is
 * the first thing one hears of), hive, HTTP, bots, signals, the two lines on
 * stdout. End: drain, stop the bots, close the store.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <deia/sys/json.h>
#include <deia/version.h>
#include <event2/event.h>
#include <event2/thread.h>

#include "app.h"
#include "bind.h"
#include "checks.h"
#include "jobs.h"
#include "life.h"
#include "log.h"
#include "log_events.h"
#include "metrics/metrics.h"
#include "options.h"
#include "routes/follow.h"
#include "routes/routes.h"
#include "runfile.h"
#include "settings.h"

#define FIRST_CODE_SECONDS 900

static int print_routes(void)
{
	struct deia_jw w;
	bool ok;

	deia_jw_init(&w);
	routes_print(routes, n_routes, &w);
	ok = deia_jw_status(&w) == DEIA_OK && puts(w.text) >= 0;
	deia_jw_fini(&w);
	return ok ? 0 : 1;
}

/* ---- the directory ----------------------------------------------------- */

static bool exists(const char *dir, const char *name)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* A new ./.deia while there is a hive at the usual place: by accident? */
static void warn_of_second_hive(const char *dir)
{
	const char *home = getenv("HOME");
	char usual[4096];

	if (!home)
		return;
	snprintf(usual, sizeof(usual), "%s/.config/deia", home);
	if (strcmp(usual, dir) != 0 && exists(usual, "config.yaml"))
		log_msg(DEIA_LOG_WARN,
			"this is a new, empty hive in %s; there is another one "
			"in %s. Was that meant? Use it with --dir %s",
			dir, usual, usual);
}

/* Whole, since bots are told paths in it. */
static bool make_absolute(char **dir)
{
	char *whole = realpath(*dir, NULL);

	if (whole == NULL) {
		fprintf(stderr, "deiad: %s: %s\n", *dir, strerror(errno));
		return false;
	}
	free(*dir);
	*dir = whole;
	return true;
}

static bool find_dir(struct app *app, const struct options *o)
{
	char detail[512] = "";
	deia_err err = deia_config_find_dir(&app->dir, o->dir, true);

	if (err) {
		fprintf(stderr, "deiad: cannot find the hive's directory: %s\n",
			deia_err_text(err));
		return false;
	}
	if (exists(app->dir, "config.yaml") && exists(app->dir, "token"))
		return make_absolute(&app->dir);
	if (!exists(app->dir, "config.yaml"))
		warn_of_second_hive(app->dir);
	err = deia_config_init_dir(app->dir, detail, sizeof(detail));
	if (err)
		fprintf(stderr, "deiad: %s\n",
			detail[0] ? detail : deia_err_text(err));
	return err == DEIA_OK && make_absolute(&app->dir);
}

/* ---- the parts --------------------------------------------------------- */

static void on_hive_log(const struct deia_log_line *line, void *user)
{
	(void)user;
	log_hive(line);
}

static enum deia_durability durability_of(const char *name)
{
	if (strcmp(name, "normal") == 0)
		return DEIA_DURABILITY_NORMAL;
	if (strcmp(name, "memory") == 0)
		return DEIA_DURABILITY_MEMORY;
	return DEIA_DURABILITY_FULL;
}

/* Without its store its bots work for nobody: they end with the program. */
static void on_lost(const char *why, void *user)
{
	struct app *app = user;

	(void)why; /* is in the log already */
	app->exit_code = 1;
	log_msg(DEIA_LOG_ERROR, "deiad ends");
	event_base_loopbreak(app->base);
}

static void open_log(const deia_config *c, const char *dir)
{
	char path[4300];

	snprintf(path, sizeof(path), "%s/" LOG_FILE, dir);
	if (deia_config_bool(c, "logging.file"))
		(void)log_open_file(path);
}

static bool open_hive(struct app *app)
{
	char store[4400], logs[4200], token[4200], work[4200], backups[4200];
	char detail[512] = "", password[256] = "";
	struct deia_hive_opts opts = DEIA_HIVE_OPTS_INIT;
	struct settings_tasks tasks;
	const deia_config *c = app->config;
	deia_err err;

	snprintf(store, sizeof(store), "sqlite:%s/state/deia.db", app->dir);
	snprintf(logs, sizeof(logs), "%s/bot-logs", app->dir);
	snprintf(token, sizeof(token), "%s/token", app->dir);
	snprintf(work, sizeof(work), "%s/work", app->dir);
	snprintf(backups, sizeof(backups), "%s/state/backups", app->dir);
	opts.durability = durability_of(deia_config_str(c, "store.durability"));
	opts.store_url = deia_config_str(c, "store.url");
	if (!*opts.store_url)
		opts.store_url = opts.durability == DEIA_DURABILITY_MEMORY
					 ? "memory:"
					 : store;
	if (mkdir(logs, 0700) != 0 && errno != EEXIST)
		log_msg(DEIA_LOG_WARN, "cannot make %s: %s", logs,
			strerror(errno));
	else
		open_log(c, logs);
	opts.log_dir = logs;
	opts.work_dir = work;
	opts.backup_dir = backups;
	opts.own_cgroup = true;
	opts.token_file = token;
	opts.url = app->url;
	opts.events_kept = (unsigned)deia_config_int(c, "retention.events");
	opts.audit_days = (unsigned)deia_config_int(c, "retention.audit_days");
	opts.chat_days = (unsigned)deia_config_int(c, "retention.chat_days");
	opts.status_days =
		(unsigned)deia_config_int(c, "retention.bot_status_days");
	opts.no_health = !deia_config_bool(c, "health.enabled");
	opts.node_name = deia_config_str(c, "node.name");
	opts.node_url = deia_config_str(c, "node.url");
	settings_tasks(&opts, c, &tasks);
	opts.lost = on_lost;
	opts.lost_user = app;
	opts.log_line = on_hive_log;
	if (!settings_cache(&opts, c, app->dir, password))
		return false;
	err = deia_hive_new(&app->hive, app->base, &opts, detail,
			    sizeof(detail));
	explicit_bzero(password, sizeof(password));
	if (err)
		fprintf(stderr, "deiad: %s\n",
			detail[0] ? detail : deia_err_text(err));
	if (err != DEIA_OK || !settings_mail(app->hive, c))
		return false;
	settings_scaling(app->hive, NULL, c);
	settings_budgets(app->hive, c);
	settings_checks(app->hive, c);
	return settings_receivers(app->hive, c, app->dir);
}

static bool may_bind(const deia_config *config)
{
	const char *host = deia_config_str(config, "server.host");

	if (bind_is_loopback(host) ||
	    deia_config_bool(config, "server.allow_remote"))
		return true;
	fprintf(stderr,
		"deiad: %s is reachable from other machines, where plain HTTP "
		"shows tokens to the network. If that is meant, set "
		"server.allow_remote: true in config.yaml and put a TLS proxy "
		"in front; else leave server.host at 127.0.0.1\n",
		host);
	return false;
}

static void set_url(struct app *app, const char *host, int port)
{
	const char *at = host;

	if (strcmp(host, "0.0.0.0") == 0)
		at = "127.0.0.1";
	else if (strcmp(host, "::") == 0)
		at = "::1";
	snprintf(app->url, sizeof(app->url),
		 strchr(at, ':') ? "http://[%s]:%d" : "http://%s:%d", at, port);
}

static bool open_http(struct app *app, int fd, int port)
{
	struct server *s = &app->http;

	s->app = app;
	s->hive = app->hive;
	s->routes = routes;
	s->n_routes = n_routes;
	if (settings_http(s, app->config, port) &&
	    server_init(s, app->base, fd))
		return true;
	fputs("deiad: memory ran out\n", stderr);
	return false;
}

/* stdout carries these two lines and nothing else. */
static void greet(struct app *app)
{
	char code[64];

	printf("deiad listening on %s\n", app->url);
	if (deia_hive_code_create(app->hive, deia_actor_local(),
				  DEIA_ROLE_ADMIN, FIRST_CODE_SECONDS, code,
				  sizeof(code)) == DEIA_OK)
		printf("sign in: %s/#code=%s\n", app->url, code);
	if (fflush(stdout) != 0)
		log_msg(DEIA_LOG_DEBUG, "nobody reads stdout");
}

/* ---- running ----------------------------------------------------------- */

static bool start_parts(struct app *app, int fd, int port)
{
	deia_err err;

	set_url(app, deia_config_str(app->config, "server.host"), port);
	if (!open_hive(app)) {
		close(fd);
		return false;
	}
	if (!open_http(app, fd, port))
		return false;
	app->jobs = jobs_new(app->hive);
	if (!app->jobs || !life_begin(app) || !metrics_begin(app) ||
	    !log_events_begin(app))
		return false;
	checks_begin(app);
	server_listen(&app->http);
	runfile_write(app->dir, app->url);
	err = deia_hive_start(app->hive);
	if (err)
		log_msg(DEIA_LOG_ERROR, "bots could not be started: %s",
			deia_hive_errmsg(app->hive));
	greet(app);
	return true;
}

static void close_parts(struct app *app)
{
	log_events_end(app);
	life_end(app);
	metrics_end(app);
	jobs_free(app->jobs);
	server_fini(&app->http);
	deia_hive_free(app->hive);
	follows_free(app->follows);
	settings_http_free(&app->http);
	deia_config_free(app->config);
	deia_config_free_text(app->dir);
	log_unwatch();
	if (app->base)
		event_base_free(app->base);
}

/* Changes of what is waited for are told to the kernel once a turn: reading
 * that is switched off and on within one costs nothing. */
static struct event_base *new_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg && event_config_set_flag(
			   cfg, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
		base = event_base_new_with_config(cfg);
	if (cfg)
		event_config_free(cfg);
	return base;
}

static int run(struct app *app, const struct options *o)
{
	int port, fd;

	app->http.spare_fd = -1;
	if (!find_dir(app, o) || !settings_load(&app->config, app->dir, o))
		return 1;
	settings_apply(app->config);
	app->options = o;
	if (!may_bind(app->config))
		return 1;
	port = (int)deia_config_int(app->config, "server.port");
	fd = bind_listen(deia_config_str(app->config, "server.host"), &port);
	if (fd < 0)
		return 1;
	evthread_use_pthreads();
	app->base = new_base();
	if (!app->base || !log_start() || !log_watch(app->base)) {
		close(fd);
		fputs("deiad: memory or threads ran out\n", stderr);
		return 1;
	}
	if (!start_parts(app, fd, port))
		return 1;
	event_base_dispatch(app->base);
	runfile_remove(app->dir);
	return app->exit_code;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct app app = { 0 };
	int code;

	if (!options_parse(&o, argc, argv))
		return 2;
	if (o.help) {
		options_help();
		return 0;
	}
	if (o.version) {
		printf("deiad %s\n", deia_version());
		return 0;
	}
	if (o.routes)
		return print_routes();
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	code = run(&app, &o);
	close_parts(&app);
	log_stop();
	return code;
}
