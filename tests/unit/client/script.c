/* SPDX-License-Identifier: MIT */
/* script.c - the scripted server. One thread, one connection at a time. */
#include "script.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_REQUESTS 64
#define MAX_REQUEST_BYTES 8192

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t came;
	int fd, quit;
	const struct step *steps;
	size_t n_steps, n_requests;
	char requests[MAX_REQUESTS][MAX_REQUEST_BYTES];
	char url[64];
} s = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER };

/* Waits until the socket can be read; false: it is time to quit. */
static bool readable(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = s.quit, .events = POLLIN } };

	return poll(p, 2, -1) > 0 && p[1].revents == 0;
}

static bool is_whole(const char *text, size_t len)
{
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "\r\nContent-Length:");
	size_t body = 0;

	if (end == NULL)
		return false;
	if (length != NULL && length < end)
		body = strtoul(length + 17, NULL, 10);
	return len >= (size_t)(end + 4 - text) + body;
}

static bool read_request(int fd, char *text)
{
	size_t len = 0;

	while (!is_whole(text, len)) {
		ssize_t n;

		if (!readable(fd))
			return false;
		n = read(fd, text + len, MAX_REQUEST_BYTES - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
	}
	return true;
}

static void send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static void serve(int fd, size_t turn)
{
	const struct step *step =
		&s.steps[turn < s.n_steps ? turn : s.n_steps - 1];
	static char filler[65536], rest[4096];

	memset(filler, 'x', sizeof(filler));
	s.requests[turn % MAX_REQUESTS][0] = '\0';
	if (!read_request(fd, s.requests[turn % MAX_REQUESTS]))
		return;
	pthread_mutex_lock(&s.lock);
	s.n_requests = turn + 1;
	pthread_cond_signal(&s.came);
	pthread_mutex_unlock(&s.lock);
	if (step->reply != NULL)
		send_all(fd, step->reply, strlen(step->reply));
	for (size_t left = step->repeat; left > 0;) {
		size_t n = left < sizeof(filler) ? left : sizeof(filler);

		send_all(fd, filler, n);
		left -= n;
	}
	while (step->hang && readable(fd) && read(fd, rest, sizeof(rest)) > 0)
		;
}

static void *run(void *arg)
{
	(void)arg;
	for (size_t turn = 0; readable(s.fd); turn++) {
		int fd = accept4(s.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		serve(fd, turn);
		close(fd);
	}
	return NULL;
}

void script_start(const struct step *steps, size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	s.steps = steps;
	s.n_steps = n;
	s.n_requests = 0;
	s.quit = eventfd(0, EFD_CLOEXEC);
	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(s.fd, 0);
	ck_assert_int_eq(bind(s.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(s.fd, 16), 0);
	ck_assert_int_eq(getsockname(s.fd, (struct sockaddr *)&a, &len), 0);
	snprintf(s.url, sizeof(s.url), "http://127.0.0.1:%u",
		 (unsigned)ntohs(a.sin_port));
	ck_assert_int_eq(pthread_create(&s.thread, NULL, run, NULL), 0);
}

void script_stop(void)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(s.quit, &one, sizeof(one)), sizeof(one));
	pthread_join(s.thread, NULL);
	close(s.fd);
	close(s.quit);
}

const char *script_url(void)
{
	return s.url;
}

void script_wait(size_t n)
{
	pthread_mutex_lock(&s.lock);
	while (s.n_requests < n)
		pthread_cond_wait(&s.came, &s.lock);
	pthread_mutex_unlock(&s.lock);
}

size_t script_requests(void)
{
	size_t n;

	pthread_mutex_lock(&s.lock);
	n = s.n_requests;
	pthread_mutex_unlock(&s.lock);
	return n;
}

const char *script_request(size_t n)
{
	return s.requests[n];
}
