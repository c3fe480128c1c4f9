/* SPDX-License-Identifier: MIT */
/* server.h - a Redis of the test's own: private port, folder and user. */
#ifndef TEST_CACHE_SERVER_H
#define TEST_CACHE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
	pid_t pid; /* 0: not running */
	int port;
	char dir[64], url[96];
	const char *args[16]; /* more of its arguments, then NULL */
};

/* False: there is no redis-server on this machine. */
bool server_there(void);
/* Starts one and waits until it answers. args: NULL-terminated, may be NULL. */
void server_start(struct redis_server *s, const char *const *args);
/* The same again, at the same port, in the same folder. */
void server_restart(struct redis_server *s);
void server_kill(struct redis_server *s);
void server_freeze(struct redis_server *s);
void server_thaw(struct redis_server *s);
/* One command in words, NULL-terminated; out: its raw reply, 4 KiB. */
void server_say(struct redis_server *s, const char *const *words, char *out);
/* Kills it and removes its folder. */
void server_end(struct redis_server *s);
/* A port of 127.0.0.1 where nothing listens right now. */
int free_port(void);

#endif
