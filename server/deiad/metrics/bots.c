/* SPDX-License-Identifier: MIT */
/*
 * bots.c - bots by state, and series of each bot. They are printed from the
 * bots that there are, so a removed bot's end with it.
 */
#include "metrics.h"

static void states(struct expo *e, const struct metrics_view *v)
{
	for (int i = 0; i < DEIA_BOT_STATES; i++)
		expo_uint(e,
			  LABELS({ "state",
				   deia_bot_state_name((deia_bot_state)i) }),
			  v->hive.bot_states[i]);
}

static void left_out(struct expo *e, const struct metrics_view *v)
{
	expo_uint(e, NO_LABELS,
		  v->hive.bots > v->n_bots ? v->hive.bots - v->n_bots : 0);
}

static void state(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++) {
		const struct deia_bot_info *b = v->bots[i].info;

		expo_uint(e,
			  LABELS({ "bot", b->spec->id },
				 { "state", deia_bot_state_name(b->state) }),
			  1);
	}
}

static void info(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++) {
		const struct deia_bot_spec *s = v->bots[i].info->spec;

		expo_uint(e,
			  LABELS({ "bot", s->id }, { "adapter", s->adapter },
				 { "model", s->model }, { "type", s->type }),
			  1);
	}
}

static void unread(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++)
		expo_uint(e, LABELS({ "bot", v->bots[i].info->spec->id }),
			  v->bots[i].unread);
}

static const struct metric metrics[] = {
	{ "deia_bots", "gauge", "Bots of this node by state.", states },
	{ "deia_bots_left_out", "gauge",
	  "Bots beyond the first 1000, which have no series of their own.",
	  left_out },
	{ "deia_bot_info", "gauge", "What a bot is; always 1.", info },
	{ "deia_bot_state", "gauge", "The state a bot is in; always 1.",
	  state },
	{ "deia_bot_unread_messages", "gauge",
	  "Messages in a bot's inbox, pending and delivered.", unread },
};
const struct metric_group metrics_of_bots = METRIC_GROUP(metrics);
