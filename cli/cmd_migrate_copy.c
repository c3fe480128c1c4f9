/* SPDX-License-Identifier: MIT */
/*
 * cmd_migrate_copy.c - `deia migrate copy`: a whole hive from one store into
 * another. Ended by a signal it is gone on with when it is called again.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <deia/config.h>
#include <deia/migrate.h>

#include "store_url.h"

#define DETAIL_BYTES 512
#define TELL_MS 200

struct progress {
	const struct cli *cli;
	int64_t began_ms, told_ms;
	bool line_open; /* one that is written over, on a terminal */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void end_line(struct progress *p)
{
	if (p->line_open)
		fputc('\n', stderr);
	p->line_open = false;
}

/* On a terminal one line that changes; else a line now and then. */
static void on_progress(const struct deia_copy_progress *c, void *user)
{
	struct progress *p = user;
	int64_t now = now_ms(), each = p->cli->err_tty ? TELL_MS : 5000;
	double seconds = (double)(now - p->began_ms) / 1000;

	if (p->cli->quiet || now - p->told_ms < each)
		return;
	p->told_ms = now;
	fprintf(stderr, "%s%s table %zu of %zu, %s: %lld rows, %.0f s%s",
		p->cli->err_tty ? "\r\x1b[K" : "",
		c->comparing ? "comparing" : "copying", c->n, c->of, c->table,
		(long long)c->rows, seconds, p->cli->err_tty ? "" : "\n");
	p->line_open = p->cli->err_tty;
	fflush(stderr);
}

/* ---- the two ends -------------------------------------------------------- */

/* A directory that a hive can be copied into is made like a new hive's. */
static bool make_dir(struct cli *cli, const char *dir, int *rc)
{
	char detail[DETAIL_BYTES] = "", *config;
	struct stat st;
	bool made;

	config = must_print("%s/config.yaml", dir);
	made = stat(config, &st) != 0;
	free(config);
	if (deia_config_init_copy_dir(dir, detail, sizeof(detail)) != DEIA_OK) {
		complain("%s", *detail != '\0' ? detail : dir);
		*rc = EXIT_REFUSED;
		return false;
	}
	if (made)
		note(cli,
		     "%s is new: its config.yaml has the defaults, copy what "
		     "you changed",
		     dir);
	return true;
}

static char *store_of(struct cli *cli, const char *option, bool make, int *rc)
{
	const char *word = args_text(&cli->args, option);
	struct stat st;

	if (word == NULL || *word == '\0') {
		*rc = usage_error(cli, "--%s DIR or URL is missing", option);
		return NULL;
	}
	if (is_store_url(word))
		return must_dup(word);
	if (!make && (stat(word, &st) != 0 || !S_ISDIR(st.st_mode))) {
		complain("there is no directory %s", word);
		advise("--%s takes a hive's directory, or a store's url as "
		       "sqlite:PATH",
		       option);
		*rc = EXIT_NOT_FOUND;
		return NULL;
	}
	if (make && !make_dir(cli, word, rc))
		return NULL;
	return store_url_of_dir(word, rc);
}

/* ---- the outcome --------------------------------------------------------- */

static const struct column columns[] = {
	{ "TABLE", COLUMN_FIXED },    { "ROWS FROM", COLUMN_NUMBER },
	{ "ROWS TO", COLUMN_NUMBER }, { "SUM FROM", COLUMN_FIXED },
	{ "SUM TO", COLUMN_FIXED },   { "SAME", COLUMN_FIXED },
	{ NULL, COLUMN_FIXED },
};

static void add_count(struct table *t, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	table_add(t, text);
}

static void tell_report(struct cli *cli, const struct deia_copy_report *r)
{
	struct table t;
	char sum[13];

	table_init(&t, columns);
	for (size_t i = 0; i < r->n_tables; i++) {
		const struct deia_copy_table *c = &r->tables[i];

		table_add(&t, c->name);
		add_count(&t, c->rows_from);
		add_count(&t, c->rows_to);
		/* Enough of it for people. */
		snprintf(sum, sizeof(sum), "%.12s", c->sum_from);
		table_add(&t, sum);
		snprintf(sum, sizeof(sum), "%.12s", c->sum_to);
		table_add(&t, sum);
		table_add(&t, c->same ? "yes" : "NO");
	}
	tell_table(cli, &t);
	table_free(&t);
}

static void print_table(struct deia_jw *w, const struct deia_copy_table *c)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "table", c->name);
	deia_jw_kint(w, "rows_from", c->rows_from);
	deia_jw_kint(w, "rows_to", c->rows_to);
	deia_jw_kstr(w, "sum_from", c->sum_from);
	deia_jw_kstr(w, "sum_to", c->sum_to);
	deia_jw_kbool(w, "same", c->same);
	deia_jw_end_object(w);
}

static void tell_report_json(const struct deia_copy_report *r)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kbool(&w, "same", r->same);
	deia_jw_kint(&w, "rows", r->rows);
	deia_jw_kint(&w, "rows_before", r->rows_before);
	deia_jw_key(&w, "tables");
	deia_jw_array(&w);
	for (size_t i = 0; i < r->n_tables; i++)
		print_table(&w, &r->tables[i]);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		tell_json(w.text, w.len);
	deia_jw_fini(&w);
}

static int copy(struct cli *cli, const char *from, const char *to)
{
	static struct deia_copy_report report;
	struct deia_copy_opts o = DEIA_COPY_OPTS_INIT;
	struct progress p = { .cli = cli, .began_ms = now_ms() };
	char detail[DETAIL_BYTES] = "";
	deia_err err;

	p.told_ms = p.began_ms;
	o.progress = on_progress;
	o.user = &p;
	err = deia_migrate_copy(from, to, &o, &report, detail, sizeof(detail));
	end_line(&p);
	if (report.rows_before > 0)
		note(cli, "went on behind %lld rows that were there",
		     (long long)report.rows_before);
	if (report.compared && cli->json)
		tell_report_json(&report);
	else if (report.compared && !cli->quiet)
		tell_report(cli, &report);
	if (err != DEIA_OK)
		return refuse_store(err, detail);
	note(cli, "%lld rows copied and compared in %.1f s",
	     (long long)report.rows, (double)(now_ms() - p.began_ms) / 1000);
	return EXIT_DONE;
}

static int run_copy(struct cli *cli)
{
	int rc = EXIT_REFUSED;
	char *from = store_of(cli, "from", false, &rc), *to = NULL;

	if (from != NULL)
		to = store_of(cli, "to", true, &rc);
	if (to != NULL)
		rc = copy(cli, from, to);
	free(from);
	free(to);
	return rc;
}

static const struct opt copy_opts[] = {
	{ "from", 0, OPT_TEXT, false, "DIR|URL",
	  "the hive to copy: its directory, or its store", "@dir" },
	{ "to", 0, OPT_TEXT, false, "DIR|URL",
	  "where to: a directory or a store that is empty", "@dir" },
	{ 0 },
};

const struct command cmd_migrate_copy = {
	.name = "migrate copy",
	.usage = "--from DIR|URL --to DIR|URL",
	.summary = "copy a whole stopped hive into another store",
	.details =
		"Copies all rows in batches, then reads both sides again and\n"
		"compares counts and sums. The source is not changed. When it\n"
		"was ended in the middle, the same command goes on. Files of\n"
		"the directory (config.yaml, logs of bots) are not copied.\n\n"
		"Examples:\n"
		"  deia migrate copy --from .deia --to ~/hives/new\n"
		"  deia migrate copy --from .deia --to sqlite:/srv/deia.db\n",
	.opts = copy_opts,
	.run = run_copy,
};
