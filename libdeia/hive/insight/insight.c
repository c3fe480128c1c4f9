/* SPDX-License-Identifier: MIT */
/* insight.c - its life. */
#include "hive/insight/insight.h"

deia_err deia__insight_new(deia_hive *h)
{
	h->insight = deia__alloc(sizeof(*h->insight));
	return h->insight ? DEIA_OK : DEIA_ENOMEM;
}

void deia__insight_free(deia_hive *h)
{
	deia__free(h->insight);
	h->insight = NULL;
}
