/* SPDX-License-Identifier: MIT */
/*
 * peers.c - the book of client addresses.
 *
 * A hash table of chains, at most PEERS_MAX entries. Entries with an open
 * connection are never evicted (the connection cap bounds those); the rest
 * are in order of last use, oldest first. IPv6 clients are counted by /64,
 * since one host usually owns that much.
 */
#include "peers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define PEERS_MAX 16384
#define PEERS_BUCKETS 4096

struct peer {
	LIST_ENTRY(peer) chain;
	TAILQ_ENTRY(peer) idle; /* while connections == 0 */
	unsigned char key[16];
	unsigned connections, failures;
	int64_t window_ms;
	bool loopback;
};

struct peers {
	LIST_HEAD(, peer) buckets[PEERS_BUCKETS];
	TAILQ_HEAD(, peer) idle;
	unsigned n;
};

struct peers *peers_new(void)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (p)
		TAILQ_INIT(&p->idle);
	return p;
}

void peers_free(struct peers *p)
{
	for (unsigned i = 0; p && i < PEERS_BUCKETS; i++) {
		struct peer *peer;

		while ((peer = LIST_FIRST(&p->buckets[i]))) {
			LIST_REMOVE(peer, chain);
			free(peer);
		}
	}
	free(p);
}

/* The 16 bytes an address is counted under. */
static void key_of(struct peer *out, const struct sockaddr *sa)
{
	memset(out->key, 0, sizeof(out->key));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		memcpy(out->key + 12, &in->sin_addr, 4);
		out->key[10] = out->key[11] = 0xff;
		out->loopback = out->key[12] == 127;
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		memcpy(out->key, &in6->sin6_addr, 16);
		out->loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
				(IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
				 out->key[12] == 127);
		if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && !out->loopback)
			memset(out->key + 8, 0, 8);
	} else {
		out->loopback = true;
	}
}

static unsigned bucket_of(const unsigned char key[16])
{
	uint32_t h = 2166136261u;

	for (int i = 0; i < 16; i++)
		h = (h ^ key[i]) * 16777619u;
	return h % PEERS_BUCKETS;
}

static void forget_oldest(struct peers *p)
{
	struct peer *old = TAILQ_FIRST(&p->idle);

	if (!old)
		return;
	TAILQ_REMOVE(&p->idle, old, idle);
	LIST_REMOVE(old, chain);
	free(old);
	p->n--;
}

struct peer *peers_open(struct peers *p, const struct sockaddr *sa)
{
	struct peer wanted = { 0 }, *peer;
	unsigned b;

	key_of(&wanted, sa);
	b = bucket_of(wanted.key);
	LIST_FOREACH(peer, &p->buckets[b], chain)
		if (memcmp(peer->key, wanted.key, 16) == 0)
			break;
	if (!peer) {
		if (p->n >= PEERS_MAX)
			forget_oldest(p);
		peer = malloc(sizeof(*peer));
		if (!peer)
			return NULL;
		*peer = wanted;
		LIST_INSERT_HEAD(&p->buckets[b], peer, chain);
		p->n++;
	} else if (peer->connections == 0) {
		TAILQ_REMOVE(&p->idle, peer, idle);
	}
	peer->connections++;
	return peer;
}

void peers_close(struct peers *p, struct peer *peer)
{
	if (peer && --peer->connections == 0)
		TAILQ_INSERT_TAIL(&p->idle, peer, idle);
}

unsigned peer_connections(const struct peer *peer)
{
	return peer->connections;
}

bool peer_is_loopback(const struct peer *peer)
{
	return peer->loopback;
}

bool peer_failed(struct peer *peer, int64_t now)
{
	if (peer->failures == 0 ||
	    now - peer->window_ms > PEER_FAILURES_WINDOW_MS) {
		peer->window_ms = now;
		peer->failures = 0;
	}
	if (peer->failures >= PEER_FAILURES_MAX)
		return true;
	peer->failures++;
	return false;
}
