/* SPDX-License-Identifier: MIT */
/* pgcase.h - a store on a database of PostgreSQL, and questions to it. */
#ifndef TEST_STORE_PGCASE_H
#define TEST_STORE_PGCASE_H

#include "fixture.h"

extern struct fixture fx;

void setup(void);
void teardown(void);
void close_store(void);
/* The first value of the first row, "" when none; until the next call. */
const char *ask(const char *fmt, ...) DEIA_PRINTF(1, 2);
/* Opening is refused with this, and with words that say why. */
void ck_open_fails(const char *url, deia_err want, const char *words);

#endif
