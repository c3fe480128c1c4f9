/* SPDX-License-Identifier: MIT */
/* checks.c - see checks.h. */
#include "checks.h"

#include <deia/hive_checks.h>

#include "app.h"
#include "http/counts.h"
#include "log.h"
#include "routes/routes.h"

/* Requests that wait for bots, for mail or for other servers say nothing of how
 * quick deiad is. */
static void requests(struct deia_histogram *out, void *user)
{
	const struct app *app = user;
	const char *method, *pattern;
	const struct route_counts *c;

	for (size_t i = 0; i < app->http.n_routes; i++) {
		c = counts_at(app->http.counts, i, &method, &pattern);
		if (!c || (app->http.routes[i].flags & RF_WAITS))
			continue;
		for (int k = 0; k <= DEIA_HISTOGRAM_BOUNDS; k++)
			out->counts[k] += c->times.counts[k];
		out->sum += c->times.sum;
	}
}

static void log_of_late(struct deia_check_log *out, void *user)
{
	(void)user;
	log_recent(out);
}

static bool ask_model(const struct deia_check_model *model,
		      deia_check_answered_cb answered, void *ctx, void *user)
{
	return models_ask(user, model, answered, ctx);
}

void checks_configure(struct app *app)
{
	const char *key = "health.probe_interval_seconds";

	deia_hive_checks_set_interval(
		app->hive, (unsigned)deia_config_int(app->config, key));
}

void checks_begin(struct app *app)
{
	struct deia_checks_host host = DEIA_CHECKS_HOST_INIT;

	host.user = app;
	host.requests = requests;
	host.log = log_of_late;
	host.ask_model = ask_model;
	if (deia_hive_checks_set_host(app->hive, &host))
		log_msg(DEIA_LOG_ERROR, "health checks know less: %s",
			deia_hive_errmsg(app->hive));
	checks_configure(app);
}
