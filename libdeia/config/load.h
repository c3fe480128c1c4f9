/* SPDX-License-Identifier: MIT */
/* load.h - a configuration from a text alone: no file, no environment. */
#ifndef DEIA_CONFIG_LOAD_H
#define DEIA_CONFIG_LOAD_H

#include <deia/config.h>

/* As deia_config_load. For tests and fuzzing. */
DEIA_NODISCARD deia_err deia__config_load_text(deia_config **out,
					       const char *text, size_t len,
					       struct deia_config_error *where);

#endif
