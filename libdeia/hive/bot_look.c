/* SPDX-License-Identifier: MIT */
/*
 * bot_look.c - bots for those who look: one, or those that fit, the hive's own
 * and those of other nodes in one order.
 */
#include "hive/mail/mail.h"
#include "hive/tasks/budgets.h"
#include "hive/nodes/nodes.h"

#include <string.h>

deia_err deia_hive_bot_get(const deia_hive *h, const char *id,
			   struct deia_hive_bot *bot)
{
	struct deia__hbot *b = deia__hbot_get(h, id);
	const struct deia__far *far = b ? NULL : deia__far_get(h, id);

	memset(bot, 0, sizeof(*bot));
	bot->memory_bytes = bot->cpu_ms = -1;
	if (far) {
		deia__far_fill(h, far, bot);
		return DEIA_OK;
	}
	if (!b || b->creating)
		return deia__no_bot((deia_hive *)(uintptr_t)h, id);
	bot->info = deia_bots_get(h->bots, id);
	bot->created_unix_ms = b->created_ms;
	bot->wanted = b->wish != DEIA__WISH_STOPPED;
	bot->turns_done = b->turns_done;
	bot->turns_failed = b->turns_failed;
	bot->unread = deia__mail_unread(h, id);
	bot->node = h->nodes->name;
	bot->draining = b->draining;
	bot->held = deia__budgets_held(h, b);
	if (bot->info && bot->info->pid && bot->info->pid == b->sample_pid) {
		bot->memory_bytes = b->sample_memory;
		bot->cpu_ms = b->sample_cpu_ms;
	}
	return bot->info ? DEIA_OK : DEIA_ENOTFOUND;
}

static bool fits(const struct deia_hive_bot *bot,
		 const struct deia_hive_bot_filter *filter)
{
	const char *type = bot->info->spec->type;

	if (!filter)
		return true;
	if (filter->type && (!type || strcmp(type, filter->type) != 0))
		return false;
	return filter->state < 0 || filter->state == (int)bot->info->state;
}

/* The next bot in order of id, here or elsewhere; NULL: there is none. */
static const char *next_id(const deia_hive *h, const char *after)
{
	const struct deia__far *far = deia__far_next(h, after);
	const struct deia_bot_info *here;
	const char *id = NULL;

	if (deia_bots_list(h->bots, after, &here, 1))
		id = here->spec->id;
	if (far && (!id || strcmp(far->spec->id, id) < 0))
		return far->spec->id;
	return id;
}

size_t deia_hive_bot_search(const deia_hive *h,
			    const struct deia_hive_bot_filter *filter,
			    const char *after, struct deia_hive_bot *out,
			    size_t max)
{
	const char *id = after;
	size_t n = 0;

	while (n < max && (id = next_id(h, id)))
		if (!deia_hive_bot_get(h, id, &out[n]) && fits(&out[n], filter))
			n++;
	return n;
}

size_t deia_hive_bot_list(const deia_hive *h, const char *after,
			  struct deia_hive_bot *out, size_t max)
{
	return deia_hive_bot_search(h, NULL, after, out, max);
}

const char *deia_hive_bot_log_path(deia_hive *h, const char *id)
{
	if (deia__far_get(h, id))
		deia__not_here(h, id);
	if (!h->log_dir || !deia_bot_id_valid(id) || deia__far_get(h, id))
		return NULL;
	deia__free(h->log_path);
	h->log_path = deia__asprintf("%s/%s.log", h->log_dir, id);
	return h->log_path;
}
