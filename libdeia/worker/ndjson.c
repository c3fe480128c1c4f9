/* SPDX-License-Identifier: MIT */
/*
 * ndjson.c - strict JSON, lenient about UTF-8 inside texts.
 *
 * The strict check refuses bytes that are not UTF-8. When a line has some, a
 * copy is checked in which each such byte is a '?': inside a text that changes
 * nothing about the grammar, outside it is an error as it should be. The line
 * itself is then parsed as it came; cJSON copies the bytes of texts blindly.
 */
#include "worker/ndjson.h"

#include <string.h>

#include "core/mem.h"
#include "core/utf8.h"

static char *with_question_marks(const char *line, size_t len)
{
	char *copy = deia__strndup(line, len);
	size_t i = 0;

	while (copy && i < len) {
		int n = deia__utf8_next(line + i, len - i);
		if (n <= 0)
			copy[i] = '?';
		i += n > 0 ? (size_t)n : 1;
	}
	return copy;
}

deia_err deia__ndjson_parse(cJSON **out, const char *line, size_t len)
{
	char *copy;
	deia_err err;

	*out = NULL;
	if (memchr(line, '\0', len))
		return DEIA_EPARSE;
	if (deia__utf8_valid(line, len))
		return deia_json_parse(out, line, len, NULL);
	copy = with_question_marks(line, len);
	if (!copy)
		return DEIA_ENOMEM;
	err = deia_json_check(copy, len, NULL);
	deia__free(copy);
	if (err)
		return err;
	*out = cJSON_ParseWithLength(line, len);
	return *out ? DEIA_OK : DEIA_EPARSE;
}
