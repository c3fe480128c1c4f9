/* SPDX-License-Identifier: MIT */
/*
 * schema.h - every key of the configuration, as one table.
 *
 * Reading, checking, printing, the environment and the documented default
 * file all come from its rows: a new key is one row in schema.c.
 */
#ifndef DEIA_CONFIG_SCHEMA_H
#define DEIA_CONFIG_SCHEMA_H

#include <deia/error.h>

enum deia__key_type {
	DEIA__KEY_TEXT,
	DEIA__KEY_INT,
	DEIA__KEY_BOOL,
	DEIA__KEY_LIST /* of text; its default is the empty list */
};

struct deia__key {
	const char *name; /* "server.port": section and word */
	enum deia__key_type type;
	const char *fallback; /* the default, as it is written */
	int64_t min, max;     /* of a number */
	const char *choices;  /* "full|normal|memory", or NULL */
	/*
	 * Of text, and of each item of a list: NULL when it is fine, else what
	 * was expected ("an address such as ..."). better, DEIA__BETTER_BYTES
	 * and empty, takes the text's place when it is filled. May be NULL.
	 */
	const char *(*check)(const char *text, char *better);
	const char *env;     /* variable that goes over the file, or NULL */
	bool reload;	     /* SIGHUP is enough */
	bool has_password;   /* as a URL has one: it is never printed */
	const char *example; /* shown in the file instead of the default */
	const char *about;   /* lines for the file, without '#' */
};

extern const struct deia__key deia__keys[];
extern const size_t deia__n_keys;

/* What the file says about a section; NULL: nothing. */
const char *deia__section_about(const char *section);
/* The row's position; deia__n_keys when there is no such key. */
size_t deia__key_find(const char *name);
/* True when keys begin with "name.". */
bool deia__key_is_section(const char *name);
/* The known key or section that an unknown one was probably meant to be, or
 * NULL. Static text. */
const char *deia__key_suggest(const char *name);

#endif
