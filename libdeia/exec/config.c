/* SPDX-License-Identifier: MIT */
/*
 * config.c - the config of an exec bot, checked and copied.
 *
 * Every key of `options` is deia's own: an unknown one is refused, since it is
 * a typing mistake. Whether the program is there is looked at as well, so that
 * a wrong name is said at the launch and not at the first turn.
 */
#include "exec/exec.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

#define MAX_SILENCE_SECONDS 604800

struct reader {
	struct exec_config *c;
	const cJSON *config, *options;
	char *why;
	size_t why_len;
};

static deia_err refuse(struct reader *r, const char *fmt, ...)
	DEIA_PRINTF(2, 3);

static deia_err refuse(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->why, r->why_len, fmt, ap);
	va_end(ap);
	return DEIA_EFIELD;
}

/* ---- argv ------------------------------------------------------------------ */

static deia_err read_argv(struct reader *r, const cJSON *list, const char *name,
			  char ***out)
{
	int n = cJSON_GetArraySize(list), i = 0;
	const cJSON *item;
	char **argv;

	if (!cJSON_IsArray(list) || n < 1 || n > DEIA_MAX_ARGV_LEN)
		return refuse(r, "%s must be an array of 1 to %d texts", name,
			      DEIA_MAX_ARGV_LEN);
	argv = deia__alloc(((size_t)n + 1) * sizeof(*argv));
	*out = argv;
	cJSON_ArrayForEach(item, list) {
		if (!cJSON_IsString(item))
			return refuse(r, "%s must be an array of texts", name);
		if (!argv || !(argv[i++] = deia__strdup(item->valuestring)))
			return DEIA_ENOMEM;
	}
	if (!*argv[0] || strchr(argv[0], '{'))
		return refuse(r,
			      "the first word of %s must be a program, "
			      "without placeholders",
			      name);
	return DEIA_OK;
}

/* Where a word without a slash is found on PATH; NULL: nowhere. */
static const char *find_on_path(const char *name, char path[PATH_MAX])
{
	const char *p = getenv("PATH");

	while (p && *p) {
		size_t len = strcspn(p, ":");
		(void)snprintf(path, PATH_MAX, "%.*s/%s", (int)len, p, name);
		if (access(path, X_OK) == 0)
			return path;
		p += len + (p[len] == ':');
	}
	return NULL;
}

static deia_err check_program(struct reader *r, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (!strchr(name, '/'))
		return find_on_path(name, path)
			       ? DEIA_OK
			       : refuse(r,
					"there is no program \"%s\" on this "
					"bot's PATH: install it, or give "
					"its whole path in argv",
					name);
	if (r->c->worktree_of && *name != '/')
		return DEIA_OK; /* it comes with the worktree */
	(void)snprintf(path, sizeof(path), "%s%s%s",
		       *name == '/' ? "" : r->c->dir, *name == '/' ? "" : "/",
		       name);
	if (stat(path, &st))
		return refuse(r, "the program %s cannot be run: %s", name,
			      strerror(errno));
	if (!S_ISREG(st.st_mode) || access(path, X_OK))
		return refuse(r,
			      "the program %s is not executable: chmod +x "
			      "it, or name the interpreter first in argv",
			      name);
	return DEIA_OK;
}

/* ---- options --------------------------------------------------------------- */

static deia_err read_format(struct reader *r, const cJSON *v)
{
	static const struct exec_format *const formats[] = {
		&deia__exec_text, &deia__exec_jsonl, &deia__exec_claude,
		&deia__exec_codex
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (cJSON_IsString(v) &&
		    strcmp(formats[i]->name, v->valuestring) == 0) {
			r->c->format = formats[i];
			return DEIA_OK;
		}
	return refuse(r, "options.format must be text, jsonl, "
			 "claude-stream-json or codex-json");
}

static deia_err read_history(struct reader *r, const cJSON *v)
{
	bool none = cJSON_IsString(v) && strcmp(v->valuestring, "none") == 0;

	r->c->transcript =
		cJSON_IsString(v) && strcmp(v->valuestring, "transcript") == 0;
	if (!none && !r->c->transcript)
		return refuse(r, "options.history must be none or transcript");
	return DEIA_OK;
}

static deia_err read_files(struct reader *r, const cJSON *v)
{
	if (!cJSON_IsBool(v))
		return refuse(r, "options.files must be true or false");
	r->c->files = cJSON_IsTrue(v);
	return DEIA_OK;
}

static deia_err read_resume(struct reader *r, const cJSON *v)
{
	return read_argv(r, v, "options.resume_argv", &r->c->resume_argv);
}

static deia_err read_silence(struct reader *r, const cJSON *v)
{
	int64_t n = 0;

	(void)v;
	if (!deia__json_int(r->options, "silence_timeout_seconds", 0,
			    MAX_SILENCE_SECONDS, &n))
		return refuse(r, "options.silence_timeout_seconds must be a "
				 "whole number from 0 to 604800");
	r->c->silence_seconds = (unsigned)n;
	return DEIA_OK;
}

static const struct option {
	const char *key;
	deia_err (*read)(struct reader *r, const cJSON *v);
} known_options[] = {
	{ "format", read_format },
	{ "history", read_history },
	{ "files", read_files },
	{ "resume_argv", read_resume },
	{ "silence_timeout_seconds", read_silence },
};

static deia_err read_option(struct reader *r, const cJSON *v)
{
	size_t n = sizeof(known_options) / sizeof(*known_options);

	for (size_t i = 0; i < n; i++)
		if (strcmp(known_options[i].key, v->string) == 0)
			return known_options[i].read(r, v);
	return refuse(r,
		      "options.%.60s is not known: the exec adapter has "
		      "format, history, files, resume_argv and "
		      "silence_timeout_seconds",
		      v->string);
}

static deia_err read_options(struct reader *r)
{
	deia_err err = DEIA_OK;
	const cJSON *v;

	if (r->options && !cJSON_IsObject(r->options))
		return refuse(r, "options must be an object");
	cJSON_ArrayForEach(v, r->options) {
		err = read_option(r, v);
		if (err)
			break;
	}
	return err;
}

/* ---- the rest --------------------------------------------------------------- */

/* A model that begins with "-" would be read as an option. */
static deia_err read_texts(struct reader *r)
{
	const char *model = deia__json_str(r->config, "model");
	const char *prompt = deia__json_str(r->config, "system_prompt");

	if (model && *model == '-')
		return refuse(r, "model must not begin with \"-\"");
	r->c->model = deia__strdup(model);
	r->c->system_prompt = deia__strdup(prompt);
	if ((model && !r->c->model) || (prompt && !r->c->system_prompt))
		return DEIA_ENOMEM;
	return DEIA_OK;
}

static deia_err read_folder(struct reader *r)
{
	const char *dir = deia__json_str(r->config, "work_dir");
	const char *repo = deia__json_str(r->config, "worktree_of");
	char here[PATH_MAX];

	if (repo && !dir)
		return refuse(r, "worktree_of needs a work_dir: leave out cwd, "
				 "then the hive gives the bot one");
	if (dir && *dir != '/')
		return refuse(r, "work_dir must be an absolute path");
	if (!dir && !(dir = getcwd(here, sizeof(here))))
		return refuse(r, "the working folder is gone: %s",
			      strerror(errno));
	r->c->dir = deia__strdup(dir);
	r->c->worktree_of = deia__strdup(repo);
	if (!r->c->dir || (repo && !r->c->worktree_of))
		return DEIA_ENOMEM;
	return DEIA_OK;
}

deia_err deia__exec_config_read(struct exec_config *c, const cJSON *json,
				char *why, size_t why_len)
{
	struct reader r = { .c = c,
			    .config = json,
			    .options = deia__json_get(json, "options"),
			    .why = why,
			    .why_len = why_len };
	int64_t concurrent = 1;
	deia_err err;

	c->format = &deia__exec_text;
	c->files = true;
	(void)deia__json_int(json, "max_concurrent", 1, DEIA_MAX_CONCURRENT,
			     &concurrent);
	c->max_concurrent = (unsigned)concurrent;
	err = read_texts(&r);
	if (!err)
		err = read_folder(&r);
	if (!err)
		err = read_argv(&r, deia__json_get(json, "argv"), "argv",
				&c->argv);
	if (!err)
		err = read_options(&r);
	if (!err)
		err = check_program(&r, c->argv[0]);
	if (!err && c->resume_argv)
		err = check_program(&r, c->resume_argv[0]);
	return err;
}

void deia__exec_config_free(struct exec_config *c)
{
	deia__exec_argv_free(c->argv);
	deia__exec_argv_free(c->resume_argv);
	deia__free(c->model);
	deia__free(c->system_prompt);
	deia__free(c->dir);
	deia__free(c->worktree_of);
}
