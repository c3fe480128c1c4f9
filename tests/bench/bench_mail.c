/* SPDX-License-Identifier: MIT */
/*
 * bench_mail.c - the messenger in one process: messages a second in memory,
 * bytes of a queued message; bench_mail_store.c adds what SQLite makes of it.
 *
 *   bench_mail [PROGRAM-DIR]           measures
 *   bench_mail fill DB COUNT INBOXES   writes COUNT messages to inboxes
 *                                      BENCH-0000 ... for tests/bench/mail.py
 *   bench_mail cycles BATCH            send, receive, read in memory alone, for
 *                                      a profiler
 *
 * Clients send, receive and read one after the other, in one inbox after the
 * other, and wait for every callback, as callers do.
 */
#include "bench_mail.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <deia/sys/store.h>

#include "bench.h"

#define INBOXES 1000
#define CLIENTS 16 /* at once; each goes on to another inbox every time */
#define RUN_US 1500000
#define ROUNDS 3
#define QUEUED 1000000
#define MOST_BATCH 100

/* ---- a messenger ------------------------------------------------------- */

static void open_store(struct mail *b, const char *path)
{
	struct deia_store_opts opts = DEIA_STORE_OPTS_INIT;
	char url[256], detail[256] = "";

	if (!path)
		return;
	snprintf(url, sizeof(url), "sqlite:%s", path);
	bench_must(deia_store_open(&b->store, b->base, url, &opts, detail,
				   sizeof(detail)),
		   detail);
}

void mail_inbox(char name[MAIL_NAME_LEN], unsigned number)
{
	snprintf(name, MAIL_NAME_LEN, "BENCH-%04u", number % 10000);
}

void mail_open(struct mail *b, const char *path, unsigned inboxes)
{
	struct deia_messenger_opts opts = DEIA_MESSENGER_OPTS_INIT;
	char detail[256] = "", name[MAIL_NAME_LEN];

	memset(b, 0, sizeof(*b));
	memset(b->content, 'x', MAIL_CONTENT_LEN);
	b->base = event_base_new();
	bench_must(!b->base, "event base");
	open_store(b, path);
	opts.inbox_max = 10000000;
	bench_must(deia_messenger_new(&b->m, b->base, b->store, &opts, detail,
				      sizeof(detail)),
		   detail);
	while (inboxes-- > 0) {
		mail_inbox(name, inboxes);
		bench_must(deia_messenger_open_inbox(b->m, name), "inbox");
	}
}

void mail_close(struct mail *b)
{
	deia_messenger_stop(b->m);
	while (!deia_messenger_idle(b->m))
		event_base_loop(b->base, EVLOOP_ONCE);
	deia_store_close(b->store);
	deia_messenger_free(b->m);
	event_base_free(b->base);
}

/* ---- sending ----------------------------------------------------------- */

static void on_filled(deia_err err, const struct deia_message *items, size_t n,
		      bool more, void *user)
{
	struct mail *b = user;

	(void)items;
	(void)n;
	(void)more;
	bench_must(err, "send");
	b->under_way--;
}

void mail_send(struct mail *b, unsigned first, unsigned inboxes, size_t n)
{
	static struct deia_message_draft drafts[DEIA_MAX_BATCH_LEN];
	static char names[DEIA_MAX_BATCH_LEN][MAIL_NAME_LEN];
	size_t i;

	for (i = 0; i < n; i++) {
		mail_inbox(names[i], first + (unsigned)(i % inboxes));
		drafts[i] = (struct deia_message_draft)DEIA_MESSAGE_DRAFT_INIT;
		drafts[i].from = DEIA_MESSAGE_SYSTEM;
		drafts[i].to = names[i];
		drafts[i].content = b->content;
		drafts[i].content_len = MAIL_CONTENT_LEN;
	}
	bench_must(
		deia_messenger_send(b->m, drafts, n, NULL, NULL, on_filled, b),
		"send");
	b->under_way++;
}

void mail_wait(struct mail *b, unsigned under_way)
{
	while (b->under_way > under_way)
		event_base_loop(b->base, EVLOOP_ONCE);
}

void mail_fill(struct mail *b, unsigned first, unsigned inboxes, size_t n,
	       unsigned at_once)
{
	size_t some;

	for (; n; n -= some) {
		some = n < DEIA_MAX_BATCH_LEN ? n : DEIA_MAX_BATCH_LEN;
		mail_send(b, first, inboxes, some);
		mail_wait(b, at_once - 1);
	}
	mail_wait(b, 0);
}

/* ---- send, receive, read ----------------------------------------------- */

struct cycle {
	struct mail mail;
	char names[INBOXES][MAIL_NAME_LEN];
	unsigned batch, open;
	uint64_t messages;
	int64_t until_us;
};

struct client {
	struct cycle *cycle;
	unsigned number; /* of the inbox */
	const char *inbox;
	char ids[MOST_BATCH][40], tokens[MOST_BATCH][20];
};

static void send_some(struct client *c);

static void on_read(deia_err err, void *user)
{
	struct client *c = user;
	struct cycle *y = c->cycle;

	bench_must(err, "read");
	y->messages += y->batch;
	if (bench_now_us() < y->until_us)
		send_some(c);
	else if (--y->open == 0)
		event_base_loopbreak(y->mail.base);
}

static void on_received(deia_err err, const struct deia_message *items,
			size_t n, bool more, void *user)
{
	struct deia_message_claim claims[MOST_BATCH];
	struct client *c = user;
	size_t i;

	(void)more;
	bench_must(err || n != c->cycle->batch, "receive");
	for (i = 0; i < n; i++) {
		memcpy(c->ids[i], items[i].id, strlen(items[i].id) + 1);
		memcpy(c->tokens[i], items[i].lease_token,
		       strlen(items[i].lease_token) + 1);
		claims[i] = (struct deia_message_claim){ c->ids[i], c->inbox,
							 c->tokens[i] };
	}
	bench_must(deia_messenger_read(c->cycle->mail.m, claims, n, NULL,
				       on_read, c),
		   "read");
}

static void on_sent(deia_err err, const struct deia_message *items, size_t n,
		    bool more, void *user)
{
	struct deia_receive what = DEIA_RECEIVE_INIT;
	struct client *c = user;

	(void)items;
	(void)more;
	bench_must(err || n != c->cycle->batch, "send");
	what.inbox = c->inbox;
	what.max = c->cycle->batch;
	bench_must(deia_messenger_receive(c->cycle->mail.m, &what, NULL,
					  on_received, c),
		   "receive");
}

static void send_some(struct client *c)
{
	struct deia_message_draft drafts[MOST_BATCH];
	unsigned i;

	c->number = (c->number + CLIENTS) % INBOXES;
	c->inbox = c->cycle->names[c->number];
	for (i = 0; i < c->cycle->batch; i++) {
		drafts[i] = (struct deia_message_draft)DEIA_MESSAGE_DRAFT_INIT;
		drafts[i].from = DEIA_MESSAGE_SYSTEM;
		drafts[i].to = c->inbox;
		drafts[i].content = c->cycle->mail.content;
		drafts[i].content_len = MAIL_CONTENT_LEN;
	}
	bench_must(deia_messenger_send(c->cycle->mail.m, drafts,
				       c->cycle->batch, NULL, NULL, on_sent, c),
		   "send");
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Messages in a second of CPU: what one core does that is all ours. */
static double cycles(struct cycle *y, struct client *clients, unsigned batch)
{
	double cpu = cpu_seconds();
	unsigned i;

	y->batch = batch;
	y->messages = 0;
	y->open = CLIENTS;
	y->until_us = bench_now_us() + RUN_US;
	for (i = 0; i < CLIENTS; i++)
		send_some(&clients[i]);
	event_base_dispatch(y->mail.base);
	return (double)y->messages / (cpu_seconds() - cpu);
}

static int descending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

static void bench_cycles(unsigned batch)
{
	struct client *clients = calloc(CLIENTS, sizeof(*clients));
	static struct cycle y;
	double rates[ROUNDS];
	unsigned i;

	bench_must(!clients, "memory");
	mail_open(&y.mail, NULL, INBOXES);
	for (i = 0; i < INBOXES; i++)
		mail_inbox(y.names[i], i);
	for (i = 0; i < CLIENTS; i++) {
		clients[i].cycle = &y;
		clients[i].number = i;
	}
	for (i = 0; i < ROUNDS; i++)
		rates[i] = cycles(&y, clients, batch);
	qsort(rates, ROUNDS, sizeof(*rates), descending);
	printf("mail in memory, send + receive + read by %3u: %9.0f messages/s "
	       "of one core, %.0f to %.0f (wanted: >= 1,500,000)\n",
	       batch, rates[ROUNDS / 2], rates[ROUNDS - 1], rates[0]);
	mail_close(&y.mail);
	free(clients);
}

/* ---- memory ------------------------------------------------------------ */

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void bench_queued(void)
{
	struct mail b;
	size_t used;
	long pss;

	mail_open(&b, NULL, INBOXES);
	used = in_use();
	pss = bench_pss_kb(getpid());
	mail_fill(&b, 0, INBOXES, QUEUED, 1);
	used = in_use() - used;
	pss = bench_pss_kb(getpid()) - pss;
	printf("mail in memory, %d queued: %.0f B each allocated, %.0f B each "
	       "resident (wanted: <= 400)\n",
	       QUEUED, (double)used / QUEUED, (double)pss * 1024 / QUEUED);
	mail_close(&b);
	malloc_trim(0);
}

/* ---- the whole --------------------------------------------------------- */

static int fill(char **argv)
{
	unsigned inboxes = (unsigned)strtoul(argv[4], NULL, 10);
	struct mail b;

	bench_must(inboxes < 1, "inboxes");
	mail_open(&b, argv[2], inboxes);
	mail_fill(&b, 0, inboxes, strtoul(argv[3], NULL, 10), 2);
	mail_close(&b);
	return 0;
}

static void remove_folder(const char *dir)
{
	static const char *const names[] = { "mail.db",	      "mail.db-wal",
					     "mail.db-shm",   "plain.db",
					     "plain.db-wal",  "plain.db-shm",
					     "run/deiad.lock" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/run", dir);
	rmdir(path);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/deia-bench-XXXXXX";

	if (argc == 5 && !strcmp(argv[1], "fill"))
		return fill(argv);
	if (argc == 3 && !strcmp(argv[1], "cycles")) {
		bench_cycles(strcmp(argv[2], "1") == 0 ? 1 : MOST_BATCH);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_cycles(1);
	bench_cycles(MOST_BATCH);
	bench_queued();
	mail_bench_long("in memory", NULL);
	bench_must(!mkdtemp(dir), "temporary directory");
	mail_bench_store(dir);
	remove_folder(dir);
	return 0;
}
