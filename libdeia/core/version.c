/* SPDX-License-Identifier: MIT */
/* version.c - which library is linked. */
#include <deia/version.h>

const char *deia_version(void)
{
	return DEIA_VERSION;
}
