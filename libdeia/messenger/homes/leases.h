/* SPDX-License-Identifier: MIT */
/* leases.h - what was handed over elsewhere, for somebody who looks here. */
#ifndef DEIA_MESSENGER_LEASES_H
#define DEIA_MESSENGER_LEASES_H

#include "messenger/messenger.h"

struct deia__leases;
/* leases are the callback's; freed with deia__leases_free, also on an error. */
typedef void (*deia__leases_cb)(deia_err err, struct deia__leases *leases,
				void *user);

/* Those of the ids first to last. */
DEIA_NODISCARD deia_err deia__leases_read(deia_messenger *m,
					  const unsigned char *first,
					  const unsigned char *last,
					  deia__leases_cb cb, void *user);
/* NULL is fine. */
void deia__leases_free(struct deia__leases *leases);
/* What moves of a message that has a lease; NULL: it has none. Lives as long
 * as leases, which may be NULL. */
const struct deia__msg *deia__leases_find(const struct deia__leases *leases,
					  const unsigned char *id);
/* A row of messages that another messenger may have handed over. */
bool deia__leases_wanted(const deia_messenger *m, const deia_rows *rows,
			 size_t r);

#endif
