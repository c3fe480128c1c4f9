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

static void open_turns(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++) {
		const struct deia_bot_info *b = v->bots[i].info;

		expo_uint(
			e,
			LABELS({ "bot", b->spec->id }, { "state", "running" }),
			b->running);
		expo_uint(e,
			  LABELS({ "bot", b->spec->id }, { "state", "queued" }),
			  b->queued);
	}
}

static void turns(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++) {
		const char *id = v->bots[i].info->spec->id;
		const struct deia_bot_counts *c = v->bots[i].info->counts;

		expo_uint(e, LABELS({ "bot", id }, { "outcome", "done" }),
			  c->turns_done);
		expo_uint(e, LABELS({ "bot", id }, { "outcome", "failed" }),
			  c->turns_failed);
		expo_uint(e, LABELS({ "bot", id }, { "outcome", "cancelled" }),
			  c->turns_cancelled);
	}
}

static void tokens(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++) {
		const char *id = v->bots[i].info->spec->id;
		const struct deia_bot_counts *c = v->bots[i].info->counts;

		expo_uint(e, LABELS({ "bot", id }, { "kind", "prompt" }),
			  c->prompt_tokens);
		expo_uint(e, LABELS({ "bot", id }, { "kind", "completion" }),
			  c->completion_tokens);
	}
}

static void answers(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++) {
		const struct deia_bot_info *b = v->bots[i].info;

		if (b->counts->turns_done)
			expo_histogram(e, LABELS({ "bot", b->spec->id }),
				       &b->counts->answers);
	}
}

static void restarts(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++)
		expo_uint(e, LABELS({ "bot", v->bots[i].info->spec->id }),
			  v->bots[i].info->counts->restarts);
}

static void memory(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++)
		if (v->bots[i].memory_bytes >= 0)
			expo_int(e,
				 LABELS({ "bot", v->bots[i].info->spec->id }),
				 v->bots[i].memory_bytes);
}

static void cpu(struct expo *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->n_bots; i++)
		if (v->bots[i].cpu_ms >= 0)
			expo_micros(
				e, LABELS({ "bot", v->bots[i].info->spec->id }),
				v->bots[i].cpu_ms * 1000);
}

static void turn_waits(struct expo *e, const struct metrics_view *v)
{
	static const char *const kinds[DEIA_WORK_KINDS] = {
		[DEIA_WORK_CHAT] = "chat", [DEIA_WORK_TASK] = "task"
	};

	for (int i = 0; i < DEIA_WORK_KINDS; i++)
		expo_histogram(e, LABELS({ "kind", kinds[i] }),
			       &v->hive.turn_waits[i]);
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
	{ "deia_bot_restarts_total", "counter",
	  "How often a bot was started again after it died.", restarts },
	{ "deia_bot_open_turns", "gauge",
	  "Turns that run at a bot, and that wait at it.", open_turns },
	{ "deia_bot_turns_total", "counter",
	  "Turns of a bot that ended, by outcome.", turns },
	{ "deia_bot_tokens_total", "counter",
	  "Tokens that a bot's model read and wrote, as the bot told.",
	  tokens },
	{ "deia_bot_answer_duration_seconds", "histogram",
	  "From the hand-over of a turn to a bot's whole answer.", answers },
	{ "deia_bot_resident_memory_bytes", "gauge",
	  "Memory of a bot's process, as of the last minute.", memory },
	{ "deia_bot_cpu_seconds_total", "counter",
	  "Processor time of a bot's process, as of the last minute.", cpu },
	{ "deia_turn_wait_seconds", "histogram",
	  "How long turns waited at their bots before they began.",
	  turn_waits },
};
const struct metric_group metrics_of_bots = METRIC_GROUP(metrics);
