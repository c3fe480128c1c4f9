/* SPDX-License-Identifier: MIT */
/*
 * fuzz_expect.c - any bytes as an expectation, and as a result under it: the
 * first line is the expectation, the rest the result.
 *
 * Text and tree are judged alike; a result is judged twice alike; a reason is
 * one line of UTF-8; nothing takes long (the fuzzer's timeout).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deia/task.h>

#include "core/json.h"
#include "core/utf8.h"
#include "expect/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_line(const struct deia__errmsg *why)
{
	size_t n = strnlen(why->text, sizeof(why->text));

	must(n > 0 && n < sizeof(why->text));
	must(deia__utf8_valid(why->text, n));
	for (size_t i = 0; i < n; i++)
		must((unsigned char)why->text[i] >= ' ' &&
		     why->text[i] != 0x7f);
}

static void judge_tree(const char *json, deia_err of_text)
{
	struct deia__errmsg why = { "" };
	cJSON *tree;
	deia_err err;

	if (deia_json_parse(&tree, json, strlen(json), NULL) != DEIA_OK)
		return;
	err = deia__expect_check(tree, &why);
	/* Printed anew it may be shorter or longer. */
	must(err == of_text || err == DEIA_ELIMIT || of_text == DEIA_ELIMIT);
	cJSON_Delete(tree);
}

static void hold(const struct deia__expect *e, const char *text, size_t len)
{
	struct deia__errmsg first = { "" }, again = { "" };
	deia_err err = deia__expect_holds(e, text, len, &first);

	must(err == DEIA_OK || err == DEIA_EREMOTE || err == DEIA_ELIMIT);
	if (err)
		must_be_line(&first);
	must(deia__expect_holds(e, text, len, &again) == err);
	must(strcmp(first.text, again.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	const char *end = size ? memchr(bytes, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - bytes) : size;
	struct deia__errmsg why = { "" };
	struct deia__expect *e;
	char *json = strndup(bytes, len);
	deia_err err;

	must(json != NULL);
	err = deia__expect_new(&e, json, &why);
	must(err == DEIA_OK || err == DEIA_EFIELD || err == DEIA_ELIMIT);
	must((e == NULL) == (err != DEIA_OK));
	if (err)
		must_be_line(&why);
	judge_tree(json, err);
	if (e)
		hold(e, end ? end + 1 : "", end ? size - len - 1 : 0);
	deia__expect_free(e);
	free(json);
	return 0;
}
