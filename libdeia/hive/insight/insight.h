/* SPDX-License-Identifier: MIT */
/*
 * insight.h - the inside of what is known of bots and queues beyond their
 * states, and of reports.
 *
 *   report*.c    what happened since some time; see report.h
 */
#ifndef DEIA_HIVE_INSIGHT_INSIGHT_H
#define DEIA_HIVE_INSIGHT_INSIGHT_H

#include "hive/hive.h"

struct deia__insight {
	unsigned n_reports; /* under way */
};

DEIA_NODISCARD deia_err deia__insight_new(deia_hive *h);
void deia__insight_free(deia_hive *h);

#endif
