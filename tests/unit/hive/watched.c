/* SPDX-License-Identifier: MIT */
/* watched.c - see watched.h. */
#include "watched.h"

#include <stdio.h>
#include <string.h>

deia_health *health_monitor(void)
{
	return deia_hive_health(f.hive);
}

/* A look, so many seconds after the one before. */
void health_look(int seconds)
{
	f.hive->health->skew_ms += (int64_t)seconds * 1000;
	deia__health_look(f.hive);
}

/* All changes of alerts so far are durable. */
void health_settle(void)
{
	struct deia__health *hh = f.hive->health;

	while (!TAILQ_EMPTY(&hh->queue) || hh->saver.saving)
		event_base_loop(f.base, EVLOOP_ONCE);
}

const struct deia_health_alert *find_alert(const char *rule,
					   const char *subject)
{
	const struct deia_health_alert *a = NULL;

	while ((a = deia_health_next_alert(health_monitor(), a)) != NULL)
		if (strcmp(a->rule, rule) == 0 &&
		    strcmp(a->subject, subject) == 0)
			return a;
	return NULL;
}

/* One whose program is not there; it is not tried again. */
void launch_failing(const char *id)
{
	const char *argv[] = { "/nonexistent/program" };
	struct deia_bot_spec spec = DEIA_BOT_SPEC_INIT;

	spec.id = id;
	spec.adapter = "process";
	spec.argv = argv;
	spec.n_argv = 1;
	spec.restart = DEIA_RESTART_NEVER;
	ck_assert_int_eq(create_bot_spec(&f, &spec, true), DEIA_OK);
	run_until_state(&f, id, DEIA_BOT_FAILED);
}

const char *fail_and_look(const char *id)
{
	launch_failing(id);
	health_look(1);
	ck_assert_ptr_nonnull(find_alert("bot_failed", id));
	return find_alert("bot_failed", id)->id;
}

/* ---- rows, events, audit ------------------------------------------------- */

static unsigned column;

static void on_rows(deia_err err, const deia_rows *rows, void *user)
{
	struct rows *out = user;

	ck_assert_int_eq(err, DEIA_OK);
	out->n = deia_rows_count(rows);
	for (size_t i = 0; i < out->n && i < 8; i++)
		snprintf(out->text[i], sizeof(out->text[i]), "%s",
			 deia_rows_text(rows, i, column));
	out->done = true;
}

/* The newest rows of a table come first. */
struct rows rows_of(const struct deia_table *table, unsigned col)
{
	struct deia_page_query q = {
		.table = table,
		.index = -1,
		.descending = true,
		.limit = 50,
	};
	struct rows out = { false, 0, { "" } };

	health_settle();
	column = col;
	ck_assert_int_eq(deia_store_page(f.hive->store, &q, on_rows, &out),
			 DEIA_OK);
	run_until(&f, &out.done);
	return out;
}

bool has_event(const char *type)
{
	struct rows r = rows_of(&deia__table_events, EVENT_TYPE);

	for (size_t i = 0; i < r.n && i < 8; i++)
		if (strcmp(r.text[i], type) == 0)
			return true;
	return false;
}

unsigned count_lines(const char *event)
{
	static char text[65536];
	char path[128], key[64];
	unsigned n = 0;
	FILE *file;
	size_t len;

	deia__logs_flush(f.hive->logs);
	snprintf(path, sizeof(path), "%s/logs/health-alerts.jsonl", f.dir);
	snprintf(key, sizeof(key), "\"event\":\"%s\"", event);
	file = fopen(path, "r");
	if (!file)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	for (const char *at = text; (at = strstr(at, key)) != NULL; at++)
		n++;
	return n;
}
