/* SPDX-License-Identifier: MIT */
/* ndjson.h - one line of a model server's answer as JSON. */
#ifndef DEIA_WORKER_NDJSON_H
#define DEIA_WORKER_NDJSON_H

#include "core/json.h"

#define DEIA__NDJSON_LINE_BYTES (1u << 20)

/*
 * Parses strictly, but for bytes inside texts that are not UTF-8: they are kept
 * as they are, since servers cut characters between two lines. Put such text
 * together (deia_turn_chunk does) before it is shown. *out: cJSON_Delete.
 * Returns DEIA_OK, DEIA_EPARSE, DEIA_ELIMIT, DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__ndjson_parse(cJSON **out, const char *line,
					   size_t len);

#endif
