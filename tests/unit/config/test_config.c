/* SPDX-License-Identifier: MIT */
/* Loading, precedence, access, printing; and the mistakes people make. */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deia/config.h>
#include <deia/sys/json.h>

#include "core/mem.h"
#include "mistakes.h"

static char dir[64];
static deia_config *config;
static struct deia_config_error where;

static void clear_environment(void)
{
	static const char *const names[] = {
		"DEIA_HOST",	     "DEIA_PORT",      "DEIA_DIR",
		"DEIA_DATABASE_URL", "DEIA_LOG_LEVEL", "OLLAMA_HOST",
		"DEIA_REDIS_URL",    "DEIA_NODE_NAME"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static void setup(void)
{
	strcpy(dir, "/tmp/deia-config-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	clear_environment();
}

static void teardown(void)
{
	char command[128];

	deia_config_free(config);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static void write_bytes(const char *text, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/config.yaml", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	fclose(f);
}

static deia_err load_text(const char *text)
{
	write_bytes(text, strlen(text));
	return deia_config_load(&config, dir, &where);
}

static void load_good(const char *text)
{
	deia_err err = load_text(text);

	ck_assert_msg(err == DEIA_OK, "%s:%u:%u: %s", where.file, where.line,
		      where.column, where.detail);
}

START_TEST(missing_file_is_all_defaults)
{
	ck_assert_int_eq(deia_config_load(&config, dir, &where), DEIA_OK);
	ck_assert_str_eq(deia_config_str(config, "server.host"), "127.0.0.1");
	ck_assert_int_eq(deia_config_int(config, "server.port"), 8000);
	ck_assert(!deia_config_bool(config, "server.allow_remote"));
	ck_assert_int_eq(deia_config_int(config, "server.max_connections"),
			 10000);
	ck_assert_ptr_null(deia_config_item(config, "server.allowed_hosts", 0));
	ck_assert_str_eq(deia_config_str(config, "store.url"), "");
	ck_assert_str_eq(deia_config_str(config, "store.durability"), "full");
	ck_assert_str_eq(deia_config_str(config, "logging.level"), "info");
	ck_assert_int_eq(deia_config_int(config, "retention.events"), 100000);
	ck_assert_str_eq(deia_config_str(config, "ollama.url"),
			 "http://127.0.0.1:11434");
	ck_assert_uint_eq(deia_config_templates(config, NULL, 0), 0);
	ck_assert_ptr_null(deia_config_template(config, "helper"));
}
END_TEST

START_TEST(file_goes_over_defaults)
{
	load_good("# a comment\n"
		  "server:\n"
		  "  port: 9000\n"
		  "  allowed_hosts: [deia.example.org, \"box:8443\"]\n"
		  "  allowed_origins:\n"
		  "    - https://deia.example.org\n"
		  "logging:\n"
		  "store: {durability: normal, url: 'sqlite:/x y/d.db'}\n"
		  "bots:\n"
		  "  defaults:\n"
		  "    max_concurrent: 4\n");
	ck_assert_int_eq(deia_config_int(config, "server.port"), 9000);
	ck_assert_str_eq(deia_config_item(config, "server.allowed_hosts", 1),
			 "box:8443");
	ck_assert_ptr_null(deia_config_item(config, "server.allowed_hosts", 2));
	ck_assert_str_eq(deia_config_item(config, "server.allowed_origins", 0),
			 "https://deia.example.org");
	ck_assert_str_eq(deia_config_str(config, "store.url"),
			 "sqlite:/x y/d.db");
	ck_assert_str_eq(deia_config_str(config, "store.durability"), "normal");
	ck_assert_uint_eq(deia_config_template(config, NULL)->max_concurrent,
			  4);
}
END_TEST

START_TEST(environment_goes_over_file_and_flag_over_both)
{
	setenv("DEIA_PORT", "9001", 1);
	setenv("DEIA_HOST", "", 1);
	setenv("DEIA_LOG_LEVEL", "debug", 1);
	setenv("DEIA_DATABASE_URL", "memory:", 1);
	load_good("server: {port: 9000, host: localhost}\n");
	ck_assert_int_eq(deia_config_int(config, "server.port"), 9001);
	ck_assert_str_eq(deia_config_str(config, "server.host"), "localhost");
	ck_assert_str_eq(deia_config_str(config, "logging.level"), "debug");
	ck_assert_str_eq(deia_config_str(config, "store.url"), "memory:");
	ck_assert_int_eq(deia_config_set(config, "server.port", "9002", &where),
			 DEIA_OK);
	ck_assert_int_eq(deia_config_int(config, "server.port"), 9002);
	ck_assert_int_eq(deia_config_set(config, "server.allowed_hosts",
					 "a.example, b.example", &where),
			 DEIA_OK);
	ck_assert_str_eq(deia_config_item(config, "server.allowed_hosts", 1),
			 "b.example");
}
END_TEST

START_TEST(wrong_flag_is_refused_and_changes_nothing)
{
	load_good("server:\n  port: 9000\n");
	ck_assert_int_eq(deia_config_set(config, "server.port", "x", &where),
			 DEIA_EFIELD);
	ck_assert_str_eq(where.detail,
			 "server.port: expected a whole number from 0 to "
			 "65535, found \"x\"");
	ck_assert_uint_eq(where.line, 0);
	ck_assert_int_eq(
		deia_config_set(config, "server.host", "0.0.0.0", &where),
		DEIA_EFIELD);
	ck_assert_str_eq(where.file, "--host");
	ck_assert_str_eq(deia_config_str(config, "server.host"), "127.0.0.1");
	ck_assert_int_eq(deia_config_set(config, "server.prt", "1", NULL),
			 DEIA_EFIELD);
	ck_assert_int_eq(deia_config_int(config, "server.port"), 9000);
}
END_TEST

START_TEST(remote_address_needs_the_word_of_the_owner)
{
	load_good("server:\n  host: 0.0.0.0\n  allow_remote: true\n");
	ck_assert_str_eq(deia_config_str(config, "server.host"), "0.0.0.0");
}
END_TEST

START_TEST(wrong_environment_is_told_by_name)
{
	setenv("DEIA_PORT", "http", 1);
	ck_assert_int_eq(load_text(""), DEIA_EFIELD);
	ck_assert_str_eq(where.file, "environment variable DEIA_PORT");
	ck_assert_uint_eq(where.line, 0);
	ck_assert_str_eq(where.detail,
			 "server.port: expected a whole number from 0 to "
			 "65535, found \"http\"");
	setenv("DEIA_PORT", "8000", 1);
	setenv("DEIA_HOST", "::", 1);
	ck_assert_int_eq(load_text("server:\n  port: 1\n"), DEIA_EFIELD);
	ck_assert_str_eq(where.file, "environment variable DEIA_HOST");
}
END_TEST

static const struct {
	const char *host, *url; /* NULL: refused */
} ollama_hosts[] = {
	{ "127.0.0.1", "http://127.0.0.1:11434" },
	{ "0.0.0.0", "http://127.0.0.1:11434" },
	{ "0.0.0.0:1234", "http://127.0.0.1:1234" },
	{ "gpu-box", "http://gpu-box:11434" },
	{ "gpu-box:8080", "http://gpu-box:8080" },
	{ ":8080", "http://127.0.0.1:8080" },
	{ "http://gpu-box", "http://gpu-box:80" },
	{ "http://gpu-box:11434/", "http://gpu-box:11434" },
	{ "https://ollama.example.org", "https://ollama.example.org:443" },
	{ "https://h:1/base/path/", "https://h:1/base/path" },
	{ " 10.0.0.5 ", "http://10.0.0.5:11434" },
	{ "::1", "http://[::1]:11434" },
	{ "[::1]", "http://[::1]:11434" },
	{ "[::]:99", "http://[::1]:99" },
	{ "http://[fe80::1]:99/x", "http://[fe80::1]:99/x" },
	{ "host:port", NULL },
	{ "host:70000", NULL },
	{ "host:0", NULL },
	{ "host:", NULL },
	{ "a b", NULL },
	{ "http://user:secret@host", NULL },
	{ "user@host", NULL },
	{ "ftp://host", NULL },
	{ "[::1", NULL },
	{ "[::1]x", NULL },
	{ "[zz]", NULL },
};

START_TEST(ollama_host_is_read_as_ollama_does)
{
	deia_err err;

	setenv("OLLAMA_HOST", ollama_hosts[_i].host, 1);
	err = deia_config_load(&config, dir, &where);
	if (!ollama_hosts[_i].url) {
		ck_assert_int_eq(err, DEIA_EFIELD);
		ck_assert_str_eq(where.file,
				 "environment variable OLLAMA_HOST");
		return;
	}
	ck_assert_int_eq(err, DEIA_OK);
	ck_assert_str_eq(deia_config_str(config, "ollama.url"),
			 ollama_hosts[_i].url);
}
END_TEST

/* ---- mistakes ---------------------------------------------------------- */

START_TEST(mistake_is_answered_with_place_and_fix)
{
	ck_assert_int_eq(load_text(mistakes[_i].text), mistakes[_i].err);
	ck_assert_ptr_null(config);
	ck_assert_str_eq(where.detail, mistakes[_i].detail);
	ck_assert_uint_eq(where.line, mistakes[_i].line);
	ck_assert_uint_eq(where.column, mistakes[_i].column);
	ck_assert_ptr_nonnull(strstr(where.file, "/config.yaml"));
}
END_TEST

START_TEST(unknown_field_of_a_template_is_refused_at_its_line)
{
	ck_assert_int_eq(load_text("templates:\n  h:\n    adapter: echo\n"
				   "    modell: x\n"),
			 DEIA_EFIELD);
	ck_assert_uint_eq(where.line, 4);
	ck_assert_ptr_nonnull(strstr(where.detail, "modell"));
}
END_TEST

START_TEST(file_over_a_mebibyte_is_refused)
{
	char *text = malloc((1u << 20) + 1);

	memset(text, '#', (1u << 20) + 1);
	write_bytes(text, (1u << 20) + 1);
	ck_assert_int_eq(deia_config_load(&config, dir, &where), DEIA_EPARSE);
	ck_assert_str_eq(where.detail, "is larger than 1 MiB");
	write_bytes(text, 1u << 20);
	ck_assert_int_eq(deia_config_load(&config, dir, &where), DEIA_OK);
	free(text);
}
END_TEST

START_TEST(unreadable_file_is_told)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/config.yaml", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(deia_config_load(&config, dir, &where), DEIA_EIO);
	ck_assert_str_eq(where.detail, "is not a regular file");
	ck_assert_int_eq(deia_config_load(&config, "", &where), DEIA_EINVAL);
}
END_TEST

/* ---- templates, printing ----------------------------------------------- */

static const char with_templates[] =
	"bots: {defaults: {ready_timeout_seconds: 77, window_seconds: 30}}\n"
	"templates:\n"
	"  helper:\n"
	"    adapter: ollama\n"
	"    system_prompt: |\n"
	"      First line.\n"
	"      Second line.\n"
	"    options: {temperature: 0.5, stop: [yes, \"1\"]}\n"
	"  agent:\n"
	"    adapter: process\n"
	"    argv: [sh, -c, \"echo hi\"]\n"
	"    env: {API_KEY: s3cret, N: \"5\"}\n"
	"    restart: {policy: never}\n"
	"    max_concurrent: 2\n";

START_TEST(templates_are_partial_specs_on_the_defaults)
{
	const struct deia_bot_spec *t;
	const char *names[4];

	load_good(with_templates);
	ck_assert_uint_eq(deia_config_templates(config, names, 4), 2);
	ck_assert_str_eq(names[0], "helper");
	ck_assert_str_eq(names[1], "agent");
	t = deia_config_template(config, "helper");
	ck_assert_str_eq(t->adapter, "ollama");
	ck_assert_str_eq(t->template_name, "helper");
	ck_assert_ptr_null(t->id);
	ck_assert_ptr_null(t->model);
	ck_assert_str_eq(t->system_prompt, "First line.\nSecond line.\n");
	ck_assert_str_eq(t->options,
			 "{\"temperature\":0.5,\"stop\":[\"yes\",\"1\"]}");
	ck_assert_uint_eq(t->ready_timeout_seconds, 77);
	ck_assert_uint_eq(t->window_seconds, 30);
	t = deia_config_template(config, "agent");
	ck_assert_uint_eq(t->n_argv, 3);
	ck_assert_str_eq(t->argv[2], "echo hi");
	ck_assert_int_eq(t->restart, DEIA_RESTART_NEVER);
	ck_assert_uint_eq(t->max_concurrent, 2);
}
END_TEST

START_TEST(every_field_of_a_bot_may_be_in_a_template)
{
	const struct deia_bot_spec *t;

	load_good("templates:\n"
		  "  agent:\n"
		  "    adapter: exec\n"
		  "    argv: [claude, -p]\n"
		  "    worktree_of: /srv/repo\n"
		  "    pass_env: [HOME]\n"
		  "    depends_on: [base]\n"
		  "    history_messages: 0\n"
		  "    turn_timeout_seconds: 7200\n"
		  "    ping: {interval_seconds: 0}\n"
		  "    limits: {memory_mib: 900, open_files: 99}\n"
		  "    restart: {retry_failed_seconds: 60}\n"
		  "  cloud:\n"
		  "    adapter: openai\n"
		  "    api_key_env: KEY\n");
	t = deia_config_template(config, "agent");
	ck_assert_str_eq(t->worktree_of, "/srv/repo");
	ck_assert_str_eq(t->pass_env[0], "HOME");
	ck_assert_str_eq(t->depends_on[0], "base");
	ck_assert_uint_eq(t->history_messages, 0);
	ck_assert_uint_eq(t->turn_timeout_seconds, 7200);
	ck_assert_uint_eq(t->ping_interval_seconds, 0);
	ck_assert_uint_eq(t->memory_mib, 900);
	ck_assert_uint_eq(t->open_files, 99);
	ck_assert_uint_eq(t->retry_failed_seconds, 60);
	t = deia_config_template(config, "cloud");
	ck_assert_str_eq(t->api_key_env, "KEY");
}
END_TEST

START_TEST(a_wrong_value_in_a_group_of_a_template_has_its_place)
{
	ck_assert_int_eq(load_text("templates:\n"
				   "  x:\n"
				   "    adapter: echo\n"
				   "    limits:\n"
				   "      open_files: 1\n"),
			 DEIA_EFIELD);
	ck_assert_uint_eq(where.line, 5);
	ck_assert_uint_eq(where.column, 19);
	ck_assert_ptr_nonnull(
		strstr(where.detail, "templates.x.limits.open_files: must"));
}
END_TEST

START_TEST(a_bot_is_made_from_a_template)
{
	struct deia_bot_spec *spec;
	cJSON *json;

	load_good(with_templates);
	json = cJSON_Parse("{\"id\":\"B-1\",\"template\":\"helper\","
			   "\"model\":\"tiny\"}");
	ck_assert_int_eq(deia_bot_spec_parse(
				 &spec, json,
				 deia_config_template(config, "helper"), NULL),
			 DEIA_OK);
	ck_assert_str_eq(spec->id, "B-1");
	ck_assert_str_eq(spec->adapter, "ollama");
	ck_assert_str_eq(spec->model, "tiny");
	ck_assert_uint_eq(spec->ready_timeout_seconds, 77);
	deia_bot_spec_free(spec);
	cJSON_Delete(json);
}
END_TEST

static cJSON *printed(void)
{
	struct deia_jw w;
	cJSON *json;

	deia_jw_init(&w);
	deia_config_print(config, &w);
	ck_assert_int_eq(deia_jw_status(&w), DEIA_OK);
	ck_assert_ptr_null(strstr(w.text, "s3cret"));
	ck_assert_int_eq(deia_json_parse(&json, w.text, w.len, NULL), DEIA_OK);
	deia_jw_fini(&w);
	return json;
}

static void check_printed(const cJSON *json, const char *key, const char *value,
			  const char *origin)
{
	const cJSON *item = cJSON_GetObjectItem(json, key);
	char *text;

	ck_assert_ptr_nonnull(item);
	text = cJSON_PrintUnformatted(cJSON_GetObjectItem(item, "value"));
	ck_assert_str_eq(text, value);
	ck_assert_str_eq(cJSON_GetObjectItem(item, "origin")->valuestring,
			 origin);
	cJSON_free(text);
}

START_TEST(printing_hides_the_password_of_the_store)
{
	cJSON *json;

	load_good("store:\n  url: postgresql://deia:p:w@db.example/deia\n");
	ck_assert_str_eq(deia_config_str(config, "store.url"),
			 "postgresql://deia:p:w@db.example/deia");
	json = printed();
	check_printed(json, "store.url",
		      "\"postgresql://deia:***@db.example/deia\"", "file:2");
	cJSON_Delete(json);
}
END_TEST

START_TEST(printing_names_origins_and_hides_secrets)
{
	cJSON *json;

	setenv("DEIA_LOG_LEVEL", "warn", 1);
	load_good(with_templates);
	ck_assert_int_eq(deia_config_set(config, "server.port", "0", NULL),
			 DEIA_OK);
#ifdef DEIA_HAVE_REDIS
	ck_assert_int_eq(deia_config_set(config, "cache.url",
					 "redis://u:s3cret%40@[::1]:6380/2",
					 NULL),
			 DEIA_OK);
#endif
	json = printed();
	check_printed(json, "server.host", "\"127.0.0.1\"", "default");
	check_printed(json, "server.port", "0", "flag");
#ifdef DEIA_HAVE_REDIS
	check_printed(json, "cache.url", "\"redis://u:***@[::1]:6380/2\"",
		      "flag");
#endif
	check_printed(json, "logging.level", "\"warn\"", "environment");
	check_printed(json, "server.allowed_hosts", "[]", "default");
	check_printed(json, "server.allow_remote", "false", "default");
	check_printed(json, "bots.defaults.window_seconds", "30", "file:1");
	check_printed(json, "templates.agent",
		      "{\"adapter\":\"process\",\"argv\":[\"sh\",\"-c\","
		      "\"echo hi\"],\"env\":{\"API_KEY\":\"***\",\"N\":"
		      "\"***\"},\"restart\":{\"policy\":\"never\"},"
		      "\"max_concurrent\":2}",
		      "file:9");
	cJSON_Delete(json);
}
END_TEST

START_TEST(templates_are_scaled_as_the_file_says)
{
	struct deia_scaling_setting s[4];
	cJSON *json;

	load_good("templates: {a: {adapter: echo}, b: {adapter: echo}}\n"
		  "scaling:\n"
		  "  max_bots: 9\n"
		  "  templates:\n"
		  "    b: {min_bots: 2, max_bots: 5, wait_seconds: 0.5}\n"
		  "    a: {enabled: false}\n");
	ck_assert_int_eq(deia_config_int(config, "scaling.max_bots"), 9);
	ck_assert(!deia_config_bool(config, "scaling.dry_run"));
	ck_assert_uint_eq(deia_config_scaling(config, s, 4), 2);
	ck_assert_str_eq(s[0].name, "b");
	ck_assert(s[0].set.enabled);
	ck_assert_uint_eq(s[0].set.min_bots, 2);
	ck_assert_uint_eq(s[0].set.max_bots, 5);
	ck_assert_double_eq(s[0].set.wait_seconds, 0.5);
	ck_assert_str_eq(s[1].name, "a");
	ck_assert(!s[1].set.enabled);
	ck_assert_uint_eq(s[1].set.max_bots, 1);
	json = printed();
	check_printed(json, "scaling.templates.b",
		      "{\"enabled\":true,\"min_bots\":2,\"max_bots\":5,"
		      "\"wait_seconds\":0.5}",
		      "file:5");
	cJSON_Delete(json);
}
END_TEST

START_TEST(wrong_scaling_is_named)
{
	static const char *const wrong[][2] = {
		{ "[]", "scaling.templates" },
		{ "{x: {max_bots: 2}}", "no template of this name" },
		{ "{a: 3}", "expected keys below it" },
		{ "{a: {max: 2}}", "scaling.templates.a.max" },
		{ "{a: {max_bots: 0}}", "a.max_bots: expected a whole" },
		{ "{a: {max_bots: 1.5}}", "a.max_bots: expected a whole" },
		{ "{a: {max_bots: -1}}", "a.max_bots: expected a whole" },
		{ "{a: {max_bots: \"2\"}}", "a.max_bots: expected a whole" },
		{ "{a: {min_bots: 2}}", "min_bots is above max_bots" },
		{ "{a: {wait_seconds: 0}}", "expected a number from 0.1" },
		{ "{a: {wait_seconds: 1..5}}", "expected a number from 0.1" },
		{ "{a: {enabled: maybe}}", "expected true or false" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text),
			 "templates: {a: {adapter: echo}}\n"
			 "scaling:\n  templates: %s\n",
			 wrong[i][0]);
		ck_assert_int_eq(load_text(text), DEIA_EFIELD);
		ck_assert_msg(strstr(where.detail, wrong[i][1]) != NULL,
			      "%s: %s", wrong[i][0], where.detail);
		ck_assert_uint_eq(where.line, 3);
	}
}
END_TEST

static char changed[256];

static void note_change(const char *key, bool reload, void *user)
{
	size_t len = strlen(changed);

	ck_assert_ptr_eq(user, changed);
	snprintf(changed + len, sizeof(changed) - len, "%s%s ", key,
		 reload ? "" : "(restart)");
}

START_TEST(changes_between_two_loads_are_listed)
{
	deia_config *before;

	changed[0] = '\0';
	load_good("server:\n  port: 8000\n  allowed_hosts: [a]\n");
	before = config;
	load_good("server:\n  port: 8001\n  allowed_hosts: [a, b]\n");
	deia_config_changes(before, config, note_change, changed);
	ck_assert_str_eq(changed, "server.port(restart) server.allowed_hosts ");
	deia_config_free(before);
}
END_TEST

START_TEST(out_of_memory_at_any_point_is_told_and_leaks_nothing)
{
	unsigned long n = 0;
	deia_err err;

	write_bytes(with_templates, strlen(with_templates));
	do {
		deia__mem_fail_at(++n, false);
		err = deia_config_load(&config, dir, &where);
		ck_assert(err == DEIA_ENOMEM || err == DEIA_OK);
		ck_assert((err == DEIA_OK) == (config != NULL));
		ck_assert_int_lt((int)n, 1000);
	} while (err);
	deia__mem_fail_at(0, false);
	ck_assert_int_gt((int)n, 50);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, missing_file_is_all_defaults);
	tcase_add_test(tc, file_goes_over_defaults);
	tcase_add_test(tc, environment_goes_over_file_and_flag_over_both);
	tcase_add_test(tc, wrong_flag_is_refused_and_changes_nothing);
	tcase_add_test(tc, remote_address_needs_the_word_of_the_owner);
	tcase_add_test(tc, wrong_environment_is_told_by_name);
	tcase_add_loop_test(tc, ollama_host_is_read_as_ollama_does, 0,
			    sizeof(ollama_hosts) / sizeof(ollama_hosts[0]));
	tcase_add_loop_test(tc, mistake_is_answered_with_place_and_fix, 0,
			    sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(tc, unknown_field_of_a_template_is_refused_at_its_line);
	tcase_add_test(tc, file_over_a_mebibyte_is_refused);
	tcase_add_test(tc, unreadable_file_is_told);
	tcase_add_test(tc, templates_are_partial_specs_on_the_defaults);
	tcase_add_test(tc, templates_are_scaled_as_the_file_says);
	tcase_add_test(tc, wrong_scaling_is_named);
	tcase_add_test(tc, every_field_of_a_bot_may_be_in_a_template);
	tcase_add_test(tc,
		       a_wrong_value_in_a_group_of_a_template_has_its_place);
	tcase_add_test(tc, a_bot_is_made_from_a_template);
	tcase_add_test(tc, printing_names_origins_and_hides_secrets);
	tcase_add_test(tc, printing_hides_the_password_of_the_store);
	tcase_add_test(tc, changes_between_two_loads_are_listed);
	tcase_add_test(tc,
		       out_of_memory_at_any_point_is_told_and_leaks_nothing);
}

int main(void)
{
	Suite *s = suite_create("config");
	TCase *tc = tcase_create("load");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
