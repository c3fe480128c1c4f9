/* SPDX-License-Identifier: MIT */
/* state.h - the bot's state machine as a table. */
#ifndef DEIA_BOT_STATE_H
#define DEIA_BOT_STATE_H

#include <deia/bot.h>
#include "core/sm.h"

extern const struct deia__sm deia__bot_sm;

#endif
