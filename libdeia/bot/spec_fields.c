/* SPDX-License-Identifier: MIT */
/*
 * spec_fields.c - the table of fields, and typed access to their members.
 *
 * Order is the order in which a specification is printed. Members are reached
 * by offset; the accessors keep the casts in this one file.
 */
#include "bot/spec_fields.h"

#include <stdio.h>
#include <string.h>

#include <deia/limits.h>

#include "bot/restart.h"

#define AT(m) offsetof(struct deia_bot_spec, m)
#define ADMIN DEIA__SPEC_ADMIN
#define LIVE DEIA__SPEC_LIVE
#define TEXT(name, member, flags)                                              \
	{                                                                      \
		NULL, name, DEIA__SPEC_TEXT, flags, AT(member), 0, 0, 0        \
	}
#define LIST(name, flags, max)                                                 \
	{                                                                      \
		NULL, #name, DEIA__SPEC_LIST, flags, AT(name), AT(n_##name),   \
			0, max                                                 \
	}
#define NUMBER(group, name, member, flags, min, max)                           \
	{                                                                      \
		group, name, DEIA__SPEC_NUMBER, flags, AT(member), 0, min, max \
	}

#define DAY 86400u
#define MAX_MIB (16u << 20) /* 16 TiB */

const struct deia__spec_field deia__spec_fields[] = {
	TEXT("id", id, 0),
	TEXT("adapter", adapter, 0),
	TEXT("template", template_name, LIVE),
	TEXT("managed_by", managed_by, LIVE),
	TEXT("model", model, 0),
	TEXT("base_url", base_url, ADMIN),
	TEXT("api_key_env", api_key_env, ADMIN),
	TEXT("api_key_file", api_key_file, ADMIN),
	LIST(argv, ADMIN, DEIA_MAX_ARGV_LEN),
	TEXT("cwd", cwd, ADMIN),
	TEXT("worktree_of", worktree_of, ADMIN),
	{ NULL, "env", DEIA__SPEC_ENV, ADMIN, AT(env), AT(n_env), 0,
	  DEIA_MAX_ENV_LEN },
	LIST(pass_env, ADMIN, DEIA_MAX_ENV_LEN),
	TEXT("type", type, LIVE),
	LIST(capabilities, LIVE, DEIA_MAX_CAPABILITIES_LEN),
	LIST(depends_on, LIVE, DEIA_MAX_DEPENDS_LEN),
	TEXT("system_prompt", system_prompt, 0),
	{ NULL, "options", DEIA__SPEC_OPTIONS, 0, AT(options), 0, 0, 0 },
	TEXT("on_message", on_message, 0),
	NUMBER(NULL, "history_messages", history_messages, LIVE, 0,
	       DEIA_MAX_HISTORY_LEN),
	NUMBER(NULL, "max_concurrent", max_concurrent, 0, 1,
	       DEIA_MAX_CONCURRENT),
	{ "restart", "policy", DEIA__SPEC_POLICY, LIVE, AT(restart), 0, 0, 0 },
	NUMBER("restart", "max_restarts", max_restarts, LIVE, 0,
	       DEIA__RESTART_MAX),
	NUMBER("restart", "window_seconds", window_seconds, LIVE, 1, DAY),
	NUMBER("restart", "retry_failed_seconds", retry_failed_seconds, LIVE, 0,
	       7 * DAY),
	NUMBER("ping", "interval_seconds", ping_interval_seconds, LIVE, 0, DAY),
	NUMBER("ping", "timeout_seconds", ping_timeout_seconds, LIVE, 1, DAY),
	NUMBER("limits", "memory_mib", memory_mib, ADMIN, 0, MAX_MIB),
	NUMBER("limits", "memory_seconds", memory_seconds, ADMIN, 1, DAY),
	NUMBER("limits", "memory_max_mib", memory_max_mib, ADMIN, 0, MAX_MIB),
	NUMBER("limits", "processes", processes, ADMIN, 0, 1u << 22),
	NUMBER("limits", "open_files", open_files, ADMIN, 16, 1u << 20),
	NUMBER("limits", "file_size_mib", file_size_mib, ADMIN, 0, MAX_MIB),
	NUMBER(NULL, "ready_timeout_seconds", ready_timeout_seconds, LIVE, 1,
	       DAY),
	NUMBER(NULL, "turn_timeout_seconds", turn_timeout_seconds, LIVE, 1,
	       7 * DAY),
	NUMBER(NULL, "stop_timeout_seconds", stop_timeout_seconds, LIVE, 0,
	       3600),
	NUMBER(NULL, "heartbeat_timeout_seconds", heartbeat_timeout_seconds,
	       LIVE, 1, DAY),
};
const size_t deia__spec_fields_len =
	sizeof(deia__spec_fields) / sizeof(*deia__spec_fields);

static void *member(struct deia_bot_spec *s, size_t at)
{
	return (char *)s + at;
}

static const void *const_member(const struct deia_bot_spec *s, size_t at)
{
	return (const char *)s + at;
}

const char **deia__spec_text(struct deia_bot_spec *s,
			     const struct deia__spec_field *f)
{
	return member(s, f->at);
}

unsigned *deia__spec_number(struct deia_bot_spec *s,
			    const struct deia__spec_field *f)
{
	return member(s, f->at);
}

const char *const **deia__spec_list(struct deia_bot_spec *s,
				    const struct deia__spec_field *f)
{
	return member(s, f->at);
}

size_t *deia__spec_list_len(struct deia_bot_spec *s,
			    const struct deia__spec_field *f)
{
	return member(s, f->at_n);
}

const char *deia__spec_text_of(const struct deia_bot_spec *s,
			       const struct deia__spec_field *f)
{
	return *(const char *const *)const_member(s, f->at);
}

unsigned deia__spec_number_of(const struct deia_bot_spec *s,
			      const struct deia__spec_field *f)
{
	return *(const unsigned *)const_member(s, f->at);
}

const char *const *deia__spec_list_of(const struct deia_bot_spec *s,
				      const struct deia__spec_field *f,
				      size_t *n)
{
	*n = *(const size_t *)const_member(s, f->at_n);
	return *(const char *const *const *)const_member(s, f->at);
}

void deia__spec_pointer(const struct deia__spec_field *f, char *out,
			size_t size)
{
	snprintf(out, size, "%s%s/%s", f->group ? "/" : "",
		 f->group ? f->group : "", f->name);
}
