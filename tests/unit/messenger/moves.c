/* SPDX-License-Identifier: MIT */
/*
 * moves.c - what the messenger tells, checked against what the header allows.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGED_TURN 8
#define EXPIRY_NOISE_MS 2000

/* ---- comparing --------------------------------------------------------- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void same_text(struct model *md, const struct model_msg *x,
		      const char *what, const char *want, const char *got)
{
	model_check(md, got && strcmp(or_empty(want), got) == 0,
		    "%s of %s: wanted \"%.60s\", got \"%.60s\"", what, x->id,
		    or_empty(want), got ? got : "(null)");
}

static void same_number(struct model *md, const struct model_msg *x,
			const char *what, int64_t want, int64_t got)
{
	model_check(md, want == got, "%s of %s: wanted %lld, got %lld", what,
		    x->id, (long long)want, (long long)got);
}

static void compare_draft(struct model *md, const struct model_msg *x,
			  const struct deia_message *msg)
{
	const struct model_draft *d = &x->draft;

	same_text(md, x, "from", model_names[d->from], msg->from);
	same_text(md, x, "to", model_names[d->to], msg->to);
	same_number(md, x, "priority", d->priority, msg->priority);
	same_number(md, x, "max_attempts", d->max_attempts, msg->max_attempts);
	same_number(md, x, "notify", d->notify, msg->notify);
	/* Without the content more may be missing. */
	if (!msg->content && msg->ttl_seconds == 0)
		return;
	same_text(md, x, "by", d->by < 0 ? "" : model_names[d->by], msg->by);
	same_text(md, x, "reply_to", d->reply_to, msg->reply_to);
	same_text(md, x, "dialogue", d->dialogue, msg->dialogue);
	same_text(md, x, "metadata", d->metadata ? d->metadata : "{}",
		  msg->metadata);
	same_number(md, x, "ttl", d->ttl_seconds, msg->ttl_seconds);
	same_number(md, x, "hops", d->hops, msg->hops);
	if (!msg->content)
		return;
	same_number(md, x, "content_len", (int64_t)d->content_len,
		    (int64_t)msg->content_len);
	model_check(md,
		    d->content_len == 0 || memcmp(d->content, msg->content,
						  d->content_len) == 0,
		    "content of %s differs", x->id);
}

/* It may be told as it was when it was made, as long as that is nearly so. */
static void compare_expiry(struct model *md, const struct model_msg *x,
			   const struct deia_message *msg)
{
	int64_t want = model_wall_of(md, x->expires);
	int64_t made = x->created_unix_ms + x->draft.ttl_seconds * 1000;

	if (msg->expires_unix_ms == made && made - want < EXPIRY_NOISE_MS &&
	    want - made < EXPIRY_NOISE_MS)
		return;
	same_number(md, x, "expires", want, msg->expires_unix_ms);
}

static void compare_times(struct model *md, const struct model_msg *x,
			  const struct deia_message *msg)
{
	bool open = x->status <= DEIA_MESSAGE_DELIVERED;
	int64_t lease = x->status == DEIA_MESSAGE_DELIVERED ? x->lease_end : 0;
	int64_t retry = x->status == DEIA_MESSAGE_PENDING && x->retry > md->hive
				? x->retry
				: 0;

	same_number(md, x, "created", x->created_unix_ms, msg->created_unix_ms);
	same_number(md, x, "delivered", x->delivered_unix_ms,
		    msg->delivered_unix_ms);
	same_number(md, x, "finished", x->finished_unix_ms,
		    msg->finished_unix_ms);
	same_number(md, x, "lease", model_wall_of(md, lease),
		    msg->lease_unix_ms);
	same_number(md, x, "retry", model_wall_of(md, retry),
		    msg->retry_unix_ms);
	if (open && (msg->content || msg->ttl_seconds))
		compare_expiry(md, x, msg);
}

void model_compare(struct model *md, const struct model_msg *x,
		   const struct deia_message *msg)
{
	same_text(md, x, "id", x->id, msg->id);
	same_text(md, x, "status", deia_message_status_name(x->status),
		  deia_message_status_name(msg->status));
	same_number(md, x, "attempt", x->attempt, msg->attempt);
	same_number(md, x, "redelivered", x->attempt > 1, msg->redelivered);
	same_text(md, x, "token",
		  x->status == DEIA_MESSAGE_DELIVERED ? x->token : "",
		  msg->lease_token);
	if (x->status != DEIA_MESSAGE_READ) /* of its last return, or none */
		same_text(md, x, "reason", x->reason, msg->reason);
	compare_draft(md, x, msg);
	compare_times(md, x, msg);
}

/* ---- new messages ------------------------------------------------------ */

static struct model_msg *append(struct model *md, const char *id)
{
	struct model_msg *x;
	unsigned long long ms = 0;
	unsigned low = 0;

	model_check(md, md->n == 0 || strcmp(md->msgs[md->n - 1].id, id) < 0,
		    "id %s is not above the one before", id);
	if (md->n == md->cap) {
		md->cap = md->cap ? md->cap * 2 : 256;
		md->msgs = realloc(md->msgs, md->cap * sizeof(*md->msgs));
	}
	x = &md->msgs[md->n++];
	memset(x, 0, sizeof(*x));
	x->overlapping = md->loose;
	snprintf(x->id, sizeof(x->id), "%s", id);
	model_check(md, sscanf(id, "%8llx-%4x", &ms, &low) == 2, "id %s", id);
	x->age_ms = (int64_t)(ms << 16 | low);
	return x;
}

/* A notice of a bad end: from the system, in reply to what ended. */
static void take_notice(struct model *md, struct model_msg *x,
			const struct deia_message *msg)
{
	struct model_msg *cause = model_find(md, or_empty(msg->reply_to));

	model_check(md, strcmp(msg->from, DEIA_MESSAGE_SYSTEM) == 0 && cause,
		    "nobody sent %s (from %s to %s)", msg->id, msg->from,
		    msg->to);
	model_check(md, cause->notice_due, "second notice for %s", cause->id);
	model_check(md, strcmp(msg->to, model_names[cause->draft.from]) == 0,
		    "notice for %s to %s", cause->id, msg->to);
	cause->notice_due = false;
	md->tight[cause->draft.from] |=
		model_open_len(md, cause->draft.from) * 2 > md->opts.inbox_max;
	x->draft.from = MODEL_SYSTEM;
	x->draft.to = cause->draft.from;
	x->draft.by = -1;
	x->draft.priority = msg->priority;
	x->draft.ttl_seconds = msg->ttl_seconds;
	x->draft.max_attempts = msg->max_attempts;
	snprintf(x->draft.reply_to, 37, "%s", cause->id);
	model_check(md, msg->content && msg->metadata, "empty notice");
	x->owned = malloc(msg->content_len + strlen(msg->metadata) + 2);
	memcpy(x->owned, msg->content, msg->content_len + 1);
	strcpy(x->owned + msg->content_len + 1, msg->metadata);
	x->draft.content = x->owned;
	x->draft.content_len = msg->content_len;
	x->draft.metadata = x->owned + msg->content_len + 1;
}

static void on_queued(struct model *md, const struct deia_message *msg)
{
	struct model_msg *x = append(md, msg->id);

	if (md->n_queued < md->n_sending &&
	    !(md->loose && strcmp(msg->from, DEIA_MESSAGE_SYSTEM) == 0)) {
		x->draft = md->sending[md->n_queued++];
		if (x->draft.ttl_seconds == 0)
			x->draft.ttl_seconds = md->opts.ttl_seconds;
		if (x->draft.max_attempts == 0)
			x->draft.max_attempts = md->opts.max_attempts;
		model_check(md, md->open[x->draft.to], "%s is not open",
			    msg->to);
	} else {
		take_notice(md, x, msg);
	}
	x->created_unix_ms = md->wall;
	x->queued_at = md->hive;
	x->expires = md->hive + x->draft.ttl_seconds * 1000;
	md->since.sent++;
	model_compare(md, x, msg);
}

/* ---- hand-overs -------------------------------------------------------- */

static struct model_msg *top_of(struct model *md, int inbox,
				const struct model_msg *taken, bool oldest)
{
	struct model_msg *best = NULL, *x;

	for (x = md->msgs; x < md->msgs + md->n; x++) {
		if (x->draft.to != inbox || !model_is_candidate(md, x))
			continue;
		/* What fell due, or came, in this step of time may be taken
		 * in any order. */
		if (x != taken && ((x->waited && x->retry > md->due_from) ||
				   x->queued_at > md->due_from)) {
			md->hidden = true;
			continue;
		}
		if (!best ||
		    (!oldest && x->draft.priority < best->draft.priority))
			best = x;
	}
	return best;
}

/* Every 8th hand-over that could pass over an aged message takes it. */
static void check_turn(struct model *md, const struct model_msg *x)
{
	int inbox = x->draft.to;
	const struct model_msg *top = top_of(md, inbox, x, false);
	const struct model_msg *old = top_of(md, inbox, x, true);
	unsigned was = md->passed[inbox], can = 0, c;

	/* Whether those made it pass over one more is not known. */
	if (md->hidden)
		was = md->passed[inbox] = 0xff;
	if (top == old || md->hive - old->age_ms <= md->opts.ageing_ms) {
		model_check(md, x == top, "%s (P%u) before %s (P%u)", x->id,
			    x->draft.priority, top->id, top->draft.priority);
		return;
	}
	for (c = 0; c < AGED_TURN; c++) {
		if (!(was >> c & 1))
			continue;
		if (c + 1 == AGED_TURN && x == old)
			can |= 1;
		else if (c + 1 < AGED_TURN && x == top)
			can |= 1u << (c + 1);
	}
	model_check(md, can != 0,
		    "%s (P%u) out of turn: top %s (P%u), aged %s (P%u), "
		    "passed over (bits) %x",
		    x->id, x->draft.priority, top->id, top->draft.priority,
		    old->id, old->draft.priority, was);
	md->passed[inbox] = can;
}

/* When calls overlap: first in, first out for each sender and priority. */
static void check_fifo(struct model *md, const struct model_msg *x)
{
	for (const struct model_msg *y = md->msgs; y < x; y++)
		model_check(md,
			    y->draft.to != x->draft.to || y->waited ||
				    y->draft.from != x->draft.from ||
				    y->draft.priority != x->draft.priority ||
				    !model_is_candidate(md, y),
			    "%s before %s of the same sender", x->id, y->id);
}

static void check_order(struct model *md, const struct model_msg *x)
{
	model_check(md, x->retry <= md->hive, "%s %lld ms before its retry",
		    x->id, (long long)(x->retry - md->hive));
	md->hidden = false;
	if (!md->loose)
		check_turn(md, x);
	else if (!x->waited)
		check_fifo(md, x);
}

/* Was this asked for, or may it happen by itself? */
static bool asked(struct model_msg *x, deia_message_event event)
{
	bool yes = x->allowed >> event & 1;

	if (!x->overlapping)
		x->allowed = 0;
	return yes;
}

static void on_handed_over(struct model *md, struct model_msg *x,
			   const struct deia_message *msg)
{
	model_check(md, x->status == DEIA_MESSAGE_PENDING,
		    "%s handed over while %s", x->id,
		    deia_message_status_name(x->status));
	model_check(md, x->expires > md->hive, "%s after its time to live",
		    x->id);
	if (x->draft.dialogue)
		model_check(md, asked(x, DEIA_MESSAGE_HANDED_OVER),
			    "%s of a dialogue went to a receiver", x->id);
	else
		check_order(md, x);
	x->status = DEIA_MESSAGE_DELIVERED;
	x->attempt++;
	x->retry = 0;
	x->delivered_unix_ms = md->wall;
	x->handed = true;
	x->held = false;
	x->handed_at = md->hive;
	x->lease_end = msg->lease_unix_ms - md->wall + md->hive;
	memcpy(x->old_token, x->token, sizeof(x->token));
	snprintf(x->token, sizeof(x->token), "%s", msg->lease_token);
	model_check(md,
		    strlen(x->token) == 16 &&
			    strspn(x->token, "0123456789abcdef") == 16,
		    "token \"%s\"", x->token);
	model_check(md, strcmp(x->token, x->old_token) != 0,
		    "the token of %s is an old one", x->id);
	md->since.handed_over++;
}

/* ---- returns and ends -------------------------------------------------- */

static bool lease_over(const struct model *md, const struct model_msg *x)
{
	return x->status == DEIA_MESSAGE_DELIVERED && x->lease_end <= md->hive;
}

static void finish(struct model *md, struct model_msg *x,
		   const struct deia_message *msg, deia_message_status status)
{
	x->status = status;
	x->finished_unix_ms = md->wall;
	x->finished = md->hive;
	x->finish_no = ++md->finish_no;
	x->lease_end = x->retry = 0;
	x->held = false;
	if (status == DEIA_MESSAGE_READ)
		return;
	snprintf(x->reason, sizeof(x->reason), "%s", or_empty(msg->reason));
	model_check(md, x->reason[0], "%s has no reason", x->id);
	x->notice_due = x->draft.notify;
}

/* It was not asked for: then its lease must be over. */
static void came_by_itself(struct model *md, struct model_msg *x,
			   deia_message_event event)
{
	if (x->overlapping) {
		model_check(md, x->allowed >> event & 1 || lease_over(md, x),
			    "%s left by itself", x->id);
		x->allowed |= 1u << event;
		x->retry_min = 0;
		x->retry_max = 3600000;
		return;
	}
	if (x->allowed != 0)
		return;
	model_check(md, lease_over(md, x), "%s left by itself", x->id);
	model_allow_return(md, x, DEIA_DELAY_BACKOFF, false);
}

static void on_retry(struct model *md, struct model_msg *x,
		     const struct deia_message *msg)
{
	int64_t delay;

	came_by_itself(md, x, DEIA_MESSAGE_RETRY);
	model_check(md, asked(x, DEIA_MESSAGE_RETRY), "%s came back", x->id);
	model_check(md, x->status == DEIA_MESSAGE_DELIVERED, "%s returned: %s",
		    x->id, deia_message_status_name(x->status));
	delay = msg->retry_unix_ms ? msg->retry_unix_ms - md->wall : 0;
	model_check(md, delay >= x->retry_min && delay <= x->retry_max,
		    "%s comes back in %lld ms, not in %lld..%lld", x->id,
		    (long long)delay, (long long)x->retry_min,
		    (long long)x->retry_max);
	x->status = DEIA_MESSAGE_PENDING;
	x->retry = delay ? md->hive + delay : 0;
	/* Others may be on their way while a return is. */
	x->waited |= delay != 0 || x->overlapping;
	x->lease_end = 0;
	x->held = false;
	snprintf(x->reason, sizeof(x->reason), "%s", or_empty(msg->reason));
	md->since.retried++;
}

static void on_gave_up(struct model *md, struct model_msg *x,
		       const struct deia_message *msg)
{
	came_by_itself(md, x, DEIA_MESSAGE_GAVE_UP);
	model_check(md, asked(x, DEIA_MESSAGE_GAVE_UP), "%s failed", x->id);
	finish(md, x, msg, DEIA_MESSAGE_FAILED);
	md->since.failed++;
}

static void on_ran_out(struct model *md, struct model_msg *x,
		       const struct deia_message *msg)
{
	model_check(md, x->status <= DEIA_MESSAGE_DELIVERED, "%s expired: %s",
		    x->id, deia_message_status_name(x->status));
	model_check(md, x->expires <= md->hive, "%s expired %lld ms early",
		    x->id, (long long)(x->expires - md->hive));
	if (!x->overlapping)
		x->allowed = 0;
	finish(md, x, msg, DEIA_MESSAGE_EXPIRED);
	md->since.expired++;
}

static void on_requeued(struct model *md, struct model_msg *x)
{
	model_check(md, asked(x, DEIA_MESSAGE_REQUEUED), "%s requeued", x->id);
	x->status = DEIA_MESSAGE_PENDING;
	x->attempt = x->excused = 0;
	x->expires = md->hive + x->draft.ttl_seconds * 1000;
	x->delivered_unix_ms = x->finished_unix_ms = 0;
	x->retry = x->lease_end = 0;
	x->reason[0] = '\0';
	x->waited = true; /* it comes later than others, too */
}

static void on_read(struct model *md, struct model_msg *x,
		    const struct deia_message *msg)
{
	model_check(md, asked(x, DEIA_MESSAGE_WAS_READ), "%s read by itself",
		    x->id);
	model_check(md, x->status == DEIA_MESSAGE_DELIVERED, "%s read: %s",
		    x->id, deia_message_status_name(x->status));
	finish(md, x, msg, DEIA_MESSAGE_READ);
	md->since.read++;
}

/* ---- all moves --------------------------------------------------------- */

static void one_move(struct model *md, const struct deia_message_move *move)
{
	const struct deia_message *msg = move->message;
	struct model_msg *x;

	md->n_moves++;
	if (move->event == DEIA_MESSAGE_CLEANED) {
		md->cleaned += move->count;
		return;
	}
	if (move->event == DEIA_MESSAGE_QUEUED) {
		on_queued(md, msg);
		return;
	}
	x = model_find(md, msg->id);
	model_check(md, x, "move of %s, which is not there", msg->id);
	if (move->event == DEIA_MESSAGE_HANDED_OVER)
		on_handed_over(md, x, msg);
	else if (move->event == DEIA_MESSAGE_RETRY)
		on_retry(md, x, msg);
	else if (move->event == DEIA_MESSAGE_GAVE_UP)
		on_gave_up(md, x, msg);
	else if (move->event == DEIA_MESSAGE_RAN_OUT)
		on_ran_out(md, x, msg);
	else if (move->event == DEIA_MESSAGE_REQUEUED)
		on_requeued(md, x);
	else if (move->event == DEIA_MESSAGE_WAS_READ)
		on_read(md, x, msg);
	model_compare(md, x, msg);
}

void model_moved(const struct deia_message_move *moves, size_t n, void *user)
{
	for (size_t i = 0; i < n; i++)
		one_move(user, &moves[i]);
}

/* ---- after each step --------------------------------------------------- */

static void settled_msg(struct model *md, struct model_msg *x)
{
	model_check(md, x->allowed == 0 || md->loose,
		    "%s: what was asked for (%x) did not"
		    " happen",
		    x->id, x->allowed);
	model_check(md, !x->handed, "%s was handed over to nobody", x->id);
	/* Its sender is told, if it can take mail. */
	model_check(md,
		    !x->notice_due || !md->open[x->draft.from] ||
			    md->tight[x->draft.from],
		    "no notice for %s", x->id);
	x->notice_due = false;
}

const struct model_msg *model_overdue(const struct model *md)
{
	for (const struct model_msg *x = md->msgs; x < md->msgs + md->n; x++)
		if ((x->status <= DEIA_MESSAGE_DELIVERED &&
		     x->expires < md->hive) ||
		    (x->status == DEIA_MESSAGE_DELIVERED &&
		     x->lease_end < md->hive))
			return x;
	return NULL;
}

void model_settled(struct model *md)
{
	for (size_t i = 0; i < md->n; i++)
		settled_msg(md, &md->msgs[i]);
	for (int i = 0; i < MODEL_WAITS; i++)
		model_check(md,
			    !md->waits[i] || md->waits[i]->done ||
				    model_candidates(md, md->waits[i]->inbox) ==
					    0,
			    "a receiver of %s waits for what is there",
			    model_names[md->waits[i]->inbox]);
	model_check(md, md->n_queued == md->n_sending,
		    "%zu of %zu messages were sent", md->n_queued,
		    md->n_sending);
}

/* ---- counters ---------------------------------------------------------- */

static void same_count(struct model *md, const char *inbox, const char *what,
		       uint64_t want, uint64_t got)
{
	model_check(md, want == got, "%s%s: counted %llu, told %llu", inbox,
		    what, (unsigned long long)want, (unsigned long long)got);
}

static void check_inbox(struct model *md, deia_messenger *m, int inbox)
{
	struct deia_inbox_status want = { .open = md->open[inbox] }, got;
	const char *name = model_names[inbox];

	for (const struct model_msg *x = md->msgs; x < md->msgs + md->n; x++) {
		if (x->draft.to != inbox)
			continue;
		want.delivered += x->status == DEIA_MESSAGE_DELIVERED;
		if (x->status != DEIA_MESSAGE_PENDING)
			continue;
		want.pending++;
		want.pending_by_priority[x->draft.priority]++;
		want.waiting += x->retry > md->hive && !x->draft.dialogue;
	}
	for (int i = 0; i < MODEL_WAITS; i++)
		want.waits += md->waits[i] && !md->waits[i]->done &&
			      md->waits[i]->inbox == inbox;
	if (deia_messenger_inbox(m, name, &got) == DEIA_ENOTFOUND) {
		model_check(md, !want.open && !want.pending && !want.delivered,
			    "no inbox %s", name);
		/* It may count anew when it is used again. */
		md->passed[inbox] |= 1;
		return;
	}
	if (want.pending + want.delivered == 0 && !want.open)
		md->passed[inbox] |= 1;
	same_count(md, name, " open", want.open, got.open);
	same_count(md, name, " pending", want.pending, got.pending);
	same_count(md, name, " delivered", want.delivered, got.delivered);
	same_count(md, name, " waiting", want.waiting, got.waiting);
	same_count(md, name, " waits", want.waits, got.waits);
	same_count(md, name, " max", md->opts.inbox_max, got.max);
	for (int p = 0; p < DEIA_PRIORITIES; p++)
		same_count(md, name, " of a priority",
			   want.pending_by_priority[p],
			   got.pending_by_priority[p]);
}

void model_check_status(struct model *md, deia_messenger *m)
{
	uint64_t by[DEIA_MESSAGE_STATUSES] = { 0 }, sum = 0;
	struct deia_messenger_status got;

	for (size_t i = 0; i < md->n; i++)
		by[md->msgs[i].status]++;
	deia_messenger_get_status(m, &got);
	for (int s = 0; s < DEIA_MESSAGE_STATUSES; s++) {
		same_count(md, "", deia_message_status_name(s), by[s],
			   got.by_status[s]);
		sum += got.by_status[s];
	}
	/* Those over finished_kept go without a word. */
	if (!md->in_memory)
		same_count(md, "", "cleaned", md->cleaned, got.cleaned);
	same_count(md, "", "accepted", sum + got.cleaned, got.accepted);
	same_count(md, "", "sent", md->since.sent, got.sent);
	same_count(md, "", "handed over", md->since.handed_over,
		   got.handed_over);
	same_count(md, "", "read", md->since.read, got.read);
	same_count(md, "", "retried", md->since.retried, got.retried);
	same_count(md, "", "failed", md->since.failed, got.failed);
	same_count(md, "", "expired", md->since.expired, got.expired);
	for (int i = 0; i < MODEL_BOTS; i++)
		check_inbox(md, m, i);
}
