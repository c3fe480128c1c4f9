/* SPDX-License-Identifier: MIT */
/* read.h - members of JSON objects, read strictly. */
#ifndef DEIA_HEALTH_READ_H
#define DEIA_HEALTH_READ_H

#include <deia/bot.h>

#include "core/errmsg.h"
#include "core/json.h"

/* Where the reader is, and the first thing that was wrong. */
struct deia__read {
	struct deia_field_error *where; /* may be NULL */
	struct deia__errmsg *msg;
	deia_err err;
	size_t len;
	char path[96]; /* "/rules/3/levels" */
};

/* Says what is wrong with a member, or with all (member ""); the first counts. */
void deia__read_wrong(struct deia__read *r, const char *member, const char *fmt,
		      ...) DEIA_PRINTF(3, 4);
/* Goes down to a member or an item; returns what deia__read_up takes back. */
size_t deia__read_down(struct deia__read *r, const char *member);
size_t deia__read_down_at(struct deia__read *r, unsigned index);
void deia__read_up(struct deia__read *r, size_t len);
/* It is an object, and has only these members; names end with NULL. */
bool deia__read_object(struct deia__read *r, const cJSON *json,
		       const char *const *names);
/* The length of an array of at most max; 0 when it is left out. */
size_t deia__read_array(struct deia__read *r, const cJSON *json,
			const char *member, size_t max, const cJSON **out);
/* A text; NULL when left out, which is wrong if it is needed. */
const char *deia__read_text(struct deia__read *r, const cJSON *json,
			    const char *member, bool needed);
/* A finite number within; `otherwise` when left out, NaN: it is needed. */
double deia__read_number(struct deia__read *r, const cJSON *json,
			 const char *member, double min, double max,
			 double otherwise);
bool deia__read_bool(struct deia__read *r, const cJSON *json,
		     const char *member, bool otherwise);
/* A time after 1970; 0 when left out. */
int64_t deia__read_time(struct deia__read *r, const cJSON *json,
			const char *member);

#endif
