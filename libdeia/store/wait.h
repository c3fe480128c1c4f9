/* SPDX-License-Identifier: MIT */
/* wait.h - waiting for the store before the loop runs. */
#ifndef DEIA_STORE_WAIT_H
#define DEIA_STORE_WAIT_H

#include <deia/sys/store.h>

/*
 * Hands over what was committed and asked, and calls back what is done, until
 * *done is true, which a callback sets, or ms have passed (false). Blocks; for
 * the time before the loop runs, and not from a callback.
 */
bool deia__store_wait(deia_store *s, const bool *done, int64_t ms);

#endif
