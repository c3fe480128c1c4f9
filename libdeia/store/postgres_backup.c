/* SPDX-License-Identifier: MIT */
/*
 * postgres_backup.c - a copy of the database before a migration, by pg_dump.
 *
 * PostgreSQL's own tool knows best what a database is. It gets the connection's
 * parameters in its environment, where other users cannot read the password,
 * and the empty file as its standard output; pg_restore reads what it writes.
 */
#include "store/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem.h"
#include "store/backup.h"
#include "store/migrate.h"

#define VARIABLES 8

struct dump {
	char *env[VARIABLES + 2];
	unsigned n;
};

static bool add(struct dump *d, const char *name, const char *value)
{
	if (!value || !*value)
		return true;
	d->env[d->n] = deia__asprintf("%s=%s", name, value);
	return d->env[d->n++] != NULL;
}

static bool add_all(struct dump *d, PGconn *pg)
{
	return add(d, "PATH", "/usr/local/bin:/usr/bin:/bin") &&
	       add(d, "PGHOST", PQhost(pg)) && add(d, "PGPORT", PQport(pg)) &&
	       add(d, "PGUSER", PQuser(pg)) && add(d, "PGDATABASE", PQdb(pg)) &&
	       add(d, "PGPASSWORD", PQpass(pg)) &&
	       add(d, "PGSSLMODE", PQsslInUse(pg) ? "require" : NULL) &&
	       add(d, "PGCONNECT_TIMEOUT", "10");
}

/* 0, or why it could not be started. */
static int start(struct dump *d, int out, pid_t *pid)
{
	char name[] = "pg_dump", form[] = "--format=custom",
	     ask[] = "--no-password";
	char *const argv[] = { name, form, ask, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
					      O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null",
						      O_WRONLY, 0);
	if (!rc)
		rc = posix_spawnattr_setsigmask(&attr, &none);
	if (!rc)
		rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	if (!rc)
		rc = posix_spawnp(pid, "pg_dump", &actions, &attr, argv,
				  d->env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static bool ended_well(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static deia_err run(struct dump *d, int out, struct deia__errmsg *msg)
{
	struct stat st;
	pid_t pid;
	int rc = start(d, out, &pid);

	if (rc)
		return deia__fail(
			msg, DEIA_EIO,
			"pg_dump cannot be started (%s), so there would be no "
			"copy of the database before its upgrade: install "
			"PostgreSQL's client programs, or upgrade without a "
			"copy (deia migrate up --no-backup); nothing was "
			"changed",
			strerror(rc));
	if (ended_well(pid) && fstat(out, &st) == 0 && st.st_size > 0)
		return DEIA_OK;
	return deia__fail(msg, DEIA_EIO,
			  "pg_dump failed, so there would be no copy of the "
			  "database before its upgrade: try it by hand to see "
			  "why, or upgrade without a copy (deia migrate up "
			  "--no-backup); nothing was changed");
}

static deia_err fill(struct deia__pg *p, const struct deia__backup *b,
		     struct deia__errmsg *msg)
{
	struct dump d = { .n = 0 };
	deia_err err;
	int out = -1;

	err = deia__backup_create(b, &out, msg);
	if (!err && !add_all(&d, p->write.pg))
		err = deia__fail(msg, DEIA_ENOMEM, "memory ran out");
	if (!err)
		err = run(&d, out, msg);
	if (out >= 0)
		close(out);
	for (unsigned i = 0; i < d.n; i++) {
		if (d.env[i])
			explicit_bzero(d.env[i], strlen(d.env[i]));
		deia__free(d.env[i]);
	}
	return err;
}

deia_err deia__pg_backup(struct deia__pg *p, unsigned before,
			 const struct deia_store_opts *opts,
			 struct deia__errmsg *msg)
{
	struct deia__backup b = { .dir = NULL };
	deia_err err;

	if (!opts->backup_dir)
		return deia__fail(
			msg, DEIA_EIO,
			"there is no folder for a copy of the "
			"database before its upgrade: name the hive's "
			"(--dir), or upgrade without a copy (deia "
			"migrate up --no-backup); nothing was changed");
	err = deia__backup_begin(&b, opts->backup_dir, "deia", ".dump", before,
				 msg);
	if (!err)
		err = fill(p, &b, msg);
	if (!err)
		err = deia__backup_keep(&b, msg);
	if (!err)
		deia__store_note(opts,
				 "copied the database to %s before its upgrade",
				 b.path);
	deia__backup_end(&b);
	return err;
}
