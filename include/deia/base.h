/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every public header needs: attributes and linkage.
 *
 * Stability: everything in include/deia/ is stable within a major version;
 * include/deia/sys/ is the extension tier and stable within a minor version.
 */
#ifndef DEIA_BASE_H
#define DEIA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define DEIA_BEGIN extern "C" {
#define DEIA_END }
#else
#define DEIA_BEGIN
#define DEIA_END
#endif

#if defined(__GNUC__)
#define DEIA_NODISCARD __attribute__((warn_unused_result))
#define DEIA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define DEIA_API __attribute__((visibility("default")))
#else
#define DEIA_NODISCARD
#define DEIA_PRINTF(fmt, args)
#define DEIA_API
#endif

#endif
