/* SPDX-License-Identifier: MIT */
/* settle.h - claims to delivered messages, shared by settle.c and answer.c. */
#ifndef DEIA_MESSENGER_SETTLE_H
#define DEIA_MESSENGER_SETTLE_H

#include "messenger/messenger.h"

void deia__lease_print(char out[static 17], uint64_t lease);
/*
 * The delivered message that a claim names. ENOTFOUND, ECONFLICT, ESTATE;
 * EEXIST: reading, and it was read under this token; EUNAVAILABLE: not in
 * memory, the store knows more. With ECONFLICT *out is set when the claim is
 * right, but another call is changing the message.
 */
deia_err deia__claim_find(deia_messenger *m, const struct deia_message_claim *c,
			  bool reading, struct deia__msg **out);
/* Asks the store why there is no such delivered message; done gets one of the
 * errors above, never DEIA_OK. */
deia_err deia__claim_lookup(deia_messenger *m,
			    const struct deia_message_claim *c, bool reading,
			    void (*done)(deia_err err, void *arg), void *arg);
/* The same, for a call on one message: its callback gets the error. */
deia_err deia__claim_refuse(deia_messenger *m,
			    const struct deia_message_claim *claim,
			    deia_messages_cb cb, void *user);

#endif
