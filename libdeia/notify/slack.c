/* SPDX-License-Identifier: MIT */
/*
 * slack.c - a message as Slack's incoming webhooks take it (also Mattermost's
 * and Rocket.Chat's). Names in alerts come from people: what is mrkdwn's own is
 * escaped as Slack says, so that nobody mentions a channel by it.
 */
#include "notify/notify.h"

#include <deia/sys/json.h>

#include "core/mem.h"

void deia__slack_escape(struct deia__buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			deia__buf_adds(out, "&amp;");
		else if (*text == '<')
			deia__buf_adds(out, "&lt;");
		else if (*text == '>')
			deia__buf_adds(out, "&gt;");
		else
			deia__buf_add(out, text, 1);
	}
}

static void add_alert(struct deia__buf *b, const struct deia_health_alert *a)
{
	deia__buf_addf(b, "*%s* ", deia__letter_word(a));
	deia__slack_escape(b, a->summary);
	if (a->state == DEIA_HEALTH_FIRING && a->text[0]) {
		deia__buf_adds(b, "\n> ");
		deia__slack_escape(b, a->text);
	}
	deia__buf_adds(b, "\n");
}

deia_err deia__letter_slack(char **out, const struct deia__letter *l)
{
	struct deia__buf text;
	deia_jw w;
	bool failed;

	deia__buf_init(&text, 0);
	if (l->test)
		deia__buf_adds(&text, "This is a test message of deia.\n");
	for (size_t i = 0; i < l->n; i++)
		add_alert(&text, l->alerts[i]);
	deia__letter_rest(&text, l);
	if (l->link) {
		deia__buf_adds(&text, "<");
		deia__slack_escape(&text, l->link);
		deia__buf_adds(&text, "|Open deia>");
	}
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "text", text.data);
	deia_jw_end_object(&w);
	failed = text.err || deia_jw_status(&w);
	deia__buf_fini(&text);
	*out = failed ? NULL : w.text;
	if (failed)
		deia_jw_fini(&w);
	return failed ? DEIA_ENOMEM : DEIA_OK;
}
