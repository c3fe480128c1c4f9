/* SPDX-License-Identifier: MIT */
/* log_limit.c - see log_limit.h. */
#include "log_limit.h"

#include <stdio.h>

#define LEVEL_WARN 1 /* of enum deia_log_level */

static struct log_kind *slot_of(struct log_limit *l, const void *key)
{
	uint64_t h = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (size_t)(h >> 32) & (LOG_LIMIT_KINDS - 1);

	for (size_t i = 0; i < 8; i++) {
		struct log_kind *k =
			&l->kinds[(at + i) & (LOG_LIMIT_KINDS - 1)];

		if (k->key == key || !k->key)
			return k;
	}
	return &l->kinds[at];
}

/* False: too many of its kind. */
static bool ask_kind(struct log_limit *l, const void *key, int level,
		     int64_t now_ms)
{
	struct log_kind *k = slot_of(l, key);

	if (!k->key ||
	    (!k->left_out && now_ms - k->since_ms >= LOG_LIMIT_KIND_MS)) {
		k->key = key;
		k->since_ms = now_ms;
		k->n = 0;
		k->level = level;
	}
	if (k->n < l->same_max) {
		k->n++;
		return true;
	}
	if (level < k->level)
		k->level = level;
	k->left_out++;
	l->waits = true;
	return false;
}

static bool ask_all(struct log_limit *l, bool flow, int64_t now_ms)
{
	if (!l->left_out && now_ms - l->second_ms >= LOG_LIMIT_ALL_MS) {
		l->second_ms = now_ms;
		l->n = l->n_flow = 0;
	}
	if (l->n < l->all_max &&
	    (!flow || l->n_flow < l->all_max - l->all_max / 5)) {
		l->n++;
		l->n_flow += flow;
		return true;
	}
	l->left_out++;
	l->waits = true;
	return false;
}

bool log_limit_ask(struct log_limit *l, const void *key, int level,
		   int64_t now_ms)
{
	if (key && l->same_max && !ask_kind(l, key, level, now_ms))
		return false;
	return !l->all_max || ask_all(l, !key, now_ms);
}

void log_limit_note(struct log_limit *l, const void *key, const char *text)
{
	struct log_kind *k = slot_of(l, key);

	if (k->key == key)
		snprintf(k->sample, sizeof(k->sample), "%s", text);
}

static bool is_over(int64_t since_ms, int64_t now_ms, int64_t time_ms,
		    bool force)
{
	return force || now_ms - since_ms >= time_ms;
}

static unsigned seconds_of(int64_t since_ms, int64_t now_ms)
{
	return now_ms - since_ms < 1000
		       ? 1
		       : (unsigned)((now_ms - since_ms) / 1000);
}

void log_limit_tell(struct log_limit *l, int64_t now_ms, bool force,
		    void (*tell)(int level, const char *sample, uint64_t n,
				 unsigned seconds, void *user),
		    void *user)
{
	bool waits = false;

	if (!l->waits)
		return;
	for (size_t i = 0; i < LOG_LIMIT_KINDS; i++) {
		struct log_kind *k = &l->kinds[i];

		if (k->left_out &&
		    is_over(k->since_ms, now_ms, LOG_LIMIT_KIND_MS, force)) {
			tell(k->level, k->sample, k->left_out,
			     seconds_of(k->since_ms, now_ms), user);
			*k = (struct log_kind){ .key = NULL };
		}
		waits = waits || k->left_out;
	}
	if (l->left_out &&
	    is_over(l->second_ms, now_ms, LOG_LIMIT_ALL_MS, force)) {
		tell(LEVEL_WARN, "", l->left_out,
		     seconds_of(l->second_ms, now_ms), user);
		l->left_out = 0;
		l->second_ms = now_ms;
		l->n = l->n_flow = 0;
	}
	l->waits = waits || l->left_out;
}
