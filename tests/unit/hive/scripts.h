/* SPDX-License-Identifier: MIT */
/*
 * scripts.h - bots of a few lines of sh, each with one habit. An id is cut out
 * of the task line with what the shell has.
 */
#ifndef TEST_HIVE_SCRIPTS_H
#define TEST_HIVE_SCRIPTS_H

#define SH_LOOP(on_task)                                                       \
	"while read -r l; do case \"$l\" in "                                  \
	"*'\"type\":\"init\"'*) echo '{\"type\":\"ready\"}';; "                \
	"*'\"type\":\"task\"'*) id=${l#*'\"id\":\"'}; "                        \
	"id=${id%%'\"'*}; " on_task " ;; "                                     \
	"*'\"type\":\"interrupt\"'*) echo '{\"type\":\"error\",\"id\":\"'$id'" \
	"\",\"code\":\"interrupted\",\"message\":\"as asked\","                \
	"\"retryable\":false}';; "                                             \
	"*'\"type\":\"shutdown\"'*) exit 0;; esac; done"

/* Says half of it, then nothing until it is interrupted. */
static const char *const never_answers =
	SH_LOOP("echo '{\"type\":\"chunk\",\"id\":\"'$id'\",\"text\":\"half "
		"\"}'");
/* Ten tokens for each answer. */
static const char *const counts_tokens =
	SH_LOOP("echo '{\"type\":\"done\",\"id\":\"'$id'\",\"text\":\"yes\","
		"\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}'");
/* Will not answer, ever. */
static const char *const says_error =
	SH_LOOP("echo '{\"type\":\"error\",\"id\":\"'$id'\",\"code\":\"no\","
		"\"message\":\"no\",\"retryable\":false}'");
/* The same, but may later. */
static const char *const says_busy =
	SH_LOOP("echo '{\"type\":\"error\",\"id\":\"'$id'\",\"code\":\"busy\","
		"\"message\":\"not now\",\"retryable\":true}'");
/* Dies of each task. */
static const char *const dies_at_work = SH_LOOP("exit 3");

#endif
