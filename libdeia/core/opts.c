/* SPDX-License-Identifier: MIT */
/* opts.c - see opts.h. */
#include "core/opts.h"

#include <string.h>

bool deia__opts_take(void *to, size_t len, const void *from)
{
	const unsigned char *bytes = from;
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size))
		return false;
	for (size_t i = len; i < size; i++)
		if (bytes[i])
			return false;
	memcpy(to, from, size < len ? size : len);
	memcpy(to, &len, sizeof(len));
	return true;
}
