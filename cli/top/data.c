/* SPDX-License-Identifier: MIT */
/* data.c - takes answers of the hive apart into what is shown of it. */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../alert.h"
#include "../cli.h"
#include "../safe.h"

const char *const top_states[TOP_STATES] = {
	"failed", "offline", "backoff", "stopping", "starting",
	"paused", "busy",    "ready",	"stopped",
};

unsigned top_state_rank(const char *state)
{
	for (unsigned i = 0; i < TOP_STATES; i++) {
		if (strcmp(top_states[i], state) == 0)
			return i;
	}
	return TOP_STATES;
}

void top_data_init(struct top_data *d)
{
	*d = (struct top_data){ .host_cpu = (double)NAN,
				.host_memory = (double)NAN,
				.process_cpu = (double)NAN,
				.process_memory = (double)NAN,
				.loop_delay = (double)NAN };
}

static void log_free(struct top_log *log)
{
	for (size_t i = 0; i < log->n; i++)
		free(log->lines[i]);
	log->n = 0;
	log->bot[0] = '\0';
}

void top_data_free(struct top_data *d)
{
	log_free(&d->log);
	free(d->bots);
	top_data_init(d);
}

void top_keep(char *to, size_t size, const char *text)
{
	char *safe = safe_line(text);
	size_t n = strlen(safe);

	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)safe[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(to, safe, n);
	to[n] = '\0';
	free(safe);
}

static const cJSON *member(const cJSON *obj, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(obj, key);
}

static unsigned count_of(const cJSON *obj, const char *key)
{
	double n = jnumber(obj, key, 0);

	return n > 0 && n < 4e9 ? (unsigned)n : 0;
}

#define KEEP(field, text) top_keep(field, sizeof(field), text)

/* ---- the hive ---------------------------------------------------------- */

void top_take_health(struct top_data *d, const cJSON *answer)
{
	const cJSON *load = member(answer, "load");
	const cJSON *bots = member(answer, "bots");
	const cJSON *alerts = member(answer, "alerts");

	KEEP(d->status, jtext(answer, "status"));
	KEEP(d->since, jtext(answer, "since"));
	KEEP(d->version, jtext(answer, "version"));
	d->score = (int)jnumber(answer, "score", 0);
	d->uptime_seconds = jnumber(answer, "uptime_seconds", 0);
	d->host_cpu = jnumber(load, "host_cpu_ratio", (double)NAN);
	d->host_memory = jnumber(load, "host_memory_ratio", (double)NAN);
	d->process_cpu = jnumber(load, "process_cpu_ratio", (double)NAN);
	d->process_memory = jnumber(load, "process_memory_bytes", (double)NAN);
	d->loop_delay = jnumber(load, "loop_delay_seconds", (double)NAN);
	d->n_total = count_of(bots, "total");
	for (size_t i = 0; i < TOP_STATES; i++)
		d->n_in_state[i] = count_of(bots, top_states[i]);
	d->n_firing = count_of(alerts, "info") + count_of(alerts, "warning") +
		      count_of(alerts, "critical");
	d->now.chats = jnumber(member(answer, "turns"), "chats", (double)NAN);
}

void top_take_tasks(struct top_data *d, const cJSON *answer)
{
	d->now.tasks = jnumber(member(answer, "since_start"), "submitted",
			       (double)NAN);
}

void top_take_messages(struct top_data *d, const cJSON *answer)
{
	d->now.messages =
		jnumber(member(answer, "since_start"), "sent", (double)NAN);
}

void top_take_queues(struct top_data *d, const cJSON *answer)
{
	const cJSON *item;

	d->n_queues = 0;
	JSON_EACH_ITEM(item, answer)
	{
		struct top_queue *q = &d->queues[d->n_queues];

		if (d->n_queues == TOP_MAX_QUEUES)
			break;
		d->n_queues++;
		KEEP(q->type, jtext(item, "type"));
		KEEP(q->oldest_at, jtext(item, "oldest_at"));
		q->paused = jtrue(item, "paused");
		q->waiting = count_of(item, "queued");
		q->running = count_of(item, "active");
	}
}

static int level_rank(const char *level)
{
	return strcmp(level, "critical") == 0  ? 0
	       : strcmp(level, "warning") == 0 ? 1
					       : 2;
}

/* The highest level first; of one level, those nobody has seen to, then the
 * newest. */
static int by_weight(const void *a, const void *b)
{
	const struct top_alert *x = a, *y = b;
	int rank = level_rank(x->level) - level_rank(y->level);
	int seen = (strcmp(x->state, "firing") != 0) -
		   (strcmp(y->state, "firing") != 0);

	return rank != 0   ? rank
	       : seen != 0 ? seen
			   : strcmp(y->fired_at, x->fired_at);
}

void top_take_alerts(struct top_data *d, const cJSON *answer)
{
	const cJSON *item;

	d->n_alerts = 0;
	JSON_EACH_ITEM(item, answer)
	{
		struct top_alert *a = &d->alerts[d->n_alerts];
		char *marks, *summary;

		if (d->n_alerts == TOP_MAX_ALERTS)
			break;
		d->n_alerts++;
		summary = alert_summary(item);
		marks = alert_marks(item);
		KEEP(a->id, jtext(item, "id"));
		KEEP(a->level, jtext(item, "level"));
		KEEP(a->state, alert_state(item));
		KEEP(a->fired_at, jtext(item, "fired_at"));
		KEEP(a->summary, summary);
		KEEP(a->marks, marks);
		KEEP(a->advice, jtext(item, "text"));
		free(marks);
		free(summary);
	}
	qsort(d->alerts, d->n_alerts, sizeof(d->alerts[0]), by_weight);
}

/* ---- bots -------------------------------------------------------------- */

/* Where it is, or where it belongs. */
static size_t place_of(const struct top_data *d, const char *id)
{
	size_t low = 0, high = d->n_bots;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(d->bots[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct top_bot *top_bot_of(const struct top_data *d, const char *id)
{
	size_t at = place_of(d, id);

	return at < d->n_bots && strcmp(d->bots[at].id, id) == 0 ? &d->bots[at]
								 : NULL;
}

static struct top_bot *bot_for(struct top_data *d, const char *id)
{
	size_t at = place_of(d, id);

	if (at < d->n_bots && strcmp(d->bots[at].id, id) == 0)
		return &d->bots[at];
	if (d->n_bots == TOP_MAX_BOTS)
		return NULL;
	if (d->n_bots == d->cap_bots) {
		d->cap_bots = d->cap_bots > 0 ? d->cap_bots * 2 : 64;
		d->bots =
			must_realloc(d->bots, d->cap_bots * sizeof(d->bots[0]));
	}
	memmove(&d->bots[at + 1], &d->bots[at],
		(d->n_bots - at) * sizeof(d->bots[0]));
	d->n_bots++;
	d->bots[at] = (struct top_bot){ .cpu_ratio = (double)NAN,
					.memory_bytes = (double)NAN };
	memcpy(d->bots[at].id, id, strlen(id) + 1);
	return &d->bots[at];
}

static void take_bot(struct top_data *d, const cJSON *item, unsigned round)
{
	char id[sizeof(d->bots->id)];
	const char *model = jtext(item, "model");
	const char *why = jtext(item, "state_reason");
	struct top_bot *b;

	KEEP(id, jtext(item, "id"));
	b = bot_for(d, id);
	if (b == NULL)
		return;
	KEEP(b->state, jtext(item, "state"));
	KEEP(b->model, *model != '\0' ? model : jtext(item, "adapter"));
	KEEP(b->why, *why != '\0' ? why : jtext(item, "status_text"));
	b->running = count_of(item, "running_tasks");
	b->most = count_of(item, "max_concurrent");
	b->waiting = count_of(item, "queued_tasks");
	b->unread = count_of(item, "unread");
	b->restarts = count_of(item, "restarts");
	b->round = round;
	if (!cJSON_IsNumber(member(item, "pid")))
		b->cpu_ratio = b->memory_bytes = (double)NAN;
}

void top_take_bots(struct top_data *d, const cJSON *answer, unsigned round)
{
	const cJSON *item;

	JSON_EACH_ITEM(item, answer)
	take_bot(d, item, round);
}

void top_sweep_bots(struct top_data *d, unsigned round)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_bots; i++) {
		if (d->bots[i].round >= round)
			d->bots[n++] = d->bots[i];
	}
	d->n_bots = n;
	d->all_seen = true;
}

void top_take_usage(struct top_data *d, const char *id, const cJSON *answer)
{
	const cJSON *now = member(answer, "now");
	struct top_bot *b = top_bot_of(d, id);

	if (b == NULL)
		return;
	b->cpu_ratio = jnumber(now, "cpu_ratio", (double)NAN);
	b->memory_bytes = jnumber(now, "memory_bytes", (double)NAN);
}

void top_take_log(struct top_data *d, const char *bot, const cJSON *answer)
{
	const cJSON *item;

	log_free(&d->log);
	KEEP(d->log.bot, bot);
	JSON_EACH_ITEM(item, answer)
	{
		const char *line = cJSON_GetStringValue(item);

		if (line == NULL || d->log.n == TOP_MAX_LOG_LINES)
			continue;
		d->log.lines[d->log.n++] = safe_line(line);
	}
}

/* ---- rates ------------------------------------------------------------- */

/* A counter that went down, or was not known: the hive began anew. */
static bool goes_on(const struct top_count *was, const struct top_count *is)
{
	return is->tasks >= was->tasks && is->messages >= was->messages &&
	       is->chats >= was->chats;
}

void top_count_up(struct top_data *d, int64_t now_ms)
{
	d->now.at_ms = now_ms;
	if (!goes_on(&d->counts[0], &d->now))
		memset(d->counts, 0, sizeof(d->counts));
	memmove(&d->counts[1], &d->counts[0],
		(TOP_COUNTS - 1) * sizeof(d->counts[0]));
	d->counts[0] = d->now;
}

struct top_count top_rates(const struct top_data *d)
{
	const struct top_count *is = &d->counts[0], *was = is;
	struct top_count rate = { .tasks = (double)NAN,
				  .messages = (double)NAN,
				  .chats = (double)NAN };
	double seconds;

	for (size_t i = 1; i < TOP_COUNTS && d->counts[i].at_ms != 0; i++)
		was = &d->counts[i];
	seconds = (double)(is->at_ms - was->at_ms) / 1000;
	if (seconds <= 0)
		return rate;
	rate.tasks = (is->tasks - was->tasks) / seconds;
	rate.messages = (is->messages - was->messages) / seconds;
	rate.chats = (is->chats - was->chats) / seconds;
	return rate;
}
