/* SPDX-License-Identifier: MIT */
/* The log thread: order, rotation, reopening, dropping, many files. */
#include <check.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deia/sys/json.h>

#include "core/logfile.h"
#include "core/mem.h"

static char dir[64];
static deia__logs *logs;
static deia__logfile *file;

static void setup(void)
{
	strcpy(dir, "/tmp/deia-logfile-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(deia__logs_new(&logs, 1u << 20), DEIA_OK);
}

static void teardown(void)
{
	char command[128];

	deia__logfile_close(file);
	deia__logs_free(logs);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void open_file(const char *name, size_t max, unsigned keep)
{
	ck_assert_int_eq(
		deia__logfile_open(&file, logs, path_of(name), max, keep),
		DEIA_OK);
}

static void write_text(const char *text)
{
	deia__logfile_write(file, text, strlen(text));
}

/* The whole content; "" when there is no such file. */
static const char *content(const char *name)
{
	static char text[1 << 20];
	FILE *f = fopen(path_of(name), "r");
	size_t n;

	text[0] = '\0';
	if (!f)
		return text;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

START_TEST(lines_are_written_in_order_to_a_private_file)
{
	struct stat st;

	open_file("a.log", 1000, 2);
	ck_assert_int_ne(access(path_of("a.log"), F_OK), 0);
	write_text("one\n");
	write_text("two\n");
	write_text("");
	deia__logs_flush(logs);
	ck_assert_str_eq(content("a.log"), "one\ntwo\n");
	ck_assert_int_eq(stat(path_of("a.log"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(deia__logs_dropped(logs), 0);
}
END_TEST

START_TEST(existing_content_is_kept)
{
	open_file("a.log", 1000, 2);
	write_text("one\n");
	deia__logfile_close(file);
	open_file("a.log", 1000, 2);
	write_text("two\n");
	deia__logs_flush(logs);
	ck_assert_str_eq(content("a.log"), "one\ntwo\n");
}
END_TEST

START_TEST(what_is_queued_is_written_when_all_is_closed)
{
	open_file("a.log", 1 << 20, 2);
	for (int i = 0; i < 1000; i++)
		write_text("0123456789\n");
	deia__logfile_close(file);
	file = NULL;
	deia__logs_free(logs);
	logs = NULL;
	ck_assert_uint_eq(strlen(content("a.log")), 11000);
}
END_TEST

START_TEST(file_is_rotated_before_it_exceeds_its_size)
{
	open_file("a.log", 10, 2);
	write_text("1111\n");
	write_text("2222\n");
	write_text("3333\n");
	write_text("4444\n");
	write_text("5555\n");
	write_text("6666\n");
	write_text("7777\n");
	write_text("longer than the size of the file\n");
	write_text("9999\n");
	deia__logs_flush(logs);
	ck_assert_str_eq(content("a.log"), "9999\n");
	ck_assert_str_eq(content("a.log.1"),
			 "longer than the size of the file\n");
	ck_assert_str_eq(content("a.log.2"), "7777\n");
	ck_assert_int_ne(access(path_of("a.log.3"), F_OK), 0);
}
END_TEST

START_TEST(deleted_file_goes_with_its_older_ones)
{
	open_file("a.log", 10, 2);
	write_text("1111\n");
	write_text("2222\n");
	write_text("longer than the size of the file\n");
	write_text("4444\n");
	deia__logs_flush(logs);
	ck_assert_int_eq(access(path_of("a.log.2"), F_OK), 0);
	deia__logfile_delete(file);
	open_file("b.log", 10, 2);
	deia__logs_flush(logs);
	ck_assert_int_ne(access(path_of("a.log"), F_OK), 0);
	ck_assert_int_ne(access(path_of("a.log.1"), F_OK), 0);
	ck_assert_int_ne(access(path_of("a.log.2"), F_OK), 0);
}
END_TEST

START_TEST(file_without_older_ones_starts_again)
{
	open_file("a.log", 10, 0);
	write_text("1111\n");
	write_text("2222\n");
	write_text("3333\n");
	deia__logs_flush(logs);
	ck_assert_str_eq(content("a.log"), "3333\n");
	ck_assert_int_ne(access(path_of("a.log.1"), F_OK), 0);
}
END_TEST

START_TEST(size_stays_bounded_when_rotation_is_impossible)
{
	ck_assert_int_eq(mkdir(path_of("a.log.1"), 0700), 0);
	open_file("a.log", 10, 1);
	write_text("1111\n");
	write_text("2222\n");
	write_text("3333\n");
	deia__logs_flush(logs);
	ck_assert_str_eq(content("a.log"), "3333\n");
}
END_TEST

START_TEST(reopened_file_is_a_new_one_after_it_was_moved)
{
	char moved[128];

	open_file("a.log", 1000, 2);
	write_text("one\n");
	deia__logs_flush(logs);
	strcpy(moved, path_of("moved.log"));
	ck_assert_int_eq(rename(path_of("a.log"), moved), 0);
	write_text("two\n");
	deia__logs_flush(logs);
	deia__logs_reopen(logs);
	write_text("three\n");
	deia__logs_flush(logs);
	ck_assert_str_eq(content("moved.log"), "one\ntwo\n");
	ck_assert_str_eq(content("a.log"), "three\n");
}
END_TEST

/* Adds up the counts of all "dropped" lines; each line must be JSON. */
static unsigned long long count_gaps(const char *text)
{
	unsigned long long sum = 0, n;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		const char *count = strstr(text, "\"count\":");

		ck_assert_int_eq(
			deia_json_check(text, (size_t)(end - text), NULL),
			DEIA_OK);
		if (!strstr(text, "log_lines_dropped") ||
		    strstr(text, "log_lines_dropped") > end)
			continue;
		ck_assert_int_eq(sscanf(count, "\"count\":%llu", &n), 1);
		sum += n;
	}
	return sum;
}

START_TEST(dropped_lines_are_counted_and_told_in_their_place)
{
	char large[4000];
	const char *text;

	deia__logs_free(logs);
	ck_assert_int_eq(deia__logs_new(&logs, 1000), DEIA_OK);
	memset(large, 'x', sizeof(large));
	open_file("a.log", 1 << 20, 1);
	write_text("1\n");
	deia__logs_flush(logs);
	for (int i = 0; i < 3; i++)
		deia__logfile_write(file, large, sizeof(large));
	write_text("2\n");
	deia__logs_flush(logs);
	text = content("a.log");
	ck_assert_int_eq(strncmp(text, "1\n{\"timestamp\":\"", 16), 0);
	ck_assert_uint_eq(count_gaps(text), 3);
	ck_assert_str_eq(text + strlen(text) - 4, "}\n2\n");
	ck_assert_uint_eq(deia__logs_dropped(logs), 3);
}
END_TEST

START_TEST(lines_dropped_last_are_told_when_the_file_is_closed)
{
	char large[4000] = "";

	deia__logs_free(logs);
	ck_assert_int_eq(deia__logs_new(&logs, 1000), DEIA_OK);
	open_file("a.log", 1 << 20, 1);
	deia__logfile_write(file, large, sizeof(large));
	deia__logfile_close(file);
	file = NULL;
	deia__logs_flush(logs);
	ck_assert_uint_eq(count_gaps(content("a.log")), 1);
}
END_TEST

START_TEST(under_overload_written_and_dropped_add_up)
{
	enum { N = 20000 };
	unsigned long long dropped;
	const char *text;
	int lines = 0;

	deia__logs_free(logs);
	ck_assert_int_eq(deia__logs_new(&logs, 2000), DEIA_OK);
	open_file("a.log", 1 << 20, 1);
	for (int i = 0; i < N; i++)
		write_text("\"x\"\n");
	deia__logfile_close(file);
	file = NULL;
	deia__logs_flush(logs);
	text = content("a.log");
	dropped = count_gaps(text);
	ck_assert_uint_eq(dropped, deia__logs_dropped(logs));
	for (const char *at = text; (at = strstr(at, "\"x\"\n")); at++)
		lines++;
	ck_assert_uint_eq((unsigned long long)lines + dropped, N);
}
END_TEST

START_TEST(lines_for_an_unwritable_file_are_told_once_it_is_writable)
{
	const char *text;

	open_file("sub/a.log", 1000, 2);
	write_text("1\n");
	write_text("2\n");
	deia__logs_flush(logs);
	ck_assert_uint_eq(deia__logs_dropped(logs), 2);
	ck_assert_int_eq(mkdir(path_of("sub"), 0700), 0);
	write_text("3\n");
	deia__logs_flush(logs);
	text = content("sub/a.log");
	ck_assert_uint_eq(count_gaps(text), 2);
	ck_assert_str_eq(text + strlen(text) - 3, "\n3\n");
	ck_assert_uint_eq(deia__logs_dropped(logs), 2);
}
END_TEST

START_TEST(fifo_in_the_files_place_does_not_stop_the_thread)
{
	deia__logfile *other;

	ck_assert_int_eq(mkfifo(path_of("a.log"), 0600), 0);
	open_file("a.log", 1000, 2);
	write_text("lost\n");
	ck_assert_int_eq(
		deia__logfile_open(&other, logs, path_of("b.log"), 100, 1),
		DEIA_OK);
	deia__logfile_write(other, "kept\n", 5);
	deia__logfile_close(other);
	deia__logs_flush(logs);
	ck_assert_str_eq(content("b.log"), "kept\n");
	ck_assert_uint_eq(deia__logs_dropped(logs), 1);
}
END_TEST

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

START_TEST(hundreds_of_files_share_64_descriptors)
{
	enum { N = 300 };
	static deia__logfile *files[N];
	int before = count_fds();
	char name[16];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d.log", i);
		ck_assert_int_eq(deia__logfile_open(&files[i], logs,
						    path_of(name), 100, 1),
				 DEIA_OK);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < N; i++)
			deia__logfile_write(files[i], "line\n", 5);
	deia__logs_flush(logs);
	ck_assert_int_eq(count_fds() - before, 64);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d.log", i);
		ck_assert_str_eq(content(name), "line\nline\nline\n");
		deia__logfile_close(files[i]);
	}
	deia__logs_flush(logs);
	ck_assert_int_eq(count_fds() - before, 0);
}
END_TEST

static void *write_lines(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++)
		write_text("\"line\"\n");
	return NULL;
}

START_TEST(lines_of_several_threads_are_never_mixed)
{
	pthread_t t[4];

	open_file("a.log", 1 << 20, 1);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, write_lines, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	deia__logfile_close(file);
	file = NULL;
	deia__logs_flush(logs);
	ck_assert_uint_eq(count_gaps(content("a.log")),
			  deia__logs_dropped(logs));
}
END_TEST

START_TEST(out_of_memory_is_told_or_counted)
{
	deia__logs *none = (deia__logs *)&none;
	deia__logfile *no_file;

	deia__mem_fail_at(1, false);
	ck_assert_int_eq(deia__logs_new(&none, 100), DEIA_ENOMEM);
	ck_assert_ptr_null(none);
	for (unsigned long n = 1; n <= 2; n++) {
		no_file = (deia__logfile *)&none;
		deia__mem_fail_at(n, false);
		ck_assert_int_eq(deia__logfile_open(&no_file, logs, "x", 1, 1),
				 DEIA_ENOMEM);
		ck_assert_ptr_null(no_file);
	}
	open_file("a.log", 1000, 1);
	deia__mem_fail_at(1, false);
	write_text("1\n");
	write_text("2\n");
	deia__logs_flush(logs);
	ck_assert_uint_eq(deia__logs_dropped(logs), 1);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
	char path[5000];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(deia__logfile_open(&file, logs, "", 1, 1),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia__logfile_open(&file, logs, path, 1, 1),
			 DEIA_EINVAL);
	ck_assert_int_eq(deia__logfile_open(&file, logs, "x", 0, 1),
			 DEIA_EINVAL);
	ck_assert_ptr_null(file);
	deia__logs_free(NULL);
	deia__logfile_close(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logfile");
	TCase *tc = tcase_create("core");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lines_are_written_in_order_to_a_private_file);
	tcase_add_test(tc, existing_content_is_kept);
	tcase_add_test(tc, what_is_queued_is_written_when_all_is_closed);
	tcase_add_test(tc, file_is_rotated_before_it_exceeds_its_size);
	tcase_add_test(tc, deleted_file_goes_with_its_older_ones);
	tcase_add_test(tc, file_without_older_ones_starts_again);
	tcase_add_test(tc, size_stays_bounded_when_rotation_is_impossible);
	tcase_add_test(tc, reopened_file_is_a_new_one_after_it_was_moved);
	tcase_add_test(tc, dropped_lines_are_counted_and_told_in_their_place);
	tcase_add_test(tc, lines_dropped_last_are_told_when_the_file_is_closed);
	tcase_add_test(tc, under_overload_written_and_dropped_add_up);
	tcase_add_test(
		tc, lines_for_an_unwritable_file_are_told_once_it_is_writable);
	tcase_add_test(tc, fifo_in_the_files_place_does_not_stop_the_thread);
	tcase_add_test(tc, hundreds_of_files_share_64_descriptors);
	tcase_add_test(tc, lines_of_several_threads_are_never_mixed);
	tcase_add_test(tc, out_of_memory_is_told_or_counted);
	tcase_add_test(tc, wrong_arguments_are_refused);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
