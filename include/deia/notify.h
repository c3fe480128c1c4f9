/* SPDX-License-Identifier: MIT */
/*
 * notify.h - tells people of alerts: webhooks, mail, Alertmanager, a program.
 *
 * A monitor (health.h) says what happened; this says it to the outside:
 *
 *	deia_notify_new(&n, &opts);
 *	deia_notify_set_receivers(n, receivers, count, why, sizeof(why));
 *	deia_notify_tell(n, event->change, event->alert);   from on_change
 *
 * What comes within group_ms goes out as one message a receiver. A message that
 * is not taken is tried again for a day, after 1 s, 2 s, 4 s ... 5 minutes, or
 * when the receiver says (Retry-After); one that is refused for good (an answer
 * of 4xx but 408 and 429, of 5xx in SMTP) is given up and counted. More than
 * per_hour messages wait, and are merged into the next one, which says so.
 *
 * What was told to whom is printed as JSON after each change of it, and given
 * back after a restart: what was not told is told then. So a message may come
 * twice, never not at all; the same message has the same id.
 *
 * No receiver is trusted: http, https, smtp and smtps alone, certificates are
 * checked, no redirects, no proxy, no shell, answers and output are bounded. Its
 * address is whatever the administrator says.
 * One notifier belongs to the thread of its event loop. Callbacks come from the
 * loop, never inside a call. All since 0.3.
 */
#ifndef DEIA_NOTIFY_H
#define DEIA_NOTIFY_H

#include <deia/error.h>
#include <deia/health.h>

DEIA_BEGIN

typedef struct deia_notify deia_notify;
struct cJSON;
struct deia_jw;
struct event_base;

#define DEIA_NOTIFY_MAX_RECEIVERS 16
#define DEIA_NOTIFY_MAX_TO 32	    /* addresses of one mail */
#define DEIA_NOTIFY_MAX_ALERTS 2000 /* that fire, or are not told yet */
#define DEIA_NOTIFY_NAMED 50 /* alerts in one message; the rest: how many */

/* X(enumerator, name) */
#define DEIA_NOTIFY_KIND_LIST(X)                                               \
	X(DEIA_NOTIFY_WEBHOOK, "webhook")                                      \
	X(DEIA_NOTIFY_EMAIL, "email")                                          \
	X(DEIA_NOTIFY_ALERTMANAGER, "alertmanager")                            \
	X(DEIA_NOTIFY_EXEC, "exec")

typedef enum deia_notify_kind {
#define DEIA_NOTIFY_KIND_ENUM(e, n) e,
	DEIA_NOTIFY_KIND_LIST(DEIA_NOTIFY_KIND_ENUM)
#undef DEIA_NOTIFY_KIND_ENUM
} deia_notify_kind;
#define DEIA_NOTIFY_KINDS 4
/* The name above; "unknown" for a value that is none; static text. */
DEIA_API const char *deia_notify_kind_name(deia_notify_kind kind);

struct deia_notify_receiver {
	size_t size;
	const char *name; /* as of bots */
	deia_notify_kind kind;
	deia_health_level level; /* the least that it is told of */
	bool quiet_end;		 /* it is not told that an alert is over */
	/* http(s)://... of a webhook and an Alertmanager (its root),
	 * smtp(s)://HOST[:PORT] of mail. At most 2048 bytes. */
	const char *url;
	const char *ca_file; /* certificates to trust; NULL: the system's */
	/* webhook: of the signature, "whsec_" and base64, or any bytes; NULL:
	 * it is not signed. */
	const char *secret;
	bool slack; /* webhook: as Slack takes it, instead of deia's JSON */
	/* email: addresses, user@host. username and password: NULL, or both. */
	const char *from;
	const char *const *to;
	size_t n_to;
	const char *username, *password;
	bool plain; /* smtp without STARTTLS */
	/* exec: argv[0] is a path that begins with "/". */
	const char *const *argv;
	size_t n_argv;
	unsigned timeout_seconds; /* of one attempt, 1..300; 0: 15 */
};
#define DEIA_NOTIFY_RECEIVER_INIT                                              \
	{                                                                      \
		.size = sizeof(struct deia_notify_receiver),                   \
		.level = DEIA_HEALTH_WARNING                                   \
	}

struct deia_notify_opts {
	size_t size;
	struct event_base *base; /* required; borrowed, outlives it */
	/* Where people find the hive, "http://127.0.0.1:8000"; and which it is;
	 * copied, NULL: not said. */
	const char *link, *instance;
	const char *guard_program;   /* of exec; NULL: "deia-guard" */
	void (*changed)(void *user); /* what is to be kept changed; or NULL */
	/* How it goes, one line without secrets; bad: nobody was told. NULL: it
	 * is not said. */
	void (*log)(bool bad, const char *text, void *user);
	void *user;
	uint64_t seed; /* of the jitter; 0: random */
};
#define DEIA_NOTIFY_OPTS_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_notify_opts)                        \
	}

/* How often. */
struct deia_notify_pace {
	int64_t group_ms;  /* 0..600000: 5000 */
	unsigned per_hour; /* messages to each receiver, 1..3600: 20 */
	unsigned burst;	   /* of them at once, 1..1000: 5 */
	int64_t resend_ms; /* to an Alertmanager, 1000..3600000: 60000 */
};
#define DEIA_NOTIFY_PACE_INIT                                                  \
	{                                                                      \
		.group_ms = 5000, .per_hour = 20, .burst = 5,                  \
		.resend_ms = 60000                                             \
	}

/* Makes a notifier without receivers. opts: copied. DEIA_OK; DEIA_EINVAL: no
 * base; DEIA_EIO, DEIA_ENOMEM. */
DEIA_API DEIA_NODISCARD deia_err
deia_notify_new(deia_notify **out, const struct deia_notify_opts *opts);
/* What is under way is cut short; it is told after the next start. Waits some
 * seconds at most for programs to end. NULL is fine; not from a callback. */
DEIA_API void deia_notify_free(deia_notify *n);

/*
 * Checks one receiver; why (why_len bytes; may be NULL) says what is wrong with
 * it. DEIA_OK, DEIA_EINVAL. Any thread.
 */
DEIA_API DEIA_NODISCARD deia_err deia_notify_check(
	const struct deia_notify_receiver *receiver, char *why, size_t why_len);
/*
 * Other receivers in the place of all; copied. One whose name was there goes on
 * with what it was told. pace: NULL for defaults. DEIA_OK; DEIA_EINVAL: one is
 * wrong, or two have a name; DEIA_ELIMIT: too many; DEIA_ENOMEM; nothing is
 * changed then, and why says it.
 */
DEIA_API DEIA_NODISCARD deia_err deia_notify_set_receivers(
	deia_notify *n, const struct deia_notify_receiver *receivers,
	size_t count, const struct deia_notify_pace *pace, char *why,
	size_t why_len);

/*
 * Something happened to an alert, as deia_health_change_cb says it; call it for
 * each change. alert: copied. What finds no room is counted, and the next
 * message says how many.
 */
DEIA_API void deia_notify_tell(deia_notify *n, deia_health_change change,
			       const struct deia_health_alert *alert);

/* ---- over a restart ------------------------------------------------------ */

/* Prints what was told to whom as one JSON object. */
DEIA_API void deia_notify_print_state(const deia_notify *n, struct deia_jw *w);
/*
 * An alert of a former life, or one that fires while receivers were changed:
 * who was not told of it is told, unless somebody has acknowledged it or it is
 * silent. Call it for each alert that is kept, after deia_notify_set_receivers.
 * state: what was printed, NULL or damaged: nobody was told of anything.
 */
DEIA_API void deia_notify_restore(deia_notify *n,
				  const struct deia_health_alert *alert,
				  const struct cJSON *state);

/* ---- looking ------------------------------------------------------------- */

/* What became of messages. */
enum deia_notify_outcome {
	DEIA_NOTIFY_DELIVERED,
	DEIA_NOTIFY_RETRIED, /* not taken; it is tried again */
	DEIA_NOTIFY_FAILED   /* given up */
};
#define DEIA_NOTIFY_OUTCOMES 3
/* "delivered", "retried", "failed"; static text. */
DEIA_API const char *deia_notify_outcome_name(enum deia_notify_outcome outcome);

struct deia_notify_status {
	const char *name;
	deia_notify_kind kind;
	deia_health_level level;
	bool quiet_end;
	const char *target;	   /* whom it reaches, without secrets */
	int64_t delivered_unix_ms; /* the last one; 0: none */
	int64_t failed_unix_ms;	   /* the last attempt that failed; 0: none */
	const char *error;	   /* of it, or "" */
	unsigned waiting;	   /* alerts that it is to be told of */
	int64_t next_ms; /* until it is tried (again); -1: nothing waits */
	uint64_t outcomes[DEIA_NOTIFY_OUTCOMES];
};
/* The i-th receiver, in the order in which they were set; its texts live until
 * the next turn of the loop. false: there are not so many. */
DEIA_API bool deia_notify_get_status(const deia_notify *n, size_t i,
				     struct deia_notify_status *out);

struct deia_notify_test {
	char name[DEIA_MAX_ID_LEN + 1];
	deia_notify_kind kind;
	bool ok;
	unsigned ms;	 /* how long it took */
	char error[256]; /* why not; "" */
};
/*
 * Sends a test message to the receiver of this name, or to all of them (NULL),
 * at once and once. cb: called once, with what came of each; results live for
 * the call. DEIA_OK; DEIA_ENOTFOUND: no such receiver, or none at all;
 * DEIA_EBUSY: eight tests are under way; DEIA_ENOMEM.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_notify_send_test(deia_notify *n, const char *name,
		      void (*cb)(const struct deia_notify_test *results,
				 size_t count, void *user),
		      void *user);

DEIA_END

#endif
