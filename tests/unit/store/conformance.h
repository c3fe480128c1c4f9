/* SPDX-License-Identifier: MIT */
/* conformance.h - parts of the suite that runs over every backend. */
#ifndef TEST_STORE_CONFORMANCE_H
#define TEST_STORE_CONFORMANCE_H

#include "fixture.h"

extern struct fixture fx; /* fresh for each test */

void add_row_tests(TCase *tc);
void add_txn_tests(TCase *tc);
void add_page_tests(TCase *tc);
void add_limit_tests(TCase *tc);
void add_count_tests(TCase *tc);
void add_restore_tests(TCase *tc);
void add_notice_tests(TCase *tc);

/* The commits of a transaction that a test does not wait for. */
void queue_bot(const char *id, const char *spec, struct outcome *o);
/* n chat lines PREFIX-0, PREFIX-1 ... in one transaction. */
void queue_lines(const char *prefix, int n, struct outcome *o);
void ck_spec(const char *id, const char *want);
struct deia_set set_text(unsigned column, const char *s);
struct deia_set set_int(unsigned column, int64_t i);
deia_err update_bot(const char *id, const struct deia_set *set, size_t n,
		    const struct deia_set *guard);

#endif
