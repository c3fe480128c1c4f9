/* SPDX-License-Identifier: MIT */
/*
 * args.h - options as tables, so that parsing, help, completion and the
 * "did you mean" of a wrong option all come from one place.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <deia/base.h>

enum opt_kind {
	OPT_FLAG,
	OPT_TEXT,
	OPT_NUMBER,
	OPT_DURATION,
	OPT_MAYBE_DURATION /* a flag; a time only as --name=TIME */
};

struct opt {
	const char *name; /* without --; NULL ends a table */
	char letter;	  /* 0: none */
	enum opt_kind kind;
	bool many;	   /* may be given more than once */
	const char *value; /* what the help calls its value */
	const char *help;
	const char *words; /* values that completion offers, or NULL */
};

#define ARGS_MAX 512

/* What a command line said. All text belongs to argv. */
struct args {
	const char *command; /* "bot launch", for messages */
	const struct opt *own, *common;
	struct {
		const struct opt *opt;
		const char *value; /* "" for none */
	} given[ARGS_MAX];
	size_t n_given;
	const char *words[ARGS_MAX];
	size_t n_words;
	size_t n_before_dashes; /* words before "--"; n_words without one */
};

/*
 * Sorts argv into options of the two tables (either may be NULL) and words.
 * With stop_at_word, ends at the first word. False: *message (free it) says
 * what is wrong. *used: how many of argv were taken.
 */
bool args_parse(struct args *a, int argc, char **argv, bool stop_at_word,
		int *used, char **message);

/* Whether the next word is the option's value. */
bool opt_takes_word(const struct opt *o);
bool args_has(const struct args *a, const char *name);
/* The last value given; NULL when there is none. */
const char *args_text(const struct args *a, const char *name);
/* Values one after the other; *at begins at 0; NULL after the last. */
const char *args_next(const struct args *a, const char *name, size_t *at);
int64_t args_number(const struct args *a, const char *name, int64_t otherwise);
/* "90", "90s", "15m", "12h", "30d" in seconds; false: it is none. */
bool parse_duration(const char *text, int64_t *seconds);

#endif
