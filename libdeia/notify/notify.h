/* SPDX-License-Identifier: MIT */
/*
 * notify.h - the inside of the notifier.
 *
 *   notify.c     its life, receivers
 *   check.c      what a receiver must be
 *   book.c       alerts, and what each receiver was told of them
 *   plan.c       when a message goes: grouping, rate, retries
 *   message.c    what a message says, as JSON
 *   slack.c      ... to Slack
 *   alertmanager.c  ... to an Alertmanager
 *   email.c      ... as mail
 *   sign.c       Standard Webhooks
 *   shot.c       one attempt: HTTP, SMTP, or a program
 *   test.c       test messages
 */
#ifndef DEIA_NOTIFY_NOTIFY_H
#define DEIA_NOTIFY_NOTIFY_H

#include <sys/queue.h>

#include <deia/notify.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/timer.h"
#include "http/http.h"
#include "process/proc.h"

#define HASH_NONFATAL_OOM 1 /* hh.tbl stays NULL */
#include <uthash.h>

#define DEIA__NOTIFY_NEVER (-1)
#define DEIA__NOTIFY_ID_BYTES 40
#define DEIA__NOTIFY_GIVE_UP_MS INT64_C(86400000)
#define DEIA__NOTIFY_FIRST_RETRY_MS 1000
#define DEIA__NOTIFY_LAST_RETRY_MS 300000

struct deia__shot;
struct deia__receiver;

/* ---- alerts --------------------------------------------------------------- */

/* What a receiver knows of an alert. */
struct deia__known {
	int8_t told;   /* the level that it was told, or NEVER */
	bool due;      /* it is to be told */
	bool flies;    /* a message that is under way tells it */
	unsigned step; /* which reminder is due */
};

struct deia__entry {
	struct deia_health_alert alert; /* as it was told last */
	struct deia__known known[DEIA_NOTIFY_MAX_RECEIVERS];
	UT_hash_handle hh; /* by alert.id */
};

/* One alert of a message. */
struct deia__named {
	char id[37];
	int8_t level;
	bool ended;
};

/* ---- messages -------------------------------------------------------------- */

struct deia__message {
	char id[DEIA__NOTIFY_ID_BYTES];
	char *body; /* as the kind sends it */
	size_t len;
	struct deia__named *named;
	size_t n;	  /* of named */
	int64_t begun_ms; /* when it was made */
	unsigned tries;	  /* that failed */
	bool again;	  /* only what an Alertmanager is told again */
};

/* What messages are printed from. */
struct deia__letter {
	const struct deia__receiver *receiver;
	const char *link, *instance; /* or NULL */
	const char *id;
	int64_t at_unix_ms;
	/* DEIA_NOTIFY_NAMED at most but for an Alertmanager; told: what the
	 * receiver knew before. */
	const struct deia_health_alert **alerts;
	const int8_t *told;
	size_t n;
	size_t more;	 /* that are not named */
	unsigned merged; /* notices that the rate held back, or overtaken */
	uint64_t lost;	 /* alerts that found no room */
	int64_t resend_ms;
	bool test;
};

/* Prints the body of its receiver's kind. DEIA_OK, DEIA_ENOMEM. */
DEIA_NODISCARD deia_err deia__letter_print(char **out, size_t *len,
					   const struct deia__letter *l);
/* deia's own JSON. */
DEIA_NODISCARD deia_err deia__letter_json(char **out,
					  const struct deia__letter *l);
DEIA_NODISCARD deia_err deia__letter_slack(char **out,
					   const struct deia__letter *l);
DEIA_NODISCARD deia_err deia__letter_alertmanager(char **out,
						  const struct deia__letter *l);
DEIA_NODISCARD deia_err deia__letter_email(char **out,
					   const struct deia__letter *l);
/* "2 alerts: [critical] disk: ..." in one line. */
void deia__letter_subject(struct deia__buf *out, const struct deia__letter *l);
/* "and 12 more", "7 notices were held back ..."; nothing when there is nothing
 * to say. */
void deia__letter_rest(struct deia__buf *out, const struct deia__letter *l);
/* "CRITICAL", "WARNING", "RESOLVED" ... */
const char *deia__letter_word(const struct deia_health_alert *a);
/* Without control characters, as one line. */
void deia__one_line(struct deia__buf *out, const char *text);
/* A header of mail: RFC 2047 where it must be; never a line end. */
void deia__mail_header(struct deia__buf *out, const char *name,
		       const char *text);
/* mrkdwn: &, < and > are escaped. */
void deia__slack_escape(struct deia__buf *out, const char *text);

#define DEIA__SIGNATURE_BYTES 64
/* The value of webhook-signature: "v1,BASE64". */
void deia__notify_sign(char out[static DEIA__SIGNATURE_BYTES],
		       const char *secret, const char *id, int64_t unix_seconds,
		       const char *body, size_t len);

/* ---- one attempt ------------------------------------------------------------ */

enum deia__shot_end { DEIA__SHOT_OK, DEIA__SHOT_RETRY, DEIA__SHOT_FINAL };

struct deia__shot_result {
	enum deia__shot_end end;
	unsigned retry_after_seconds; /* 0: not said */
	char error[256];
};
typedef void (*deia__shot_cb)(const struct deia__shot_result *result,
			      void *user);

/* How attempts are made; tests have their own. */
struct deia__shooter {
	/* Begins one; body lives until it ends. Ends with one call of cb, from
	 * the loop, unless it is cancelled. */
	deia_err (*start)(struct deia__shot **out, deia_notify *n,
			  struct deia__receiver *r, const char *id,
			  const char *body, size_t len, deia__shot_cb cb,
			  void *user);
	void (*cancel)(struct deia__shot *shot);
};
extern const struct deia__shooter deia__notify_shooter;
/* Lets go of what is left of programs. */
void deia__shots_free(deia_notify *n);

/* ---- receivers --------------------------------------------------------------- */

struct deia__receiver {
	deia_notify *n;
	unsigned number;		 /* in deia__entry.known */
	struct deia_notify_receiver set; /* owned texts, never NULL to */
	char *target;
	struct deia__timer timer;      /* the next step */
	struct deia__timer resend;     /* of an Alertmanager */
	struct deia__message *message; /* under way, or tried again */
	struct deia__shot *shot;       /* NULL: none is under way */
	double tokens;
	int64_t tokens_ms;
	bool limited; /* it waits for its rate */
	unsigned merged;
	int64_t delivered_unix_ms, failed_unix_ms;
	char error[256];
	uint64_t outcomes[DEIA_NOTIFY_OUTCOMES];
};

struct deia__notify_testing;
TAILQ_HEAD(deia__testings, deia__notify_testing);
TAILQ_HEAD(deia__shot_list, deia__shot);

struct deia_notify {
	struct deia_notify_opts opts; /* texts owned */
	struct deia_notify_pace pace;
	struct deia__timers *timers;
	const struct deia__clock *clock;
	const struct deia__shooter *shooter;
	deia__http *http; /* made with the first that needs it */
	struct deia__proc_env procs;
	struct deia__shot_list running; /* programs */
	struct deia__rng rng;
	struct deia__entry *entries;
	struct deia__receiver *receivers[DEIA_NOTIFY_MAX_RECEIVERS];
	size_t n_receivers;
	uint64_t lost; /* not yet said */
	struct deia__testings testings;
	unsigned n_testings;
};

/* clock, shooter NULL: the real ones; borrowed. */
DEIA_NODISCARD deia_err deia__notify_new(deia_notify **out,
					 const struct deia_notify_opts *opts,
					 const struct deia__clock *clock,
					 const struct deia__shooter *shooter);
void deia__notify_log(deia_notify *n, bool bad, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
void deia__notify_changed(deia_notify *n);
/* The text of a receiver for people, without secrets; NULL: no memory. */
char *deia__notify_target(const struct deia_notify_receiver *r);

/* ---- book.c ------------------------------------------------------------------ */

struct deia__entry *deia__entry_get(deia_notify *n, const char *id);
/* Drops it when nobody needs to be told of it any more. */
void deia__entry_settle(deia_notify *n, struct deia__entry *e);
void deia__book_free(deia_notify *n);
/* Alerts that r is to be told of. */
unsigned deia__book_due(const deia_notify *n, const struct deia__receiver *r);
/* The receivers are others: before[i] is where number i was, or -1. */
void deia__book_renumber(deia_notify *n, const int *before, size_t count);

/* ---- plan.c ------------------------------------------------------------------ */

/* r has something due. */
void deia__plan(struct deia__receiver *r);
void deia__plan_open(struct deia__receiver *r);
/* What flies is let go; it is due again. */
void deia__plan_cancel(struct deia__receiver *r);
/* How long until the n-th retry. */
int64_t deia__retry_ms(struct deia__rng *rng, unsigned tries,
		       unsigned retry_after_seconds);

/* ---- test.c ------------------------------------------------------------------ */

/* Ends those that are under way, with these words; quiet: nobody is told. */
void deia__tests_end(deia_notify *n, const char *why, bool quiet);

#endif
