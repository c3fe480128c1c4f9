/* SPDX-License-Identifier: MIT */
/*
 * What a cache hit costs beside a call through the loop that does nothing:
 * bench_cache [redis://127.0.0.1:PORT]. A value is a page of 8 KiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "cache/cache.h"
#include "core/post.h"

#define HITS 20000
#define PAGE_BYTES 8192

struct run {
	struct event_base *base;
	deia_cache *cache;
	deia__post *post;
	int left, hits;
	bool known; /* the first answer came */
	struct deia_cache_ticket ticket;
	bool has_ticket;
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void on_plain(void *arg)
{
	struct run *r = arg;

	if (--r->left)
		bench_must(deia__post_call(r->post, on_plain, r), "post");
	else
		event_base_loopbreak(r->base);
}

static void next(struct run *r);

static void on_get(const struct deia_cache_answer *a, void *user)
{
	struct run *r = user;

	r->known = true;
	r->hits += a->hit;
	r->has_ticket = a->ticket != NULL;
	if (a->ticket)
		r->ticket = *a->ticket;
	if (--r->left)
		next(r);
	else
		event_base_loopbreak(r->base);
}

static void next(struct run *r)
{
	bench_must(deia_cache_get(r->cache, DEIA_CACHE_CHAT_PAGE, "c", "50",
				  on_get, r),
		   "get");
}

static void wait_up(struct run *r)
{
	struct deia_cache_stats st;

	do {
		event_base_loop(r->base, EVLOOP_ONCE);
		deia_cache_get_stats(r->cache, &st);
	} while (!st.up);
}

static double plain_us(struct run *r)
{
	double start = now_us();

	r->left = HITS;
	bench_must(deia__post_call(r->post, on_plain, r), "post");
	event_base_dispatch(r->base);
	return (now_us() - start) / HITS;
}

static double hit_us(struct run *r, const char *url)
{
	static char page[PAGE_BYTES];
	char detail[256];
	double start;

	bench_must(deia_cache_open(&r->cache, r->base, url, NULL, detail,
				   sizeof(detail)),
		   detail);
	if (url)
		wait_up(r);
	r->left = 1;
	next(r);
	event_base_dispatch(r->base);
	deia_cache_put(r->cache, DEIA_CACHE_CHAT_PAGE, "c", "50", &r->ticket,
		       page, sizeof(page));
	r->left = HITS;
	r->hits = 0;
	start = now_us();
	next(r);
	event_base_dispatch(r->base);
	start = (now_us() - start) / HITS;
	if (r->hits < HITS * 99 / 100)
		printf("only %d of %d were hits\n", r->hits, HITS);
	deia_cache_close(r->cache);
	return start;
}

/* The same bytes over a bare socket, with nothing in between. */
static double bare_us(const char *url)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	static char text[PAGE_BYTES * 2];
	static const char ask[] = "*4\r\n$4\r\nMGET\r\n$1\r\nx\r\n$1\r\ny\r\n"
				  "$14\r\ndeia:page:c:50\r\n";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	double start;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return 0;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	start = now_us();
	for (int i = 0; i < HITS; i++) {
		size_t len = 0;

		if (write(fd, ask, sizeof(ask) - 1) < 0)
			return 0;
		while (len < PAGE_BYTES) {
			ssize_t n = read(fd, text, sizeof(text));

			if (n <= 0)
				return 0;
			len += (size_t)n;
		}
	}
	close(fd);
	return (now_us() - start) / HITS;
}

int main(int argc, char **argv)
{
	struct run r = { .base = event_base_new() };
	double plain, memory, redis;

	if (!r.base || deia__post_new(&r.post, r.base))
		return EXIT_FAILURE;
	plain = plain_us(&r);
	memory = hit_us(&r, NULL);
	printf("cache: a call through the loop %.2f us, a hit in memory "
	       "%.2f us\n",
	       plain, memory);
	if (argc > 1) {
		redis = hit_us(&r, argv[1]);
		printf("cache: a hit in Redis adds %.1f us (wanted: <= 50); "
		       "the same bytes over a bare socket take %.1f\n",
		       redis - plain, bare_us(argv[1]));
	}
	deia__post_free(r.post);
	event_base_free(r.base);
	return EXIT_SUCCESS;
}
