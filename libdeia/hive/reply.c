/* SPDX-License-Identifier: MIT */
/*
 * reply.c - which bots answer their mail with turns.
 *
 * None does: mail of a bot without a program of its own waits in its inbox
 * until somebody receives it.
 */
#include "hive/mail.h"

bool deia__mail_wants_turns(const deia_hive *h, const char *bot)
{
	(void)h;
	(void)bot;
	return false;
}

void deia__reply_look(deia_hive *h, struct deia__hbot *b)
{
	(void)h;
	(void)b;
}
