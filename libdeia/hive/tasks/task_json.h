/* SPDX-License-Identifier: MIT */
/* task_json.h - drafts of tasks out of JSON, for API and bots' lines. */
#ifndef DEIA_HIVE_TASK_JSON_H
#define DEIA_HIVE_TASK_JSON_H

#include <deia/hive_task.h>

/* As deia_task_draft_parse. is_line: json is a `submit` line of a bot, whose
 * `type`, `ref` and `key` are the line's own; the task's type is its `task_type`. */
DEIA_NODISCARD deia_err deia__task_draft_read(struct deia_task_draft *out,
					      const struct cJSON *json,
					      bool is_line,
					      struct deia_field_error *where);

#endif
