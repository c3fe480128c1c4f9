/* SPDX-License-Identifier: MIT */
/*
 * log_stderr.c - see log_stderr.h.
 *
 * Two buffers: the loop fills one while the thread writes the other. After it
 * was woken the thread waits a moment, so that one write takes many lines.
 * Before each write it asks whether stderr takes something, so that it can give
 * up when the program ends: a pipe that is ready takes PIPE_BUF bytes whole.
 */
#include "log_stderr.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_BYTES (1u << 20)
#define GIVE_UP_MS 2000
#define LOOK_MS 100

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool running, stopping;
	bool is_file;	 /* takes any amount */
	int64_t stop_ms; /* give up then, once it is stopping */
	char *queue;
	size_t len, cap;
	unsigned long dropped;
	uint64_t dropped_ever;
} the = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool given_up(void)
{
	bool yes;

	pthread_mutex_lock(&the.lock);
	yes = the.stopping && now_ms() >= the.stop_ms;
	pthread_mutex_unlock(&the.lock);
	return yes;
}

/* False: it never will, or it is time to end. */
static bool wait_for_room(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	for (;;) {
		int n = poll(&p, 1, LOOK_MS);

		if (n > 0)
			return p.revents & POLLOUT;
		if ((n < 0 && errno != EINTR) || given_up())
			return false;
	}
}

static void write_all(const char *p, size_t len)
{
	while (len) {
		size_t part = !the.is_file && len > PIPE_BUF ? PIPE_BUF : len;
		ssize_t n;

		if (!the.is_file && !wait_for_room())
			return; /* nobody is there to be told */
		n = write(STDERR_FILENO, p, part);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static void note_dropped(unsigned long n)
{
	char line[80];

	if (n)
		write_all(line,
			  (size_t)snprintf(line, sizeof(line),
					   "log: %lu lines were dropped\n", n));
}

/* The lock is held. Takes over what is queued, and gives its own buffer. */
static size_t take_queue(char **mine, size_t *mine_cap, unsigned long *dropped)
{
	char *full = the.queue;
	size_t len = the.len, cap = the.cap;

	*dropped = the.dropped;
	the.queue = *mine;
	the.cap = *mine_cap;
	the.len = 0;
	the.dropped = 0;
	*mine = full;
	*mine_cap = cap;
	return len;
}

static void *writer(void *arg)
{
	static const struct timespec moment = { 0, 10 * 1000000 };
	unsigned long dropped;
	char *mine = NULL;
	size_t mine_cap = 0, len;

	(void)arg;
	pthread_mutex_lock(&the.lock);
	for (;;) {
		while (the.len == 0 && !the.stopping)
			pthread_cond_wait(&the.wake, &the.lock);
		if (the.len == 0)
			break;
		if (!the.stopping) {
			pthread_mutex_unlock(&the.lock);
			nanosleep(&moment, NULL);
			pthread_mutex_lock(&the.lock);
		}
		len = take_queue(&mine, &mine_cap, &dropped);
		pthread_mutex_unlock(&the.lock);
		write_all(mine, len);
		note_dropped(dropped);
		pthread_mutex_lock(&the.lock);
	}
	pthread_mutex_unlock(&the.lock);
	free(mine);
	return NULL;
}

static bool make_room(size_t len)
{
	size_t cap = the.cap ? the.cap : 16384;
	char *grown;

	while (cap < the.len + len)
		cap *= 2;
	if (cap == the.cap)
		return true;
	if (cap > QUEUE_BYTES)
		return false;
	grown = realloc(the.queue, cap);
	if (!grown)
		return false;
	the.queue = grown;
	the.cap = cap;
	return true;
}

void log_stderr_write(const char *p, size_t len)
{
	bool was_empty;

	if (!the.running) {
		write_all(p, len);
		return;
	}
	pthread_mutex_lock(&the.lock);
	was_empty = the.len == 0;
	if (make_room(len)) {
		memcpy(the.queue + the.len, p, len);
		the.len += len;
	} else {
		the.dropped++;
		the.dropped_ever++;
	}
	if (was_empty)
		pthread_cond_signal(&the.wake);
	pthread_mutex_unlock(&the.lock);
}

uint64_t log_stderr_dropped(void)
{
	uint64_t n;

	pthread_mutex_lock(&the.lock);
	n = the.dropped_ever;
	pthread_mutex_unlock(&the.lock);
	return n;
}

bool log_stderr_start(void)
{
	struct stat st;

	the.is_file = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	the.running = pthread_create(&the.thread, NULL, writer, NULL) == 0;
	return the.running;
}

void log_stderr_stop(void)
{
	if (!the.running)
		return;
	pthread_mutex_lock(&the.lock);
	the.stopping = true;
	the.stop_ms = now_ms() + GIVE_UP_MS;
	pthread_cond_signal(&the.wake);
	pthread_mutex_unlock(&the.lock);
	pthread_join(the.thread, NULL);
	the.running = the.stopping = false;
	free(the.queue);
	the.queue = NULL;
	the.len = the.cap = 0;
}
