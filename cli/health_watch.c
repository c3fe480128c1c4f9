/* SPDX-License-Identifier: MIT */
/*
 * health_watch.c - `deia health --watch`: what is different from the last look,
 * a line each.
 *
 * Alerts are compared as they stand, so what came and went between two looks is
 * not seen; `deia events -f --type alert` misses nothing.
 */
#include "alert.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "safe.h"

void health_seen_free(struct health_seen *s)
{
	free(s->head);
	cJSON_Delete(s->alerts);
	*s = (struct health_seen){ 0 };
}

/* "16:04:05  what: summary" and what else there is to it. */
static void line(const char *what, const char *summary, const char *more)
{
	time_t now = time(NULL);
	char when[16] = "", *text, *safe;
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	text = must_print("%s  %s%s%s%s", when, what,
			  *what != '\0' && *summary != '\0' ? ": " : "",
			  summary, more);
	safe = safe_line(text);
	tell("%s", safe);
	free(safe);
	free(text);
}

static const cJSON *by_id(const cJSON *page, const char *id)
{
	const cJSON *alert;

	JSON_EACH_ITEM(alert, page)
	if (strcmp(jtext(alert, "id"), id) == 0)
		return alert;
	return NULL;
}

static bool is_same(const cJSON *a, const cJSON *b, const char *key)
{
	const cJSON *was = cJSON_GetObjectItemCaseSensitive(a, key);
	const cJSON *is = cJSON_GetObjectItemCaseSensitive(b, key);

	return was == is || cJSON_Compare(was, is, true);
}

static void tell_marks(const cJSON *was, const char *summary, const char *marks)
{
	if (*marks != '\0')
		line("", summary, marks);
	else if (strcmp(alert_state(was), "silenced") == 0)
		line("", summary, ", no longer silenced");
	else
		line("", summary, ", no longer acknowledged");
}

static void tell_one(const struct cli *cli, const cJSON *was, const cJSON *is)
{
	char *summary = alert_summary(is), *marks = alert_marks(is);
	char *now = must_print("now %s", jtext(is, "level"));

	if (was == NULL) {
		line(jtext(is, "level"), summary, marks);
		alert_tell_advice(cli, is);
	} else if (!is_same(was, is, "level")) {
		line(now, summary, marks);
	} else if (!is_same(was, is, "acknowledged") ||
		   !is_same(was, is, "silenced")) {
		tell_marks(was, summary, marks);
	}
	free(now);
	free(marks);
	free(summary);
}

static void tell_alerts(const struct cli *cli, const cJSON *was,
			const cJSON *is)
{
	const cJSON *alert;

	JSON_EACH_ITEM(alert, is)
	tell_one(cli, by_id(was, jtext(alert, "id")), alert);
	/* One that is not on a page that was cut may still fire. */
	if (*jtext(is, "next_cursor") != '\0')
		return;
	JSON_EACH_ITEM(alert, was)
	{
		char *summary = alert_summary(alert);

		if (by_id(is, jtext(alert, "id")) == NULL)
			line("over", summary, "");
		free(summary);
	}
}

void health_tell_changes(const struct cli *cli, struct health_seen *seen,
			 const char *head, cJSON *alerts)
{
	if (seen->alerts != NULL && alerts != NULL)
		tell_alerts(cli, seen->alerts, alerts);
	if (alerts != NULL) {
		cJSON_Delete(seen->alerts);
		seen->alerts = alerts;
	}
	if (strcmp(seen->head, head) == 0)
		return;
	line(head, "", "");
	free(seen->head);
	seen->head = must_dup(head);
}
