/* SPDX-License-Identifier: MIT */
/*
 * args.c - options anywhere on the line, "--name value", "--name=value",
 * "-n value", "-nvalue", "-qv"; after "--" everything is a word.
 *
 * Values of numbers and durations are checked here, so that commands may take
 * them without looking.
 */
#include "args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "suggest.h"

struct cursor {
	struct args *a;
	int argc, at;
	char **argv;
	char **message;
};

static const struct opt *by_name(const struct args *a, const char *name,
				 size_t len)
{
	const struct opt *const tables[] = { a->own, a->common };

	for (size_t t = 0; t < 2; t++) {
		for (const struct opt *o = tables[t]; o && o->name; o++) {
			if (strlen(o->name) == len &&
			    memcmp(o->name, name, len) == 0)
				return o;
		}
	}
	return NULL;
}

static const struct opt *by_letter(const struct args *a, char letter)
{
	const struct opt *const tables[] = { a->own, a->common };

	for (size_t t = 0; t < 2; t++) {
		for (const struct opt *o = tables[t]; o && o->name; o++) {
			if (o->letter == letter)
				return o;
		}
	}
	return NULL;
}

static bool unknown(struct cursor *c, const char *typed, size_t len)
{
	const struct opt *const tables[] = { c->a->own, c->a->common };
	char *name = must_dupn(typed, len);
	struct suggestion s = { .typed = name };

	for (size_t t = 0; t < 2; t++) {
		for (const struct opt *o = tables[t]; o && o->name; o++)
			suggest_offer(&s, o->name);
	}
	if (s.best != NULL)
		*c->message = must_print("there is no option --%s; did you "
					 "mean --%s?",
					 name, s.best);
	else
		*c->message = must_print("there is no option --%s; `deia %s%s"
					 "--help` lists the options",
					 name, c->a->command,
					 c->a->command[0] ? " " : "");
	free(name);
	return false;
}

static bool is_number(const char *text)
{
	char *end = NULL;

	errno = 0;
	(void)strtoll(text, &end, 10);
	return *text != '\0' && *end == '\0' && errno == 0;
}

bool parse_duration(const char *text, int64_t *seconds)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "", 1 },     { "s", 1 },     { "m", 60 },
		      { "h", 3600 }, { "d", 86400 }, { "w", 604800 } };
	char *end = NULL;
	long long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || n > 3153600000ll)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*seconds = n * units[i].seconds;
			return true;
		}
	}
	return false;
}

bool opt_takes_word(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_MAYBE_DURATION;
}

static bool is_time(const struct opt *o, const char *value)
{
	int64_t seconds;

	if (o->kind == OPT_DURATION ||
	    (o->kind == OPT_MAYBE_DURATION && *value != '\0'))
		return parse_duration(value, &seconds);
	return true;
}

static bool keep(struct cursor *c, const struct opt *o, const char *value)
{
	if (o->kind == OPT_NUMBER && !is_number(value)) {
		*c->message = must_print("--%s: '%s' is not a whole number",
					 o->name, value);
		return false;
	}
	if (!is_time(o, value)) {
		*c->message = must_print("--%s: '%s' is no time; write it like "
					 "90s, 15m, 12h or 30d",
					 o->name, value);
		return false;
	}
	if (!o->many && opt_takes_word(o) && args_text(c->a, o->name)) {
		*c->message = must_print("--%s is given twice", o->name);
		return false;
	}
	if (c->a->n_given == ARGS_MAX) {
		*c->message = must_print("more than %d options", ARGS_MAX);
		return false;
	}
	c->a->given[c->a->n_given].opt = o;
	c->a->given[c->a->n_given++].value = value;
	return true;
}

static bool needs_value(struct cursor *c, const struct opt *o)
{
	*c->message = must_print("--%s needs a value: --%s %s", o->name,
				 o->name, o->value);
	return false;
}

static bool long_option(struct cursor *c)
{
	const char *text = c->argv[c->at++] + 2;
	const char *equals = strchr(text, '=');
	size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
	const struct opt *o = by_name(c->a, text, len);

	if (o == NULL)
		return unknown(c, text, len);
	if (o->kind == OPT_FLAG && equals != NULL) {
		*c->message = must_print("--%s takes no value", o->name);
		return false;
	}
	if (equals != NULL)
		return keep(c, o, equals + 1);
	if (!opt_takes_word(o))
		return keep(c, o, "");
	if (c->at >= c->argc)
		return needs_value(c, o);
	return keep(c, o, c->argv[c->at++]);
}

static bool short_options(struct cursor *c)
{
	const char *p = c->argv[c->at++] + 1;

	for (; *p != '\0'; p++) {
		const struct opt *o = by_letter(c->a, *p);

		if (o == NULL) {
			*c->message = must_print(
				"there is no option -%c; text that begins with "
				"- goes behind --",
				*p);
			return false;
		}
		if (!opt_takes_word(o)) {
			if (!keep(c, o, ""))
				return false;
			continue;
		}
		if (p[1] != '\0')
			return keep(c, o, p + 1);
		if (c->at >= c->argc)
			return needs_value(c, o);
		return keep(c, o, c->argv[c->at++]);
	}
	return true;
}

static bool word(struct cursor *c)
{
	if (c->a->n_words == ARGS_MAX) {
		*c->message = must_print("more than %d words", ARGS_MAX);
		return false;
	}
	c->a->words[c->a->n_words++] = c->argv[c->at++];
	return true;
}

bool args_parse(struct args *a, int argc, char **argv, bool stop_at_word,
		int *used, char **message)
{
	struct cursor c = { a, argc, 0, argv, message };
	bool only_words = false, ok = true;

	a->n_before_dashes = SIZE_MAX;
	while (ok && c.at < argc) {
		const char *text = argv[c.at];

		if (only_words || text[0] != '-' || text[1] == '\0') {
			if (stop_at_word)
				break;
			ok = word(&c);
		} else if (strcmp(text, "--") == 0) {
			only_words = true;
			a->n_before_dashes = a->n_words;
			c.at++;
		} else if (text[1] == '-') {
			ok = long_option(&c);
		} else {
			ok = short_options(&c);
		}
	}
	if (a->n_before_dashes == SIZE_MAX)
		a->n_before_dashes = a->n_words;
	*used = c.at;
	return ok;
}

const char *args_next(const struct args *a, const char *name, size_t *at)
{
	while (*at < a->n_given) {
		size_t i = (*at)++;

		if (strcmp(a->given[i].opt->name, name) == 0)
			return a->given[i].value;
	}
	return NULL;
}

const char *args_text(const struct args *a, const char *name)
{
	const char *value, *last = NULL;
	size_t at = 0;

	while ((value = args_next(a, name, &at)) != NULL)
		last = value;
	return last;
}

bool args_has(const struct args *a, const char *name)
{
	return args_text(a, name) != NULL;
}

int64_t args_number(const struct args *a, const char *name, int64_t otherwise)
{
	const char *value = args_text(a, name);

	return value != NULL ? strtoll(value, NULL, 10) : otherwise;
}
