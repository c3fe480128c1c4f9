/* SPDX-License-Identifier: MIT */
/* since.h - "10m" or a date and time as a moment, before now or after it. */
#ifndef CLI_SINCE_H
#define CLI_SINCE_H

#include <stdint.h>

#include <deia/base.h>

/*
 * The moment that text means, as log lines begin ("2026-11-22T17:31:44.065Z",
 * so that comparing bytes compares times): so long before now_ms ("90s",
 * "10m", "2h", "3d"), or a date or time in RFC 3339, local where it has no
 * zone. False: it is neither.
 */
bool since_parse(char out[static 32], const char *text, int64_t now_ms);
/* The same for what is to come: "10m" is in ten minutes. */
bool until_parse(char out[static 32], const char *text, int64_t now_ms);

#endif
