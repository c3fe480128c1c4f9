/* SPDX-License-Identifier: MIT */
/*
 * test_context.c - which messages fit a model's window: a table of cases, and
 * what must hold for any of them.
 */
#include "model/context.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define MAX_ITEMS 16
#define MAX_BYTES 4096

/* One letter a history item: u, a (assistant), s (system); sizes in bytes. */
static const struct window_case {
	const char *what;
	int64_t num_ctx, num_predict;
	size_t system, newest;
	const char *roles;
	size_t item_bytes;
	size_t first; /* expected */
} cases[] = {
	/* 100 bytes are 34 tokens and 4 for the role: 38 a message */
	{ "all fit", 4096, 0, 0, 100, "uaua", 100, 0 },
	{ "no history", 4096, 0, 0, 100, "", 100, 0 },
	{ "a quarter is for the answer", 200, 0, 0, 100, "uaua", 100, 2 },
	{ "num_predict is for the answer", 200, 20, 0, 100, "uaua", 100, 2 },
	{ "just enough for all", 200, 10, 0, 100, "uaua", 100, 0 },
	{ "one token too few", 199, 10, 0, 100, "uaua", 100, 2 },
	{ "the answer claims at most half", 400, 5000, 0, 100, "uaua", 100, 0 },
	{ "the system prompt counts", 200, 10, 100, 100, "uaua", 100, 2 },
	{ "an answer does not come first", 200, 0, 0, 100, "uauau", 100, 4 },
	{ "nothing but answers is left out", 120, 0, 0, 100, "uaa", 100, 3 },
	{ "a first answer stays if all fit", 4096, 0, 0, 1, "aua", 10, 0 },
	{ "newest message larger than the window", 64, 0, 0, 4000, "uaua", 10,
	  4 },
	{ "tiny window", 1, 0, 0, 1, "ua", 1, 2 },
	{ "empty messages count their role", 16, 0, 0, 0, "uauaua", 0, 4 },
	{ "a system item is like any other", 200, 0, 0, 100, "susa", 100, 2 },
};

static size_t run(const struct window_case *c, unsigned tokens_per_kib)
{
	static char text[MAX_BYTES], system[MAX_BYTES], newest[MAX_BYTES];
	struct deia_turn_history items[MAX_ITEMS];
	struct deia__context window = { c->num_ctx, c->num_predict,
					tokens_per_kib };
	struct deia_turn_info info = { .content = newest,
				       .history = items,
				       .n_history = strlen(c->roles) };

	memset(text, 'x', sizeof(text));
	memset(system, 'x', sizeof(system));
	memset(newest, 'x', sizeof(newest));
	text[c->item_bytes] = system[c->system] = newest[c->newest] = '\0';
	for (size_t i = 0; i < info.n_history; i++)
		items[i] = (struct deia_turn_history){
			.role = c->roles[i] == 'u'   ? "user"
				: c->roles[i] == 'a' ? "assistant"
						     : "system",
			.content = text,
		};
	return deia__context_first(&window, &info, c->system ? system : NULL);
}

START_TEST(window_holds_the_last_messages_that_fit)
{
	const struct window_case *c = &cases[_i];

	ck_assert_msg(run(c, DEIA__TOKENS_PER_KIB) == c->first,
		      "%s: %zu, not %zu", c->what, run(c, DEIA__TOKENS_PER_KIB),
		      c->first);
}
END_TEST

START_TEST(a_larger_estimate_never_sends_more)
{
	const struct window_case *c = &cases[_i];

	ck_assert_uint_ge(run(c, DEIA__TOKENS_PER_KIB_MAX),
			  run(c, DEIA__TOKENS_PER_KIB));
}
END_TEST

START_TEST(a_larger_window_never_sends_less)
{
	struct window_case c = cases[_i];
	size_t last = SIZE_MAX;

	for (c.num_ctx = 1; c.num_ctx < 1000; c.num_ctx++) {
		size_t first = run(&c, DEIA__TOKENS_PER_KIB);
		ck_assert_uint_le(first, last);
		ck_assert_uint_le(first, strlen(c.roles));
		last = first;
	}
}
END_TEST

START_TEST(tokens_are_bytes_by_three_and_four_for_the_role)
{
	struct deia__context c = { 0, 0, DEIA__TOKENS_PER_KIB };

	ck_assert_int_eq(deia__context_tokens(&c, 0), 4);
	ck_assert_int_eq(deia__context_tokens(&c, 1), 5);
	ck_assert_int_eq(deia__context_tokens(&c, 300), 104);
	ck_assert_int_eq(deia__context_tokens(&c, 1u << 20), 349188);
}
END_TEST

int main(void)
{
	int n = sizeof(cases) / sizeof(*cases);
	Suite *suite = suite_create("context");
	TCase *tc = tcase_create("context");
	SRunner *runner;

	tcase_add_loop_test(tc, window_holds_the_last_messages_that_fit, 0, n);
	tcase_add_loop_test(tc, a_larger_estimate_never_sends_more, 0, n);
	tcase_add_loop_test(tc, a_larger_window_never_sends_less, 0, n);
	tcase_add_test(tc, tokens_are_bytes_by_three_and_four_for_the_role);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
