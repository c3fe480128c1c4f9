/* SPDX-License-Identifier: MIT */
/*
 * cmd_migrate.c - `deia migrate`: the schema of a stopped hive's store, and
 * copying a hive into another store.
 *
 * The other commands talk to a running hive over HTTP. These are about a store
 * that no hive runs from, so they call the library, which takes the store's
 * lock, as deiad does.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <deia/migrate.h>

#include "store_url.h"

#define DETAIL_BYTES 512
#define MAX_LISTED 256

/* The store that --store or --dir name. NULL: said why. */
static char *own_store(struct cli *cli, char **dir, int *rc)
{
	const char *url = args_text(&cli->args, "store");

	*dir = dir_find(cli->dir);
	if (url != NULL && !is_store_url(url)) {
		*rc = usage_error(cli, "--store takes a url, as "
				       "sqlite:PATH");
		return NULL;
	}
	if (url != NULL)
		return must_dup(url);
	if (*dir != NULL)
		return store_url_of_dir(*dir, rc);
	complain("there is no hive's directory here or above");
	advise("name it with --dir DIR, or its store with --store URL");
	*rc = EXIT_NOT_FOUND;
	return NULL;
}

/* ---- status ------------------------------------------------------------- */

static const struct column columns[] = {
	{ "VERSION", COLUMN_FIXED }, { "NAME", COLUMN_FLEX },
	{ "STATE", COLUMN_FIXED },   { "APPLIED", COLUMN_FIXED },
	{ "TOOK", COLUMN_NUMBER },   { NULL, COLUMN_FIXED },
};

static void duration_print(char out[static 32], int64_t us)
{
	if (us < 0)
		snprintf(out, 32, "-");
	else
		snprintf(out, 32, "%.1f ms", (double)us / 1000);
}

static void when_print(char out[static 32], int64_t unix_ms)
{
	time_t at = (time_t)(unix_ms / 1000);
	struct tm tm;

	snprintf(out, 32, "-");
	if (unix_ms > 0 && localtime_r(&at, &tm) != NULL)
		strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
}

static void add_row(struct table *t, const struct deia_migration *m)
{
	char version[24], when[32], took[32];

	snprintf(version, sizeof(version), "%04lld", (long long)m->version);
	when_print(when, m->applied_unix_ms);
	duration_print(took, m->duration_us);
	table_add(t, version);
	table_add(t, m->name);
	table_add(t, deia_migration_state_name(m->state));
	table_add(t, when);
	table_add(t, took);
}

static void print_one(struct deia_jw *w, const struct deia_migration *m)
{
	deia_jw_object(w);
	deia_jw_kint(w, "version", m->version);
	deia_jw_kstr(w, "name", m->name);
	deia_jw_kstr(w, "state", deia_migration_state_name(m->state));
	deia_jw_ktime(w, "applied_at", m->applied_unix_ms);
	deia_jw_key(w, "duration_ms");
	if (m->duration_us >= 0)
		deia_jw_num(w, (double)m->duration_us / 1000);
	else
		deia_jw_null(w);
	deia_jw_end_object(w);
}

/* A database's url may hold a password: only its scheme is shown. */
static void print_store(struct deia_jw *w, const char *url)
{
	bool plain = strncmp(url, "sqlite:", 7) == 0;

	deia_jw_key(w, "store");
	deia_jw_strn(w, url, plain ? strlen(url) : strcspn(url, ":") + 1);
}

static void tell_list_json(const char *url, const struct deia_migration *list,
			   size_t n)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	print_store(&w, url);
	deia_jw_key(&w, "items");
	deia_jw_array(&w);
	for (size_t i = 0; i < n; i++)
		print_one(&w, &list[i]);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		tell_json(w.text, w.len);
	deia_jw_fini(&w);
}

static void tell_list(struct cli *cli, const struct deia_migration *list,
		      size_t n)
{
	struct table t;

	table_init(&t, columns);
	for (size_t i = 0; i < n; i++)
		add_row(&t, &list[i]);
	tell_table(cli, &t);
	table_free(&t);
}

/* What to do about the list, and the exit code that says it. */
static int judge(struct cli *cli, const struct deia_migration *list, size_t n)
{
	size_t pending = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].state == DEIA_MIGRATION_PENDING)
			pending++;
		if (list[i].state == DEIA_MIGRATION_UNKNOWN) {
			complain("the store is of a newer deia: use that one");
			return EXIT_CONFLICT;
		}
		if (list[i].state == DEIA_MIGRATION_CHANGED) {
			complain("the store is of a different build: use that "
				 "one, or restore a backup");
			return EXIT_CONFLICT;
		}
	}
	if (pending > 0)
		note(cli,
		     "%zu pending: `deia migrate up` or the next start applies "
		     "them, after a copy of the database was made",
		     pending);
	return EXIT_DONE;
}

static int run_status(struct cli *cli)
{
	static struct deia_migration list[MAX_LISTED];
	char detail[DETAIL_BYTES] = "", *dir, *url;
	int rc = EXIT_REFUSED;
	deia_err err;
	size_t n = 0;

	url = own_store(cli, &dir, &rc);
	if (url == NULL) {
		free(dir);
		return rc;
	}
	err = deia_migrate_status(url, list, MAX_LISTED, &n, detail,
				  sizeof(detail));
	n = n < MAX_LISTED ? n : MAX_LISTED;
	if (err != DEIA_OK) {
		rc = refuse_store(err, detail);
	} else {
		if (cli->json)
			tell_list_json(url, list, n);
		else
			tell_list(cli, list, n);
		rc = judge(cli, list, n);
	}
	free(url);
	free(dir);
	return rc;
}

/* ---- up ----------------------------------------------------------------- */

static void on_note(const char *text, void *user)
{
	note(user, "%s", text);
}

static int apply(struct cli *cli, const char *url, const char *dir)
{
	struct deia_migrate_opts o = DEIA_MIGRATE_OPTS_INIT;
	char detail[DETAIL_BYTES] = "", *backups = NULL;
	size_t applied = 0;
	deia_err err;

	/* Where deiad puts them; a store that was named alone has its own. */
	if (dir != NULL && args_text(&cli->args, "store") == NULL)
		backups = must_print("%s/state/backups", dir);
	o.no_backup = args_has(&cli->args, "no-backup");
	o.backup_dir = backups;
	o.note = on_note;
	o.user = cli;
	err = deia_migrate_up(url, &o, &applied, detail, sizeof(detail));
	free(backups);
	if (err != DEIA_OK)
		return refuse_store(err, detail);
	if (cli->json)
		tell("{\"applied\":%zu}", applied);
	else if (applied == 0)
		say(cli, "nothing is pending");
	else
		say(cli, "%zu applied: the store is up to date", applied);
	return EXIT_DONE;
}

static int run_up(struct cli *cli)
{
	int rc = EXIT_REFUSED;
	char *dir, *url = own_store(cli, &dir, &rc);

	if (url != NULL)
		rc = apply(cli, url, dir);
	free(url);
	free(dir);
	return rc;
}

/* ---- the table's rows ---------------------------------------------------- */

static const struct opt status_opts[] = {
	{ "store", 0, OPT_TEXT, false, "URL",
	  "this store instead of DIR's: sqlite:PATH", NULL },
	{ 0 },
};

static const struct opt up_opts[] = {
	{ "store", 0, OPT_TEXT, false, "URL",
	  "this store instead of DIR's: sqlite:PATH", NULL },
	{ "no-backup", 0, OPT_FLAG, false, NULL,
	  "make no copy of the database first", NULL },
	{ 0 },
};

const struct command cmd_migrate_status = {
	.name = "migrate status",
	.usage = "[--dir DIR] [--store URL]",
	.summary = "list the migrations of a stopped hive's store",
	.details = "Changes nothing. A store that is in use is refused (exit\n"
		   "code 5).\n\n"
		   "Example:\n  deia migrate status --dir ~/hives/team\n",
	.opts = status_opts,
	.run = run_status,
};

const struct command cmd_migrate_up = {
	.name = "migrate up",
	.usage = "[--dir DIR] [--store URL] [--no-backup]",
	.summary = "apply the pending migrations of a stopped hive's store",
	.details = "deiad does the same when it starts. Before the first one\n"
		   "a copy of the database is made in DIR/state/backups; the\n"
		   "newest three are kept.\n\n"
		   "Example:\n  deia migrate up\n",
	.opts = up_opts,
	.run = run_up,
};
