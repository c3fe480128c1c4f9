/* SPDX-License-Identifier: MIT */
/*
 * check_disk.c - disk: room and folders (files.c, in a thread), and checksums of
 * messages from a place that is another each time.
 */
#include "hive/checks/checks.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "messenger/messenger.h"

#define SAMPLE 100	     /* messages */
#define DAYS_MS 2592000000LL /* they are looked for in the last 30 days */

/* ---- messages -------------------------------------------------------------- */

struct sample {
	struct deia__probe_part *part;
	bool from_start; /* there was none behind the random place */
};

static void read_sample(struct sample *s);

static void judge(struct deia_check_result *r, const deia_rows *rows)
{
	size_t n = deia_rows_count(rows), bad = 0;

	for (size_t i = 0; i < n; i++)
		bad += !deia__rows_fine(rows, i);
	if (bad)
		deia__probe_say(r, DEIA_CHECK_FAIL,
				"Bits have changed on the disk: see `dmesg` "
				"and `smartctl -a`; go back to a copy from "
				"DIR/state/backups.",
				"%zu of %zu messages do not fit their "
				"checksums.",
				bad, n);
	else
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"%zu messages fit their checksums.", n);
}

static void on_sample(deia_err err, const deia_rows *rows, void *user)
{
	struct sample *s = user;
	struct deia_check_result *r = deia__probe_draft(s->part);

	if (r && !err && !deia_rows_count(rows) && !s->from_start) {
		s->from_start = true;
		read_sample(s);
		return;
	}
	if (r && err)
		deia__probe_say(r, DEIA_CHECK_WARN,
				"See `deia doctor db`: the store cannot be "
				"read.",
				"No messages could be read: %s.",
				deia_err_text(err));
	else if (r)
		judge(r, rows);
	deia__probe_part_done(s->part);
	deia__free(s);
}

/* Ids begin with their time: 48 bits of milliseconds. */
static void random_place(unsigned char id[16])
{
	uint64_t ms = 0;

	memset(id, 0, 16);
	if (deia__random(&ms, sizeof(ms)))
		ms = (uint64_t)deia__unix_ms(NULL) - ms % DAYS_MS;
	for (int i = 0; i < 6; i++)
		id[i] = (unsigned char)(ms >> (8 * (5 - i)));
}

static void read_sample(struct sample *s)
{
	unsigned char id[16];
	struct deia_value after = { DEIA_BLOB, 0, (const char *)id,
				    sizeof(id) };
	struct deia_page_query q = {
		.table = &deia__table_messages,
		.index = -1,
		.after = &after,
		.n_after = s->from_start ? 0 : 1,
		.limit = SAMPLE,
	};
	deia_err err;

	random_place(id);
	err = deia_store_page(s->part->hive->store, &q, on_sample, s);
	if (!err)
		return;
	s->from_start = true;
	on_sample(err, NULL, s);
}

static void begin_sample(deia_hive *h)
{
	struct deia__probe_part *p = deia__probe_part_new(h, DEIA_CHECK_DISK);
	struct sample *s = p ? deia__alloc(sizeof(*s)) : NULL;

	if (s) {
		s->part = p;
		read_sample(s);
	} else if (p) {
		deia__probe_part_done(p);
	}
}

/* ---- folders --------------------------------------------------------------- */

static void add(struct deia__probe_work *w, const char *dir, const char *name)
{
	if (!dir || strlen(dir) >= DEIA__PROBE_PATH)
		return;
	snprintf(w->dirs[w->n_dirs], DEIA__PROBE_PATH, "%s", dir);
	w->names[w->n_dirs++] = name;
}

void deia__probe_disk(deia_hive *h)
{
	struct deia__probe_work *w = &h->probes->works[DEIA_CHECK_DISK];
	struct deia__probe_part *p = deia__probe_part_new(h, DEIA_CHECK_DISK);
	struct stat st;

	begin_sample(h);
	if (!p)
		return;
	if (!w->busy) {
		w->n_dirs = 0;
		add(w, h->health->state_dir, "state");
		add(w, h->log_dir, "bot-logs");
		/* Made with the first bot that works in it. */
		if (h->probes->work_dir && stat(h->probes->work_dir, &st) == 0)
			add(w, h->probes->work_dir, "work");
		snprintf(w->log_dir, sizeof(w->log_dir), "%s",
			 h->log_dir ? h->log_dir : "");
		w->run = deia__probe_files_disk;
	}
	if (!deia__probe_work_start(w, p))
		deia__probe_part_done(p);
}
