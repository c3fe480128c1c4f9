/* SPDX-License-Identifier: MIT */
/*
 * restart.c - the restart policy. No clock and no randomness of its own, so
 * that tests run it against a table.
 */
#include "bot/restart.h"

#include <string.h>

#include "core/mem.h"

void deia__restart_clear(struct deia__restart_history *h)
{
	deia__free(h->deaths_ms);
	memset(h, 0, sizeof(*h));
}

/* The i-th latest death, 0 being the last. */
static int64_t death_at(const struct deia__restart_history *h, unsigned i)
{
	return h->deaths_ms[(h->head + h->cap - 1 - i) % h->cap];
}

/* Room for one death more than the policy forgives. */
static bool resize(struct deia__restart_history *h, unsigned cap)
{
	int64_t *deaths = deia__alloc(cap * sizeof(*deaths));
	unsigned i, keep = h->len < cap ? h->len : cap;

	if (deaths == NULL)
		return false;
	for (i = 0; i < keep; i++)
		deaths[keep - 1 - i] = death_at(h, i);
	deia__free(h->deaths_ms);
	h->deaths_ms = deaths;
	h->cap = cap;
	h->len = keep;
	h->head = keep % cap;
	return true;
}

bool deia__restart_note(struct deia__restart_history *h,
			const struct deia_bot_spec *spec,
			const struct deia__death *d)
{
	unsigned max = spec->max_restarts < DEIA__RESTART_MAX
			       ? spec->max_restarts
			       : DEIA__RESTART_MAX;

	if (h->cap != max + 1 && !resize(h, max + 1))
		return false;
	h->streak = d->up_ms >= DEIA__RESTART_RESET_MS ? 1 : h->streak + 1;
	h->deaths_ms[h->head] = d->now_ms;
	h->head = (h->head + 1) % h->cap;
	if (h->len < h->cap)
		h->len++;
	return true;
}

static unsigned deaths_within(const struct deia__restart_history *h,
			      int64_t since_ms)
{
	unsigned i;

	for (i = 0; i < h->len && death_at(h, i) > since_ms; i++)
		;
	return i;
}

static int64_t delay_of(unsigned streak, double jitter)
{
	int64_t delay = 1000;

	if (streak <= 1)
		return 0;
	for (; streak > 2 && delay < DEIA__RESTART_MAX_DELAY_MS; streak--)
		delay *= 2;
	if (delay > DEIA__RESTART_MAX_DELAY_MS)
		delay = DEIA__RESTART_MAX_DELAY_MS;
	return (int64_t)((double)delay * (0.8 + 0.4 * jitter));
}

struct deia__restart_next deia__restart_next(
	const struct deia__restart_history *h, const struct deia_bot_spec *spec,
	const struct deia__death *d)
{
	struct deia__restart_next n = { .action = DEIA__RESTART_AGAIN };
	int64_t window_ms = (int64_t)spec->window_seconds * 1000;

	n.deaths = deaths_within(h, d->now_ms - window_ms);
	if (spec->restart == DEIA_RESTART_NEVER)
		n.action = d->clean ? DEIA__RESTART_NOT : DEIA__RESTART_FAIL;
	else if (spec->restart == DEIA_RESTART_ON_FAILURE && d->clean)
		n.action = DEIA__RESTART_NOT;
	else if (n.deaths > spec->max_restarts)
		n.action = DEIA__RESTART_GIVE_UP;
	else
		n.delay_ms = delay_of(h->streak, d->jitter);
	return n;
}
