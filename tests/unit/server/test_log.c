/* SPDX-License-Identifier: MIT */
/* test_log.c - lines of deiad's log: their forms, their limits, reading them. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <deia/logs.h>

#include "log_format.h"
#include "log_limit.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define AT INT64_C(1796076604512) /* 2026-11-30T22:10:04.512Z */
#define TIME "2026-11-30T22:10:04.512Z"

static struct log_printer printer;

static const char *print(enum log_form form, const struct log_event *e)
{
	static char text[65536];
	size_t len = 0;
	const char *line = log_print(&printer, form, e, &len);

	ck_assert_ptr_nonnull(line);
	ck_assert_uint_lt(len, sizeof(text));
	ck_assert_int_eq(line[len - 1], '\n');
	memcpy(text, line, len - 1);
	text[len - 1] = '\0';
	return text;
}

static const struct log_event request = {
	.level = DEIA_LOG_INFO,
	.at_unix_ms = AT,
	.action = "request",
	.message = "GET /x 200",
	.request_id = "r1",
	.traceparent = PARENT,
	.method = "GET",
	.path = "/x",
	.route = "/{y}",
	.who = "admin",
	.address = "127.0.0.1",
	.status = 200,
	.bytes = 12,
	.us = 2114,
};

/* ---- forms -------------------------------------------------------------- */

START_TEST(a_request_in_all_forms)
{
	ck_assert_str_eq(print(LOG_TEXT, &request),
			 TIME " info  request id=r1 GET /x status=200 bytes=12 "
			      "ms=2.114 who=admin from=127.0.0.1 "
			      "trace=0af7651916cd43dd8448eb211c80319c");
	ck_assert_str_eq(
		print(LOG_LOGFMT, &request),
		"time=" TIME " level=info event=request msg=\"GET /x 200\" "
		"request_id=r1 trace_id=0af7651916cd43dd8448eb211c80319c "
		"span_id=b7ad6b7169203331 method=GET path=/x route=/{y} "
		"status=200 bytes=12 ms=2.114 who=admin from=127.0.0.1");
	ck_assert_str_eq(
		print(LOG_JSON, &request),
		"{\"@timestamp\":\"" TIME "\",\"log.level\":\"info\","
		"\"message\":\"GET /x 200\",\"ecs.version\":\"8.11\","
		"\"service.name\":\"deiad\",\"event.action\":\"request\","
		"\"http.request.id\":\"r1\","
		"\"trace.id\":\"0af7651916cd43dd8448eb211c80319c\","
		"\"span.id\":\"b7ad6b7169203331\","
		"\"http.request.method\":\"GET\",\"url.path\":\"/x\","
		"\"deia.route\":\"/{y}\",\"http.response.status_code\":200,"
		"\"http.response.bytes\":12,\"event.duration\":2114000,"
		"\"user.name\":\"admin\",\"client.address\":\"127.0.0.1\"}");
}
END_TEST

static const char *const hostile[] = {
	"a\nlevel=error msg=\"forged\"",
	"\x1b[31mred\x1b]0;title\x07",
	"carriage\r\nreturn",
	"quote\" backslash\\ equals=",
	"\xe2\x80\xa8 line separator \xc2\x85 next line",
	"\xff\xfe not utf-8 \xc3",
	"\x7f delete",
	"",
};

START_TEST(one_event_is_one_line_whatever_is_in_it)
{
	for (enum log_form form = LOG_TEXT; form <= LOG_JSON; form++) {
		struct log_event e = request;
		const char *line;

		e.message = e.path = e.who = e.bot = e.task = hostile[_i];
		line = print(form, &e);
		for (const unsigned char *p = (const void *)line; *p; p++)
			ck_assert_msg(*p >= ' ' && *p != 0x7f, "form %d: %s",
				      form, line);
		ck_assert_ptr_null(strstr(line, "\xe2\x80\xa8"));
		e.method = NULL;
		line = print(form, &e);
		ck_assert_ptr_null(strchr(line, '\n'));
		ck_assert_ptr_null(strchr(line, '\x1b'));
	}
}
END_TEST

START_TEST(what_is_long_is_cut_and_whole_again)
{
	static char text[100000];
	struct log_event e = { .message = text, .bot = "B" };
	struct deia_json_error where;
	const char *line;

	memset(text, '\n', sizeof(text) - 1);
	line = print(LOG_JSON, &e);
	ck_assert_int_eq(deia_json_check(line, strlen(line), &where), DEIA_OK);
	line = print(LOG_LOGFMT, &e);
	ck_assert_ptr_nonnull(strstr(line, "\" bot=B"));
	ck_assert_uint_lt(strlen(line), LOG_LINE_BYTES);
	ck_assert_uint_le(strlen(print(LOG_TEXT, &e)), LOG_LINE_BYTES);
}
END_TEST

/* ---- limits ------------------------------------------------------------- */

static const char kind_a[] = "a", kind_b[] = "b";
static uint64_t told;
static unsigned times, last_seconds;
static char last_sample[LOG_LIMIT_SAMPLE];

static void tell(int level, const char *sample, uint64_t n, unsigned seconds,
		 void *user)
{
	(void)level;
	(void)user;
	told += n;
	times++;
	last_seconds = seconds;
	snprintf(last_sample, sizeof(last_sample), "%s", sample);
}

static void begin(struct log_limit *l, unsigned same, unsigned all)
{
	memset(l, 0, sizeof(*l));
	l->same_max = same;
	l->all_max = all;
	told = times = last_seconds = 0;
	last_sample[0] = '\0';
}

static unsigned ask_often(struct log_limit *l, const void *key, unsigned n,
			  int64_t now)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++) {
		if (log_limit_ask(l, key, DEIA_LOG_WARN, now))
			passed++;
		else if (key)
			log_limit_note(l, key, "it failed");
	}
	return passed;
}

START_TEST(more_of_one_kind_is_summed_up_once)
{
	struct log_limit l;

	begin(&l, 20, 0);
	ck_assert_uint_eq(ask_often(&l, kind_a, 500, 5000), 20);
	ck_assert_uint_eq(ask_often(&l, kind_b, 20, 5000), 20);
	log_limit_tell(&l, 14999, false, tell, NULL);
	ck_assert_uint_eq(times, 0);
	log_limit_tell(&l, 15000, false, tell, NULL);
	ck_assert_uint_eq(times, 1);
	ck_assert_uint_eq(told, 480);
	ck_assert_uint_eq(last_seconds, 10);
	ck_assert_str_eq(last_sample, "it failed");
	log_limit_tell(&l, 99999, false, tell, NULL);
	ck_assert_uint_eq(times, 1);
	ck_assert(!l.waits);
	ck_assert_uint_eq(ask_often(&l, kind_a, 1, 99999), 1);
}
END_TEST

START_TEST(a_new_time_begins_when_the_old_one_is_over)
{
	struct log_limit l;

	begin(&l, 20, 0);
	ck_assert_uint_eq(ask_often(&l, kind_a, 20, 1000), 20);
	ck_assert_uint_eq(ask_often(&l, kind_a, 20, 11000), 20);
	ck_assert(!l.waits);
}
END_TEST

START_TEST(the_flow_leaves_room_for_what_is_said)
{
	struct log_limit l;

	begin(&l, 0, 100);
	ck_assert_uint_eq(ask_often(&l, NULL, 1000, 1000), 80);
	ck_assert_uint_eq(ask_often(&l, kind_a, 50, 1500), 20);
	log_limit_tell(&l, 2000, false, tell, NULL);
	ck_assert_uint_eq(told, 920 + 30);
	ck_assert_str_eq(last_sample, "");
	ck_assert_uint_eq(ask_often(&l, NULL, 10, 2000), 10);
}
END_TEST

START_TEST(nothing_is_lost_silently)
{
	struct log_limit l;
	unsigned passed = 0, asked = 0;

	begin(&l, 3, 50);
	for (int64_t now = 0; now < 60000; now += 97) {
		const char *key = &"abcdefghijklmnopqrstuvwxyz"[now % 26];

		log_limit_tell(&l, now, false, tell, NULL);
		passed += ask_often(&l, key, 7, now);
		passed += ask_often(&l, NULL, 5, now);
		asked += 12;
	}
	log_limit_tell(&l, 60000, true, tell, NULL);
	ck_assert_uint_eq(passed + told, asked);
}
END_TEST

START_TEST(no_limit_is_none)
{
	struct log_limit l;

	begin(&l, 0, 0);
	ck_assert_uint_eq(ask_often(&l, kind_a, 5000, 1), 5000);
	ck_assert_uint_eq(ask_often(&l, NULL, 5000, 1), 5000);
}
END_TEST

/* ---- reading ------------------------------------------------------------ */

static char path[64];

static void make_file(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/deia-log-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void fill(const char *name, int from, int to)
{
	FILE *f = fopen(name, "a");

	ck_assert_ptr_nonnull(f);
	for (int i = from; i < to; i++)
		fprintf(f,
			"{\"@timestamp\":\"" TIME "\",\"log.level\":\"%s\","
			"\"message\":\"line %d\",\"deia.bot\":\"B%d\"}\n",
			i % 10 ? "info" : "warn", i, i % 3);
	ck_assert_int_eq(fclose(f), 0);
}

static unsigned count(const char *text, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

START_TEST(the_newest_lines_that_match_come_in_their_order)
{
	struct deia_log_filter f = DEIA_LOG_FILTER_INIT;
	char *text, older[80];
	size_t len;
	bool cut;

	make_file();
	snprintf(older, sizeof(older), "%s.1", path);
	fill(older, 0, 5000);
	fill(path, 5000, 10000);
	ck_assert_int_eq(deia_log_read(path, NULL, 3, &text, &len, &cut),
			 DEIA_OK);
	ck_assert_uint_eq(count(text, len), 3);
	ck_assert_ptr_nonnull(strstr(text, "line 9997"));
	ck_assert_ptr_eq(strstr(text, "line 9998") < strstr(text, "line 9999")
				 ? text
				 : NULL,
			 text);
	free(text);
	f.level = DEIA_LOG_WARN;
	ck_assert_int_eq(deia_log_read(path, &f, 10000, &text, &len, &cut),
			 DEIA_OK);
	ck_assert_uint_eq(count(text, len), 1000);
	ck_assert_ptr_nonnull(strstr(text, "line 0\""));
	ck_assert(!cut);
	free(text);
	f.level = DEIA_LOG_DEBUG;
	f.text = "LINE 77\"";
	f.bot = "B2";
	ck_assert_int_eq(deia_log_read(path, &f, 10, &text, &len, &cut),
			 DEIA_OK);
	ck_assert_uint_eq(count(text, len), 1);
	free(text);
	f.since_unix_ms = AT + 1;
	ck_assert_int_eq(deia_log_read(path, &f, 10, &text, &len, &cut),
			 DEIA_OK);
	ck_assert_ptr_null(text);
	unlink(path);
	unlink(older);
}
END_TEST

START_TEST(what_is_no_line_is_passed_over)
{
	char *text;
	size_t len;
	FILE *f;

	make_file();
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("{\"message\":\"one\"}\n\nnot json\n[1]\n{\"message\":\"two\"}\n",
	      f);
	for (int i = 0; i < 600000; i++)
		fputc('x', f);
	fputs("\n{\"message\":\"three\"}\n{\"message\":\"cut", f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(deia_log_read(path, NULL, 100, &text, &len, NULL),
			 DEIA_OK);
	ck_assert_uint_eq(count(text, len), 3);
	ck_assert_mem_eq(text, "{\"message\":\"one\"}\n{\"message\":\"two\"}\n",
			 36);
	free(text);
	unlink(path);
	ck_assert_int_eq(deia_log_read(path, NULL, 1, &text, &len, NULL),
			 DEIA_OK);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(deia_log_read(path, NULL, 0, &text, &len, NULL),
			 DEIA_EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");
	SRunner *r;
	int failed;

	tcase_add_test(t, a_request_in_all_forms);
	tcase_add_loop_test(t, one_event_is_one_line_whatever_is_in_it, 0,
			    (int)(sizeof(hostile) / sizeof(hostile[0])));
	tcase_add_test(t, what_is_long_is_cut_and_whole_again);
	tcase_add_test(t, more_of_one_kind_is_summed_up_once);
	tcase_add_test(t, a_new_time_begins_when_the_old_one_is_over);
	tcase_add_test(t, the_flow_leaves_room_for_what_is_said);
	tcase_add_test(t, nothing_is_lost_silently);
	tcase_add_test(t, no_limit_is_none);
	tcase_add_test(t, the_newest_lines_that_match_come_in_their_order);
	tcase_add_test(t, what_is_no_line_is_passed_over);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	log_printer_fini(&printer);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
