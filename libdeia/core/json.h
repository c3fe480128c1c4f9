/* SPDX-License-Identifier: MIT */
/* json.h - typed access to cJSON trees, on top of deia/sys/json.h. */
#ifndef DEIA_CORE_JSON_H
#define DEIA_CORE_JSON_H

#include <cjson/cJSON.h>
#include <deia/sys/json.h>

/* Text of a string member; NULL when absent or of another type. */
const char *deia__json_str(const cJSON *obj, const char *key);
/* Whole number within [min, max]; false when absent, of another type, not
 * whole or out of range (then *out is unchanged). */
bool deia__json_int(const cJSON *obj, const char *key, int64_t min, int64_t max,
		    int64_t *out);
/* NULL when absent; never a JSON null. */
const cJSON *deia__json_get(const cJSON *obj, const char *key);
/* Compact text of a tree; deia__free it. NULL: out of memory (or a tree made
 * by hand that is deeper than DEIA_MAX_JSON_DEPTH). */
char *deia__json_print(const cJSON *json);

/* The shortest text that reads back as v; "null" for what is not finite. */
void deia__json_number(char out[static 40], double v);
/* strtod with '.' whatever the process's locale is. */
double deia__json_double(const char *text);

#endif
