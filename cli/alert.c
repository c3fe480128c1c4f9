/* SPDX-License-Identifier: MIT */
/*
 * alert.c - see alert.h: alerts as tables and text.
 *
 * Texts of alerts hold names that bots and programs chose. Each is put on one
 * line first, so that none can look like a line of this program.
 */
#include "alert.h"

#include <stdlib.h>
#include <string.h>

#include "safe.h"
#include "utf8.h"

#define INDENT 10	/* behind the widest level and two blanks */
#define MIN_ROOM 20	/* columns below which nothing is wrapped */
#define TABLE_WIDTH 120 /* columns below which ids would be cut */

static bool has_mark(const cJSON *alert, const char *key)
{
	return cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(alert, key));
}

const char *alert_state(const cJSON *alert)
{
	if (strcmp(jtext(alert, "state"), "resolved") == 0)
		return "resolved";
	if (has_mark(alert, "silenced"))
		return "silenced";
	return has_mark(alert, "acknowledged") ? "acknowledged" : "firing";
}

char *alert_summary(const cJSON *alert)
{
	const char *summary = jtext(alert, "summary");

	return safe_line(*summary != '\0' ? summary : jtext(alert, "rule"));
}

/* ---- what was done to it -------------------------------------------------- */

static void add_mark(struct text *t, const cJSON *alert, const char *key,
		     const char *words)
{
	const cJSON *mark = cJSON_GetObjectItemCaseSensitive(alert, key);
	const char *reason = jtext(mark, "reason");
	char until[32];

	if (!cJSON_IsObject(mark))
		return;
	text_addf(t, "%s by %s", words, jtext(mark, "by"));
	if (*jtext(mark, "until") != '\0') {
		time_print(until, jtext(mark, "until"));
		text_addf(t, " until %s", until);
	}
	if (*reason != '\0')
		text_addf(t, ": %s", reason);
}

char *alert_marks(const cJSON *alert)
{
	struct text t = { 0 };
	char when[32], *line;

	text_adds(&t, "");
	add_mark(&t, alert, "acknowledged", ", acknowledged");
	add_mark(&t, alert, "silenced", ", silenced");
	if (strcmp(jtext(alert, "state"), "resolved") == 0) {
		time_print(when, jtext(alert, "resolved_at"));
		text_addf(&t, ", over since %s", when);
		add_mark(&t, alert, "resolved_by", ", resolved");
	}
	line = safe_line(t.data);
	text_free(&t);
	return line;
}

/* ---- one in a few lines -------------------------------------------------- */

/* Bytes of the next line of at most room columns, broken between words where
 * there is a blank. */
static size_t line_len(const char *p, size_t room)
{
	size_t fits = utf8_fit(p, room), n = fits;

	if (p[fits] == '\0')
		return fits;
	while (n > 0 && p[n] != ' ')
		n--;
	if (n > 0)
		return n;
	return fits > 0 ? fits : strlen(p);
}

static void tell_wrapped(const struct cli *cli, const char *text)
{
	size_t width = terminal_width(cli);
	size_t room = width >= INDENT + MIN_ROOM ? width - INDENT : SIZE_MAX;
	char *line = safe_line(text);
	const char *p = line;

	while (*p != '\0') {
		size_t n = room != SIZE_MAX ? line_len(p, room) : strlen(p);

		fprintf(stdout, "%*s%.*s\n", INDENT, "", (int)n, p);
		for (p += n; *p == ' ';)
			p++;
	}
	free(line);
}

void alert_tell_advice(const struct cli *cli, const cJSON *alert)
{
	tell_wrapped(cli, jtext(alert, "text"));
}

static void tell_level(const struct cli *cli, const cJSON *alert)
{
	bool over = strcmp(jtext(alert, "state"), "resolved") == 0;
	char *safe = safe_line(jtext(alert, "level"));
	enum style style = over ? STYLE_DIM : style_of_state(safe);
	size_t width = utf8_columns(safe);

	style_on(stdout, style, cli->out_colour);
	fputs(safe, stdout);
	style_off(stdout, style, cli->out_colour);
	fprintf(stdout, "%*s", width + 2 < INDENT ? (int)(INDENT - width) : 2,
		"");
	free(safe);
}

void alert_tell(const struct cli *cli, const cJSON *alert, bool advice)
{
	char *summary = alert_summary(alert), *marks = alert_marks(alert);
	char when[32], age[24], *line;

	time_print(when, jtext(alert, "fired_at"));
	age_print(age, jtext(alert, "fired_at"));
	line = must_print("%s, since %s (%s)%s", jtext(alert, "rule"), when,
			  age, marks);
	tell_level(cli, alert);
	tell("%s", summary);
	tell_wrapped(cli, line);
	if (advice)
		alert_tell_advice(cli, alert);
	tell_wrapped(cli, jtext(alert, "id"));
	free(line);
	free(marks);
	free(summary);
}

/* ---- a table ------------------------------------------------------------- */

static const struct column columns[] = {
	{ "ID", COLUMN_FIXED },	   { "LEVEL", COLUMN_STATE },
	{ "STATE", COLUMN_FIXED }, { "AGE", COLUMN_FIXED },
	{ "WHAT", COLUMN_FLEX },   { "RULE", COLUMN_FLEX },
	{ "BY", COLUMN_FLEX },	   { NULL, COLUMN_FIXED },
};

/* Who did the last thing to it, and why; "" when nobody did. */
static char *by_whom(const cJSON *alert)
{
	static const char *const keys[] = { "resolved_by", "silenced",
					    "acknowledged" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const cJSON *mark =
			cJSON_GetObjectItemCaseSensitive(alert, keys[i]);
		const char *reason = jtext(mark, "reason");

		if (cJSON_IsObject(mark))
			return must_print("%s%s%s", jtext(mark, "by"),
					  *reason != '\0' ? ": " : "", reason);
	}
	return must_dup("");
}

static void add_alert(struct table *t, const cJSON *alert)
{
	char *summary = alert_summary(alert), *by = by_whom(alert);
	char age[24];

	age_print(age, jtext(alert, "fired_at"));
	table_add(t, jtext(alert, "id"));
	table_add(t, jtext(alert, "level"));
	table_add(t, alert_state(alert));
	table_add(t, age);
	table_add(t, summary);
	table_add(t, jtext(alert, "rule"));
	table_add(t, by);
	free(by);
	free(summary);
}

void alert_list(const struct cli *cli, const cJSON *page)
{
	size_t width = terminal_width(cli);
	const cJSON *alert;
	struct table t;

	table_init(&t, columns);
	JSON_EACH_ITEM(alert, page)
	{
		if (cli->quiet)
			tell("%s", jtext(alert, "id"));
		else if (width > 0 && width < TABLE_WIDTH)
			alert_tell(cli, alert, false);
		else
			add_alert(&t, alert);
	}
	if (t.n_cells > 0)
		tell_table(cli, &t);
	table_free(&t);
}
