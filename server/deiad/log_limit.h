/* SPDX-License-Identifier: MIT */
/*
 * log_limit.h - how many lines may be written: of one kind in 10 s, and of all
 * in a second. What is left out is counted, and told once its time is over.
 *
 * Time comes from the caller, so nothing here waits. No allocation: a table of
 * kinds; one that has no room in it counts with the others of its slot.
 */
#ifndef DEIAD_LOG_LIMIT_H
#define DEIAD_LOG_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LIMIT_KINDS 128 /* a power of two */
#define LOG_LIMIT_SAMPLE 160
#define LOG_LIMIT_KIND_MS 10000
#define LOG_LIMIT_ALL_MS 1000

struct log_limit {
	unsigned same_max, all_max; /* 0: any number */
	struct log_kind {
		const void *key; /* NULL: free */
		int level;
		int64_t since_ms;
		unsigned n;
		uint64_t left_out;
		char sample[LOG_LIMIT_SAMPLE]; /* the newest that was */
	} kinds[LOG_LIMIT_KINDS];
	int64_t second_ms; /* when the present one began */
	unsigned n, n_flow;
	uint64_t left_out; /* in it, for the sake of all_max */
	bool waits;	   /* something was left out that is not told yet */
};

/*
 * Whether a line may be written now. key: its kind, any pointer; NULL: of the
 * flow, requests and events, which has no kinds and four fifths of all.
 */
bool log_limit_ask(struct log_limit *l, const void *key, int level,
		   int64_t now_ms);
/* One of this kind was refused: text is what it would have said. */
void log_limit_note(struct log_limit *l, const void *key, const char *text);
/*
 * Tells what was left out in times that are over by now; force: in all of them.
 * sample: what it said; "": lines of several kinds. Within tell nothing is to be
 * asked. A cheap call when nothing waits.
 */
void log_limit_tell(struct log_limit *l, int64_t now_ms, bool force,
		    void (*tell)(int level, const char *sample, uint64_t n,
				 unsigned seconds, void *user),
		    void *user);

#endif
