/* SPDX-License-Identifier: MIT */
/*
 * talk.c - what a bot's process says: protocol lines and faults.
 *
 * Nothing a bot writes is a fault of ours: what is no line of the protocol is
 * logged under its name and counted, and too much of it within a minute ends
 * the process as a crash. Its log is botlog.c.
 */
#include "bot/priv.h"

#include <stdio.h>
#include <string.h>

#include "bot/protocol.h"
#include "core/json.h"
#include "core/utf8.h"

#define FAULT_WINDOW_MS 60000
/* The status line may change often; it is reported at most this often. */
#define STATUS_PACE_MS 100
/* Of a stray line, this much is logged. */
#define MAX_STRAY_BYTES 2048

/* ---- faults ---------------------------------------------------------------------- */

static void fault(struct deia__bot *bot, const char *text, size_t len,
		  const char *why)
{
	int64_t now = deia__timers_now(bot->bots->env.timers);

	bot->info.faults++;
	if (now - bot->faults_since_ms >= FAULT_WINDOW_MS) {
		bot->faults_since_ms = now;
		bot->faults_now = 0;
	}
	if (text != NULL)
		deia__log_line(bot, " [stdout] ", text,
			       len < MAX_STRAY_BYTES ? len : MAX_STRAY_BYTES);
	deia__talk_log(bot, "protocol fault: %s", why);
	if (++bot->faults_now > DEIA_MAX_PROTOCOL_FAULTS)
		deia__bot_crash(bot,
				"more than %d protocol faults within a "
				"minute, the last: %s",
				DEIA_MAX_PROTOCOL_FAULTS, why);
}

/* ---- protocol lines ---------------------------------------------------------------- */

static void on_status_timer(void *arg)
{
	struct deia__bot *bot = arg;

	if (!bot->status_dirty)
		return;
	bot->status_dirty = false;
	deia__notes_add_state(bot, bot->info.state);
}

/* The first change is reported at once, more of them only now and then. */
void deia__talk_report(struct deia__bot *bot)
{
	bot->status_dirty = true;
	if (deia__timer_armed(&bot->status_timer))
		return;
	on_status_timer(bot);
	bot->status_timer.fn = on_status_timer;
	bot->status_timer.arg = bot;
	(void)!deia__timer_set(bot->bots->env.timers, &bot->status_timer,
			       STATUS_PACE_MS);
}

void deia__talk_status(struct deia__bot *bot, const char *text)
{
	size_t len = strnlen(text, DEIA__STATUS_BYTES - 1);

	len = deia__utf8_whole(text, len);
	if (strncmp(bot->status, text, len) == 0 && bot->status[len] == '\0')
		return;
	memcpy(bot->status, text, len);
	bot->status[len] = '\0';
	deia__talk_report(bot);
}

static void unknown_turn(struct deia__bot *bot, const struct deia__say *say,
			 const char *text, size_t len)
{
	char why[128];

	snprintf(why, sizeof(why), "%s for a turn that is not running: %.64s",
		 say->type_name, say->id);
	fault(bot, text, len, why);
}

static void pass_on(struct deia__bot *bot, const struct deia__say *say,
		    const char *text, size_t len)
{
	struct deia_bots *bots = bot->bots;
	char why[64];

	if (bots->opts.on_line == NULL) {
		snprintf(why, sizeof(why), "%s lines are not dealt with here",
			 say->type_name);
		fault(bot, text, len, why);
		return;
	}
	deia__notes_dispatch(bots);
	bots->opts.on_line(bot->spec->id, say->type_name, say->json,
			   bots->opts.user);
}

/* Of its first ready line only. */
static void take_capabilities(struct deia__bot *bot,
			      const struct deia__say *say)
{
	const char *words[DEIA_MAX_CAPABILITIES_LEN];
	const cJSON *list = deia__json_get(say->json, "capabilities"), *item;
	size_t n = 0;

	if (list == NULL || bot->info.state != DEIA_BOT_STARTING)
		return;
	cJSON_ArrayForEach(item, list)
		if (n < DEIA_MAX_CAPABILITIES_LEN)
			words[n++] = item->valuestring;
	if (deia__caps_said(bot, words, n))
		deia__talk_log(bot, "its capabilities are not kept: out of "
				    "memory");
}

static void heed(struct deia__bot *bot, const struct deia__say *say,
		 const char *text, size_t len)
{
	switch (say->type) {
	case DEIA__SAY_READY:
		take_capabilities(bot, say);
		deia__bot_ready(bot, (unsigned)say->max_concurrent);
		break;
	case DEIA__SAY_CHUNK:
	case DEIA__SAY_DONE:
	case DEIA__SAY_ERROR:
		if (!deia__turns_say(bot, say))
			unknown_turn(bot, say, text, len);
		break;
	case DEIA__SAY_STATUS:
		deia__talk_status(bot, say->text);
		break;
	case DEIA__SAY_PONG:
		deia__watch_pong(bot, say->n);
		break;
	case DEIA__SAY_ACK:
	case DEIA__SAY_NACK:
	case DEIA__SAY_SEND:
	case DEIA__SAY_SUBMIT:
		pass_on(bot, say, text, len);
		break;
	}
}

void deia__talk_line(void *arg, const char *text, size_t len)
{
	struct deia__bot *bot = arg;
	struct deia__say say;
	char why[200];

	bot->info.lines_in++;
	deia__watch_heard(bot);
	if (text == NULL) {
		fault(bot, NULL, 0, "a line over the limit of 2 MiB");
		return;
	}
	if (len == 0)
		return;
	if (deia__say_read(&say, text, len, why)) {
		fault(bot, text, len, why);
		return;
	}
	heed(bot, &say, text, len);
	deia__say_fini(&say);
}

/* ---- for those who deal with lines elsewhere ------------------------------------------ */

static struct deia__bot *with_process(const struct deia_bots *bots,
				      const char *id)
{
	struct deia__bot *bot = deia__bots_find(bots, id);

	return bot != NULL && bot->proc != NULL ? bot : NULL;
}

size_t deia_bots_unread(const deia_bots *bots, const char *id)
{
	const struct deia__bot *bot = with_process(bots, id);

	return bot != NULL ? deia__proc_queued(bot->proc) : 0;
}

void deia_bots_hold_lines(deia_bots *bots, const char *id, bool hold)
{
	struct deia__bot *bot = with_process(bots, id);

	if (bot != NULL)
		deia__proc_hold(bot->proc, hold);
}

void deia_bots_fault(deia_bots *bots, const char *id, const char *why)
{
	struct deia__bot *bot = with_process(bots, id);

	if (bot != NULL)
		fault(bot, NULL, 0, why);
}
