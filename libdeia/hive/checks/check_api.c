/* SPDX-License-Identifier: MIT */
/* check_api.c - api, cache and logs: what answers at once, or nearly so. */
#include "hive/checks/checks.h"

#include <stdio.h>
#include <string.h>

#define LOOP_WARN_S 0.25
#define LOOP_FAIL_S 2
#define WINDOW_MS 30000 /* requests of the last 30 to 60 seconds */
#define P95_WARN_S 0.2
#define P95_FAIL_S 1
#define CACHE_WARN_S 0.1
#define ERRORS_WARN 0
#define ERRORS_FAIL 9
#define WARNINGS_WARN 20

/* ---- api ------------------------------------------------------------------- */

static void judge_loop(struct deia_check_result *r, deia_hive *h,
		       const struct deia__probe_part *p)
{
	double late = deia__probe_part_seconds(p);
	deia_check_status status;

	for (int i = 0; i < DEIA__HEALTH_LATE_LOOKS; i++) {
		double s = (double)h->health->measures.late_ms[i] / 1000;

		late = s > late ? s : late;
	}
	status = deia__probe_figure(r, "loop_delay", "seconds", late,
				    LOOP_WARN_S, LOOP_FAIL_S);
	deia__probe_say(r, status,
			"Everything waits for deiad's loop: see with `top` "
			"what takes the processor; `deia health`.",
			"The loop was at most %.0f ms late in the last ten "
			"seconds.",
			late * 1000);
}

static void judge_requests(struct deia_check_result *r, deia_hive *h)
{
	struct deia__probes *c = h->probes;
	struct deia_histogram now;
	deia_check_status status;
	double p95;

	if (!c->host.requests) {
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"There is no HTTP here to be measured.");
		return;
	}
	deia_histogram_init(&now, DEIA_SCALE_FAST);
	c->host.requests(&now, c->host.user);
	p95 = deia__window_p95(&c->requests, &now, WINDOW_MS,
			       deia__health_now(h));
	if (isnan(p95)) {
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"No request was made since the look before.");
		return;
	}
	status = deia__probe_figure(r, "p95", "seconds", p95, P95_WARN_S,
				    P95_FAIL_S);
	deia__probe_say(r, status,
			"Requests are slow: `deia health` says how the store "
			"is; /metrics which routes take the time.",
			"95 of 100 requests since the look before took %.0f "
			"ms or less.",
			p95 * 1000);
}

static void on_turn(void *arg)
{
	struct deia__probe_part *p = arg;
	struct deia_check_result *r = deia__probe_draft(p);

	if (r) {
		judge_loop(r, p->hive, p);
		judge_requests(r, p->hive);
	}
	deia__probe_part_done(p);
}

void deia__probe_api(deia_hive *h)
{
	struct deia__probe_part *p = deia__probe_part_new(h, DEIA_CHECK_API);

	if (p && deia__post_call(h->post, on_turn, p))
		on_turn(p);
}

/* ---- cache ----------------------------------------------------------------- */

#define LOOKS_GO_ON                                                            \
	"All goes on without it, only slower. See whether Redis runs and "     \
	"cache.url is right; docs/cache.md."

static void say_memory(struct deia_check_result *r,
		       const struct deia_cache_stats *st)
{
	double all = (double)(st->hits + st->misses);

	deia__probe_say(r, DEIA_CHECK_PASS, "",
			"No Redis is configured: memory is used, with %llu "
			"entries; %.0f %% of %.0f look-ups were hits.",
			(unsigned long long)st->entries,
			all > 0 ? 100 * (double)st->hits / all : 0, all);
}

static void on_cached(const struct deia_cache_answer *a, void *user)
{
	struct deia__probe_part *p = user;
	struct deia_check_result *r = deia__probe_draft(p);
	bool same = a->hit && a->len == strlen(p->word) &&
		    memcmp(a->data, p->word, a->len) == 0;
	double s = deia__probe_part_seconds(p);
	deia_check_status status;

	if (r && !same) {
		deia__probe_say(r, DEIA_CHECK_WARN, LOOKS_GO_ON,
				"What was put into the cache did not come "
				"back.");
	} else if (r) {
		status = deia__probe_figure(r, "latency", "seconds", s,
					    CACHE_WARN_S, (double)NAN);
		deia__probe_say(r, status,
				"Redis is slow, or far: see `redis-cli "
				"--latency`.",
				"A value was put and read back in %.1f ms.",
				s * 1000);
	}
	deia__probe_part_done(p);
}

void deia__probe_cache(deia_hive *h)
{
	struct deia_check_result *r = &h->probes->runs[DEIA_CHECK_CACHE].draft;
	struct deia__probe_part *p;
	struct deia_cache_stats st;
	deia_err err;

	deia_cache_get_stats(h->cache.cache, &st);
	if (!st.shared)
		say_memory(r, &st);
	p = deia__probe_part_new(h, DEIA_CHECK_CACHE);
	if (!p)
		return;
	deia_cache_put(h->cache.cache, DEIA_CACHE_PROBE, NULL, h->cache.node,
		       NULL, p->word, strlen(p->word));
	err = deia_cache_get(h->cache.cache, DEIA_CACHE_PROBE, NULL,
			     h->cache.node, on_cached, p);
	if (!err)
		return;
	deia__probe_say(r, DEIA_CHECK_WARN, LOOKS_GO_ON,
			"The cache (%s) cannot be used: %s.", st.backend,
			deia_err_text(err));
	deia__probe_part_done(p);
}

/* ---- logs ------------------------------------------------------------------ */

#define READ_LOG                                                               \
	"Read them: deiad's standard error, or `journalctl -u deiad -p "       \
	"warning --since -10min`."

/* Only what was lost since the check before: it may have been seen to. */
static void judge_lost(struct deia_check_result *r, uint64_t now,
		       uint64_t *before, const char *of)
{
	uint64_t n = now > *before ? now - *before : 0;

	*before = now;
	if (n)
		deia__probe_say(r, DEIA_CHECK_FAIL,
				"The disk is full, read-only or too slow: see "
				"`deia doctor disk`.",
				"%llu lines of %s could not be written since "
				"the check before.",
				(unsigned long long)n, of);
}

static void judge_log(struct deia_check_result *r, deia_hive *h)
{
	struct deia__probes *c = h->probes;
	struct deia_check_log log = { 0 };
	deia_check_status errors, warnings;

	if (!c->host.log) {
		deia__probe_say(r, DEIA_CHECK_PASS, "",
				"The program does not tell what it logs.");
		return;
	}
	c->host.log(&log, c->host.user);
	errors = deia__probe_figure(r, "errors", "count", log.errors,
				    ERRORS_WARN, ERRORS_FAIL);
	warnings = deia__probe_figure(r, "warnings", "count", log.warnings,
				      WARNINGS_WARN, (double)NAN);
	deia__probe_say(r, errors > warnings ? errors : warnings, READ_LOG,
			"%u errors and %u warnings were logged in the last "
			"%u minutes.",
			log.errors, log.warnings, (log.seconds + 59) / 60);
	judge_lost(r, log.lost, &c->own_lost, "deiad's log");
}

void deia__probe_logs(deia_hive *h)
{
	struct deia__probe_work *w = &h->probes->works[DEIA_CHECK_LOGS];
	struct deia_check_result *r = &h->probes->runs[DEIA_CHECK_LOGS].draft;
	struct deia__probe_part *p;

	judge_log(r, h);
	if (!h->logs)
		return;
	judge_lost(r, deia__logs_dropped(h->logs), &h->probes->lines_lost,
		   "journals");
	p = deia__probe_part_new(h, DEIA_CHECK_LOGS);
	if (!p)
		return;
	if (!w->busy) {
		snprintf(w->log_dir, sizeof(w->log_dir), "%s", h->log_dir);
		w->run = deia__probe_files_logs;
	}
	if (!deia__probe_work_start(w, p))
		deia__probe_part_done(p);
}
