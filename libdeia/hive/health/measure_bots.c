/* SPDX-License-Identifier: MIT */
/*
 * measure_bots.c - what is known of each bot. Its state is told when it
 * changes; the rest is looked at every ten seconds, some bots in a turn of the
 * loop, so that many do not hold it up.
 */
#include "hive/health/health.h"
#include "hive/scheduling/scheduling.h"

#include <math.h>
#include <string.h>

#define SLICE 200 /* bots in a turn of the loop: under half a millisecond */
#define NEXT_MS 2
#define OUTCOMES 20    /* of a bot's tasks, that count */
#define SPAN_MS 300000 /* a latency is of the last 5 to 10 minutes */
#define MINUTE_MS 60000
#define HOUR_MS 3600000.0

/* Kept of the memory: the lowest of five minutes, 24 times. */
#define POINT_MINUTES 5
#define POINTS_MIN 12
#define KIB 1024

static void put(deia_hive *h, const char *metric, const char *bot, double v)
{
	deia__health_put(h, metric, bot, v);
}

static void forget(deia_hive *h, const char *metric, const char *bot)
{
	deia_health_forget(h->health->monitor, metric, bot);
}

static bool is_up(deia_bot_state s)
{
	return s == DEIA_BOT_READY || s == DEIA_BOT_BUSY ||
	       s == DEIA_BOT_PAUSED;
}

/* ---- state --------------------------------------------------------------- */

/* One that failed and is started again counts as failed until it runs. */
static void put_state(deia_hive *h, const char *bot, deia_bot_state s)
{
	bool known = is_up(s) || s == DEIA_BOT_STOPPED ||
		     s == DEIA_BOT_FAILED || s == DEIA_BOT_OFFLINE;

	if (!known)
		return;
	put(h, "bot.failed", bot, s == DEIA_BOT_FAILED);
	put(h, "bot.offline", bot, s == DEIA_BOT_OFFLINE);
}

void deia__health_bots_states(deia_hive *h)
{
	struct deia__hbot *b, *next;

	HASH_ITER(hh, h->hbots, b, next) {
		const struct deia_bot_info *info =
			b->creating || b->removing
				? NULL
				: deia_bots_get(h->bots, b->id);

		if (info)
			put_state(h, b->id, info->state);
	}
}

void deia__health_bot_moved(deia_hive *h, const struct deia_bot_info *info)
{
	const char *bot = info->spec->id;

	put_state(h, bot, info->state);
	if (is_up(info->state))
		return;
	forget(h, "bot.load_ratio", bot);
	forget(h, "bot.cpu_ratio", bot);
	forget(h, "bot.memory_bytes", bot);
	forget(h, "bot.leak_bytes_per_hour", bot);
}

void deia__health_bot_gone(deia_hive *h, const char *bot)
{
	if (h->health)
		deia_health_remove(h->health->monitor, "bot", bot);
}

/* ---- a round ------------------------------------------------------------- */

static bool is_loopback(const char *url)
{
	const char *host = url ? strstr(url, "://") : NULL;

	if (!host)
		return false;
	host += 3;
	return strncmp(host, "127.", 4) == 0 ||
	       strncmp(host, "[::1]", 5) == 0 ||
	       (strncmp(host, "localhost", 9) == 0 &&
		(!host[9] || strchr(":/", host[9])));
}

bool deia__works_here(const struct deia_bot_spec *s)
{
	if (!s->base_url && strcmp(s->adapter, "ollama") == 0)
		return true;
	return strcmp(s->adapter, "process") == 0 ||
	       strcmp(s->adapter, "exec") == 0 || is_loopback(s->base_url);
}

static uint64_t ended(const struct deia_bot_info *info)
{
	const struct deia_bot_counts *c = info->counts;

	return c ? c->turns_done + c->turns_cancelled + c->turns_failed : 0;
}

/* Turns that run, or one that ended since the last round: between two turns
 * nothing has changed. */
static void count_turns(deia_hive *h, struct deia__hbot *b,
			const struct deia_bot_info *info)
{
	uint64_t n = ended(info);
	unsigned turns = info->running;

	if (!turns && n != b->health.ended)
		turns = 1;
	b->health.ended = n;
	if (deia__works_here(info->spec))
		h->health->measures.local_turns += turns;
}

static void put_success(deia_hive *h, struct deia__hbot *b)
{
	struct deia__bot_health *bh = &b->health;
	struct deia_scheduler_bot_status st;
	struct deia__recent r = { bh->counting, bh->outcomes, bh->successes,
				  bh->n, bh->n_good };

	if (deia_scheduler_bot_status(h->scheduling->scheduler, b->id, &st))
		return;
	deia__recent_add(&r, st.samples, st.successes, OUTCOMES);
	bh->counting = r.counting;
	bh->outcomes = r.all;
	bh->successes = r.good;
	bh->n = r.n;
	bh->n_good = r.n_good;
	put(h, "bot.finished", b->id, r.n);
	if (r.n > 0)
		put(h, "bot.success_ratio", b->id, r.n_good / r.n);
	else
		forget(h, "bot.success_ratio", b->id);
}

/* Of the last ten minutes. */
static void put_restarts(deia_hive *h, struct deia__hbot *b,
			 const struct deia_bot_info *info)
{
	struct deia__bot_health *bh = &b->health;
	int64_t minute = deia__health_now(h) / MINUTE_MS;
	uint64_t all = info->counts ? info->counts->restarts : 0;
	unsigned n = 0;

	if (minute - bh->minute >= DEIA__RESTART_MINUTES)
		bh->minute = minute - DEIA__RESTART_MINUTES;
	while (bh->minute < minute)
		bh->restarts[++bh->minute % DEIA__RESTART_MINUTES] = 0;
	if (all > bh->all_restarts)
		bh->restarts[minute % DEIA__RESTART_MINUTES] +=
			(unsigned)(all - bh->all_restarts);
	bh->all_restarts = all;
	for (unsigned i = 0; i < DEIA__RESTART_MINUTES; i++)
		n += bh->restarts[i];
	put(h, "bot.restarts", b->id, n);
}

/* Of turns with a whole answer, chat and tasks, from their hand-over. */
static void put_latency(deia_hive *h, struct deia__hbot *b,
			const struct deia_bot_info *info)
{
	double seconds =
		info->counts ? deia__window_p95(&b->health.answers,
						&info->counts->answers, SPAN_MS,
						deia__health_now(h))
			     : (double)NAN;

	if (isnan(seconds))
		forget(h, "bot.latency_seconds", b->id);
	else
		put(h, "bot.latency_seconds", b->id, seconds);
}

static void look_at(deia_hive *h, const struct deia_bot_info *info)
{
	struct deia__hbot *b = deia__hbot_get(h, info->spec->id);

	if (!b || b->creating || b->removing)
		return;
	put_state(h, b->id, info->state);
	count_turns(h, b, info);
	put_restarts(h, b, info);
	put_success(h, b);
	put_latency(h, b, info);
	deia__health_models_used(h, info->spec);
	if (is_up(info->state) && info->max_concurrent)
		put(h, "bot.load_ratio", b->id,
		    (double)(info->running + info->queued) /
			    info->max_concurrent);
}

bool deia__health_bots_some(deia_hive *h)
{
	const struct deia_bot_info *infos[SLICE];
	struct deia__measures *m = &h->health->measures;
	size_t n = deia_bots_list(h->bots, m->after[0] ? m->after : NULL, infos,
				  SLICE);

	for (size_t i = 0; i < n; i++)
		look_at(h, infos[i]);
	if (n == SLICE) {
		const char *last = infos[n - 1]->spec->id;

		memcpy(m->after, last, strlen(last) + 1);
		return true;
	}
	m->after[0] = '\0';
	put(h, "host.local_turns", NULL, m->local_turns);
	m->local_turns = 0;
	deia__health_models_look(h);
	return false;
}

static void on_time(void *arg)
{
	deia_hive *h = arg;

	if (!h->stopping && !h->freeing)
		deia__health_bots_begin(h);
}

/* Without memory for the timer the next round begins where this one is. */
void deia__health_bots_begin(deia_hive *h)
{
	struct deia__timer *t = &h->health->measures.bots_timer;

	t->fn = on_time;
	t->arg = h;
	if (deia__health_bots_some(h))
		(void)!deia__timer_set(h->timers, t, NEXT_MS);
}

/* ---- memory -------------------------------------------------------------- */

void deia__memory_add(struct deia__bot_health *bh, int64_t pid, int64_t bytes)
{
	uint32_t kib = (uint32_t)(bytes / KIB);

	if (bh->pid != pid) {
		bh->pid = pid;
		bh->n_memory = bh->n_minutes = 0;
	}
	if (bh->n_minutes++ % POINT_MINUTES == 0) {
		if (bh->n_memory == DEIA__MEMORY_POINTS)
			memmove(bh->memory_kib, bh->memory_kib + 1,
				(DEIA__MEMORY_POINTS - 1) * sizeof(uint32_t));
		else
			bh->n_memory++;
		bh->memory_kib[bh->n_memory - 1] = kib;
	} else if (kib < bh->memory_kib[bh->n_memory - 1]) {
		bh->memory_kib[bh->n_memory - 1] = kib;
	}
}

static uint32_t lowest(const uint32_t *points, unsigned n)
{
	uint32_t low = points[0];

	for (unsigned i = 1; i < n; i++)
		if (points[i] < low)
			low = points[i];
	return low;
}

/* There is a trend when each quarter of the time has a higher lowest point than
 * the one before: what is taken and given back again is none. */
double deia__memory_slope(const struct deia__bot_health *bh)
{
	unsigned quarter = bh->n_memory / 4, first = bh->n_memory % 4;
	double hours = 3 * quarter * POINT_MINUTES * MINUTE_MS / HOUR_MS;
	uint32_t low[4];

	if (bh->n_memory < POINTS_MIN)
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		low[i] = lowest(bh->memory_kib + first + i * quarter, quarter);
		if (i && low[i] <= low[i - 1])
			return 0;
	}
	return (double)(low[3] - low[0]) * KIB / hours;
}

void deia__health_bot_sampled(deia_hive *h, struct deia__hbot *b,
			      const struct deia_bot_sample *s)
{
	if (s->cpu_permille >= 0)
		put(h, "bot.cpu_ratio", b->id, (double)s->cpu_permille / 1000);
	if (s->memory_bytes < 0)
		return;
	put(h, "bot.memory_bytes", b->id, (double)s->memory_bytes);
	deia__memory_add(&b->health, s->pid, s->memory_bytes);
	put(h, "bot.leak_bytes_per_hour", b->id,
	    deia__memory_slope(&b->health));
}
