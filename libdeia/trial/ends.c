/* SPDX-License-Identifier: MIT */
/*
 * ends.c - the checks that end the process, and those that look back on
 * all that was said.
 */
#include "trial/trial.h"

#include <stdio.h>
#include <string.h>

#include "bot/protocol.h"

static bool ended_within_grace(struct deia__trial *t)
{
	return deia__trial_wait(t, deia__trial_has_ended, NULL,
				DEIA__TRIAL_GRACE_MS);
}

static void judge_end(struct deia__trial *t, int64_t since)
{
	char how[DEIA__TRIAL_TEXT_BYTES];

	deia__trial_describe_end(t, how, sizeof(how));
	if (t->end.code == 0)
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "it exited with 0 after %lld ms",
				 (long long)(deia__trial_now(t) - since));
	else
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "exit with status 0 when you are asked to end",
				 "%s", how);
}

void deia__trial_check_shutdown(struct deia__trial *t)
{
	int64_t since;
	deia_jw w;

	if (!deia__trial_need(t))
		return;
	deia_jw_init(&w);
	deia__print_shutdown(&w);
	since = deia__trial_now(t);
	if (deia_jw_status(&w))
		t->no_memory = true;
	else
		deia__trial_say(t, w.text, w.len);
	deia_jw_fini(&w);
	if (ended_within_grace(t)) {
		judge_end(t, since);
		return;
	}
	deia__proc_finish_input(t->proc);
	if (ended_within_grace(t))
		deia__trial_tell(t, DEIA_TRIAL_WARNING,
				 "exit with status 0 on the shutdown line",
				 "it ended when its input was closed, not on "
				 "shutdown");
	else
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "exit with status 0 on the shutdown line; the "
				 "hive would kill it",
				 "it still runs %d s after shutdown",
				 2 * DEIA__TRIAL_GRACE_MS / 1000);
	deia__trial_close(t);
}

void deia__trial_check_end_of_input(struct deia__trial *t)
{
	int64_t since;

	if (!deia__trial_need(t))
		return;
	since = deia__trial_now(t);
	deia__proc_finish_input(t->proc);
	if (ended_within_grace(t))
		judge_end(t, since);
	else
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "exit when reading stdin finds its end: the "
				 "hive is gone",
				 "it still runs %d s after its input ended",
				 DEIA__TRIAL_GRACE_MS / 1000);
	deia__trial_close(t);
}

/* ---- looking back ------------------------------------------------------------ */

void deia__trial_check_lines(struct deia__trial *t)
{
	if (t->lines.n > DEIA_MAX_PROTOCOL_FAULTS)
		deia__trial_tell(t, DEIA_TRIAL_FAILED,
				 "a hive ends a bot with more than 100 of them "
				 "within a minute",
				 "%u lines on stdout that are none of the "
				 "protocol",
				 t->lines.n);
	else if (t->lines.n == 0 && t->n_err_lines != 0)
		deia__trial_tell(
			t, DEIA_TRIAL_OK, "",
			"all %llu are of the protocol; %u on stderr go "
			"to the bot's log",
			(unsigned long long)t->all_lines, t->n_err_lines);
	else if (t->lines.n == 0)
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "all %llu are of the protocol",
				 (unsigned long long)t->all_lines);
}

void deia__trial_check_turns(struct deia__trial *t)
{
	if (t->about_turns.n == 0)
		deia__trial_tell(t, DEIA_TRIAL_OK, "",
				 "each ended once, nothing came after its end");
}
