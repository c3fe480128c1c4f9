/* SPDX-License-Identifier: MIT */
/* Finding the hive's directory, making one, the documented default file. */
#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deia/auth.h>
#include <deia/config.h>

#include "core/mem.h"

static char root[64];

static void setup(void)
{
	strcpy(root, "/tmp/deia-dir-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(chdir(root), 0);
	unsetenv("DEIA_DIR");
	setenv("HOME", root, 1);
}

static void teardown(void)
{
	char command[128];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static const char *in_root(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void make(const char *name)
{
	ck_assert_int_eq(mkdir(in_root(name), 0700), 0);
}

static void check_found(const char *explicit_dir, bool create,
			const char *expected)
{
	char *found;
	deia_err err = deia_config_find_dir(&found, explicit_dir, create);

	if (!expected) {
		ck_assert_int_eq(err, DEIA_ENOTFOUND);
		ck_assert_ptr_null(found);
		return;
	}
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_str_eq(found, expected);
	deia_config_free_text(found);
}

START_TEST(flag_goes_over_environment_over_folders)
{
	make(".deia");
	setenv("DEIA_DIR", "/somewhere", 1);
	check_found("/else", false, "/else");
	check_found(NULL, false, "/somewhere");
	setenv("DEIA_DIR", "", 1);
	check_found(NULL, false, in_root(".deia"));
	check_found("relative", false, in_root("relative"));
}
END_TEST

START_TEST(folder_is_sought_upward)
{
	make(".deia");
	make("a");
	make("a/b");
	ck_assert_int_eq(chdir(in_root("a/b")), 0);
	check_found(NULL, true, in_root(".deia"));
	make("a/.deia");
	check_found(NULL, true, in_root("a/.deia"));
}
END_TEST

START_TEST(folder_at_home_is_the_last_resort)
{
	FILE *f;

	make("work");
	make(".config");
	ck_assert_int_eq(chdir(in_root("work")), 0);
	check_found(NULL, false, NULL);
	check_found(NULL, true, in_root("work/.deia"));
	make(".config/deia");
	check_found(NULL, true, in_root("work/.deia")); /* no hive's yet */
	f = fopen(in_root(".config/deia/config.yaml"), "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	check_found(NULL, true, in_root(".config/deia"));
	unsetenv("HOME");
	check_found(NULL, false, NULL);
}
END_TEST

START_TEST(a_file_of_that_name_is_not_the_folder)
{
	FILE *f = fopen(in_root(".deia"), "w");

	fclose(f);
	check_found(NULL, false, NULL);
}
END_TEST

START_TEST(folder_of_someone_else_is_passed_over)
{
	make(".deia");
	if (geteuid() != 0)
		return; /* only root can give it away */
	ck_assert_int_eq(chown(in_root(".deia"), 12345, 12345), 0);
	check_found(NULL, false, NULL);
}
END_TEST

static void check_mode(const char *name, mode_t mode)
{
	struct stat st;

	ck_assert_msg(stat(in_root(name), &st) == 0, "%s: %s", name,
		      strerror(errno));
	ck_assert_int_eq(st.st_mode & 07777, mode);
}

static void read_text(const char *name, char *text, size_t len)
{
	FILE *f = fopen(in_root(name), "r");

	ck_assert_ptr_nonnull(f);
	len = fread(text, 1, len - 1, f);
	text[len] = '\0';
	fclose(f);
}

static int count_files(const char *name)
{
	DIR *d = opendir(in_root(name));
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

START_TEST(new_directory_is_whole_and_private)
{
	char token[256], detail[256];

	ck_assert_int_eq(deia_config_init_dir(in_root("x/y/hive"), detail,
					      sizeof(detail)),
			 DEIA_OK);
	ck_assert_str_eq(detail, "");
	check_mode("x/y/hive", 0700);
	check_mode("x/y/hive/state", 0700);
	check_mode("x/y/hive/state/run", 0700);
	check_mode("x/y/hive/bot-logs", 0700);
	check_mode("x/y/hive/config.yaml", 0600);
	check_mode("x/y/hive/token", 0600);
	ck_assert_int_eq(count_files("x/y/hive"), 4);
	read_text("x/y/hive/token", token, sizeof(token));
	ck_assert_uint_eq(strlen(token), DEIA_TOKEN_LEN + 1);
	ck_assert_int_eq(token[DEIA_TOKEN_LEN], '\n');
	token[DEIA_TOKEN_LEN] = '\0';
	ck_assert(deia_token_well_formed(token));
}
END_TEST

START_TEST(what_exists_is_left_as_it_is)
{
	char text[256];
	FILE *f;

	make("hive");
	f = fopen(in_root("hive/config.yaml"), "w");
	fputs("server:\n", f);
	fclose(f);
	ck_assert_int_eq(deia_config_init_dir(in_root("hive"), NULL, 0),
			 DEIA_OK);
	read_text("hive/config.yaml", text, sizeof(text));
	ck_assert_str_eq(text, "server:\n");
	read_text("hive/token", text, sizeof(text));
	ck_assert_int_eq(deia_config_init_dir(in_root("hive"), NULL, 0),
			 DEIA_OK);
	ck_assert_int_eq(count_files("hive"), 4);
	f = fopen(in_root("hive/token"), "r");
	ck_assert_ptr_nonnull(fgets(text + 128, 128, f));
	fclose(f);
	ck_assert_str_eq(text, text + 128);
}
END_TEST

START_TEST(failure_names_path_and_reason)
{
	char detail[256], expected[256];
	FILE *f = fopen(in_root("file"), "w");

	fclose(f);
	ck_assert_int_eq(deia_config_init_dir(in_root("file/hive"), detail,
					      sizeof(detail)),
			 DEIA_EIO);
	snprintf(expected, sizeof(expected), "%.200s: Not a directory",
		 in_root("file/hive"));
	ck_assert_str_eq(detail, expected);
	ck_assert_int_eq(
		deia_config_init_dir(in_root("file"), detail, sizeof(detail)),
		DEIA_EIO);
	ck_assert_int_eq(deia_config_init_dir("", detail, sizeof(detail)),
			 DEIA_EINVAL);
}
END_TEST

static char document[1 << 16];
static char plain_document[1 << 16];

static deia_config *load_hive(void)
{
	struct deia_config_error where;
	deia_config *config;
	deia_err err = deia_config_load(&config, in_root("hive"), &where);

	ck_assert_msg(err == DEIA_OK, "%u:%u: %s", where.line, where.column,
		      where.detail);
	return config;
}

/* Takes the # from settings, not from explanations ("# Text"). */
static void uncomment(char *to, const char *from)
{
	bool start = true;

	for (; *from; from++) {
		bool setting = start && *from == '#' &&
			       (from[1] != ' ' || from[2] == ' ');

		start = *from == '\n' || (start && *from == ' ');
		if (!setting)
			*to++ = *from;
	}
	*to = '\0';
}

static void count_change(const char *key, bool reload, void *user)
{
	(void)reload;
	/* These show an example, since their default is empty. */
	ck_assert(strcmp(key, "server.allowed_hosts") == 0 ||
		  strcmp(key, "server.allowed_origins") == 0 ||
		  strcmp(key, "store.url") == 0 ||
		  strcmp(key, "node.url") == 0 ||
		  strcmp(key, "cache.url") == 0 ||
		  strcmp(key, "cache.password_file") == 0 ||
		  strcmp(key, "tasks.types") == 0);
	++*(int *)user;
}

START_TEST(default_file_documents_every_key_and_loads)
{
	deia_config *commented, *plain;
	int changes = 0;
	FILE *f;

	ck_assert_int_eq(deia_config_init_dir(in_root("hive"), NULL, 0),
			 DEIA_OK);
	commented = load_hive();
	read_text("hive/config.yaml", document, sizeof(document));
	for (char *line = strtok(strdup(document), "\n"); line;
	     line = strtok(NULL, "\n"))
		ck_assert_uint_le(strlen(line), 80);
	uncomment(plain_document, document);
	f = fopen(in_root("hive/config.yaml"), "w");
	fputs(plain_document, f);
	fclose(f);
	plain = load_hive();
	deia_config_changes(commented, plain, count_change, &changes);
	ck_assert_int_eq(changes, 7);
	ck_assert_uint_eq(deia_config_templates(commented, NULL, 0), 0);
	ck_assert_str_eq(deia_config_template(plain, "helper")->adapter,
			 "ollama");
	ck_assert_ptr_nonnull(strstr(document, "  #port: 8000\n"));
	ck_assert_ptr_nonnull(strstr(document, "    #max_restarts: 10\n"));
	/* Set, since only a new hive forgets old chat by itself. */
	ck_assert_ptr_nonnull(strstr(document, "\n  chat_days: 90\n"));
	ck_assert_int_eq(deia_config_int(commented, "retention.chat_days"), 90);
	deia_config_free(commented);
	deia_config_free(plain);
}
END_TEST

static void ck_keeps_chat(const char *dir)
{
	struct deia_config_error where;
	deia_config *config;

	ck_assert_int_eq(deia_config_load(&config, in_root(dir), &where),
			 DEIA_OK);
	ck_assert_int_eq(deia_config_int(config, "retention.chat_days"), 0);
	deia_config_free(config);
}

START_TEST(hive_that_is_there_keeps_its_chat_for_ever)
{
	ck_assert_int_eq(deia_config_init_dir(in_root("hive"), NULL, 0),
			 DEIA_OK);
	/* Its file is lost; its chat must not be. */
	fclose(fopen(in_root("hive/state/deia.db"), "w"));
	ck_assert_int_eq(unlink(in_root("hive/config.yaml")), 0);
	ck_assert_int_eq(deia_config_init_dir(in_root("hive"), NULL, 0),
			 DEIA_OK);
	ck_keeps_chat("hive");
	ck_assert_int_eq(deia_config_init_copy_dir(in_root("copy"), NULL, 0),
			 DEIA_OK);
	ck_keeps_chat("copy");
	setenv("DEIA_DATABASE_URL", "sqlite:/somewhere/else.db", 1);
	ck_assert_int_eq(deia_config_init_dir(in_root("other"), NULL, 0),
			 DEIA_OK);
	ck_keeps_chat("other");
	unsetenv("DEIA_DATABASE_URL");
}
END_TEST

START_TEST(out_of_memory_is_told_and_leaves_no_half_file)
{
	unsigned long n = 0;
	char detail[256], name[16];
	deia_err err;

	do {
		snprintf(name, sizeof(name), "hive%lu", ++n);
		deia__mem_fail_at(n, false);
		err = deia_config_init_dir(in_root(name), detail,
					   sizeof(detail));
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		deia__mem_fail_at(0, false);
		ck_assert_int_eq(deia_config_init_dir(in_root(name), NULL, 0),
				 DEIA_OK);
		ck_assert_int_eq(count_files(name), 4);
	} while (err);
	ck_assert_int_gt((int)n, 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dir");
	TCase *tc = tcase_create("dir");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, flag_goes_over_environment_over_folders);
	tcase_add_test(tc, folder_is_sought_upward);
	tcase_add_test(tc, folder_at_home_is_the_last_resort);
	tcase_add_test(tc, a_file_of_that_name_is_not_the_folder);
	tcase_add_test(tc, folder_of_someone_else_is_passed_over);
	tcase_add_test(tc, new_directory_is_whole_and_private);
	tcase_add_test(tc, what_exists_is_left_as_it_is);
	tcase_add_test(tc, failure_names_path_and_reason);
	tcase_add_test(tc, default_file_documents_every_key_and_loads);
	tcase_add_test(tc, hive_that_is_there_keeps_its_chat_for_ever);
	tcase_add_test(tc, out_of_memory_is_told_and_leaves_no_half_file);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
