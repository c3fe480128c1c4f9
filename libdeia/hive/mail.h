/* SPDX-License-Identifier: MIT */
/*
 * mail.h - the inside of a hive's mail, shared by the files of this folder.
 *
 *   mail.c         the messenger's life, inboxes of bots, who waits
 *   mail_send.c    who may send as whom; several recipients
 *   mail_take.c    receiving, settling, looking: who may, and what is shown
 *   mail_events.c  what happened to messages, gathered into events
 *   mail_lines.c   send, ack and nack of bots' processes
 *   push.c         mail as lines to bots' own programs
 *   reply.c        bots that answer mail with turns
 *   dialogue*.c    two bots on a subject: mail of a dialogue is answered by it
 *		    alone, no receiver gets it (deia_messenger_take)
 */
#ifndef DEIA_HIVE_MAIL_H
#define DEIA_HIVE_MAIL_H

#include <deia/mail.h>

#include "hive/hive.h"

/* ---- reply.c ------------------------------------------------------------ */

/* Its mail is answered with turns: it is not pushed as lines. Asked again
 * whenever its state or specification has changed. */
bool deia__mail_wants_turns(const deia_hive *h, const char *bot);
/* Its state or specification has changed, a turn of it ended, mail can be
 * received: begins or ends what that asks for. b NULL: of all bots. */
void deia__reply_look(deia_hive *h, struct deia__hbot *b);

#endif
