/* SPDX-License-Identifier: MIT */
/*
 * spec_fields.h - every field of a bot's specification, in one table.
 *
 * Reading, checking of numbers, copying, printing and comparing all walk this
 * table, so that a new field is one line here, one member in bot.h and, where
 * its values need it, one check in spec.c.
 */
#ifndef DEIA_BOT_SPEC_FIELDS_H
#define DEIA_BOT_SPEC_FIELDS_H

#include <deia/bot.h>

/* The one value of managed_by. */
#define DEIA__SPEC_SCALER "scaler"

enum deia__spec_kind {
	DEIA__SPEC_TEXT,
	DEIA__SPEC_NUMBER,
	DEIA__SPEC_LIST,    /* of texts */
	DEIA__SPEC_ENV,	    /* a list of "NAME=value", an object in JSON */
	DEIA__SPEC_OPTIONS, /* a text that holds a JSON object */
	DEIA__SPEC_POLICY
};

enum {
	/* What the bot runs as, with or talks to: administrators only. */
	DEIA__SPEC_ADMIN = 1,
	/* A change takes effect at once; others at the next start. */
	DEIA__SPEC_LIVE = 2
};

struct deia__spec_field {
	const char *group; /* "restart" of /restart/policy; NULL: none */
	const char *name;
	enum deia__spec_kind kind;
	unsigned flags;
	size_t at;	   /* of the member */
	size_t at_n;	   /* of a list's length */
	unsigned min, max; /* of a number; max items of a list */
};

extern const struct deia__spec_field deia__spec_fields[];
extern const size_t deia__spec_fields_len;

const char **deia__spec_text(struct deia_bot_spec *s,
			     const struct deia__spec_field *f);
unsigned *deia__spec_number(struct deia_bot_spec *s,
			    const struct deia__spec_field *f);
const char *const **deia__spec_list(struct deia_bot_spec *s,
				    const struct deia__spec_field *f);
size_t *deia__spec_list_len(struct deia_bot_spec *s,
			    const struct deia__spec_field *f);
const char *deia__spec_text_of(const struct deia_bot_spec *s,
			       const struct deia__spec_field *f);
unsigned deia__spec_number_of(const struct deia_bot_spec *s,
			      const struct deia__spec_field *f);
const char *const *deia__spec_list_of(const struct deia_bot_spec *s,
				      const struct deia__spec_field *f,
				      size_t *n);
/* "/restart/policy" */
void deia__spec_pointer(const struct deia__spec_field *f, char *out,
			size_t size);

#endif
