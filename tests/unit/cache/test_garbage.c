/* SPDX-License-Identifier: MIT */
/*
 * A server of the test's own that says what a server should not say, at once
 * or after signing in: the cache gives it up, ends every call and lives on.
 */
#include "rig.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <sys/socket.h>

struct script {
	const char *text; /* said after a command has come; NULL: nothing */
	bool hello;	  /* first answers the two commands of signing in */
	bool flood;	  /* says it for ever */
	bool end;	  /* closes then */
};

static struct script now;
static struct rig g;
static struct evconnlistener *listener;
static int n_connections;
static struct bufferevent *live[64]; /* connections that are not closed yet */

static void forget(struct bufferevent *b)
{
	for (size_t i = 0; i < 64; i++)
		if (live[i] == b)
			live[i] = NULL;
	bufferevent_free(b);
}

static void say(struct bufferevent *b)
{
	struct evbuffer *out = bufferevent_get_output(b);

	if (!now.text)
		return;
	do
		evbuffer_add(out, now.text, strlen(now.text));
	while (now.flood && evbuffer_get_length(out) < 65536);
	if (now.end)
		forget(b);
}

static void on_read(struct bufferevent *b, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(b);

	(void)arg;
	evbuffer_drain(in, evbuffer_get_length(in));
	say(b);
}

static void on_written(struct bufferevent *b, void *arg)
{
	(void)arg;
	if (now.flood)
		say(b);
}

static void on_end(struct bufferevent *b, short what, void *arg)
{
	(void)what;
	(void)arg;
	forget(b);
}

/* The whole of signing in comes in one piece. */
static void on_hello(struct bufferevent *b, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(b);

	(void)arg;
	evbuffer_drain(in, evbuffer_get_length(in));
	bufferevent_write(b, "+OK\r\n:1\r\n", 9);
	bufferevent_setcb(b, on_read, on_written, on_end, NULL);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
		      struct sockaddr *a, int len, void *arg)
{
	struct bufferevent *b = bufferevent_socket_new(
		evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);

	(void)a;
	(void)len;
	(void)arg;
	ck_assert_int_lt(n_connections, 64);
	live[n_connections++] = b;
	bufferevent_setcb(b, now.hello ? on_hello : on_read, on_written, on_end,
			  NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
}

static void setup(void)
{
	char url[64];
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct event_base *first = event_base_new();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	event_base_free(first);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", ntohs(a.sin_port));
	rig_open(&g, url, NULL);
	listener = evconnlistener_new(g.base, on_accept, NULL,
				      LEV_OPT_CLOSE_ON_FREE, 0, fd);
	ck_assert_ptr_nonnull(listener);
}

static void teardown(void)
{
	evconnlistener_free(listener);
	for (size_t i = 0; i < 64; i++)
		if (live[i])
			forget(live[i]);
	rig_close(&g);
}

static const char *const nonsense[] = {
	"garbage without an end",
	"HTTP/1.1 400 Bad Request\r\n\r\n",
	"+PONG\r\n+PONG\r\n+PONG\r\n+PONG\r\n",
	"$-1\r\n",
	"$-7\r\n",
	"$5\r\nab\r\n",
	"$999999999999\r\n",
	"$2147483647\r\nx",
	"*0\r\n",
	"*-1\r\n",
	"*-5\r\n",
	"*1000000000\r\n",
	"*4294967297\r\n",
	"*3\r\n$-1\r\n$-1\r\n$-1\r\n*3\r\n$-1\r\n$-1\r\n$-1\r\n:7\r\n",
	"*3\r\n:1\r\n:2\r\n:3\r\n",
	"*3\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
	"*3\r\n$-1\r\n-ERR\r\n$-1\r\n",
	("*3\r\n$16\r\n0123456789abcdef\r\n$16\r\n0123456789abcdef\r\n$-1\r\n"
	 "-late\r\n"),
	"*2\r\n$-1\r\n$-1\r\n",
	":99999999999999999999999999\r\n",
	":x\r\n",
	"-\r\n",
	"-ERR no\r\n",
	"-NOAUTH Authentication required.\r\n",
	"-LOADING Redis is loading the dataset in memory\r\n",
	"-MOVED 3999 127.0.0.1:6381\r\n",
	"-READONLY You can't write against a read only replica.\r\n",
	"-OOM command not allowed\r\n",
	"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
	"%1\r\n+a\r\n+b\r\n",
	"\r\n\r\n",
	"\xff\xfe\xfd",
};
#define N_NONSENSE ((int)(sizeof(nonsense) / sizeof(nonsense[0])))

START_TEST(nonsense_at_sign_in_is_given_up)
{
	now = (struct script){ .text = nonsense[_i] };
	rig_until(&g, &g.downs, 1);
	ck_assert_int_eq(g.ups, 0);
	ck_assert(!get(&g, "c", "k").hit);
	ck_assert_int_ge(n_connections, 1);
}
END_TEST

START_TEST(nonsense_for_an_answer_is_a_miss_and_it_is_given_up)
{
	struct got o = { 0 };

	now = (struct script){ .text = nonsense[_i], .hello = true };
	rig_wait_up(&g, true);
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
					on_get, &o),
			 DEIA_OK);
	rig_until(&g, &o.calls, 1);
	ck_assert(!o.hit);
	rig_until(&g, &g.downs, 1);
	ck_assert_int_eq(o.calls, 1);
}
END_TEST

START_TEST(nonsense_and_the_end_of_the_connection_is_a_miss)
{
	struct got o = { 0 };

	now = (struct script){ .text = nonsense[_i],
			       .hello = true,
			       .end = true };
	rig_wait_up(&g, true);
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
					on_get, &o),
			 DEIA_OK);
	rig_until(&g, &o.calls, 1);
	ck_assert(!o.hit);
	rig_until(&g, &g.downs, 1);
}
END_TEST

START_TEST(a_flood_does_not_fill_the_memory)
{
	struct got o = { 0 };

	now = (struct script){ .hello = true };
	rig_wait_up(&g, true);
	/* A text of 500 MB is announced, and more and more of it comes. */
	now.flood = true;
	now.text = "$500000000\r\n0123456789abcdef";
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
					on_get, &o),
			 DEIA_OK);
	rig_until(&g, &o.calls, 1);
	ck_assert(!o.hit);
	rig_until(&g, &g.downs, 1);
}
END_TEST

START_TEST(many_whole_parts_of_a_reply_do_not_fill_the_memory)
{
	const size_t part = 200000;
	char *text = malloc(16 * (part + 32)), *at = text;
	struct got o = { 0 };

	now = (struct script){ .hello = true };
	rig_wait_up(&g, true);
	at += sprintf(at, "*16\r\n");
	for (int i = 0; i < 15; i++) { /* the last one never comes */
		at += sprintf(at, "$%zu\r\n", part);
		memset(at, 'x', part);
		at += part;
		at += sprintf(at, "\r\n");
	}
	now.text = text;
	ck_assert_int_eq(deia_cache_get(g.cache, DEIA_CACHE_CHAT_PAGE, "c", "k",
					on_get, &o),
			 DEIA_OK);
	/* No time goes by: it is not given up for being late. */
	rig_until(&g, &g.downs, 1);
	ck_assert_ptr_nonnull(strstr(g.text, "too large"));
	rig_until(&g, &o.calls, 1);
	ck_assert(!o.hit);
	free(text);
}
END_TEST

START_TEST(silence_is_given_up)
{
	now = (struct script){ .text = NULL };
	rig_until(&g, &g.downs, 1);
	ck_assert_int_eq(g.ups, 0);
	ck_assert_ptr_nonnull(strstr(g.text, "does not answer"));
}
END_TEST

START_TEST(it_may_be_closed_at_any_moment)
{
	struct deia_cache *c;

	now = (struct script){ .text = NULL };
	for (int i = 0; i < _i; i++)
		rig_turn(&g, 5);
	c = g.cache;
	deia_cache_close(c);
	ck_assert_int_eq(g.ups, 0);
	ck_assert_int_eq(
		deia_cache_open(&g.cache, g.base, "memory:", NULL, NULL, 0),
		DEIA_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("garbage");
	TCase *t = tcase_create("garbage");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, nonsense_at_sign_in_is_given_up, 0, N_NONSENSE);
	tcase_add_loop_test(t,
			    nonsense_for_an_answer_is_a_miss_and_it_is_given_up,
			    0, N_NONSENSE);
	tcase_add_loop_test(t, nonsense_and_the_end_of_the_connection_is_a_miss,
			    0, N_NONSENSE);
	tcase_add_test(t, a_flood_does_not_fill_the_memory);
	tcase_add_test(t, many_whole_parts_of_a_reply_do_not_fill_the_memory);
	tcase_add_test(t, silence_is_given_up);
	tcase_add_loop_test(t, it_may_be_closed_at_any_moment, 0, 8);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
