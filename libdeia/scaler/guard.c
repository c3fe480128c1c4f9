/* SPDX-License-Identifier: MIT */
/*
 * guard.c - what forbids a launch: max_bots, the cap over all templates,
 * failing bots, CPU and memory, in this order; the first that leaves no room is
 * the one that is named.
 */
#include "scaler/scaler.h"

#define MIB(bytes) ((bytes) >> 20)

uint64_t deia__scaler_bot_bytes(const deia_scaler *s,
				const struct deia_scaler_view *v)
{
	return v->bot_memory_bytes ? v->bot_memory_bytes
				   : s->opts.bot_memory_bytes;
}

static unsigned below_max(const deia_scaler *s,
			  const struct deia__scaler_template *t, char *text,
			  size_t len)
{
	(void)s;
	deia__scaler_say(text, len, "max_bots is %u%s", t->conf.max_bots,
			 t->seen.all > t->seen.bots ? ", draining ones included"
						    : "");
	return t->conf.max_bots > t->seen.all ? t->conf.max_bots - t->seen.all
					      : 0;
}

static unsigned below_cap(const deia_scaler *s,
			  const struct deia__scaler_template *t, char *text,
			  size_t len)
{
	(void)t;
	deia__scaler_say(text, len, "all templates together have their %u bots",
			 s->opts.max_bots);
	return s->cap_left;
}

static unsigned not_failing(const deia_scaler *s,
			    const struct deia__scaler_template *t, char *text,
			    size_t len)
{
	if (t->failures == 0)
		return UINT32_MAX;
	if (s->now_ms < t->resume_ms) {
		deia__scaler_say(
			text, len,
			"its new bots failed %u time%s in a row; the next try "
			"is in %.0f s",
			t->failures, t->failures == 1 ? "" : "s",
			(double)(t->resume_ms - s->now_ms) / 1e3);
		return 0;
	}
	deia__scaler_say(
		text, len,
		"its new bots failed %u time%s in a row; one is being tried",
		t->failures, t->failures == 1 ? "" : "s");
	return t->seen.counts[DEIA_SCALER_STARTING] > 0 ? 0 : 1;
}

static unsigned within_cpu(const deia_scaler *s,
			   const struct deia__scaler_template *t, char *text,
			   size_t len)
{
	(void)t;
	deia__scaler_say(
		text, len,
		"the CPU is at %.2f per core; over %.2f, until below %.2f",
		s->cpu_ratio, s->opts.cpu_max, s->opts.cpu_resume);
	return s->cpu_taken ? 0 : UINT32_MAX;
}

static unsigned within_memory(const deia_scaler *s,
			      const struct deia_scaler_view *v, char *text,
			      size_t len)
{
	uint64_t each = deia__scaler_bot_bytes(s, v), n;

	if (!s->memory_known || each == 0)
		return UINT32_MAX;
	deia__scaler_say(
		text, len,
		"%llu MiB of memory are free, %llu MiB stay so, a bot takes "
		"%llu MiB",
		(unsigned long long)MIB(s->free_bytes),
		(unsigned long long)MIB(s->opts.reserve_bytes),
		(unsigned long long)MIB(each));
	n = s->memory_left / each;
	return n < UINT32_MAX ? (unsigned)n : UINT32_MAX;
}

static void take(deia_scaler *s, const struct deia_scaler_view *v, unsigned n)
{
	s->cap_left -= n;
	if (s->memory_known)
		s->memory_left -= n * deia__scaler_bot_bytes(s, v);
}

unsigned deia__scaler_guard(deia_scaler *s, struct deia__scaler_template *t,
			    const struct deia_scaler_view *v, unsigned n,
			    bool to_min, deia_scaler_cause *cause, char *text,
			    size_t text_len)
{
	static const struct {
		deia_scaler_cause cause;
		unsigned (*room)(const deia_scaler *s,
				 const struct deia__scaler_template *t,
				 char *text, size_t len);
	} guards[] = {
		{ DEIA_SCALER_BY_MAX, below_max },
		{ DEIA_SCALER_BY_CAP, below_cap },
		{ DEIA_SCALER_BY_FAILURES, not_failing },
		{ DEIA_SCALER_BY_CPU, within_cpu },
	};
	size_t n_guards = sizeof(guards) / sizeof(*guards);
	unsigned room;

	for (size_t i = 0; i < n_guards && n > 0; i++) {
		if (to_min && guards[i].cause == DEIA_SCALER_BY_CPU)
			continue;
		room = guards[i].room(s, t, text, text_len);
		*cause = guards[i].cause;
		n = room < n ? room : n;
	}
	if (n == 0)
		return 0;
	room = within_memory(s, v, text, text_len);
	*cause = DEIA_SCALER_BY_MEMORY;
	n = room < n ? room : n;
	take(s, v, n);
	return n;
}
