/* SPDX-License-Identifier: MIT */
/*
 * peers.h - what is remembered per client address: open connections and
 * wrong credentials. Bounded: the oldest entry without a connection is
 * forgotten first.
 */
#ifndef DEIAD_PEERS_H
#define DEIAD_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct peers;
struct peer;

struct peers *peers_new(void);
void peers_free(struct peers *p);

/* The entry of an address; NULL: memory ran out. Counts a connection. */
struct peer *peers_open(struct peers *p, const struct sockaddr *sa);
void peers_close(struct peers *p, struct peer *peer);
unsigned peer_connections(const struct peer *peer);
bool peer_is_loopback(const struct peer *peer);

/* Counts a wrong credential; true when there were too many lately. */
bool peer_failed(struct peer *peer, int64_t now_ms);

#define PEER_FAILURES_MAX 20
#define PEER_FAILURES_WINDOW_MS (5 * 60 * 1000)

#endif
