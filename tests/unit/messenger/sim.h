/* SPDX-License-Identifier: MIT */
/*
 * sim.h - a messenger on a virtual clock, with no store, or one of each kind.
 *
 * Time stands still but for sim_sleep and its kind. Nothing here sleeps: the
 * loop runs until a callback came or nothing is under way.
 */
#ifndef TEST_MESSENGER_SIM_H
#define TEST_MESSENGER_SIM_H

#include <check.h>
#include <event2/event.h>

#include <deia/messenger.h>
#include <deia/sys/store.h>

#include "core/clock.h"

enum sim_kind {
	SIM_KEPT,
	SIM_MEMORY,
	SIM_SQLITE,
	SIM_SQLITE_FULL,
	SIM_POSTGRES,
	SIM_SHARED /* the same, by a messenger that is not alone with it */
};
#define SIM_KINDS 6
extern const char *const sim_kind_names[SIM_KINDS];

struct sim {
	enum sim_kind kind;
	struct event_base *base;
	deia_store *store;
	deia_messenger *m;
	struct deia__clock clock;
	struct deia_messenger_opts opts;
	char dir[64], url[160], detail[256];
	char database[48]; /* of PostgreSQL */
};

/* Why this kind cannot be tested here; NULL when it can. */
const char *sim_missing(enum sim_kind kind);
/* opts NULL: the defaults, with a seed. Asserts that all works. */
void sim_init(struct sim *s, enum sim_kind kind,
	      const struct deia_messenger_opts *opts);
void sim_fini(struct sim *s);
/* Stops the messenger and makes it anew on the same store, which is opened
 * again when reopen is set; the wall clock went on by wall_ms meanwhile. */
void sim_restart(struct sim *s, bool reopen, int64_t wall_ms);
/* Without deia_messenger_stop, as after a crash. */
void sim_crash(struct sim *s, int64_t wall_ms);
/* As deia_messenger_open_inbox; then it is served here. */
deia_err sim_open_inbox(struct sim *s, const char *id);
/* Runs the loop until nothing is under way. */
void sim_idle(struct sim *s);
/* Both clocks go on; what is due by then is done. */
void sim_sleep(struct sim *s, int64_t ms);
/* Only the wall clock jumps. */
void sim_wall_jump(struct sim *s, int64_t ms);
/* The machine sleeps: boot and wall clock go on, and it is known. */
void sim_suspend(struct sim *s, int64_t ms);
/* Runs what is due until nothing moves any more. */
void sim_settle(struct sim *s);

/* ---- one call at a time ------------------------------------------------ */

#define SIM_KEPT_ITEMS 8
struct sim_answer {
	int calls;
	deia_err err;
	size_t n;
	bool more;
	/* The first items. */
	struct sim_item {
		char id[37], token[24], reason[128];
		deia_message_status status;
		unsigned attempt, priority;
		bool redelivered;
		int64_t lease_unix_ms, retry_unix_ms, expires_unix_ms;
	} items[SIM_KEPT_ITEMS];
};
void sim_on_messages(deia_err err, const struct deia_message *items, size_t n,
		     bool more, void *user);
void sim_on_settled(deia_err err, void *user);
/* Runs the loop until the answer came; returns its error. */
deia_err sim_wait(struct sim *s, struct sim_answer *a);

/* These assert nothing: the error of the call or of its callback. a may be
 * NULL. */
deia_err sim_send(struct sim *s, const char *from, const char *to,
		  unsigned priority, const char *content, const char *key,
		  struct sim_answer *a);
deia_err sim_send_ttl(struct sim *s, const char *from, const char *to,
		      int64_t ttl_seconds, struct sim_answer *a);
deia_err sim_receive(struct sim *s, const char *inbox, unsigned max,
		     int64_t lease_ms, bool held, struct sim_answer *a);
deia_err sim_read(struct sim *s, const struct sim_item *item);
deia_err sim_release(struct sim *s, const struct sim_item *item,
		     int64_t delay_ms, bool excused, struct sim_answer *a);
deia_err sim_get(struct sim *s, const char *id, struct sim_answer *a);
/* How many messages of an inbox have this status, counted by pages. */
size_t sim_count(struct sim *s, const char *inbox, int status);
/* What the pages say and what the counters say is the same, and no message is
 * missing; returns how many open ones there are. */
uint64_t sim_recount(struct sim *s, const char *const *inboxes, size_t n);

#endif
