/* SPDX-License-Identifier: MIT */
/*
 * budgets_rows.c - what was used of budgets, in the store.
 *
 * A row of store_info for each bot, "budget.bot.ID", and one for each node's
 * day, "budget.day.NODE"; the value is a list of numbers. They are written a
 * second after something was counted, all that are new in one change.
 */
#include "hive/tasks/budgets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hive/nodes/nodes.h"

#define OF_BOT "budget.bot."
#define OF_DAY "budget.day."
#define NAME_BYTES (sizeof(OF_BOT) + DEIA_MAX_ID_LEN)

/* ---- loading ------------------------------------------------------------- */

/* Numbers between blanks; anything else counts as nothing used. */
static void parse(struct deia__budget_use *use, const char *text)
{
	int64_t numbers[DEIA__BUDGET_NUMBERS];
	char *end;

	for (size_t i = 0; i < DEIA__BUDGET_NUMBERS; i++) {
		numbers[i] = strtoll(text, &end, 10);
		if (end == text)
			return;
		text = end;
	}
	(void)deia__budget_load(&use->count, numbers);
}

static deia_err load_row(deia_hive *h, const deia_rows *rows, size_t r)
{
	const char *name = deia_rows_text(rows, r, INFO_NAME);
	const char *value = deia_rows_text(rows, r, INFO_VALUE);
	struct deia__hbot *b = NULL;

	if (strncmp(name, OF_BOT, sizeof(OF_BOT) - 1) == 0)
		b = deia__hbot_get(h, name + sizeof(OF_BOT) - 1);
	if (b)
		parse(&b->budget, value);
	else if (strncmp(name, OF_DAY, sizeof(OF_DAY) - 1) == 0 &&
		 strcmp(name + sizeof(OF_DAY) - 1, deia__node_mark(h)) == 0)
		parse(&h->budgets->use, value);
	return DEIA_OK;
}

deia_err deia__budgets_load(deia_hive *h)
{
	struct deia_page_query q = {
		.table = &deia__table_store_info,
		.index = -1,
		.limit = DEIA_MAX_PAGE_LEN,
	};

	return deia__hive_each_row(h, &q, load_row);
}

/* ---- saving -------------------------------------------------------------- */

static void put(struct deia__change *c, const char *prefix, const char *id,
		struct deia__budget_use *use)
{
	int64_t numbers[DEIA__BUDGET_NUMBERS];
	char name[NAME_BYTES + 8], value[128];
	struct deia_value row[INFO_COLUMNS];
	int len = 0;

	use->dirty = false;
	deia__budget_save(&use->count, numbers);
	for (size_t i = 0; i < DEIA__BUDGET_NUMBERS; i++)
		len += snprintf(value + len, sizeof(value) - (size_t)len,
				"%s%" PRId64, i ? " " : "", numbers[i]);
	snprintf(name, sizeof(name), "%s%s", prefix, id);
	row[INFO_NAME] = deia_text(name);
	row[INFO_VALUE] = deia_text(value);
	deia_txn_put(deia__change_txn(c), &deia__table_store_info, row);
}

static bool put_new(deia_hive *h, struct deia__change *c)
{
	struct deia__hbot *b, *next;
	bool any = h->budgets->use.dirty;

	if (any)
		put(c, OF_DAY, deia__node_mark(h), &h->budgets->use);
	HASH_ITER(hh, h->hbots, b, next) {
		if (!b->budget.dirty || b->creating || b->removing)
			continue;
		any = true;
		put(c, OF_BOT, b->id, &b->budget);
	}
	return any;
}

static void all_new(deia_hive *h)
{
	struct deia__hbot *b, *next;

	h->budgets->use.dirty = true;
	HASH_ITER(hh, h->hbots, b, next)
		b->budget.dirty = true;
}

const struct deia__saver_kind deia__budgets_rows = {
	.what = "what was used of budgets",
	.soon_ms = 1000,
	.retry_ms = 10000,
	.put = put_new,
	.all_new = all_new,
};

void deia__budgets_purge(struct deia__change *c, const char *bot)
{
	char name[NAME_BYTES];
	struct deia_value key;

	snprintf(name, sizeof(name), OF_BOT "%s", bot);
	key = deia_text(name);
	deia_txn_delete(deia__change_txn(c), &deia__table_store_info, &key);
}
