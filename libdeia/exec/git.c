/* SPDX-License-Identifier: MIT */
/*
 * git.c - one git command, with what it printed.
 *
 * The repository belongs to whoever writes into the working folder, an agent
 * included, so what a repository can make git run by itself is switched off:
 * hooks, the file system monitor and, where nothing is checked out, fetching
 * of what is missing. Filters that its configuration names cannot be switched
 * off as a whole; docs/exec.md says so.
 */
#include "exec/git.h"

#include <string.h>

#include "exec/child.h"
#include "core/buf.h"
#include "core/mem.h"

#define OUT_BYTES (8u << 20)
#define ERR_BYTES 400u
#define MAX_ARGS 24

struct deia__git {
	deia__child *child;
	struct deia__buf out;
	char err[ERR_BYTES + 1];
	size_t err_len;
	void (*done)(const struct deia__git_result *result, void *user);
	void *user;
};

static void on_out(const char *p, size_t len, void *user)
{
	deia__git *git = user;

	deia__buf_add(&git->out, p, len);
}

/* The last of it: git says what matters at the end. */
static void on_err(const char *p, size_t len, void *user)
{
	deia__git *git = user;
	size_t drop;

	if (len > ERR_BYTES) {
		p += len - ERR_BYTES;
		len = ERR_BYTES;
	}
	drop = git->err_len + len > ERR_BYTES ? git->err_len + len - ERR_BYTES
					      : 0;
	memmove(git->err, git->err + drop, git->err_len - drop);
	git->err_len -= drop;
	memcpy(git->err + git->err_len, p, len);
	git->err_len += len;
}

static void to_one_line(char *text, size_t len)
{
	while (len && (unsigned char)text[len - 1] <= ' ')
		len--;
	text[len] = '\0';
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

static void on_end(const struct deia__child_end *end, void *user)
{
	deia__git *git = user;
	struct deia__git_result result = { .code = end->code };

	to_one_line(git->err, git->err_len);
	result.cut = git->out.err != DEIA_OK;
	result.out = git->out.data ? git->out.data : "";
	result.out_len = git->out.len;
	result.err = git->err;
	git->done(&result, git->user);
}

deia_err deia__git_start(deia__git **out, struct event_base *base,
			 const char *dir, const char *const *args,
			 void (*done)(const struct deia__git_result *result,
				      void *user),
			 void *user, int *error)
{
	static const char *const env[] = { "GIT_TERMINAL_PROMPT=0",
					   "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C",
					   NULL };
	static const char *const no_fetch[] = {
		"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C",
		"GIT_ALLOW_PROTOCOL=none", NULL
	};
	static const char *const first[] = { "git",
					     "-c",
					     "core.fsmonitor=false",
					     "-c",
					     "core.hooksPath=/dev/null",
					     "-C" };
	const size_t n_first = sizeof(first) / sizeof(*first);
	char *argv[MAX_ARGS] = { NULL };
	deia__git *git = deia__alloc(sizeof(*git));
	bool checks_out = strcmp(args[0], "worktree") == 0;
	struct deia__child_opts opts = { .env = checks_out ? env : no_fetch,
					 .on_out = on_out,
					 .on_err = on_err,
					 .on_end = on_end,
					 .user = git };
	deia_err err;

	*out = NULL;
	*error = 0;
	if (!git)
		return DEIA_ENOMEM;
	/* posix_spawn wants its strings writable, and writes none. */
	memcpy(argv, first, sizeof(first));
	memcpy(&argv[n_first], &dir, sizeof(dir));
	for (size_t n = n_first + 1; *args && n + 1 < MAX_ARGS; n++, args++)
		memcpy(&argv[n], args, sizeof(*args));
	opts.argv = argv;
	deia__buf_init(&git->out, OUT_BYTES);
	git->done = done;
	git->user = user;
	err = deia__child_start(&git->child, base, &opts, error);
	if (err)
		deia__free(git);
	else
		*out = git;
	return err;
}

void deia__git_free(deia__git *git)
{
	if (!git)
		return;
	deia__child_free(git->child);
	deia__buf_fini(&git->out);
	deia__free(git);
}
