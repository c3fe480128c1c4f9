/* SPDX-License-Identifier: MIT */
/*
 * circuit.c - a bot that keeps failing is taken out, and probed.
 *
 * Each outcome is evidence: how much likelier is it of a bot that is broken
 * (1 of 20 succeeds) than of this one, as it was with this type before? The sum
 * of the logarithms, never below 0, is the doubt (a CUSUM test, Page 1954). So
 * six failures in a row are enough where 19 of 20 succeed, and of a bot that is
 * known to fail every other time it takes twenty.
 *
 * The pause doubles from one to the next. It is over when its time is, and when
 * other bots had some outcomes meanwhile, so that a broken bot spoils no larger
 * share of the tasks where there are few. Then one task at a time goes there.
 */
#include "scheduler/scheduler.h"

/* As likely as 1 : 8100 to be chance. */
#define BROKEN_DOUBT 9.0
#define BROKEN_SUCCESS 0.05
/* What is left, after each failure, of what a pair was before it began to fail:
 * a bot is not excused because it was soon known to fail. */
#define FADING 0.9
/* Successes after which earlier pauses do not count any more. */
#define HEALED_SUCCESSES 10
#define MAX_PAUSES 20
/* Outcomes of the hive within the first pause, and within any. */
#define PAUSE_OUTCOMES 10
#define MAX_PAUSE_OUTCOMES 500

static const char *const names[] = { "closed", "open", "probing" };

const char *deia_scheduler_circuit_name(deia_scheduler_circuit c)
{
	return (unsigned)c <= DEIA_CIRCUIT_PROBING ? names[c] : "unknown";
}

static void move(deia_scheduler *s, struct deia__sched_bot *b,
		 deia_scheduler_circuit to)
{
	s->n_open -= b->circuit == DEIA_CIRCUIT_OPEN;
	s->n_probing -= b->circuit == DEIA_CIRCUIT_PROBING;
	b->circuit = to;
	s->n_open += to == DEIA_CIRCUIT_OPEN;
	s->n_probing += to == DEIA_CIRCUIT_PROBING;
}

static void open_circuit(deia_scheduler *s, struct deia__sched_bot *b)
{
	double times = exp2(b->pauses);
	double ms = fmin((double)s->opts.pause_ms * times,
			 (double)s->opts.max_pause_ms);

	b->until_ms = s->now_ms + (int64_t)ms;
	b->until_outcomes = s->outcomes + (uint64_t)fmin(PAUSE_OUTCOMES * times,
							 MAX_PAUSE_OUTCOMES);
	if (b->pauses < MAX_PAUSES)
		b->pauses++;
	b->successes = 0;
	move(s, b, DEIA_CIRCUIT_OPEN);
}

void deia__circuit_close(deia_scheduler *s, struct deia__sched_bot *b)
{
	move(s, b, DEIA_CIRCUIT_CLOSED);
	b->doubt = 0;
	b->failures = b->pauses = b->successes = 0;
}

static void note_success(deia_scheduler *s, struct deia__sched_bot *b,
			 double usual)
{
	b->failures = 0;
	b->doubt = fmax(b->doubt + log(BROKEN_SUCCESS / usual), 0);
	if (b->circuit != DEIA_CIRCUIT_CLOSED)
		b->doubt = 0;
	move(s, b, DEIA_CIRCUIT_CLOSED);
	if (++b->successes == HEALED_SUCCESSES)
		b->pauses = 0;
}

void deia__circuit_note(deia_scheduler *s, struct deia__sched_bot *b,
			struct deia__pair *p, bool success)
{
	double usual = fmin(
		fmax((double)fmaxf(p->usual, p->success), 2 * BROKEN_SUCCESS),
		0.95);

	p->usual = success ? p->success : (float)(usual * FADING);
	if (success) {
		note_success(s, b, usual);
		return;
	}
	b->failures++;
	b->doubt += log((1 - BROKEN_SUCCESS) / (1 - usual));
	if (b->circuit == DEIA_CIRCUIT_PROBING ||
	    (b->circuit == DEIA_CIRCUIT_CLOSED && b->doubt > BROKEN_DOUBT))
		open_circuit(s, b);
}

void deia__circuit_turn(deia_scheduler *s)
{
	for (unsigned i = 0; s->n_open && i < s->top; i++) {
		struct deia__sched_bot *b = s->bots[i];

		if (!b || b->circuit != DEIA_CIRCUIT_OPEN ||
		    s->now_ms < b->until_ms ||
		    (s->outcomes < b->until_outcomes && s->n_open < s->n_bots))
			continue;
		move(s, b, DEIA_CIRCUIT_PROBING);
		deia__book_update(s, b);
	}
}
