/* SPDX-License-Identifier: MIT */
/* adapters.h - which adapters there are, and which of our programs has them. */
#ifndef BOT_ADAPTERS_H
#define BOT_ADAPTERS_H

#include <deia/sys/adapter.h>

struct bot_adapter {
	const char *name, *summary;
	const struct deia_adapter *adapter; /* NULL: not in this program */
	const char *program; /* the program beside this one that has it */
};

extern const struct bot_adapter bot_adapters[];
extern const size_t n_bot_adapters;

#endif
