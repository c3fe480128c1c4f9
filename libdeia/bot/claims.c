/* SPDX-License-Identifier: MIT */
/*
 * claims.c - the turns of external bots: claimed, held under a lease, ended.
 *
 * A claimed turn is named by a token, "<32 hexadecimal digits>.<bot>": the
 * digits are the secret, the bot says where to look. A turn has one live token
 * at most; giving it back or ending it makes that stale. Nothing here knows
 * HTTP or waiting callers: on_claimable tells when to ask again.
 */
#include "bot/priv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/mem.h"
#include "core/utf8.h"

#define SECRET_BYTES 16
#define SECRET_LEN (2 * SECRET_BYTES)

struct deia__claimed {
	char secret[SECRET_LEN + 1]; /* "" while it waits again */
	unsigned attempts;
	unsigned lease_seconds;
	int64_t lease_ends_ms, deadline_ms; /* of this attempt */
	cJSON *task;			    /* the turn, as its line says */
	struct deia_history_item *history;
	size_t n_history;
};

static_assert(DEIA_CLAIM_TOKEN_LEN == SECRET_LEN + 1 + DEIA_MAX_ID_LEN,
	      "the length of a token");

void deia__claimed_free(struct deia__claimed *c)
{
	if (c == NULL)
		return;
	cJSON_Delete(c->task);
	deia__free(c->history);
	deia__free(c);
}

static int64_t unix_of(const struct deia__bot *bot, int64_t at_ms)
{
	return deia__bot_wall_ms(bot) + (at_ms - deia__bot_now_ms(bot));
}

/* ---- tokens ------------------------------------------------------------------ */

bool deia_claim_bot(const char *token, char bot[DEIA_MAX_ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	bot[0] = '\0';
	if (token == NULL || strspn(token, digits) != SECRET_LEN ||
	    token[SECRET_LEN] != '.' ||
	    !deia_bot_id_valid(token + SECRET_LEN + 1))
		return false;
	snprintf(bot, DEIA_MAX_ID_LEN + 1, "%s", token + SECRET_LEN + 1);
	return true;
}

static bool make_secret(char out[SECRET_LEN + 1])
{
	unsigned char bytes[SECRET_BYTES];

	if (!deia__random(bytes, sizeof(bytes)))
		return false;
	deia__hex_print(out, bytes, SECRET_BYTES);
	out[SECRET_LEN] = '\0';
	return true;
}

/* In a time that does not depend on where they differ. */
static bool same_secret(const char *a, const char *b)
{
	unsigned char diff = 0;
	size_t i;

	for (i = 0; i < SECRET_LEN; i++)
		diff |= (unsigned char)(a[i] ^ b[i]);
	return diff == 0;
}

static deia_err stale(struct deia_bots *bots)
{
	deia__fail(&bots->errmsg, DEIA_ESTATE,
		   "this lease is over: the turn has ended, was cancelled, or "
		   "was given away again; drop the work");
	return DEIA_ESTATE;
}

/* The turn that a token names; that is a sign of life of its bot. */
static deia_err find_claim(struct deia_bots *bots, const char *work_id,
			   const char *token, deia_work **out)
{
	char id[DEIA_MAX_ID_LEN + 1];
	struct deia__bot *bot;
	deia_work *w;

	if (!deia_claim_bot(token, id)) {
		deia__fail(&bots->errmsg, DEIA_EINVAL,
			   "the lease token must be as it was given with the "
			   "claim");
		return DEIA_EINVAL;
	}
	bot = deia__bots_find(bots, id);
	if (bot == NULL)
		return stale(bots);
	TAILQ_FOREACH(w, &bot->running, link)
		if (w->claimed != NULL &&
		    same_secret(w->claimed->secret, token) &&
		    (work_id == NULL || strcmp(w->id, work_id) == 0))
			break;
	if (w == NULL)
		return stale(bots);
	deia__external_touch(bot);
	*out = w;
	return DEIA_OK;
}

/* ---- the lease ---------------------------------------------------------------- */

static deia_err lease_of(struct deia_bots *bots, unsigned *seconds)
{
	if (*seconds == 0)
		*seconds = DEIA_DEFAULT_LEASE_SECONDS;
	if (*seconds <= DEIA_MAX_LEASE_SECONDS)
		return DEIA_OK;
	return deia__fail(&bots->errmsg, DEIA_EINVAL,
			  "a lease must be 1 to %d s long; extend it before it "
			  "ends",
			  DEIA_MAX_LEASE_SECONDS);
}

static deia_err set_lease(deia_work *w, unsigned seconds)
{
	struct deia__claimed *c = w->claimed;
	int64_t now = deia__bot_now_ms(w->bot),
		ends = now + (int64_t)seconds * 1000;

	if (ends > c->deadline_ms)
		ends = c->deadline_ms;
	c->lease_seconds = seconds;
	c->lease_ends_ms = ends;
	return deia__timer_set(w->bot->bots->env.timers, &w->timer, ends - now);
}

/* Back to the queue, or the end when that was tried often enough. */
static void give_back(deia_work *w, const char *what)
{
	struct deia__bot *bot = w->bot;
	char why[96];

	w->claimed->secret[0] = '\0';
	snprintf(why, sizeof(why), "%s %u times without an answer", what,
		 w->claimed->attempts);
	if (w->claimed->attempts >= DEIA_MAX_CLAIMS)
		deia__turn_finish(w, DEIA_EUNAVAILABLE, why);
	else if (bot->info.state == DEIA_BOT_OFFLINE)
		deia__turn_finish(w, DEIA_EUNAVAILABLE,
				  "the bot went offline while it worked");
	else
		deia__turn_put_back(w);
	deia__turns_pump(bot);
}

void deia__claim_tick(deia_work *w)
{
	struct deia__bot *bot = w->bot;
	char why[80];

	if (deia__bot_slept(bot, &w->timer)) {
		/* This machine slept: its holder could not tell in time. */
		w->claimed->deadline_ms += DEIA__WAKE_GRACE_MS;
		(void)!set_lease(w, w->claimed->lease_seconds);
		return;
	}
	if (deia__bot_now_ms(bot) < w->claimed->deadline_ms) {
		deia__talk_log(bot, "turn %s: its lease ended", w->id);
		give_back(w, "its lease ended");
		return;
	}
	snprintf(why, sizeof(why), "the turn took longer than its %u s",
		 w->timeout_seconds);
	deia__turn_finish(w, DEIA_ETIMEDOUT, why);
	deia__turns_pump(bot);
}

/* ---- claiming ----------------------------------------------------------------- */

static bool read_history(struct deia__claimed *c)
{
	const cJSON *list = deia__json_get(c->task, "history"), *item;
	int n = cJSON_GetArraySize(list);

	if (n <= 0)
		return true;
	c->history = deia__alloc((size_t)n * sizeof(*c->history));
	if (c->history == NULL)
		return false;
	cJSON_ArrayForEach(item, list) {
		c->history[c->n_history].role = deia__json_str(item, "role");
		c->history[c->n_history++].content =
			deia__json_str(item, "content");
	}
	return true;
}

/* What was printed when it was submitted is read back: it is within all limits
 * already. The line is kept: the next run of the bot may be a process. */
static struct deia__claimed *read_task(const deia_work *w)
{
	struct deia__claimed *c = deia__alloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	if (deia_json_parse(&c->task, w->line, w->line_len, NULL) ||
	    !read_history(c)) {
		deia__claimed_free(c);
		return NULL;
	}
	return c;
}

static deia_err claim(deia_work *w, unsigned seconds)
{
	struct deia__claimed *c = w->claimed;
	deia_err err;

	if (c == NULL) {
		w->claimed = c = read_task(w);
		if (c == NULL)
			return DEIA_ENOMEM;
	}
	if (!make_secret(c->secret))
		return DEIA_EIO;
	c->deadline_ms =
		deia__bot_now_ms(w->bot) + (int64_t)w->timeout_seconds * 1000;
	err = set_lease(w, seconds);
	if (err)
		return err;
	c->attempts++;
	deia__turn_take(w);
	deia__turns_pump(w->bot);
	return DEIA_OK;
}

static void describe(const deia_work *w, unsigned seconds,
		     struct deia_claim *out)
{
	const struct deia__claimed *c = w->claimed;

	snprintf(out->token, sizeof(out->token), "%s.%s", c->secret,
		 w->bot->spec->id);
	out->bot = w->bot->spec->id;
	out->id = w->id;
	out->kind = w->kind;
	out->content = deia__json_str(c->task, "content");
	out->conversation = deia__json_str(c->task, "conversation");
	out->session = deia__json_str(c->task, "session");
	out->traceparent = deia__json_str(c->task, "traceparent");
	out->history = c->history;
	out->n_history = c->n_history;
	out->timeout_seconds = w->timeout_seconds;
	out->attempt = c->attempts;
	out->lease_seconds = seconds;
	out->lease_expires_unix_ms = unix_of(w->bot, c->lease_ends_ms);
}

deia_err deia_bots_claim(deia_bots *bots, const char *id,
			 unsigned lease_seconds, struct deia_claim *out)
{
	struct deia__bot *bot;
	deia_work *w;
	deia_err err;

	memset(out, 0, sizeof(*out));
	err = deia__external_need(bots, id, &bot);
	if (!err)
		err = lease_of(bots, &lease_seconds);
	if (err)
		return err;
	deia__external_touch(bot);
	w = deia__turn_next(bot);
	if (w == NULL || bot->info.running >= bot->info.max_concurrent ||
	    (bot->info.state != DEIA_BOT_READY &&
	     bot->info.state != DEIA_BOT_BUSY))
		return DEIA_OK;
	err = claim(w, lease_seconds);
	if (err)
		return deia__fail(&bots->errmsg, err, "%s", deia_err_text(err));
	describe(w, lease_seconds, out);
	return DEIA_OK;
}

deia_err deia_bots_claim_extend(deia_bots *bots, const char *work_id,
				const char *token, unsigned lease_seconds,
				int64_t *expires_unix_ms)
{
	deia_work *w;
	deia_err err = lease_of(bots, &lease_seconds);

	if (!err)
		err = find_claim(bots, work_id, token, &w);
	if (!err)
		err = set_lease(w, lease_seconds);
	if (!err && expires_unix_ms != NULL)
		*expires_unix_ms = unix_of(w->bot, w->claimed->lease_ends_ms);
	return err;
}

deia_err deia_bots_claim_release(deia_bots *bots, const char *work_id,
				 const char *token)
{
	deia_work *w;
	deia_err err = find_claim(bots, work_id, token, &w);

	if (!err)
		give_back(w, "it was given back");
	return err;
}

/* ---- the end ------------------------------------------------------------------- */

static deia_err check_text(struct deia_bots *bots, const char *what,
			   const char *text, size_t max)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len > max)
		return deia__fail(&bots->errmsg, DEIA_ELIMIT,
				  "%s must be at most %zu bytes long, not %zu",
				  what, max, len);
	if (!deia__utf8_valid(text != NULL ? text : "", len))
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "%s must be UTF-8", what);
	return DEIA_OK;
}

/* *out: the object on one line; NULL when none was given. */
static deia_err read_details(struct deia_bots *bots, const char *text,
			     char **out)
{
	cJSON *json = NULL;
	deia_err err = DEIA_OK;

	*out = NULL;
	if (text == NULL)
		return DEIA_OK;
	if (deia_json_parse(&json, text, strlen(text), NULL) ||
	    !cJSON_IsObject(json))
		err = deia__fail(&bots->errmsg, DEIA_EINVAL,
				 "details must be a JSON object");
	else
		*out = deia__json_print(json);
	cJSON_Delete(json);
	if (!err && *out == NULL)
		return DEIA_ENOMEM;
	if (!err)
		err = check_text(bots, "details", *out, DEIA_MAX_DETAILS_BYTES);
	if (err) {
		deia__free(*out);
		*out = NULL;
	}
	return err;
}

static deia_err check_answer(struct deia_bots *bots,
			     const struct deia_claim_answer *a)
{
	deia_err err;

	if (a == NULL || a->size != sizeof(*a) || a->text == NULL)
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "an answer needs its size and a text");
	err = check_text(bots, "the text", a->text, DEIA_MAX_ANSWER_BYTES);
	if (!err)
		err = check_text(bots, "the session", a->session,
				 DEIA_MAX_NAME_BYTES);
	return err;
}

deia_err deia_bots_claim_complete(deia_bots *bots, const char *work_id,
				  const char *token,
				  const struct deia_claim_answer *answer)
{
	deia_work *w;
	struct deia__bot *bot;
	char *details = NULL;
	deia_err err = check_answer(bots, answer);

	if (!err)
		err = find_claim(bots, work_id, token, &w);
	if (!err)
		err = read_details(bots, answer->details, &details);
	if (err)
		return err;
	deia__buf_adds(&w->answer, answer->text);
	if (w->answer.err) {
		deia__buf_fini(&w->answer);
		deia__buf_init(&w->answer, DEIA_MAX_ANSWER_BYTES);
		deia__free(details);
		return DEIA_ENOMEM;
	}
	bot = w->bot;
	w->details = details;
	w->session = deia__strdup(answer->session);
	w->result.prompt_tokens = answer->prompt_tokens;
	w->result.completion_tokens = answer->completion_tokens;
	deia__turn_finish(w, DEIA_OK, "");
	deia__turns_pump(bot);
	return DEIA_OK;
}

deia_err deia_bots_claim_fail(deia_bots *bots, const char *work_id,
			      const char *token, const char *code,
			      const char *message, bool retryable,
			      unsigned retry_after_seconds)
{
	deia_work *w;
	struct deia__bot *bot;
	deia_err err;

	if (message == NULL || *message == '\0')
		return deia__fail(&bots->errmsg, DEIA_EINVAL,
				  "a failure needs a message: one line that "
				  "says why");
	err = check_text(bots, "the message", message, DEIA_MAX_ERROR_BYTES);
	if (!err)
		err = check_text(bots, "the code", code, DEIA_MAX_ID_LEN);
	if (!err)
		err = find_claim(bots, work_id, token, &w);
	if (err)
		return err;
	bot = w->bot;
	w->code = deia__strdup(code != NULL && *code != '\0' ? code : "error");
	w->result.retryable = retryable;
	w->result.retry_after_seconds = retry_after_seconds;
	deia__turn_finish(w, DEIA_EREMOTE, message);
	deia__turns_pump(bot);
	return DEIA_OK;
}
