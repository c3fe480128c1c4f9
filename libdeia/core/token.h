/* SPDX-License-Identifier: MIT */
/*
 * token.h - making tokens; their format is described in deia/auth.h, where
 * deia_token_well_formed is declared too.
 */
#ifndef DEIA_CORE_TOKEN_H
#define DEIA_CORE_TOKEN_H

#include <deia/auth.h>

/*
 * A fresh token of 256 random bits and its NUL. The id (characters 5 to 12)
 * is letters and digits only. DEIA_OK, or DEIA_EIO when the kernel gave no
 * random bytes (then out is ""). Any thread.
 */
DEIA_NODISCARD deia_err deia__token_make(char out[static DEIA_TOKEN_LEN + 1]);

#endif
