/* SPDX-License-Identifier: MIT */
/* chat.h - one conversation with a bot, as the chat command holds it. */
#ifndef CLI_CHAT_H
#define CLI_CHAT_H

#include "cli.h"

struct chat {
	struct cli *cli;
	const char *bot;
	char *conversation; /* NULL: the bot's first */
	bool stream;
	bool talking; /* interactive: Ctrl-C ends the answer, not the program */
};

/* Says one thing and prints the answer: an exit code. */
int chat_say(struct chat *c, const char *text);
/* Begins a new conversation and makes it the chat's. */
int chat_begin(struct chat *c, const char *title);
/* Prints the newest lines, oldest of them first. */
int chat_history(struct chat *c, int64_t limit);
/* Lists the bot's conversations. */
int chat_list(struct chat *c);
/* Talks on the terminal until Ctrl-D. */
int chat_talk(struct chat *c);
/* A path of this conversation: "/api/v1/bots/BOT" + what + "?conversation=". */
char *chat_path(const struct chat *c, const char *what);

#endif
