/* SPDX-License-Identifier: MIT */
/*
 * timer.c - a binary heap of embedded timers on one timerfd.
 *
 * Order is by due time, then by when they were set, so runs repeat exactly.
 * What is due is first taken out of the heap into a small array, then called
 * slot by slot: a callback may set, clear or free any timer, also one that is
 * due in the same run, and a timer set by a callback never runs in the same
 * run. The timerfd is armed lazily: moved only when something is due earlier
 * than it stands, so a timer pushed on and on costs no system call.
 */
#include "core/timer.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/mem.h"

#define MAX_PER_RUN 64
#define FIRST_CAP 64
#define NEVER INT64_MAX
/* heap_pos of a timer in the due array: SIZE_MAX - slot. */
#define IS_DUE(pos) ((pos) > SIZE_MAX - MAX_PER_RUN)
#define SLOT(pos) (SIZE_MAX - (pos))

struct deia__timers {
	const struct deia__clock *clock;
	struct deia__timer **heap;
	size_t len, cap;
	uint64_t next_seq;
	struct deia__timer *due[MAX_PER_RUN]; /* NULL: cleared meanwhile */
	bool running;
	struct event *event; /* NULL with a virtual clock */
	int fd;
	int64_t armed_ms; /* when the timerfd fires */
};

/* ---- heap -------------------------------------------------------------- */

static bool before(const struct deia__timer *a, const struct deia__timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void place(deia__timers *t, size_t i, struct deia__timer *tm)
{
	t->heap[i] = tm;
	tm->heap_pos = i + 1;
}

static void sift_up(deia__timers *t, size_t i, struct deia__timer *tm)
{
	while (i > 0 && before(tm, t->heap[(i - 1) / 2])) {
		place(t, i, t->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(t, i, tm);
}

static void sift_down(deia__timers *t, size_t i, struct deia__timer *tm)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < t->len &&
		    before(t->heap[child + 1], t->heap[child]))
			child++;
		if (child >= t->len || !before(t->heap[child], tm))
			break;
		place(t, i, t->heap[child]);
		i = child;
	}
	place(t, i, tm);
}

/* Puts tm where it belongs, starting at i. */
static void settle(deia__timers *t, size_t i, struct deia__timer *tm)
{
	if (i > 0 && before(tm, t->heap[(i - 1) / 2]))
		sift_up(t, i, tm);
	else
		sift_down(t, i, tm);
}

static void heap_remove(deia__timers *t, struct deia__timer *tm)
{
	size_t i = tm->heap_pos - 1;
	struct deia__timer *last = t->heap[--t->len];

	assert(t->heap[i] == tm || last == tm);
	tm->heap_pos = 0;
	if (last != tm)
		settle(t, i, last);
}

static bool reserve(deia__timers *t, size_t n)
{
	size_t cap = t->cap ? t->cap * 2 : FIRST_CAP;
	struct deia__timer **heap;

	if (n <= t->cap)
		return true;
	while (cap < n)
		cap *= 2;
	heap = deia__realloc(t->heap, cap * sizeof(struct deia__timer *));
	if (!heap)
		return false;
	t->heap = heap;
	t->cap = cap;
	return true;
}

/* ---- timerfd ----------------------------------------------------------- */

static void arm(deia__timers *t)
{
	struct itimerspec at = { 0 };
	int64_t due;

	if (!t->event || t->running || t->len == 0 ||
	    t->heap[0]->due_ms >= t->armed_ms)
		return;
	due = t->heap[0]->due_ms > 0 ? t->heap[0]->due_ms : 1;
	at.it_value.tv_sec = due / 1000;
	at.it_value.tv_nsec = due % 1000 * 1000000;
	if (timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &at, NULL) == 0)
		t->armed_ms = due;
}

static void on_timerfd(evutil_socket_t fd, short what, void *arg)
{
	deia__timers *t = arg;
	uint64_t times;

	(void)what;
	if (read(fd, &times, sizeof(times)) < 0 && errno == EAGAIN)
		return;
	t->armed_ms = NEVER;
	deia__timers_run(t);
}

static deia_err watch(deia__timers *t, struct event_base *base)
{
	t->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->fd < 0)
		return DEIA_EIO;
	t->event = event_new(base, t->fd, EV_READ | EV_PERSIST, on_timerfd, t);
	if (!t->event)
		return DEIA_ENOMEM;
	return event_add(t->event, NULL) == 0 ? DEIA_OK : DEIA_EIO;
}

/* ---- functions of the header ------------------------------------------- */

deia_err deia__timers_new(deia__timers **out, struct event_base *base,
			  const struct deia__clock *clock)
{
	bool is_virtual = clock && clock->is_virtual;
	deia__timers *t;
	deia_err err = DEIA_OK;

	*out = NULL;
	if (!base && !is_virtual)
		return DEIA_EINVAL;
	t = deia__alloc(sizeof(*t));
	if (!t)
		return DEIA_ENOMEM;
	t->clock = clock;
	t->fd = -1;
	t->armed_ms = NEVER;
	if (!is_virtual)
		err = watch(t, base);
	if (err) {
		deia__timers_free(t);
		return err;
	}
	*out = t;
	return DEIA_OK;
}

void deia__timers_free(deia__timers *t)
{
	if (!t)
		return;
	assert(!t->running);
	for (size_t i = 0; i < t->len; i++)
		t->heap[i]->heap_pos = 0;
	if (t->event)
		event_free(t->event);
	if (t->fd >= 0)
		close(t->fd);
	deia__free(t->heap);
	deia__free(t);
}

const struct deia__clock *deia__timers_clock(const deia__timers *t)
{
	return t->clock;
}

int64_t deia__timers_now(const deia__timers *t)
{
	return deia__now_ms(t->clock);
}

deia_err deia__timers_reserve(deia__timers *t, size_t n)
{
	return reserve(t, n) ? DEIA_OK : DEIA_ENOMEM;
}

deia_err deia__timer_set(deia__timers *t, struct deia__timer *tm,
			 int64_t delay_ms)
{
	int64_t now = deia__timers_now(t);
	bool in_heap = tm->heap_pos != 0 && !IS_DUE(tm->heap_pos);

	assert(tm->fn);
	if (!in_heap && !reserve(t, t->len + 1))
		return DEIA_ENOMEM;
	if (delay_ms < 0)
		delay_ms = 0;
	tm->due_ms = delay_ms > NEVER - 1 - now ? NEVER - 1 : now + delay_ms;
	tm->seq = t->next_seq++;
	if (in_heap) {
		settle(t, tm->heap_pos - 1, tm);
	} else {
		deia__timer_clear(t, tm);
		sift_up(t, t->len++, tm);
	}
	arm(t);
	return DEIA_OK;
}

void deia__timer_clear(deia__timers *t, struct deia__timer *tm)
{
	if (tm->heap_pos == 0)
		return;
	if (IS_DUE(tm->heap_pos)) {
		t->due[SLOT(tm->heap_pos)] = NULL;
		tm->heap_pos = 0;
	} else {
		heap_remove(t, tm);
	}
}

static size_t take_due(deia__timers *t)
{
	int64_t now = deia__timers_now(t);
	size_t n = 0;

	while (n < MAX_PER_RUN && t->len > 0 && t->heap[0]->due_ms <= now) {
		struct deia__timer *tm = t->heap[0];

		heap_remove(t, tm);
		tm->heap_pos = SIZE_MAX - n;
		t->due[n++] = tm;
	}
	return n;
}

int64_t deia__timers_run(deia__timers *t)
{
	int64_t wait;
	size_t n;

	assert(!t->running);
	t->running = true;
	n = take_due(t);
	for (size_t i = 0; i < n; i++) {
		struct deia__timer *tm = t->due[i];

		if (!tm)
			continue;
		t->due[i] = NULL;
		tm->heap_pos = 0;
		tm->fn(tm->arg);
	}
	t->running = false;
	arm(t);
	if (t->len == 0)
		return -1;
	wait = t->heap[0]->due_ms - deia__timers_now(t);
	return wait > 0 ? wait : 0;
}
