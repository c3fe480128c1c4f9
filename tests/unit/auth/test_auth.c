/* SPDX-License-Identifier: MIT */
/* test_auth.c - the token table, roles, one-time codes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/limits.h>

#include "auth/auth.h"
#include "core/mem.h"
#include "core/token.h"

static struct deia__token token_of(const char *secret, char *name)
{
	struct deia__token t = { .name = name,
				 .role = DEIA_ROLE_VIEWER,
				 .kind = deia__token_kind("token"),
				 .created_ms = 1 };

	memcpy(t.id, secret + 5, DEIA_TOKEN_ID_LEN);
	deia__secret_hash(t.hash, secret);
	return t;
}

START_TEST(roles_have_names_both_ways)
{
	for (unsigned r = 0; r < DEIA_ROLES; r++)
		ck_assert_int_eq(deia_role_parse(deia_role_name((deia_role)r)),
				 r);
	ck_assert_int_eq(deia_role_parse("root"), DEIA_ROLE_NONE);
	ck_assert_int_eq(deia_role_parse(NULL), DEIA_ROLE_NONE);
	ck_assert_str_eq(deia_role_name((deia_role)99), "none");
}
END_TEST

START_TEST(many_tokens_are_found_and_listed_in_order)
{
	static char secrets[500][DEIA_TOKEN_LEN + 1];
	const struct deia__token *page[7];
	char name[] = "n", last[DEIA_TOKEN_ID_LEN + 1] = "";
	size_t seen = 0, n;
	deia__tokens *t;

	ck_assert_int_eq(deia__tokens_new(&t), DEIA_OK);
	for (int i = 0; i < 500; i++) {
		struct deia__token token;

		ck_assert_int_eq(deia__token_make(secrets[i]), DEIA_OK);
		token = token_of(secrets[i], name);
		ck_assert_int_eq(deia__tokens_add(t, &token), DEIA_OK);
		ck_assert_int_eq(deia__tokens_add(t, &token), DEIA_EEXIST);
	}
	for (int i = 0; i < 500; i++)
		ck_assert_ptr_nonnull(deia__tokens_check(t, secrets[i], 5));
	do {
		n = deia__tokens_list(t, last[0] ? last : NULL, page, 7);
		for (size_t i = 0; i < n; i++, seen++) {
			ck_assert_int_gt(strcmp(page[i]->id, last), 0);
			memcpy(last, page[i]->id, sizeof(last));
		}
	} while (n == 7);
	ck_assert_uint_eq(seen, 500);
	deia__tokens_free(t);
}
END_TEST

START_TEST(expired_and_revoked_tokens_prove_nothing)
{
	char secret[DEIA_TOKEN_LEN + 1], name[] = "n";
	struct deia__token token;
	deia__tokens *t;

	ck_assert_int_eq(deia__token_make(secret), DEIA_OK);
	token = token_of(secret, name);
	token.expires_ms = 100;
	ck_assert_int_eq(deia__tokens_new(&t), DEIA_OK);
	ck_assert_int_eq(deia__tokens_add(t, &token), DEIA_OK);
	ck_assert_ptr_nonnull(deia__tokens_check(t, secret, 99));
	ck_assert_ptr_null(deia__tokens_check(t, secret, 100));
	deia__tokens_get(t, token.id)->expires_ms = 0;
	ck_assert_ptr_nonnull(deia__tokens_check(t, secret, 100));
	deia__tokens_get(t, token.id)->revoked = true;
	ck_assert_ptr_null(deia__tokens_check(t, secret, 100));
	deia__tokens_remove(t, token.id);
	deia__tokens_remove(t, token.id);
	ck_assert_ptr_null(deia__tokens_get(t, token.id));
	deia__tokens_free(t);
}
END_TEST

START_TEST(tokens_of_bots_are_not_listed)
{
	const struct deia__token *page[2];
	char secret[DEIA_TOKEN_LEN + 1], name[] = "BOT-001";
	struct deia__token token;
	deia__tokens *t;

	ck_assert_int_eq(deia__token_make(secret), DEIA_OK);
	token = token_of(secret, name);
	token.kind = deia__token_kind("bot");
	ck_assert_int_eq(deia__tokens_new(&t), DEIA_OK);
	ck_assert_int_eq(deia__tokens_add(t, &token), DEIA_OK);
	ck_assert_ptr_nonnull(deia__tokens_check(t, secret, 1));
	ck_assert_uint_eq(deia__tokens_list(t, NULL, page, 2), 0);
	deia__tokens_free(t);
}
END_TEST

START_TEST(a_sweep_takes_what_a_reading_did_not_see)
{
	char secrets[4][DEIA_TOKEN_LEN + 1], name[] = "n";
	struct deia__token token[4];
	deia__tokens *t;

	ck_assert_int_eq(deia__tokens_new(&t), DEIA_OK);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(deia__token_make(secrets[i]), DEIA_OK);
		token[i] = token_of(secrets[i], name);
	}
	token[2].kind = deia__token_kind("bot");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(deia__tokens_add(t, &token[i]), DEIA_OK);
	deia__tokens_begin_round(t);
	deia__tokens_seen(t, deia__tokens_get(t, token[0].id));
	ck_assert_int_eq(deia__tokens_add(t, &token[3]), DEIA_OK);
	deia__tokens_sweep(t);
	ck_assert_ptr_nonnull(deia__tokens_check(t, secrets[0], 5));
	ck_assert_ptr_null(deia__tokens_check(t, secrets[1], 5));
	ck_assert_ptr_nonnull(deia__tokens_check(t, secrets[2], 5));
	ck_assert_ptr_nonnull(deia__tokens_check(t, secrets[3], 5));
	deia__tokens_free(t);
}
END_TEST

START_TEST(table_survives_every_failed_allocation)
{
	char secret[DEIA_TOKEN_LEN + 1], name[] = "n";
	struct deia__token token;
	deia_err err = DEIA_ENOMEM;

	ck_assert_int_eq(deia__token_make(secret), DEIA_OK);
	token = token_of(secret, name);
	for (unsigned long n = 1; err && n < 20; n++) {
		deia__tokens *t = NULL;

		deia__mem_fail_at(n, false);
		err = deia__tokens_new(&t);
		if (!err)
			err = deia__tokens_add(t, &token);
		deia__mem_fail_at(0, false);
		ck_assert(err == DEIA_OK || err == DEIA_ENOMEM);
		deia__tokens_free(t);
	}
	ck_assert_int_eq(err, DEIA_OK);
}
END_TEST

static struct deia__codes codes;

START_TEST(code_works_once_and_in_time)
{
	char code[DEIA__CODE_LEN + 1];
	deia_role role;

	memset(&codes, 0, sizeof(codes));
	ck_assert_int_eq(
		deia__codes_make(&codes, DEIA_ROLE_ADMIN, 1000, 500, code),
		DEIA_OK);
	ck_assert_uint_eq(strlen(code), DEIA__CODE_LEN);
	ck_assert_int_eq(deia__codes_use(&codes, code, "a", 1500, &role),
			 DEIA_EAUTH);
	ck_assert_int_eq(deia__codes_use(&codes, code, "a", 1499, &role),
			 DEIA_OK);
	ck_assert_int_eq(role, DEIA_ROLE_ADMIN);
	ck_assert_int_eq(deia__codes_use(&codes, code, "a", 1499, &role),
			 DEIA_EAUTH);
	ck_assert_int_eq(role, DEIA_ROLE_NONE);
}
END_TEST

START_TEST(brake_loosens_after_its_window)
{
	char code[DEIA__CODE_LEN + 1];
	deia_role role;

	memset(&codes, 0, sizeof(codes));
	for (int i = 0; i < DEIA__TRIES_MAX; i++)
		ck_assert_int_eq(deia__codes_use(&codes, "no", "a", 1, &role),
				 DEIA_EAUTH);
	ck_assert_int_eq(deia__codes_make(&codes, DEIA_ROLE_VIEWER, 1,
					  DEIA__TRIES_WINDOW_MS * 2, code),
			 DEIA_OK);
	ck_assert_int_eq(deia__codes_use(&codes, "no", "a", 2, &role),
			 DEIA_EBUSY);
	ck_assert_int_eq(deia__codes_use(&codes, "no", "a",
					 1 + DEIA__TRIES_WINDOW_MS, &role),
			 DEIA_EAUTH);
	/* A right code passes, however often others guessed. */
	for (int i = 0; i < 2 * DEIA__TRIES_MAX; i++)
		(void)!deia__codes_use(&codes, "no", "a",
				       1 + DEIA__TRIES_WINDOW_MS, &role);
	ck_assert_int_eq(deia__codes_use(&codes, code, "a",
					 1 + DEIA__TRIES_WINDOW_MS, &role),
			 DEIA_OK);
}
END_TEST

START_TEST(many_addresses_and_codes_stay_bounded)
{
	char address[32], code[DEIA__CODE_LEN + 1];
	deia_role role;

	memset(&codes, 0, sizeof(codes));
	for (int i = 0; i < 5000; i++) {
		snprintf(address, sizeof(address), "10.0.%d.%d", i / 250,
			 i % 250);
		ck_assert_int_eq(
			deia__codes_use(&codes, "no", address, i + 1, &role),
			DEIA_EAUTH);
		ck_assert_int_eq(deia__codes_make(&codes, DEIA_ROLE_VIEWER,
						  i + 1, 100000, code),
				 DEIA_OK);
	}
	ck_assert_int_eq(deia__codes_use(&codes, code, "fresh", 5001, &role),
			 DEIA_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("auth");
	TCase *t = tcase_create("auth");
	SRunner *r;
	int failed;

	tcase_add_test(t, roles_have_names_both_ways);
	tcase_add_test(t, many_tokens_are_found_and_listed_in_order);
	tcase_add_test(t, expired_and_revoked_tokens_prove_nothing);
	tcase_add_test(t, tokens_of_bots_are_not_listed);
	tcase_add_test(t, a_sweep_takes_what_a_reading_did_not_see);
	tcase_add_test(t, table_survives_every_failed_allocation);
	tcase_add_test(t, code_works_once_and_in_time);
	tcase_add_test(t, brake_loosens_after_its_window);
	tcase_add_test(t, many_addresses_and_codes_stay_bounded);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
