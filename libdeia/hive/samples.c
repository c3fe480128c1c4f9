/* SPDX-License-Identifier: MIT */
/*
 * samples.c - what each bot needs: memory, processor, uptime, once a minute,
 * first soon after the start.
 *
 * The kernel keeps all of it in one line, /proc/PID/stat; reading it takes
 * about ten microseconds and never waits for a disk. The samples of all bots
 * that live are one transaction. What a bot's own children need is not in it:
 * where cgroups hold a bot's limits, GET /bots/{id} shows the memory of all.
 */
#include "hive/health/health.h"
#include "hive/nodes/nodes.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_MS 60000
#define FIRST_MS 5000 /* by then the bots that were to run do */
#define SLICE 100     /* bots in a turn of the loop: about a millisecond */
#define NEXT_MS 1
#define STAT_BYTES 1024

struct process {
	int64_t cpu_ms, memory_bytes; /* -1: unknown */
};

/* ---- the kernel's figures ----------------------------------------------- */

static ssize_t read_stat(int64_t pid, char *text, size_t len)
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, len - 1);
	close(fd);
	if (n > 0)
		text[n] = '\0';
	return n;
}

/* utime, stime and rss are the 14th, 15th and 24th field; the 2nd, the name,
 * may hold anything but ends in the last bracket. */
static struct process look(int64_t pid)
{
	struct process p = { -1, -1 };
	long long utime, stime, rss;
	char text[STAT_BYTES];
	const char *rest;

	if (pid <= 0 || read_stat(pid, text, sizeof(text)) <= 0)
		return p;
	rest = strrchr(text, ')');
	if (!rest ||
	    sscanf(rest,
		   ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld %lld "
		   "%*s %*s %*s %*s %*s %*s %*s %*s %lld",
		   &utime, &stime, &rss) != 3)
		return p;
	p.cpu_ms = (utime + stime) * 1000 / sysconf(_SC_CLK_TCK);
	p.memory_bytes = rss * sysconf(_SC_PAGESIZE);
	return p;
}

/* ---- one sample --------------------------------------------------------- */

static bool is_live(deia_bot_state s)
{
	return s == DEIA_BOT_STARTING || s == DEIA_BOT_READY ||
	       s == DEIA_BOT_BUSY || s == DEIA_BOT_PAUSED ||
	       s == DEIA_BOT_STOPPING;
}

static void fill(struct deia_bot_sample *s, const struct deia__hbot *b,
		 const struct deia_bot_info *info)
{
	struct process p = look(info->pid);
	int64_t wall;

	s->at_unix_ms = deia__unix_ms(NULL);
	s->state = deia_bot_state_name(info->state);
	s->pid = info->pid;
	s->memory_bytes = p.memory_bytes;
	s->cpu_ms = p.cpu_ms;
	s->cpu_permille = -1;
	wall = info->started_unix_ms ? s->at_unix_ms - info->started_unix_ms
				     : 0;
	s->uptime_ms = wall > 0 ? wall : 0;
	s->last_message_unix_ms = b->last_message_ms;
	s->errors = b->turns_failed + info->faults;
	s->restarts = info->restarts;
}

/* Since the sample before it of the same process; else since its start. */
static void add_share(struct deia_bot_sample *s, const struct deia__hbot *b,
		      int64_t now_ms)
{
	bool same = b->sample_pid == s->pid && b->sample_cpu_ms <= s->cpu_ms;
	int64_t cpu = same ? s->cpu_ms - b->sample_cpu_ms : s->cpu_ms;
	int64_t span = same ? now_ms - b->sample_ms : s->uptime_ms;

	if (s->cpu_ms >= 0 && span > 0)
		s->cpu_permille = cpu * 1000 / span;
}

static struct deia_value known(int64_t n)
{
	return n < 0 ? deia_null() : deia_int(n);
}

static void add_row(deia_txn *t, const struct deia__hbot *b,
		    const struct deia_bot_sample *s)
{
	struct deia_value row[STATUS_COLUMNS];

	row[STATUS_BOT] = deia_text(b->id);
	row[STATUS_AT] = deia_int(s->at_unix_ms);
	row[STATUS_STATE] = deia_text(s->state);
	row[STATUS_PID] = deia_int(s->pid);
	row[STATUS_MEMORY] = known(s->memory_bytes);
	row[STATUS_CPU_MS] = known(s->cpu_ms);
	row[STATUS_CPU_PERMILLE] = known(s->cpu_permille);
	row[STATUS_UPTIME] = deia_int(s->uptime_ms);
	row[STATUS_LAST_MESSAGE] = deia_int(s->last_message_unix_ms);
	row[STATUS_ERRORS] = deia_int((int64_t)s->errors);
	row[STATUS_RESTARTS] = deia_int(s->restarts);
	/* Put: the wall clock may have been set back. */
	deia_txn_put(t, &deia__table_bot_status, row);
}

/* ---- every minute ------------------------------------------------------- */

static bool sample(deia_hive *h, deia_txn *t, struct deia__hbot *b)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, b->id);
	int64_t now = deia__now_ms(NULL);
	struct deia_bot_sample s;

	if (!info || !is_live(info->state))
		return false;
	fill(&s, b, info);
	add_share(&s, b, now);
	add_row(t, b, &s);
	deia__health_bot_sampled(h, b, &s);
	b->sample_pid = s.pid;
	b->sample_cpu_ms = s.cpu_ms;
	b->sample_memory = s.memory_bytes;
	b->sample_ms = now;
	return true;
}

/*
 * The change grows over several turns of the loop, so that many bots do not
 * hold it up. True when some are left.
 */
static bool take_some(deia_hive *h)
{
	struct deia__hbot *b, *next;
	unsigned looked = 0;

	if (!h->sample_change) {
		h->sample_change = deia__change_new(h);
		h->sample_round++;
		h->n_samples = 0;
	}
	if (!h->sample_change)
		return false;
	HASH_ITER(hh, h->hbots, b, next) {
		if (b->sample_round == h->sample_round || b->creating ||
		    b->removing)
			continue;
		if (looked++ == SLICE)
			return true;
		b->sample_round = h->sample_round;
		h->n_samples +=
			sample(h, deia__change_txn(h->sample_change), b);
	}
	return false;
}

static deia_err commit(deia_hive *h)
{
	struct deia__change *c = h->sample_change;

	h->sample_change = NULL;
	if (!c || h->n_samples > 0)
		return deia__change_commit(c, h, NULL, NULL);
	deia__change_drop(c);
	return DEIA_OK;
}

deia_err deia__samples_take(deia_hive *h)
{
	while (take_some(h))
		;
	return commit(h);
}

static void on_time(void *arg)
{
	deia_hive *h = arg;
	bool more = take_some(h);

	if (!more && commit(h))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "the state of bots is not recorded: %s",
			       h->msg.text);
	if (deia__timer_set(h->timers, &h->sample_timer,
			    more ? NEXT_MS : SAMPLE_MS))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "the state of bots is not recorded any more");
}

void deia__samples_start(deia_hive *h)
{
	h->sample_timer.fn = on_time;
	h->sample_timer.arg = h;
	if (deia__timer_set(h->timers, &h->sample_timer, FIRST_MS))
		deia__hive_log(h, DEIA_LOG_ERROR,
			       "the state of bots is not recorded");
}

void deia__samples_stop(deia_hive *h)
{
	deia__timer_clear(h->timers, &h->sample_timer);
	deia__change_drop(h->sample_change);
	h->sample_change = NULL;
}

void deia__samples_purge(struct deia__change *c, const char *bot)
{
	struct deia_value id = deia_text(bot);

	deia_txn_delete_where(deia__change_txn(c), &deia__table_bot_status, -1,
			      &id, 1, NULL);
}

/* ---- asking ------------------------------------------------------------- */

deia_err deia_hive_bot_sample_now(deia_hive *h, const char *bot,
				  struct deia_bot_sample *out)
{
	struct deia__hbot *b = deia__hbot_get(h, bot);
	const struct deia_bot_info *info =
		b ? deia_bots_get(h->bots, bot) : NULL;

	if (!info)
		return deia__not_here(h, bot);
	fill(out, b, info);
	add_share(out, b, deia__now_ms(NULL));
	return DEIA_OK;
}

struct page {
	deia_hive *hive;
	char bot[DEIA_MAX_ID_LEN + 1];
	int64_t since_ms;
	deia_bot_sample_cb cb;
	void *user;
};

static int64_t number_or(const struct deia_value *v, int64_t none)
{
	return v->type == DEIA_NULL ? none : v->i;
}

static void read_row(struct deia_bot_sample *s, const deia_rows *rows, size_t r)
{
	s->at_unix_ms = deia_rows_get(rows, r, STATUS_AT)->i;
	s->state = deia_rows_text(rows, r, STATUS_STATE);
	s->pid = deia_rows_get(rows, r, STATUS_PID)->i;
	s->memory_bytes = number_or(deia_rows_get(rows, r, STATUS_MEMORY), -1);
	s->cpu_ms = number_or(deia_rows_get(rows, r, STATUS_CPU_MS), -1);
	s->cpu_permille =
		number_or(deia_rows_get(rows, r, STATUS_CPU_PERMILLE), -1);
	s->uptime_ms = deia_rows_get(rows, r, STATUS_UPTIME)->i;
	s->last_message_unix_ms =
		deia_rows_get(rows, r, STATUS_LAST_MESSAGE)->i;
	s->errors = (uint64_t)deia_rows_get(rows, r, STATUS_ERRORS)->i;
	s->restarts = (unsigned)deia_rows_get(rows, r, STATUS_RESTARTS)->i;
}

/* How many rows are young enough; they come newest first. */
static size_t count_young(const struct page *p, const deia_rows *rows)
{
	size_t n = deia_rows_count(rows), i = 0;

	while (i < n && deia_rows_get(rows, i, STATUS_AT)->i >= p->since_ms)
		i++;
	return i;
}

static void give(const struct page *p, deia_err err, const deia_rows *rows)
{
	size_t n = err ? 0 : count_young(p, rows);
	struct deia_bot_sample *items = deia__alloc((n + 1) * sizeof(*items));

	if (err)
		deia__hive_unreadable(p->hive, err);
	else if (!items)
		err = deia__hive_fail(p->hive, DEIA_ENOMEM, "out of memory");
	else if (!deia_rows_count(rows) && !deia__bot_known(p->hive, p->bot))
		err = deia__no_bot(p->hive, p->bot);
	for (size_t i = 0; items && !err && i < n; i++)
		read_row(&items[i], rows, i);
	p->cb(err, err ? NULL : items, err ? 0 : n,
	      !err && n == deia_rows_count(rows) && deia_rows_has_more(rows),
	      p->user);
	deia__free(items);
}

static void on_page(deia_err err, const deia_rows *rows, void *user)
{
	struct page *p = user;

	give(p, err, rows);
	deia__free(p);
}

deia_err deia_hive_bot_samples(deia_hive *h, const char *bot, int64_t since_ms,
			       int64_t before_ms, unsigned limit,
			       deia_bot_sample_cb cb, void *user)
{
	struct deia_value id = deia_text(bot), after = deia_int(before_ms);
	struct deia_page_query q = {
		.table = &deia__table_bot_status,
		.index = -1,
		.equal = &id,
		.n_equal = 1,
		.after = &after,
		.n_after = before_ms > 0 ? 1 : 0,
		.descending = true,
		.limit = limit,
	};
	struct page *p;
	deia_err err = deia__hive_check_limit(h, limit);

	if (err)
		return err;
	if (!deia_bot_id_valid(bot))
		return deia__no_bot(h, bot);
	p = deia__alloc(sizeof(*p));
	if (p) {
		*p = (struct page){
			.hive = h, .since_ms = since_ms, .cb = cb, .user = user
		};
		memcpy(p->bot, bot, strlen(bot) + 1);
	}
	return deia__hive_page(h, &q, on_page, p);
}
