/* SPDX-License-Identifier: MIT */
/*
 * restart.h - what follows a bot's death: a pure function of its history, its
 * policy and now.
 *
 * The first restart comes at once, then after 1, 2, 4 ... 60 s, each with up
 * to 20 % more or less; 600 s up start the row anew. More than max_restarts
 * deaths within window_seconds end in failure.
 */
#ifndef DEIA_BOT_RESTART_H
#define DEIA_BOT_RESTART_H

#include <deia/bot.h>

#define DEIA__RESTART_RESET_MS 600000
#define DEIA__RESTART_MAX_DELAY_MS 60000
/* Above this a policy's max_restarts is refused: it bounds the history. */
#define DEIA__RESTART_MAX 1000

struct deia__restart_history {
	int64_t *deaths_ms; /* ring of the latest deaths */
	unsigned cap, len, head;
	unsigned streak; /* deaths since it was last up for long */
};

struct deia__death {
	int64_t now_ms;
	int64_t up_ms; /* how long it had been ready */
	bool clean;    /* it exited with 0 */
	double jitter; /* [0, 1) */
};

enum deia__restart_action {
	DEIA__RESTART_AGAIN,  /* start after delay_ms */
	DEIA__RESTART_NOT,    /* the policy asks for none: stopped */
	DEIA__RESTART_FAIL,   /* the policy asks for none: failed */
	DEIA__RESTART_GIVE_UP /* died too often: failed */
};

struct deia__restart_next {
	enum deia__restart_action action;
	int64_t delay_ms;
	unsigned deaths; /* within the window, this one included */
};

/* Empties the history and frees its memory. */
void deia__restart_clear(struct deia__restart_history *h);
/* Notes a death. False: out of memory, and it was not noted. */
bool deia__restart_note(struct deia__restart_history *h,
			const struct deia_bot_spec *spec,
			const struct deia__death *d);
/* What to do now; the death must have been noted. */
struct deia__restart_next deia__restart_next(
	const struct deia__restart_history *h, const struct deia_bot_spec *spec,
	const struct deia__death *d);

#endif
