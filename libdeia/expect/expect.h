/* SPDX-License-Identifier: MIT */
/*
 * expect.h - what a task's result must be for its attempt to be a success:
 * {"regex": TEXT} or {"json_schema": {...}}. The rules for its users are in
 * docs/expect.md.
 */
#ifndef DEIA_EXPECT_EXPECT_H
#define DEIA_EXPECT_EXPECT_H

#include "core/errmsg.h"

struct cJSON;
struct deia__expect;

/*
 * Is this one? expect: a checked tree, borrowed, may be NULL (it is none).
 * DEIA_OK; DEIA_EFIELD: why says what is wrong and where; DEIA_ELIMIT: more
 * than DEIA_TASK_MAX_EXPECT_BYTES; DEIA_ENOMEM. why: may be NULL. Any thread.
 */
DEIA_NODISCARD deia_err deia__expect_check(const struct cJSON *expect,
					   struct deia__errmsg *why);
/*
 * Prepares one. json: its text, copied. Costs some ten microseconds; keep it
 * for as long as its task runs, or make it when a result is there. Errors as
 * deia__expect_check, and DEIA_EFIELD for what is no JSON. Any thread.
 */
DEIA_NODISCARD deia_err deia__expect_new(struct deia__expect **out,
					 const char *json,
					 struct deia__errmsg *why);
void deia__expect_free(struct deia__expect *e); /* NULL is fine */

/*
 * Is this result what was expected? text: any bytes, at most
 * DEIA_MAX_ANSWER_BYTES of them. The work is bounded, whatever was expected.
 * DEIA_OK: it is.
 * DEIA_EREMOTE: it is not; why says where it differs, in one line.
 * DEIA_ELIMIT: deciding it took more work than is allowed, or the result is
 * longer. It is not a success; why says so.
 * DEIA_ENOMEM.
 * why: may be NULL. Any thread, several at a time.
 */
DEIA_NODISCARD deia_err deia__expect_holds(const struct deia__expect *e,
					   const char *text, size_t len,
					   struct deia__errmsg *why);

#endif
