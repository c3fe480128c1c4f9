/* SPDX-License-Identifier: MIT */
/*
 * mem.h - allocation that can be made to fail, for tests.
 *
 * All of libdeia allocates through these; tests set a countdown to make the
 * n-th allocation fail.
 */
#ifndef DEIA_CORE_MEM_H
#define DEIA_CORE_MEM_H

#include <deia/base.h>

void *deia__alloc(size_t size);	    /* zeroed; NULL: out of memory */
void *deia__alloc_raw(size_t size); /* not zeroed */
void *deia__realloc(void *p, size_t size);
void deia__free(void *p);
char *deia__strdup(const char *s); /* NULL for NULL */
char *deia__strndup(const char *s, size_t len);
/* A printed string; NULL: out of memory. */
char *deia__asprintf(const char *fmt, ...) DEIA_PRINTF(1, 2);
/* Tests: the n-th next allocation of this thread fails (1: the next), and all
 * after it if sticky; 0: off. */
void deia__mem_fail_at(unsigned long n, bool sticky);

#endif
