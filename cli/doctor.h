/* SPDX-License-Identifier: MIT */
/* doctor.h - `deia doctor` where no hive answers: what this machine shows. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <cjson/cJSON.h>

#include "cli.h"

/*
 * {"running":false,"items":[{"check","status","text","advice"}...],"status"} of
 * the hive of dir, which may be NULL: configuration, folders, disk, port,
 * programs, limits. cJSON_Delete it.
 */
cJSON *doctor_local(const char *dir);

#endif
