/* SPDX-License-Identifier: MIT */
/* version.h - what this header belongs to, and what is linked. */
#ifndef DEIA_VERSION_H
#define DEIA_VERSION_H

#include <deia/base.h>

#define DEIA_VERSION_MAJOR 0
#define DEIA_VERSION_MINOR 1
#define DEIA_VERSION_PATCH 0
#define DEIA_VERSION "0.1.0"

DEIA_BEGIN
/* The version of the library that is linked, "0.1.0". Static text. Since 0.1. */
DEIA_API const char *deia_version(void);
DEIA_END

#endif
