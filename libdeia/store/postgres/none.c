/* SPDX-License-Identifier: MIT */
/* none.c - in place of the PostgreSQL backend, built without libpq. */
#include <deia/sys/store.h>

bool deia_store_has_postgresql(void)
{
	return false;
}
