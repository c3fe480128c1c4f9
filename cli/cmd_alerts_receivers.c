/* SPDX-License-Identifier: MIT */
/*
 * cmd_alerts_receivers.c - `deia alerts receivers` and `deia alerts test`: who
 * is told of alerts, and whether a message reaches them.
 */
#include "alert.h"

#include <stdlib.h>
#include <string.h>

#include "mail.h"
#include "safe.h"

#define NOBODY                                                                 \
	"nobody is told of alerts: name somebody below alerts.receivers in "   \
	"config.yaml (docs/alerts.md)"

/* ---- receivers ----------------------------------------------------------- */

static const struct column columns[] = {
	{ "NAME", COLUMN_FIXED },	{ "KIND", COLUMN_FIXED },
	{ "FROM LEVEL", COLUMN_STATE }, { "WHO", COLUMN_FLEX },
	{ "TOLD", COLUMN_FIXED },	{ "WAITING", COLUMN_NUMBER },
	{ "LAST ERROR", COLUMN_FLEX },	{ NULL, COLUMN_FIXED },
};

static void add_age(struct table *t, const char *at)
{
	char age[24];

	if (*at != '\0')
		age_print(age, at);
	table_add(t, *at != '\0' ? age : "never");
}

static void add_receiver(struct table *t, const cJSON *r)
{
	table_add(t, jtext(r, "name"));
	table_add(t, jtext(r, "kind"));
	table_add(t, jtext(r, "level"));
	table_add(t, jtext(r, "target"));
	add_age(t, jtext(r, "delivered_at"));
	table_addn(t, jnumber(r, "waiting", 0));
	table_add(t, jtext(r, "error"));
}

static void tell_receivers(const struct cli *cli, const cJSON *json)
{
	struct table t;
	const cJSON *r;

	table_init(&t, columns);
	JSON_EACH_ITEM(r, json)
	{
		if (cli->quiet)
			tell("%s", jtext(r, "name"));
		else
			add_receiver(&t, r);
	}
	if (t.n_cells > 0)
		tell_table(cli, &t);
	else if (jfirst(json) == NULL)
		note(cli, NOBODY);
	table_free(&t);
}

static int run_receivers(struct cli *cli)
{
	cJSON *json = NULL;
	int rc = ask_raw(cli, "GET", "/api/v1/alerts/receivers", NULL, &json);

	if (rc == EXIT_DONE && !cli->json)
		tell_receivers(cli, json);
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_alerts_receivers = {
	.name = "alerts receivers",
	.usage = "",
	.summary = "show who is told of alerts, and how that goes",
	.details = "FROM LEVEL is the least level that a receiver is told of. "
		   "Who they are stands in\nconfig.yaml, below "
		   "alerts.receivers. With -q only the names.\n\n"
		   "Example:\n"
		   "  deia alerts receivers\n",
	.run = run_receivers,
};

/* ---- test ---------------------------------------------------------------- */

/* One line of one receiver; false: it was not reached. */
static bool tell_outcome(const cJSON *r)
{
	char *error = safe_line(jtext(r, "error"));
	bool ok = jtrue(r, "ok");

	if (ok)
		tell("%s: ok (%s, %.0f ms)", jtext(r, "receiver"),
		     jtext(r, "kind"), jnumber(r, "ms", 0));
	else
		tell("%s: failed (%s, %.0f ms): %s", jtext(r, "receiver"),
		     jtext(r, "kind"), jnumber(r, "ms", 0), error);
	free(error);
	return ok;
}

static int run_test(struct cli *cli)
{
	const struct args *a = &cli->args;
	cJSON *json = NULL;
	struct deia_jw w;
	const cJSON *r;
	int rc;

	deia_jw_init(&w);
	deia_jw_object(&w);
	if (a->n_words > 0)
		deia_jw_kstr(&w, "receiver", a->words[0]);
	deia_jw_end_object(&w);
	rc = ask_raw(cli, "POST", "/api/v1/alerts/test", w.text, &json);
	deia_jw_fini(&w);
	if (rc == EXIT_DONE)
		JSON_EACH_ITEM(r, json)
		{
			bool ok = cli->json || cli->quiet ? jtrue(r, "ok")
							  : tell_outcome(r);

			if (!ok)
				rc = EXIT_REFUSED;
		}
	cJSON_Delete(json);
	return rc;
}

const struct command cmd_alerts_test = {
	.name = "alerts test",
	.usage = "[RECEIVER]",
	.summary = "send a test message to those who are told of alerts",
	.details = "At once and once, to one receiver or to all. Ends with 1 "
		   "when one was not\nreached. For administrators.\n\n"
		   "Examples:\n"
		   "  deia alerts test\n"
		   "  deia alerts test ops\n",
	.max_words = 1,
	.run = run_test,
};
