/* SPDX-License-Identifier: MIT */
/*
 * setup.c - the working folder, before the bot is ready.
 *
 * With worktree_of the folder is a git worktree of that repository on a branch
 * of its own, deia/<bot>: made at the first start, used again after that. The
 * branch outlives the folder: when only the folder is gone, the worktree is
 * made anew from the branch, so that no commit is lost. A folder with anything
 * else in it is never touched.
 *
 * Otherwise it is only found out whether the folder is in a git work tree, so
 * that changed files can be asked for there.
 */
#include "exec/exec.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exec/git.h"
#include "worker/worker.h"
#include "core/mem.h"

#define BRANCH_BYTES (sizeof("refs/heads/deia/") + DEIA_MAX_ID_LEN)

struct exec_setup {
	struct exec *x;
	deia__git *git, *old;  /* old: its done is running */
	char common[PATH_MAX]; /* the repository's .git */
	char ref[BRANCH_BYTES];
	bool exists, forced;
};

typedef void (*step)(const struct deia__git_result *r, void *user);

/* ---- the end ------------------------------------------------------------------ */

void deia__exec_setup_free(struct exec *x)
{
	struct exec_setup *s = x->setup;

	if (!s)
		return;
	x->setup = NULL;
	deia__git_free(s->git);
	deia__git_free(s->old);
	deia__free(s);
}

static void ready(struct exec_setup *s)
{
	struct exec *x = s->x;

	deia_worker_status(x->w, "");
	deia__exec_is_ready(x);
}

static void refuse(struct exec_setup *s, deia_err err, const char *fmt, ...)
	DEIA_PRINTF(3, 4);

static void refuse(struct exec_setup *s, deia_err err, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	deia_worker_note(s->x->w, "%s", text);
	deia__worker_end(s->x->w, err);
}

/* ---- asking git ----------------------------------------------------------------- */

/* False: git could not be started; *error says why. */
static bool git(struct exec_setup *s, step done, const char *dir,
		const char *const *args, int *error)
{
	deia__git_free(s->old);
	s->old = s->git; /* it may be its done that asks */
	s->git = NULL;
	return deia__git_start(&s->git, deia_worker_base(s->x->w), dir, args,
			       done, s, error) == DEIA_OK;
}

static void must_git(struct exec_setup *s, step done, const char *dir,
		     const char *const *args)
{
	int error = 0;

	if (git(s, done, dir, args, &error))
		return;
	if (error == ENOENT)
		refuse(s, DEIA_EFIELD,
		       "worktree_of needs git, which is not "
		       "installed (or not on this bot's PATH)");
	else
		refuse(s, DEIA_EIO, "git cannot be started: %s",
		       strerror(error));
}

/* Cuts the line at *text off, and returns it. */
static char *cut_line(char **text)
{
	char *line = *text, *nl = strchr(line, '\n');

	*text = nl ? nl + 1 : line + strlen(line);
	if (nl)
		*nl = '\0';
	return line;
}

/* ---- is it in a git work tree? ---------------------------------------------------- */

static void on_ignored(const struct deia__git_result *r, void *user)
{
	struct exec_setup *s = user;

	/* 0: ignored, 1: not, else: it cannot tell */
	s->x->folder.git = r->code == 1;
	ready(s);
}

static void on_prefix(const struct deia__git_result *r, void *user)
{
	static const char *const args[] = { "check-ignore", "-q", ".", NULL };
	struct exec_setup *s = user;
	struct exec_folder *folder = &s->x->folder;
	int error = 0;

	if (r->code == 0 && !r->cut) {
		deia__free(folder->prefix);
		folder->prefix = deia__strndup(r->out, strcspn(r->out, "\n"));
	}
	if (r->code || !folder->prefix) {
		ready(s);
		return;
	}
	if (*folder->prefix && git(s, on_ignored, folder->dir, args, &error))
		return;
	/* The root itself is never ignored. */
	folder->git = !*folder->prefix;
	ready(s);
}

static void look_at_folder(struct exec_setup *s)
{
	static const char *const args[] = { "rev-parse", "--show-prefix",
					    NULL };
	int error = 0;

	if (!s->x->config.files ||
	    !git(s, on_prefix, s->x->folder.dir, args, &error))
		ready(s);
}

/* ---- the worktree -------------------------------------------------------------------- */

static void add_worktree(struct exec_setup *s);

static void on_added(const struct deia__git_result *r, void *user)
{
	struct exec_setup *s = user;
	const struct exec_config *c = &s->x->config;

	if (r->code == 0) {
		look_at_folder(s);
		return;
	}
	/* The folder was taken away by hand; git still remembers it. */
	if (!s->forced && strstr(r->err, "already registered")) {
		s->forced = true;
		add_worktree(s);
		return;
	}
	refuse(s, DEIA_EFIELD, "the git worktree %s of %s cannot be made: %s",
	       c->dir, c->worktree_of, r->err);
}

static void add_worktree(struct exec_setup *s)
{
	const struct exec_config *c = &s->x->config;
	const char *branch = s->ref + strlen("refs/heads/");
	const char *args[8] = { "worktree", "add" };
	size_t n = 2;

	if (s->forced)
		args[n++] = "--force";
	if (!s->exists) {
		args[n++] = "-b";
		args[n++] = branch;
	}
	args[n++] = c->dir;
	args[n] = s->exists ? branch : "HEAD";
	must_git(s, on_added, c->worktree_of, args);
}

static void on_branch(const struct deia__git_result *r, void *user)
{
	struct exec_setup *s = user;

	s->exists = r->code == 0;
	add_worktree(s);
}

static bool is_empty_or_missing(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool empty = true;

	if (!d)
		return errno == ENOENT;
	while (empty && (e = readdir(d)))
		empty = strcmp(e->d_name, ".") == 0 ||
			strcmp(e->d_name, "..") == 0;
	closedir(d);
	return empty;
}

static void make_worktree(struct exec_setup *s)
{
	const struct exec_config *c = &s->x->config;
	const char *args[] = { "rev-parse", "--quiet", "--verify", s->ref,
			       NULL };

	if (!is_empty_or_missing(c->dir)) {
		refuse(s, DEIA_EFIELD,
		       "the working folder %s is no worktree of %s and is not "
		       "empty: move away what is in it",
		       c->dir, c->worktree_of);
		return;
	}
	deia_worker_status(s->x->w, "preparing the git worktree ...");
	(void)snprintf(s->ref, sizeof(s->ref), "refs/heads/deia/%s",
		       deia_worker_bot(s->x->w));
	must_git(s, on_branch, c->worktree_of, args);
}

/* Is the folder the root of a worktree of this repository already? */
static void on_present(const struct deia__git_result *r, void *user)
{
	struct exec_setup *s = user;
	char *copy = r->code == 0 && !r->cut ? deia__strdup(r->out) : NULL;
	char *rest = copy, real[PATH_MAX];
	bool same = false;

	if (copy && realpath(s->x->config.dir, real))
		same = strcmp(cut_line(&rest), real) == 0 &&
		       strcmp(cut_line(&rest), s->common) == 0;
	deia__free(copy);
	if (same)
		look_at_folder(s);
	else
		make_worktree(s);
}

static void on_repository(const struct deia__git_result *r, void *user)
{
	static const char *const args[] = { "rev-parse",
					    "--path-format=absolute",
					    "--show-toplevel",
					    "--git-common-dir", NULL };
	struct exec_setup *s = user;
	const struct exec_config *c = &s->x->config;
	struct stat st;

	if (r->code != 0 || r->cut) {
		refuse(s, DEIA_EFIELD,
		       "worktree_of: %s is not a git repository (%s)",
		       c->worktree_of, r->err);
		return;
	}
	(void)snprintf(s->common, sizeof(s->common), "%.*s",
		       (int)strcspn(r->out, "\n"), r->out);
	if (stat(c->dir, &st) == 0)
		must_git(s, on_present, c->dir, args);
	else
		make_worktree(s);
}

deia_err deia__exec_setup(struct exec *x)
{
	static const char *const args[] = { "rev-parse",
					    "--path-format=absolute",
					    "--git-common-dir", NULL };
	const struct exec_config *c = &x->config;
	struct exec_setup *s = deia__alloc(sizeof(*s));
	struct stat st;

	if (!s)
		return DEIA_ENOMEM;
	s->x = x;
	x->setup = s;
	x->folder.dir = c->dir;
	if (!c->worktree_of) {
		look_at_folder(s);
		return DEIA_OK;
	}
	if (stat(c->worktree_of, &st)) {
		deia_worker_note(x->w, "worktree_of: %s: %s", c->worktree_of,
				 strerror(errno));
		return DEIA_EFIELD;
	}
	must_git(s, on_repository, c->worktree_of, args);
	return DEIA_OK;
}
