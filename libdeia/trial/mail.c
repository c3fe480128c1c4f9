/* SPDX-License-Identifier: MIT */
/*
 * mail.c - whether a program that says that it deals with mail does so.
 *
 * A bot says it with the word "mail" among the capabilities of its ready line.
 * It is given a message, and then the same again, as after a death: both times
 * it must say ack or nack. What it sends meanwhile is answered as by a hive.
 */
#include "trial/trial.h"

#include <string.h>

#include "bot/protocol.h"
#include "core/id.h"
#include "core/json.h"

#define MAIL_FROM "TRIAL-2"

void deia__trial_note_mail(struct deia__trial *t, const struct deia__say *ready)
{
	const cJSON *item, *list = deia__json_get(ready->json, "capabilities");

	t->says_mail = false;
	cJSON_ArrayForEach(item, list)
		if (strcmp(item->valuestring, "mail") == 0)
			t->says_mail = true;
}

static void answer_send(struct deia__trial *t, const struct deia__say *say)
{
	char id[37];
	deia_jw w;

	deia__uuid7(id, deia__unix_ms(NULL));
	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kstr(&w, "type", "sent");
	deia_jw_kstr(&w, "ref", deia__json_str(say->json, "ref"));
	deia_jw_kstr(&w, "id", id);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w))
		t->no_memory = true;
	else
		deia__trial_say(t, w.text, w.len);
	deia_jw_fini(&w);
}

void deia__trial_heed_mail(struct deia__trial *t, const struct deia__say *say)
{
	const char *id = deia__json_str(say->json, "id");

	if (say->type == DEIA__SAY_SEND)
		answer_send(t, say);
	if (say->type != DEIA__SAY_ACK && say->type != DEIA__SAY_NACK)
		return;
	if (id && strcmp(id, t->mail_id) == 0)
		t->mail_word = say->type == DEIA__SAY_ACK ? "ack" : "nack";
	else
		t->stray_word = true;
}

static bool is_settled(const struct deia__trial *t, const void *unused)
{
	(void)unused;
	return t->mail_word != NULL || t->stray_word;
}

static void print_message(deia_jw *w, const struct deia__trial *t,
			  unsigned attempt)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "type", "message");
	deia_jw_kstr(w, "id", t->mail_id);
	deia_jw_kstr(w, "from", MAIL_FROM);
	deia_jw_kstr(w, "priority", "P2");
	deia_jw_kbool(w, "redelivered", attempt > 1);
	deia_jw_kint(w, "attempt", attempt);
	deia_jw_kraw(w, "metadata", "{}");
	deia_jw_kstr(w, "content", "This is a test: hello.");
	deia_jw_end_object(w);
}

/* True when the program settled it. Else told why. */
static bool hand_over(struct deia__trial *t, unsigned attempt)
{
	deia_jw w;

	t->mail_word = NULL;
	deia_jw_init(&w);
	print_message(&w, t, attempt);
	if (deia_jw_status(&w))
		t->no_memory = true;
	else
		deia__trial_say(t, w.text, w.len);
	deia_jw_fini(&w);
	if (!deia__trial_wait(t, is_settled, NULL, deia__trial_timeout_ms(t)))
		deia__trial_tell_missing(t, "ack or nack of a message",
					 is_settled, NULL);
	else if (t->stray_word)
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "repeat the \"id\" of the message as it is",
				 "an ack or nack has an id that no message "
				 "had");
	return t->mail_word != NULL;
}

void deia__trial_check_mail(struct deia__trial *t)
{
	if (!deia__trial_need(t))
		return;
	if (!t->says_mail) {
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "it does not say that it deals with mail "
				 "(capability \"mail\")");
		return;
	}
	deia__uuid7(t->mail_id, deia__unix_ms(NULL));
	if (hand_over(t, 1) && hand_over(t, 2))
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "it says %s for a message, also when it comes "
				 "again",
				 t->mail_word);
}
