/* SPDX-License-Identifier: MIT */
/* rig.h - one analyzer and short ways to ask it, for the tests of task. */
#ifndef TEST_TASK_RIG_H
#define TEST_TASK_RIG_H

#include <check.h>
#include <string.h>

#include <deia/task_analysis.h>

/* Analyzers and results are large: they are static and made anew. */
static deia_task_analyzer *rig;

static inline void rig_open(void)
{
	ck_assert_int_eq(deia_task_analyzer_new(&rig, NULL), DEIA_OK);
}

static inline void rig_close(void)
{
	deia_task_analyzer_free(rig);
	rig = NULL;
}

static inline const struct deia_task_analysis *rig_analyze_n(const char *text,
							     size_t len)
{
	static struct deia_task_analysis result;

	ck_assert_int_eq(deia_task_analyze(rig, text, len, NULL, &result),
			 DEIA_OK);
	return &result;
}

static inline const struct deia_task_analysis *rig_analyze(const char *text)
{
	return rig_analyze_n(text, strlen(text));
}

/* True when a reason contains the text. */
static inline bool rig_says(const struct deia_task_analysis *r,
			    const char *text)
{
	for (size_t i = 0; i < r->n_reasons; i++)
		if (strstr(r->reasons[i], text) != NULL)
			return true;
	return false;
}

#endif
