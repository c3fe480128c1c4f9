/* SPDX-License-Identifier: MIT */
/*
 * again.h - the calls on messages, while others share the store. Each is true
 * when the call waits for its messages to be here: *err is DEIA_OK and the
 * callback comes later, or it cannot wait and *err says why. False: go on.
 * claim and texts are copied.
 */
#ifndef DEIA_MESSENGER_AGAIN_H
#define DEIA_MESSENGER_AGAIN_H

#include <deia/messenger.h>

bool deia__read_waits(deia_messenger *m,
		      const struct deia_message_claim *claims, size_t n,
		      deia_err *errs, deia_settled_cb cb, void *user,
		      deia_err *err);
bool deia__release_waits(deia_messenger *m,
			 const struct deia_message_claim *claim,
			 int64_t delay_ms, bool excused, const char *reason,
			 deia_messages_cb cb, void *user, deia_err *err);
bool deia__give_up_waits(deia_messenger *m,
			 const struct deia_message_claim *claim,
			 const char *reason, deia_messages_cb cb, void *user,
			 deia_err *err);
bool deia__extend_waits(deia_messenger *m,
			const struct deia_message_claim *claim,
			int64_t lease_ms, deia_messages_cb cb, void *user,
			deia_err *err);
bool deia__take_waits(deia_messenger *m, const char *inbox, const char *id,
		      int64_t lease_ms, bool held, deia_messages_cb cb,
		      void *user, deia_err *err);
bool deia__requeue_waits(deia_messenger *m, const char *id, deia_messages_cb cb,
			 void *user, deia_err *err);
bool deia__answer_waits(deia_messenger *m,
			const struct deia_message_claim *claim,
			const struct deia_message_draft *answer,
			deia_messages_cb cb, void *user, deia_err *err);

#endif
