/* SPDX-License-Identifier: MIT */
/*
 * health.c - is the server there and well.
 *
 * GET /health is asked often and by anybody, so its reply is printed at most
 * ten times a second and handed out as it is, without the way through router
 * and gate (but for Host, which everything is checked for).
 */
#include "health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/hive_health.h>
#include <deia/version.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include "../http/conn.h"
#include "../http/counts.h"
#include "../http/gate.h"
#include "../http/reply.h"
#include "routes.h"

#define CACHE_MS 100
#define MAX_DEDUCTIONS 64 /* the first ones take most */

struct verdict {
	struct deia_health_summary sum;
	int http;
	bool off;		  /* nobody watches */
	const char *store, *bots; /* the words for their checks */
};

/* When nobody watches: what can be seen at a glance, with the score that one
 * alert of that level leaves. */
static void glance(struct verdict *v, const struct deia_hive_status *st)
{
	if (!st->store_ok) {
		v->sum.status = DEIA_HEALTH_IS_CRITICAL;
		v->sum.score = 40;
	} else if (st->bot_states[DEIA_BOT_FAILED]) {
		v->sum.status = DEIA_HEALTH_IS_DEGRADED;
		v->sum.score = 90;
	}
}

/* The status is the monitor's; the checks are how it is this very moment. */
static struct verdict judge(deia_hive *hive, struct deia_hive_status *st)
{
	struct verdict v = { .http = 200, .store = "ok", .bots = "ok" };

	deia_hive_health_update(hive);
	deia_hive_get_status(hive, st);
	deia_health_get_summary(deia_hive_health(hive), &v.sum);
	v.off = !deia_hive_health_is_on(hive);
	if (v.off)
		glance(&v, st);
	if (v.sum.status == DEIA_HEALTH_IS_CRITICAL)
		v.http = 503;
	if (!st->store_ok)
		v.store = st->store.failed_hard ? "failed" : "away";
	if (st->bot_states[DEIA_BOT_FAILED])
		v.bots = "degraded";
	return v;
}

static void get_cache(const deia_hive *hive, struct deia_cache_stats *st)
{
	memset(st, 0, sizeof(*st));
	st->backend = "memory";
	if (deia_hive_get_cache(hive))
		deia_cache_get_stats(deia_hive_get_cache(hive), st);
}

/* Without it all goes on, so it is no part of the verdict. */
void print_cache(struct deia_jw *w, const deia_hive *hive)
{
	struct deia_cache_stats st;

	get_cache(hive, &st);
	deia_jw_key(w, "cache");
	deia_jw_object(w);
	deia_jw_kstr(w, "status", st.up ? "up" : "down");
	deia_jw_kstr(w, "backend", st.backend);
	deia_jw_ktime(w, "since", st.since_unix_ms);
	deia_jw_kint(w, "hits", (int64_t)st.hits);
	deia_jw_kint(w, "misses", (int64_t)st.misses);
	deia_jw_kint(w, "refused", (int64_t)st.refused);
	deia_jw_kint(w, "late", (int64_t)st.late);
	deia_jw_kint(w, "errors", (int64_t)st.errors);
	deia_jw_kint(w, "entries", (int64_t)st.entries);
	deia_jw_kint(w, "bytes", (int64_t)st.bytes);
	deia_jw_end_object(w);
}

static void print_checks(struct deia_jw *w, const struct verdict *v)
{
	deia_jw_key(w, "checks");
	deia_jw_object(w);
	deia_jw_kstr(w, "store", v->store);
	deia_jw_kstr(w, "bots", v->bots);
	if (v->off)
		deia_jw_kstr(w, "monitoring", "off");
	deia_jw_end_object(w);
}

static void print_health(struct deia_jw *w, const struct verdict *v,
			 const struct deia_hive_status *st)
{
	deia_jw_kstr(w, "status", deia_health_status_name(v->sum.status));
	deia_jw_kint(w, "score", v->sum.score);
	deia_jw_ktime(w, "since", v->sum.since_unix_ms);
	deia_jw_kstr(w, "version", deia_version());
	deia_jw_kint(w, "uptime_seconds", (int64_t)(st->uptime_ms / 1000));
	print_checks(w, v);
}

/* Prints the whole reply up to the value of X-Request-Id. */
static bool refresh(struct server *s)
{
	struct deia_hive_status st;
	struct verdict v = judge(s->hive, &st);
	struct deia_jw w;
	char *text;
	int n;

	deia_jw_init(&w);
	deia_jw_object(&w);
	print_health(&w, &v, &st);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w)) {
		deia_jw_fini(&w);
		return false;
	}
	n = asprintf(&text,
		     "HTTP/1.1 %d %s\r\nDate: %s\r\n"
		     "Content-Type: application/json\r\n"
		     "Content-Length: %zu\r\n"
		     "X-Content-Type-Options: nosniff\r\n"
		     "Cache-Control: no-store\r\n"
		     "Content-Security-Policy: default-src 'none'; "
		     "frame-ancestors 'none'\r\n"
		     "Referrer-Policy: no-referrer\r\n\r\n%s",
		     v.http, status_phrase(v.http), http_date(), w.len, w.text);
	deia_jw_fini(&w);
	if (n < 0)
		return false;
	free(s->health_reply);
	s->health_reply = text;
	s->health_len = (size_t)n;
	s->health_ms = now_ms();
	s->health_status = v.http;
	return true;
}

static void quick_done(struct evhttp_request *ev, void *arg)
{
	struct conn *c = arg;
	struct server *s = c->srv;

	(void)ev;
	s->active--;
	conn_replied(c);
	if (s->draining)
		server_count_changed(s);
}

/* Nothing in the head asks for more than the plain answer. */
static bool is_plain(struct server *s, struct evhttp_request *ev)
{
	const struct evkeyval *h;
	const char *host = NULL;

	if (evhttp_request_get_command(ev) != EVHTTP_REQ_GET ||
	    ev->minor == 0 || s->draining ||
	    strcmp(evhttp_request_get_uri(ev), "/health") != 0)
		return false;
	TAILQ_FOREACH(h, evhttp_request_get_input_headers(ev), next) {
		switch (h->key[0] | 0x20) {
		case 'h':
			if (strcasecmp(h->key, "Host") == 0)
				host = h->value;
			break;
		case 'c':
			if (strcasecmp(h->key, "Connection") == 0 &&
			    strcasecmp(h->value, "keep-alive") != 0)
				return false;
			break;
		case 'o':
			if (strcasecmp(h->key, "Origin") == 0)
				return false;
			break;
		case 'x':
			if (strcasecmp(h->key, "X-Request-Id") == 0)
				return false;
			break;
		default:
			break;
		}
	}
	return host && host_is_ours(s, host);
}

static const struct route *own_route(const struct server *s)
{
	const struct route *r = s->routes;

	while (r->run != route_health)
		r++;
	return r;
}

bool health_quick(struct server *s, struct conn *c, struct evhttp_request *ev)
{
	int64_t start_us = now_us();

	if (!is_plain(s, ev) || c->body_bytes)
		return false;
	if ((!s->health_reply || now_ms() - s->health_ms >= CACHE_MS) &&
	    !refresh(s))
		return false;
	s->active++;
	conn_phase(c, PH_WRITE);
	evhttp_request_set_on_complete_cb(ev, quick_done, c);
	conn_write(c, s->health_reply, s->health_len, NULL, 0);
	bufferevent_enable(c->bev, EV_WRITE);
	evhttp_send_reply_end(ev);
	counts_add(s->counts, own_route(s), s->health_status,
		   now_us() - start_us);
	return true;
}

/* ---- routes ------------------------------------------------------------ */

void route_health(struct rq *rq)
{
	struct deia_hive_status st;
	struct verdict v = judge(rq->srv->hive, &st);
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	print_health(&w, &v, &st);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w))
		rq_fail_with(rq, DEIA_ENOMEM, NULL);
	else
		rq_send(rq, v.http, "application/json", w.text, w.len);
	deia_jw_fini(&w);
}

static void send_probe(struct rq *rq, int status, const char *word)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "{\"status\":\"%s\"}", word);

	rq_send(rq, status, "application/json", text, (size_t)n);
}

void route_live(struct rq *rq)
{
	send_probe(rq, 200, "live");
}

void route_ready(struct rq *rq)
{
	struct deia_hive_status st;

	deia_hive_get_status(rq->srv->hive, &st);
	if (rq->srv->starting)
		send_probe(rq, 503, "starting");
	else if (rq->srv->draining || st.stopping)
		send_probe(rq, 503, "draining");
	else if (st.store.failed_hard)
		send_probe(rq, 503, "store_failed");
	else if (st.store.away)
		send_probe(rq, 503, "store_away");
	else
		send_probe(rq, 200, "ready");
}

static void print_deductions(struct deia_jw *w, const deia_health *h)
{
	struct deia_health_deduction d[MAX_DEDUCTIONS];
	size_t n = deia_health_deductions(h, d, MAX_DEDUCTIONS);

	deia_jw_key(w, "deductions");
	deia_jw_array(w);
	for (size_t i = 0; i < n && i < MAX_DEDUCTIONS; i++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "rule", d[i].rule);
		deia_jw_kstr(w, "level", deia_health_level_name(d[i].level));
		deia_jw_kint(w, "alerts", d[i].alerts);
		deia_jw_kint(w, "points", d[i].points);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
}

static void print_alerts(struct deia_jw *w, const struct deia_health_summary *s)
{
	deia_jw_key(w, "alerts");
	deia_jw_object(w);
	for (int i = 0; i < DEIA_HEALTH_LEVELS; i++)
		deia_jw_kint(w, deia_health_level_name((deia_health_level)i),
			     s->firing[i]);
	deia_jw_kint(w, "acknowledged", s->acknowledged);
	deia_jw_kint(w, "silenced", s->silenced);
	deia_jw_kint(w, "kept", s->kept);
	deia_jw_kint(w, "unkept", s->unkept);
	deia_jw_end_object(w);
}

static void print_bots(struct deia_jw *w, const struct deia_hive_status *st)
{
	deia_jw_key(w, "bots");
	deia_jw_object(w);
	deia_jw_kint(w, "total", st->bots);
	for (int i = 0; i < DEIA_BOT_STATES; i++)
		deia_jw_kint(w, deia_bot_state_name((deia_bot_state)i),
			     st->bot_states[i]);
	deia_jw_end_object(w);
}

static void print_store(struct deia_jw *w, const struct deia_hive_status *st)
{
	deia_jw_key(w, "store");
	deia_jw_object(w);
	deia_jw_kstr(w, "backend", st->store_backend);
	deia_jw_kbool(w, "ok", st->store_ok);
	if (st->store.away) {
		deia_jw_ktime(w, "away_since", st->store.away_since_unix_ms);
		deia_jw_kstr(w, "away_reason", st->store.away_why);
	}
	deia_jw_kint(w, "transactions", (int64_t)st->store.transactions);
	deia_jw_kint(w, "failed", (int64_t)st->store.failed);
	deia_jw_kint(w, "groups", (int64_t)st->store.groups);
	deia_jw_kint(w, "queued", (int64_t)st->store.queued);
	deia_jw_kint(w, "reads", (int64_t)st->store.reads);
	deia_jw_knum(w, "last_commit_ms",
		     (double)st->store.last_commit_us / 1000);
	deia_jw_end_object(w);
}

/* What the monitor measured last; null where it measured nothing yet. */
static void print_load(struct deia_jw *w, const deia_health *h)
{
	static const struct {
		const char *key, *metric;
	} shown[] = {
		{ "host_cpu_ratio", "host.cpu_ratio" },
		{ "host_memory_ratio", "host.memory_ratio" },
		{ "process_cpu_ratio", "process.cpu_ratio" },
		{ "process_memory_bytes", "process.memory_bytes" },
		{ "loop_delay_seconds", "process.loop_delay_seconds" },
	};

	deia_jw_key(w, "load");
	deia_jw_object(w);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		deia_jw_knum(w, shown[i].key,
			     deia_health_get(h, shown[i].metric, NULL));
	deia_jw_end_object(w);
}

static void print_turns(struct deia_jw *w, const struct deia_hive_status *st)
{
	const struct deia_histogram *chats = &st->turn_waits[DEIA_WORK_CHAT];

	deia_jw_key(w, "turns");
	deia_jw_object(w);
	deia_jw_kint(w, "running", (int64_t)st->turns_running);
	deia_jw_kint(w, "done", (int64_t)st->turns_done);
	deia_jw_kint(w, "chats", (int64_t)deia_histogram_count(chats));
	deia_jw_end_object(w);
}

void route_health_details(struct rq *rq)
{
	struct deia_hive_status st;
	struct verdict v = judge(rq->srv->hive, &st);
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	print_health(&w, &v, &st);
	print_deductions(&w, deia_hive_health(rq->srv->hive));
	print_alerts(&w, &v.sum);
	deia_jw_ktime(&w, "started_at", st.started_unix_ms);
	print_bots(&w, &st);
	print_store(&w, &st);
	print_cache(&w, rq->srv->hive);
	print_turns(&w, &st);
	print_load(&w, deia_hive_health(rq->srv->hive));
	deia_jw_key(&w, "http");
	deia_jw_object(&w);
	deia_jw_kint(&w, "connections", rq->srv->n_conns);
	deia_jw_kint(&w, "active_requests", rq->srv->active);
	deia_jw_kint(&w, "requests", (int64_t)rq->srv->requests);
	deia_jw_end_object(&w);
	deia_jw_end_object(&w);
	rq_send_json(rq, 200, &w);
}
