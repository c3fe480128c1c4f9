/* SPDX-License-Identifier: MIT */
/*
 * mail_lines.c - send, ack and nack of bots' processes.
 *
 * Every send is answered with a sent line, once it is durable or refused. When
 * a bot sends faster than its mail becomes durable, or does not read the
 * answers, its output waits in its pipe until that is better: what is under
 * way for one bot stays bounded, and nothing is lost. An answer is for the
 * process that sent; a later one of the same bot does not get it.
 */
#include "hive/mail/mail.h"

#include <stdio.h>
#include <string.h>

#define SENDS_MAX 64	 /* of one bot under way; then its lines wait */
#define COPIES_OF_ONE 16 /* so many count as another send */
#define UNREAD_MAX (1u << 20)
#define RETRY_AFTER_SECONDS 1
#define DELAY_MAX_SECONDS 3600

/* A send line as it was read; text is borrowed from it. */
struct sending {
	struct deia_mail_draft mail;
	const char *to[DEIA_MAX_BATCH_LEN];
	const char *key;
	char *metadata; /* owned */
	char why[160];	/* what is wrong with it, or "" */
};

/* One under way. */
struct sent {
	deia_hive *hive;
	char bot[DEIA_MAX_ID_LEN + 1];
	int64_t pid;
	bool several; /* `to` was a list */
	unsigned weight;
	char *ref; /* or NULL */
};

/* ---- reading -------------------------------------------------------------------- */

static void wrong(struct sending *s, const char *field, const char *wanted)
{
	if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "\"%s\" must be %s", field,
			 wanted);
}

static const char *text_of(struct sending *s, const cJSON *json,
			   const char *field)
{
	const cJSON *v = deia__json_get(json, field);

	if (v && !cJSON_IsString(v))
		wrong(s, field, "a string");
	return v && cJSON_IsString(v) ? v->valuestring : NULL;
}

static void read_to(struct sending *s, const cJSON *json)
{
	const cJSON *v = deia__json_get(json, "to"), *item;

	s->mail.to = s->to;
	if (v && cJSON_IsString(v)) {
		s->to[s->mail.n_to++] = v->valuestring;
		return;
	}
	if (!v || !cJSON_IsArray(v) || !v->child) {
		wrong(s, "to", "a bot's id, or a list of them");
		return;
	}
	cJSON_ArrayForEach(item, v) {
		if (!cJSON_IsString(item) ||
		    s->mail.n_to == DEIA_MAX_BATCH_LEN) {
			wrong(s, "to", "a list of at most 1000 ids");
			return;
		}
		s->to[s->mail.n_to++] = item->valuestring;
	}
}

static void read_numbers(struct sending *s, const cJSON *json)
{
	const char *priority = text_of(s, json, "priority");
	struct deia_message_draft *d = &s->mail.draft;
	const cJSON *notify = deia__json_get(json, "notify");
	int p = priority ? deia_priority_parse(priority) : 2;

	if (p < 0)
		wrong(s, "priority", "P0, P1, P2 or P3");
	else
		d->priority = (unsigned)p;
	if (deia__json_get(json, "ttl_seconds") &&
	    !deia__json_int(json, "ttl_seconds", 1, DEIA_MAX_TTL_SECONDS,
			    &d->ttl_seconds))
		wrong(s, "ttl_seconds", "a whole number from 1 to 7776000");
	if (notify && !cJSON_IsBool(notify))
		wrong(s, "notify", "true or false");
	d->notify = notify && cJSON_IsTrue(notify);
}

static void read_send(struct sending *s, const cJSON *json)
{
	struct deia_message_draft *d = &s->mail.draft;
	const cJSON *metadata = deia__json_get(json, "metadata");

	*d = (struct deia_message_draft)DEIA_MESSAGE_DRAFT_INIT;
	read_to(s, json);
	read_numbers(s, json);
	d->content = text_of(s, json, "content");
	d->content_len = d->content ? strlen(d->content) : 0;
	d->reply_to = text_of(s, json, "reply_to");
	d->traceparent = text_of(s, json, "traceparent");
	s->key = text_of(s, json, "key");
	if (!metadata)
		return;
	if (!cJSON_IsObject(metadata))
		wrong(s, "metadata", "an object");
	else if (!(s->metadata = deia__json_print(metadata)))
		wrong(s, "metadata", "smaller: memory ran out");
	d->metadata = s->metadata;
}

/* ---- answering -------------------------------------------------------------------- */

void deia__line_error(deia_jw *w, deia_hive *h, deia_err err)
{
	const char *detail = err == DEIA_EFIELD && h->has_field
				     ? h->field.detail
				     : h->msg.text;

	deia_jw_key(w, "error");
	deia_jw_object(w);
	deia_jw_kstr(w, "code", deia_err_name(err));
	deia_jw_kstr(w, "message", detail);
	if (err == DEIA_EBUSY || err == DEIA_EFULL)
		deia_jw_kint(w, "retry_after_seconds", RETRY_AFTER_SECONDS);
	deia_jw_end_object(w);
}

static void print_ids(deia_jw *w, const struct sent *s,
		      const struct deia_message *items, size_t n)
{
	if (!s->several) {
		deia_jw_kstr(w, "id", n ? items[0].id : NULL);
		return;
	}
	deia_jw_key(w, "ids");
	deia_jw_array(w);
	for (size_t i = 0; i < n; i++)
		deia_jw_str(w, items[i].id);
	deia_jw_end_array(w);
}

static bool is_same_process(const struct sent *s)
{
	const struct deia_bot_info *info = deia_bots_get(s->hive->bots, s->bot);

	return info && info->pid == s->pid;
}

static void answer(const struct sent *s, deia_err err,
		   const struct deia_message *items, size_t n)
{
	deia_jw w;
	bool told = false;

	if (!is_same_process(s))
		return;
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "type", "sent");
	deia_jw_kstr(&w, "ref", s->ref);
	if (err)
		deia__line_error(&w, s->hive, err);
	else
		print_ids(&w, s, items, n);
	deia_jw_end_object(&w);
	if (!deia_jw_status(&w))
		told = !deia_bots_send_line(s->hive->bots, s->bot, w.text,
					    w.len);
	deia_jw_fini(&w);
	if (!told && is_same_process(s))
		deia_bots_fault(s->hive->bots, s->bot,
				"it does not read its input: what became of "
				"its mail could not be told");
}

static void sent_free(struct sent *s)
{
	deia__free(s->ref);
	deia__free(s);
}

/* ---- sending ------------------------------------------------------------------------ */

void deia__mail_hold_if_fast(deia_hive *h, struct deia__hbot *b)
{
	if (b->held || (b->n_sends < SENDS_MAX &&
			deia_bots_unread(h->bots, b->id) < UNREAD_MAX))
		return;
	b->held = true;
	deia_bots_hold_lines(h->bots, b->id, true);
}

void deia__mail_let_go(deia_hive *h, struct deia__hbot *b)
{
	if (!b->held || b->n_sends > SENDS_MAX / 2 ||
	    deia_bots_unread(h->bots, b->id) > UNREAD_MAX / 2)
		return;
	b->held = false;
	deia_bots_hold_lines(h->bots, b->id, false);
}

void deia__bots_on_drained(const char *bot, void *user)
{
	deia_hive *h = user;
	struct deia__hbot *b = deia__hbot_get(h, bot);

	if (!b)
		return;
	deia__mail_let_go(h, b);
	deia__push_look(h, b);
}

static void on_sent(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct sent *s = user;
	deia_hive *h = s->hive;
	struct deia__hbot *b = deia__hbot_get(h, s->bot);

	(void)more;
	answer(s, err, items, n);
	if (b && !err)
		b->last_message_ms = deia__unix_ms(NULL);
	if (b)
		b->n_sends -= b->n_sends < s->weight ? b->n_sends : s->weight;
	if (b)
		deia__mail_let_go(h, b);
	sent_free(s);
}

static deia_err hand_over(deia_hive *h, const struct sending *in,
			  struct sent *s)
{
	struct deia_actor actor = { .role = DEIA_ROLE_BOT };

	if (in->why[0])
		return deia__hive_fail(h, DEIA_EFIELD, "%s", in->why);
	deia__trace_begin(h, &actor);
	snprintf(actor.name, sizeof(actor.name), "%s", s->bot);
	return deia_mail_send(h, &actor, &in->mail, 1, in->key, NULL, on_sent,
			      s);
}

static struct sent *sent_new(deia_hive *h, const char *bot, const cJSON *json)
{
	struct sent *s = deia__alloc(sizeof(*s));
	const struct deia_bot_info *info = deia_bots_get(h->bots, bot);
	const char *ref = deia__json_str(json, "ref");

	if (!s)
		return NULL;
	s->hive = h;
	snprintf(s->bot, sizeof(s->bot), "%s", bot);
	s->pid = info ? info->pid : 0;
	s->several = cJSON_IsArray(deia__json_get(json, "to"));
	s->ref = deia__strdup(ref);
	if (!ref || s->ref)
		return s;
	sent_free(s);
	return NULL;
}

static void send_line(deia_hive *h, const char *bot, const cJSON *json)
{
	struct deia__hbot *b = deia__hbot_get(h, bot);
	const char *ref = deia__json_str(json, "ref");
	struct sending *in = deia__alloc(sizeof(*in));
	struct sent *s = in && b ? sent_new(h, bot, json) : NULL;
	deia_err err;

	if (!s || (ref && strlen(ref) > DEIA_MAX_NAME_BYTES)) {
		deia_bots_fault(h->bots, bot,
				s ? "\"ref\" of a send line must be at most "
				    "256 bytes long"
				  : "its mail is not sent: out of memory");
		if (s)
			sent_free(s);
		deia__free(in);
		return;
	}
	read_send(in, json);
	s->weight = 1 + (unsigned)in->mail.n_to / COPIES_OF_ONE;
	err = hand_over(h, in, s);
	if (err) {
		answer(s, err, NULL, 0);
		sent_free(s);
	} else {
		b->n_sends += s->weight; /* its callback comes later */
	}
	deia__mail_hold_if_fast(h, b);
	deia__free(in->metadata);
	deia__free(in);
}

/* ---- what a bot says of its mail ---------------------------------------------------- */

static void nack_line(deia_hive *h, const char *bot, const cJSON *json)
{
	int64_t seconds = 0;

	if (!deia__json_get(json, "delay_seconds"))
		deia__push_nack(h, bot, deia__json_str(json, "id"),
				DEIA_DELAY_BACKOFF);
	else if (deia__json_int(json, "delay_seconds", 0, DELAY_MAX_SECONDS,
				&seconds))
		deia__push_nack(h, bot, deia__json_str(json, "id"),
				seconds * 1000);
	else
		deia_bots_fault(h->bots, bot,
				"\"delay_seconds\" of a nack line must be a "
				"whole number from 0 to 3600");
}

void deia__mail_line(deia_hive *h, const char *bot, const char *type,
		     const struct cJSON *json)
{
	if (strcmp(type, "send") == 0)
		send_line(h, bot, json);
	else if (strcmp(type, "ack") == 0)
		deia__push_ack(h, bot, deia__json_str(json, "id"));
	else if (strcmp(type, "nack") == 0)
		nack_line(h, bot, json);
}
