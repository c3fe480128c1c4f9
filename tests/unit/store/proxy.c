/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - see proxy.h. One thread, one poll; it knows of the protocol only
 * that commands stand in it as text with a NUL after it.
 */
#include "proxy.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int local_socket(int port, struct sockaddr_in *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_port = htons((unsigned short)port);
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void accept_one(struct proxy *p)
{
	struct sockaddr_in addr;
	int client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), i;
	int server = local_socket(atoi(p->target), &addr);

	for (i = 0; i < PROXY_PAIRS; i++)
		if (p->pairs[i].client < 0 && p->pairs[i].server < 0)
			break;
	if (i == PROXY_PAIRS || atomic_load(&p->down) ||
	    connect(server, (struct sockaddr *)&addr, sizeof(addr))) {
		shut(&client);
		shut(&server);
		return;
	}
	p->pairs[i].client = client;
	p->pairs[i].server = server;
	p->pairs[i].n_held = 0;
}

static void send_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (fd >= 0 && len > 0) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* Does the cut that is asked for apply to this data? */
static enum cut cut_of(struct proxy *p, const char *data, size_t len)
{
	enum cut cut = (enum cut)atomic_load(&p->cut);
	const char *word = cut == CUT_AT_BEGIN ? "BEGIN" : "COMMIT";

	if (cut == CUT_NEVER || !memmem(data, len, word, strlen(word) + 1))
		return CUT_NEVER;
	atomic_store(&p->cut, CUT_NEVER);
	atomic_fetch_add(&p->cuts, 1);
	return cut;
}

static void from_client(struct proxy *p, struct proxy_pair *pair,
			const char *data, size_t len)
{
	enum cut cut = cut_of(p, data, len);

	if (cut == CUT_NEVER || cut == CUT_AFTER_COMMIT || cut == CUT_ONE_SIDE)
		send_all(pair->server, data, len);
	if (cut == CUT_HOLD_COMMIT) {
		memcpy(pair->held, data, len);
		pair->n_held = (int)len;
	}
	if (cut == CUT_NEVER)
		return;
	shut(&pair->client);
	if (cut != CUT_ONE_SIDE && cut != CUT_HOLD_COMMIT)
		shut(&pair->server);
}

static void move(struct proxy *p, struct proxy_pair *pair, bool up)
{
	int *fd = up ? &pair->client : &pair->server;
	char data[sizeof(pair->held)];
	ssize_t n = recv(*fd, data, sizeof(data), 0);

	if (n <= 0) {
		/* A side that was cut by the test stays as it was left. */
		if (pair->client >= 0)
			shut(&pair->client);
		shut(&pair->server);
	} else if (up) {
		from_client(p, pair, data, (size_t)n);
	} else {
		send_all(pair->client, data, (size_t)n);
	}
}

static void look(struct proxy *p)
{
	struct proxy_pair *pair;
	int i;

	for (i = 0; i < PROXY_PAIRS; i++) {
		pair = &p->pairs[i];
		if (atomic_load(&p->down)) {
			shut(&pair->client);
			shut(&pair->server);
		}
		if (atomic_load(&p->let_go) && pair->n_held) {
			send_all(pair->server, pair->held,
				 (size_t)pair->n_held);
			pair->n_held = 0;
		}
	}
}

static void *proxy_main(void *arg)
{
	struct pollfd fds[2 + 2 * PROXY_PAIRS];
	struct proxy *p = arg;
	uint64_t n;
	int i;

	while (!atomic_load(&p->stop)) {
		fds[0] = (struct pollfd){ p->listener, POLLIN, 0 };
		fds[1] = (struct pollfd){ p->wake, POLLIN, 0 };
		for (i = 0; i < PROXY_PAIRS; i++) {
			fds[2 + 2 * i] = (struct pollfd){ p->pairs[i].client,
							  POLLIN, 0 };
			fds[3 + 2 * i] = (struct pollfd){ p->pairs[i].server,
							  POLLIN, 0 };
		}
		if (poll(fds, 2 + 2 * PROXY_PAIRS, -1) < 0)
			continue;
		if (fds[1].revents && read(p->wake, &n, sizeof(n)) > 0)
			look(p);
		for (i = 0; i < 2 * PROXY_PAIRS; i++)
			if (fds[2 + i].revents && fds[2 + i].fd >= 0 &&
			    (i % 2 ? p->pairs[i / 2].server
				   : p->pairs[i / 2].client) == fds[2 + i].fd)
				move(p, &p->pairs[i / 2], i % 2 == 0);
		if (fds[0].revents)
			accept_one(p);
	}
	return NULL;
}

void proxy_start(struct proxy *p, const char *url)
{
	const char *port = strrchr(url, ':') + 1;
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int i;

	memset(p, 0, sizeof(*p));
	snprintf(p->target, sizeof(p->target), "%.*s", (int)strcspn(port, "/"),
		 port);
	for (i = 0; i < PROXY_PAIRS; i++)
		p->pairs[i].client = p->pairs[i].server = -1;
	p->wake = eventfd(0, EFD_CLOEXEC);
	p->listener = local_socket(0, &addr);
	ck_assert_int_eq(
		bind(p->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(p->listener, 16), 0);
	getsockname(p->listener, (struct sockaddr *)&addr, &len);
	p->port = ntohs(addr.sin_port);
	ck_assert_int_eq(pthread_create(&p->thread, NULL, proxy_main, p), 0);
}

void proxy_kick(struct proxy *p)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(p->wake, &one, sizeof(one)), sizeof(one));
}

void proxy_stop(struct proxy *p)
{
	int i;

	atomic_store(&p->stop, true);
	proxy_kick(p);
	pthread_join(p->thread, NULL);
	for (i = 0; i < PROXY_PAIRS; i++) {
		shut(&p->pairs[i].client);
		shut(&p->pairs[i].server);
	}
	close(p->listener);
	close(p->wake);
}

void proxy_url(const struct proxy *p, const char *url, char *out)
{
	const char *port = strrchr(url, ':') + 1;

	snprintf(out, 160, "%.*s%d%s", (int)(port - url), url, p->port,
		 strchr(port, '/'));
}
