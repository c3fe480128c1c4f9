/* SPDX-License-Identifier: MIT */
/* receivers.h - the section `alerts.receivers`: who is told of alerts. */
#ifndef DEIA_CONFIG_RECEIVERS_H
#define DEIA_CONFIG_RECEIVERS_H

#include "config/templates.h"

/* Every text is owned. */
struct deia__config_receiver {
	struct deia_config_receiver is;
	unsigned line;
};
struct deia__config_receivers {
	struct deia__config_receiver *list;
	size_t len;
};

/* DEIA_OK, DEIA_EFIELD (where is filled), DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__config_receivers_read(
	struct deia__config_receivers *out, const struct deia__yaml *section,
	struct deia_config_error *where);
void deia__config_receivers_fini(struct deia__config_receivers *r);
/* Of an address only where it is: the rest may be a secret. */
void deia__config_receiver_print(const struct deia__config_receiver *r,
				 struct deia_jw *w);

#endif
