/* SPDX-License-Identifier: MIT */
/* copy.h - a message that outlives what its texts were borrowed from. */
#ifndef DEIA_MESSENGER_COPY_H
#define DEIA_MESSENGER_COPY_H

#include <deia/messenger.h>

/* Copies all texts of m into one block, to which they point from here on. The
 * caller frees it (deia__free). NULL: out of memory, m is as before. */
char *deia__message_keep(struct deia_message *m);

#endif
