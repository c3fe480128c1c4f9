/* SPDX-License-Identifier: MIT */
/*
 * argv.c - from the configured words to the command of one turn.
 *
 * No shell is ever involved: an argument stays one argument, whatever is put
 * into it. Two things a shell would not protect from either are seen to here.
 * What someone wrote must not become an option of the program, so a text that
 * begins with "-" is refused as an argument of its own unless "--" went before.
 * And the kernel takes at most 128 KiB an argument: longer prompts must go by
 * stdin, which the error says.
 */
#include "exec/exec.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

/* Of the former messages, as much goes along. */
#define TRANSCRIPT_BYTES (256u << 10)
#define TRANSCRIPT_ARGUMENT_BYTES (64u << 10)

#define PROMPT "{prompt}"
#define SYSTEM_PROMPT "{system_prompt}"

struct filler {
	struct exec_turn *t;
	const char *prompt;
	const char *session;
	bool after_dashes; /* "--" went before */
	bool added;	   /* the word before this one */
};

void deia__exec_argv_free(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		deia__free(argv[i]);
	deia__free(argv);
}

bool deia__exec_argv_has(char *const *argv, const char *placeholder)
{
	for (size_t i = 0; argv[i]; i++)
		if (strstr(argv[i], placeholder))
			return true;
	return false;
}

/* ---- placeholders ------------------------------------------------------------ */

enum { NAMES = 6 };

/* The placeholder at p, and its value: NULL when it has none. */
static size_t placeholder_at(const struct filler *f, const char *p,
			     const char **value)
{
	const struct deia_turn_info *info = deia_turn_info(f->t->turn);
	const struct exec_config *c = &f->t->x->config;
	const struct {
		const char *name, *value;
	} all[NAMES] = {
		{ PROMPT, f->prompt },
		{ SYSTEM_PROMPT, c->system_prompt },
		{ "{session}", f->session },
		{ "{conversation}", info->conversation },
		{ "{model}", c->model },
		{ "{bot}", deia_worker_bot(f->t->x->w) },
	};

	for (int i = 0; i < NAMES; i++) {
		size_t len = strlen(all[i].name);
		if (strncmp(p, all[i].name, len) != 0)
			continue;
		*value = all[i].value;
		return len;
	}
	return 0;
}

/* One argument with its values in; *left_out when one of them is missing. */
static void fill(const struct filler *f, const char *word, struct deia__buf *b,
		 bool *left_out)
{
	const char *value = NULL;

	*left_out = false;
	deia__buf_add(b, "", 0);
	while (*word) {
		size_t len = *word == '{' ? placeholder_at(f, word, &value) : 0;
		if (!len) {
			deia__buf_add(b, word++, 1);
			continue;
		}
		if (!value)
			*left_out = true;
		else
			deia__buf_adds(b, value);
		word += len;
	}
}

static deia_err check_argument(struct filler *f, const char *word,
			       const struct deia__buf *b)
{
	if (b->err == DEIA_ENOMEM)
		return b->err;
	if (b->err || b->len > EXEC_ARGUMENT_BYTES) {
		deia__exec_turn_fail(f->t, "prompt_too_long", false, 0,
				     "the prompt makes an argument above "
				     "131,071 bytes, which the system does not "
				     "take: leave {prompt} out of argv, then "
				     "the prompt goes by stdin");
		return DEIA_EFIELD;
	}
	if (b->len && *b->data == '-' && *word != '-' && !f->after_dashes) {
		deia__exec_turn_fail(f->t, "prompt_refused", false, 0,
				     "a prompt that begins with \"-\" would be "
				     "read as an option: put \"--\" before "
				     "{prompt} in argv, or leave {prompt} out, "
				     "then the prompt goes by stdin");
		return DEIA_EFIELD;
	}
	return DEIA_OK;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && strcmp(word, "--") != 0;
}

/* Adds one word. *n: how many there are. */
static deia_err add_word(struct filler *f, char **argv, size_t *n,
			 const char *word, const char *before)
{
	const char *value;
	struct deia__buf b;
	bool left_out;
	deia_err err;

	deia__buf_init(&b, 2 * EXEC_ARGUMENT_BYTES);
	fill(f, word, &b, &left_out);
	if (left_out) {
		deia__buf_fini(&b);
		/* "--model {model}": without a model both go. */
		if (placeholder_at(f, word, &value) == strlen(word) &&
		    f->added && is_option(before) && *n > 1)
			deia__free(argv[--*n]);
		argv[*n] = NULL;
		f->added = false;
		return DEIA_OK;
	}
	err = check_argument(f, word, &b);
	if (!err && !(argv[*n] = b.len ? deia__buf_take(&b) : deia__strdup("")))
		err = DEIA_ENOMEM;
	deia__buf_fini(&b);
	f->added = !err;
	if (!err && strcmp(argv[(*n)++], "--") == 0)
		f->after_dashes = true;
	return err;
}

static deia_err build_argv(struct filler *f, char *const *words)
{
	struct exec_turn *t = f->t;
	size_t count = 0, n = 0;
	deia_err err = DEIA_OK;

	while (words[count])
		count++;
	t->argv = deia__alloc((count + 1) * sizeof(*t->argv));
	if (!t->argv)
		return DEIA_ENOMEM;
	for (size_t i = 0; i < count && !err; i++)
		err = add_word(f, t->argv, &n, words[i], i ? words[i - 1] : "");
	return err;
}

/* ---- the prompt ---------------------------------------------------------------- */

static size_t item_len(const struct deia_turn_history *h)
{
	return strlen(h->role) + strlen(h->content) +
	       sizeof("<message role=\"\">\n\n</message>\n");
}

static void add_transcript(struct deia__buf *b,
			   const struct deia_turn_info *info, size_t room)
{
	size_t first = info->n_history;

	while (first > 0 && item_len(&info->history[first - 1]) <= room)
		room -= item_len(&info->history[--first]);
	if (first == info->n_history)
		return;
	deia__buf_adds(b, "<conversation>\n");
	for (; first < info->n_history; first++) {
		const struct deia_turn_history *h = &info->history[first];
		deia__buf_adds(b, "<message role=\"");
		deia__buf_adds(b, h->role);
		deia__buf_adds(b, "\">\n");
		deia__buf_adds(b, h->content);
		deia__buf_adds(b, "\n</message>\n");
	}
	deia__buf_adds(b, "</conversation>\n\n");
}

/*
 * The agent's session, when the command can go on with it. It came from the
 * agent itself and becomes an argument: it must look like a name.
 */
static const char *session_of(const struct exec_turn *t)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
				    "pqrstuvwxyz0123456789._:-";
	const char *session = deia_turn_info(t->turn)->session;
	const struct exec_config *c = &t->x->config;

	if (!session || t->fresh || !*session || *session == '-' ||
	    session[strspn(session, plain)])
		return NULL;
	if (!c->resume_argv && !deia__exec_argv_has(c->argv, "{session}"))
		return NULL;
	return session;
}

/* What the program reads: a session knows all but the newest message. */
static void build_prompt(struct exec_turn *t, char *const *words)
{
	const struct deia_turn_info *info = deia_turn_info(t->turn);
	const struct exec_config *c = &t->x->config;
	bool as_argument = deia__exec_argv_has(words, PROMPT);

	if (!t->resumed && c->system_prompt &&
	    !deia__exec_argv_has(words, SYSTEM_PROMPT)) {
		deia__buf_adds(&t->input, c->system_prompt);
		deia__buf_adds(&t->input, "\n\n");
	}
	if (!t->resumed && c->transcript)
		add_transcript(&t->input, info,
			       as_argument ? TRANSCRIPT_ARGUMENT_BYTES
					   : TRANSCRIPT_BYTES);
	deia__buf_adds(&t->input, info->content);
}

deia_err deia__exec_command(struct exec_turn *t)
{
	const struct exec_config *c = &t->x->config;
	char *const *words = c->argv;
	struct filler f = { .t = t, .session = session_of(t) };
	deia_err err;

	t->resumed = f.session != NULL;
	if (t->resumed && c->resume_argv)
		words = c->resume_argv;
	deia__buf_init(&t->input, 0);
	deia__buf_add(&t->input, "", 0);
	build_prompt(t, words);
	if (t->input.err)
		return DEIA_ENOMEM;
	f.prompt = t->input.len ? t->input.data : "";
	err = build_argv(&f, words);
	if (!err && deia__exec_argv_has(words, PROMPT))
		deia__buf_fini(&t->input);
	return err;
}
