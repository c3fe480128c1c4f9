/* SPDX-License-Identifier: MIT */
/*
 * hive_insight.h - what bots need and queues lack, beyond their states.
 *
 * From memory, at once: nothing is read from a disk. docs/report.md has the
 * members and the formulas. Everything as in hive.h: loop thread. All since 0.3.
 */
#ifndef DEIA_HIVE_INSIGHT_H
#define DEIA_HIVE_INSIGHT_H

#include <deia/hive.h>

DEIA_BEGIN

struct deia_jw;

/*
 * Prints one JSON object: bots of this node in order of id, up to limit
 * (1..DEIA_MAX_PAGE_LEN) behind the id `after` (NULL: from the first); queues by
 * type, with the one that holds up most; what fails, and what that would take
 * with it. Before the hive is started lists are empty. DEIA_OK; DEIA_EINVAL:
 * limit; DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err deia_hive_insight_print(deia_hive *hive,
							 const char *after,
							 unsigned limit,
							 struct deia_jw *w);

DEIA_END

#endif
