/* SPDX-License-Identifier: MIT */
/*
 * measure.c - what the hive knows of itself and its machine, each second: short
 * files of /proc, system calls that answer at once, and counters that are kept
 * anyway. What a machine does not say is left out.
 */
#include "hive/health/health.h"
#include "hive/mail/mail.h"
#include "hive/tasks/tasks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_LOOKS 10	/* looks from one to the next */
#define WINDOW_MS 30000 /* a latency is of the last 30 to 60 seconds */
#define OUTCOMES 50	/* of tasks, that count */
#define MINUTE_MS 60000

void deia__health_put(deia_hive *h, const char *metric, const char *subject,
		      double value)
{
	struct deia_health_sample s = { metric, subject, value };

	if (isfinite(value) &&
	    !h->health->off) /* without memory: the next one */
		(void)!deia_health_put(h->health->monitor, &s, 1);
}

static void put(deia_hive *h, const char *metric, double value)
{
	deia__health_put(h, metric, NULL, value);
}

/* ---- machine ------------------------------------------------------------- */

static void measure_machine(deia_hive *h)
{
	struct deia__machine *m = &h->health->measures.machine;

	deia__machine_look(m);
	if (m->cpu_known)
		put(h, "host.cpu_ratio", m->cpu_ratio);
	if (m->memory_known && m->total_bytes &&
	    m->free_bytes <= m->total_bytes)
		put(h, "host.memory_ratio",
		    1 - (double)m->free_bytes / (double)m->total_bytes);
}

/* As df has it: of what those who are not root can use. */
static void measure_disk(deia_hive *h, const char *subject, const char *path)
{
	struct statvfs v;
	double used, all;

	if (statvfs(path, &v) || v.f_bfree > v.f_blocks) {
		deia_health_forget(h->health->monitor, "disk.used_ratio",
				   subject);
		return;
	}
	used = (double)(v.f_blocks - v.f_bfree);
	all = used + (double)v.f_bavail;
	if (all > 0)
		deia__health_put(h, "disk.used_ratio", subject, used / all);
}

/* One file system is one subject, or one cause would be two alerts. */
static void measure_disks(deia_hive *h)
{
	const char *state = h->health->state_dir;
	struct stat a, b;
	bool same = state && h->log_dir && stat(state, &a) == 0 &&
		    stat(h->log_dir, &b) == 0 && a.st_dev == b.st_dev;

	if (state)
		measure_disk(h, "state", state);
	if (h->log_dir && !same)
		measure_disk(h, "logs", h->log_dir);
}

/* ---- process ------------------------------------------------------------- */

static int64_t microseconds(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static void measure_cpu(deia_hive *h)
{
	struct deia__measures *m = &h->health->measures;
	int64_t now = deia__now_ms(NULL), us;
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return;
	us = microseconds(u.ru_utime) + microseconds(u.ru_stime);
	if (m->cpu_begun && now > m->cpu_at_ms && us >= m->cpu_us)
		put(h, "process.cpu_ratio",
		    (double)(us - m->cpu_us) / 1000 /
			    (double)(now - m->cpu_at_ms));
	m->cpu_begun = true;
	m->cpu_us = us;
	m->cpu_at_ms = now;
}

static void measure_memory(deia_hive *h)
{
	unsigned long long all, pages;
	char text[128];

	if (deia__machine_read("/proc/self/statm", text, sizeof(text)) &&
	    sscanf(text, "%llu %llu", &all, &pages) == 2)
		put(h, "process.memory_bytes",
		    (double)pages * (double)sysconf(_SC_PAGESIZE));
}

/* How many are open: Linux 6.2 says so; before that, the lowest number that is
 * free is about as high, since low ones are given first. */
static long count_descriptors(void)
{
	struct stat st;
	int fd;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (long)st.st_size;
	fd = dup(STDIN_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return fd;
}

static void measure_descriptors(deia_hive *h)
{
	long n = count_descriptors();
	struct rlimit limit;
	double ratio;

	if (n < 0 || getrlimit(RLIMIT_NOFILE, &limit) ||
	    limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur == 0)
		return;
	ratio = (double)n / (double)limit.rlim_cur;
	put(h, "process.descriptors_ratio", ratio < 1 ? ratio : 1);
}

void deia__health_late(deia_hive *h, int64_t late_ms)
{
	struct deia__measures *m = &h->health->measures;
	int64_t suspended = deia__suspended_ms(NULL);
	int64_t late = late_ms - (suspended - m->suspended_ms);

	m->suspended_ms = suspended;
	m->late_ms[m->looks % DEIA__HEALTH_LATE_LOOKS] = late > 0 ? late : 0;
}

static void measure_delay(deia_hive *h)
{
	const struct deia__measures *m = &h->health->measures;
	int64_t worst = 0;

	for (unsigned i = 0; i < DEIA__HEALTH_LATE_LOOKS; i++)
		if (m->late_ms[i] > worst)
			worst = m->late_ms[i];
	put(h, "process.loop_delay_seconds", (double)worst / 1000);
}

/* ---- store and cache ----------------------------------------------------- */

static double p95(const struct deia_histogram *from,
		  const struct deia_histogram *to)
{
	uint64_t all = deia_histogram_count(to) - deia_histogram_count(from);
	uint64_t seen = 0;
	const uint64_t *bounds;
	unsigned n = deia_scale_bounds(to->scale, &bounds);

	if (!all)
		return (double)NAN;
	for (unsigned i = 0; i < n; i++) {
		seen += to->counts[i] - from->counts[i];
		if (seen * 100 >= all * 95)
			return (double)bounds[i] / 1e6;
	}
	return (double)bounds[n - 1] / 1e6;
}

double deia__window_p95(struct deia__window *w,
			const struct deia_histogram *now, int64_t span_ms,
			int64_t now_ms)
{
	if (!w->begun || now_ms - w->turned_ms >= span_ms) {
		w->older = w->begun ? w->newer : *now;
		w->newer = *now;
		w->turned_ms = now_ms;
		w->begun = true;
	}
	return p95(&w->older, now);
}

static void measure_store(deia_hive *h)
{
	struct deia__measures *m = &h->health->measures;
	struct deia_store_stats st;
	double seconds;

	deia_store_get_stats(h->store, &st);
	put(h, "store.down", st.away || st.failed_hard);
	seconds =
		deia__window_p95(&m->commits, &st.times[DEIA_STORE_TRANSACTION],
				 WINDOW_MS, deia__health_now(h));
	if (!isnan(seconds))
		put(h, "store.latency_seconds", seconds);
	else if (!st.queued) /* none was wanted: nothing is known */
		deia_health_forget(h->health->monitor, "store.latency_seconds",
				   NULL);
}

static void measure_cache(deia_hive *h)
{
	struct deia_cache_stats st;
	double seconds;

	if (!h->cache.cache)
		return;
	deia_cache_get_stats(h->cache.cache, &st);
	put(h, "cache.down", !st.up);
	if (!st.shared) /* in memory: nothing takes time */
		return;
	seconds = deia__window_p95(&h->health->measures.cache, &st.times,
				   WINDOW_MS, deia__health_now(h));
	if (!isnan(seconds))
		put(h, "cache.latency_seconds", seconds);
	else
		deia_health_forget(h->health->monitor, "cache.latency_seconds",
				   NULL);
}

/* ---- the hive ------------------------------------------------------------ */

/* A bot that ended and is not to run is not down. */
static void measure_states(deia_hive *h)
{
	unsigned n[DEIA_BOT_STATES], up, down;

	deia_bots_count_states(h->bots, n);
	/* What is told of them may be a turn of the loop behind. */
	if (n[DEIA_BOT_FAILED] != h->health->n_failed)
		deia__health_bots_states(h);
	h->health->n_failed = n[DEIA_BOT_FAILED];
	up = n[DEIA_BOT_READY] + n[DEIA_BOT_BUSY] + n[DEIA_BOT_PAUSED];
	down = n[DEIA_BOT_BACKOFF] + n[DEIA_BOT_FAILED] + n[DEIA_BOT_OFFLINE];
	put(h, "hive.bots", up);
	up += n[DEIA_BOT_STARTING] + n[DEIA_BOT_STOPPING];
	put(h, "hive.bots_wanted", up + down);
	if (up + down)
		put(h, "hive.bots_down_ratio",
		    (double)down / (double)(up + down));
	else
		deia_health_forget(h->health->monitor, "hive.bots_down_ratio",
				   NULL);
}

void deia__recent_add(struct deia__recent *r, uint64_t ended, uint64_t good,
		      double most)
{
	if (r->counting && ended >= r->all && good >= r->good &&
	    good - r->good <= ended - r->all) {
		r->n += (double)(ended - r->all);
		r->n_good += (double)(good - r->good);
	} else { /* the first look, or counters began anew */
		r->n = (double)ended;
		r->n_good = (double)good;
	}
	r->counting = true;
	r->all = ended;
	r->good = good;
	if (r->n > most) {
		r->n_good *= most / r->n;
		r->n = most;
	}
}

static void measure_type(deia_hive *h, const struct deia_task_type_status *t,
			 int64_t unix_ms)
{
	unsigned n = t->paused ? 0 : t->queued;
	double wait = n && t->oldest_unix_ms
			      ? (double)(unix_ms - t->oldest_unix_ms) / 1000
			      : 0;

	deia__health_put(h, "queue.depth", t->name, n);
	deia__health_put(h, "queue.wait_seconds", t->name, wait > 0 ? wait : 0);
}

static void measure_queue(deia_hive *h)
{
	struct deia__recent *r = &h->health->measures.outcomes;
	int64_t unix_ms = deia__health_unix(h);
	uint64_t good = 0, bad = 0;
	struct deia_tasks_status st;
	struct deia_task_type_status t;

	deia_tasks_get_status(h->tasks->queue, &st);
	put(h, "hive.tasks_waiting", (double)st.by_status[DEIA_TASK_QUEUED]);
	for (size_t i = 0; deia_tasks_type_at(h->tasks->queue, i, &t); i++) {
		good += t.ended[DEIA_TASK_SUCCEEDED];
		bad += t.ended[DEIA_TASK_FAILED] + t.ended[DEIA_TASK_TIMED_OUT];
		measure_type(h, &t, unix_ms);
	}
	deia__recent_add(r, good + bad, good, OUTCOMES);
	if (r->n > 0)
		put(h, "hive.success_ratio", r->n_good / r->n);
}

/* Dead letters of the last hour, by minute. */
static void measure_mail(deia_hive *h)
{
	struct deia__measures *m = &h->health->measures;
	int64_t minute = deia__health_now(h) / MINUTE_MS;
	struct deia_messenger_status st;
	unsigned n = 0;
	uint64_t lie;

	deia_messenger_get_status(h->mail->messenger, &st);
	if (minute - m->dead_minute >= DEIA__HEALTH_MINUTES)
		m->dead_minute = minute - DEIA__HEALTH_MINUTES;
	while (m->dead_minute < minute)
		m->dead[++m->dead_minute % DEIA__HEALTH_MINUTES] = 0;
	m->dead[minute % DEIA__HEALTH_MINUTES] +=
		(unsigned)(st.failed - m->dead_all);
	m->dead_all = st.failed;
	for (unsigned i = 0; i < DEIA__HEALTH_MINUTES; i++)
		n += m->dead[i];
	/* Those that were sent again, or deleted, are dealt with. */
	lie = st.by_status[DEIA_MESSAGE_FAILED];
	put(h, "hive.failed_messages", n < lie ? n : (double)lie);
}

void deia__health_measure(deia_hive *h)
{
	struct deia__measures *m = &h->health->measures;

	measure_machine(h);
	if (m->looks % DISK_LOOKS == 0) {
		measure_disks(h);
		deia__health_bots_begin(h);
	}
	measure_cpu(h);
	measure_memory(h);
	measure_descriptors(h);
	measure_delay(h);
	measure_store(h);
	measure_cache(h);
	measure_states(h);
	measure_queue(h);
	measure_mail(h);
	m->looks++;
}
