/* SPDX-License-Identifier: MIT */
/* What must hold for any text: each text of texts.h is changed in ways that
 * may not matter, or must. */
#include <stdio.h>
#include <stdlib.h>

#include <utf8proc.h>

#include "core/id.h"
#include "held_out.h"
#include "rig.h"
#include "texts.h"

#define N_TEXTS (sizeof(texts) / sizeof(*texts))
#define N_HELD_OUT (sizeof(held_out) / sizeof(*held_out))
#define MAX_BYTES (64u << 10)

static const struct labelled *text_at(int i)
{
	size_t n = (size_t)i;

	return n < N_TEXTS ? &texts[n] : &held_out[n - N_TEXTS];
}

/* Everything but the spelling in the reasons. */
static void must_equal(const struct deia_task_analysis *a,
		       const struct deia_task_analysis *b, const char *text)
{
	ck_assert_msg(strcmp(a->type, b->type) == 0, "%s, not %s: %s", b->type,
		      a->type, text);
	ck_assert_double_eq(a->complexity, b->complexity);
	ck_assert_uint_eq(a->n_capabilities, b->n_capabilities);
	ck_assert_mem_eq(a->capabilities, b->capabilities,
			 sizeof(a->capabilities));
	ck_assert_uint_eq(a->n_reasons, b->n_reasons);
}

/* ---- spelling ------------------------------------------------------------ */

static void change_case(char *out, const char *text,
			utf8proc_int32_t (*change)(utf8proc_int32_t c))
{
	size_t len = strlen(text);

	while (len > 0) {
		utf8proc_int32_t c;
		utf8proc_ssize_t n =
			utf8proc_iterate((const utf8proc_uint8_t *)text,
					 (utf8proc_ssize_t)len, &c);

		ck_assert_int_gt(n, 0);
		out += utf8proc_encode_char(change(c), (utf8proc_uint8_t *)out);
		text += n;
		len -= (size_t)n;
	}
	*out = '\0';
}

static struct deia__rng rng;

static utf8proc_int32_t by_chance(utf8proc_int32_t c)
{
	return deia__rng_next(&rng) & 1 ? utf8proc_toupper(c)
					: utf8proc_tolower(c);
}

START_TEST(case_does_not_matter)
{
	static utf8proc_int32_t (*const changes[])(utf8proc_int32_t) = {
		utf8proc_toupper,
		utf8proc_tolower,
		by_chance,
	};
	const char *text = text_at(_i)->text;
	struct deia_task_analysis before = *rig_analyze(text);
	char changed[4096];

	deia__rng_init(&rng, 1 + (uint64_t)_i);
	for (size_t k = 0; k < sizeof(changes) / sizeof(*changes); k++) {
		change_case(changed, text, changes[k]);
		must_equal(&before, rig_analyze(changed), changed);
	}
}
END_TEST

START_TEST(composition_and_accents_on_latin_do_not_matter)
{
	static const utf8proc_option_t options[] = {
		UTF8PROC_DECOMPOSE,
		UTF8PROC_COMPOSE,
		UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK,
	};
	const char *text = text_at(_i)->text;
	struct deia_task_analysis before = *rig_analyze(text);
	utf8proc_uint8_t *changed;

	for (size_t k = 0; k < sizeof(options) / sizeof(*options); k++) {
		ck_assert_int_ge(utf8proc_map((const utf8proc_uint8_t *)text, 0,
					      &changed,
					      options[k] | UTF8PROC_NULLTERM |
						      UTF8PROC_STABLE),
				 0);
		before.estimated_seconds = 0;
		must_equal(&before, rig_analyze((char *)changed), text);
		free(changed);
	}
}
END_TEST

/* ---- whole words --------------------------------------------------------- */

/* The bytes of an inverted question mark are no part of a word. */
static bool is_inside(unsigned char c)
{
	return (c >= 0x80 && c != 0xc2 && c != 0xbf) ||
	       (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* Each word gets letters before or behind it, or both. */
static void dress(char *out, const char *text, bool before, bool behind)
{
	bool was_inside = false;

	for (; *text != '\0'; text++) {
		bool inside = is_inside((unsigned char)*text);

		if (before && inside && !was_inside)
			out = stpcpy(out, "zq");
		if (behind && !inside && was_inside)
			out = stpcpy(out, "qz");
		*out++ = *text;
		was_inside = inside;
	}
	*out = '\0';
	if (behind && was_inside)
		strcpy(out, "qz");
}

START_TEST(no_word_counts_inside_another)
{
	char changed[4096];

	for (int how = 1; how <= 3; how++) {
		const struct deia_task_analysis *r;

		dress(changed, text_at(_i)->text, how & 1, how & 2);
		r = rig_analyze(changed);
		ck_assert_str_eq(r->type, "general");
		/* A reason quotes what it found. */
		for (size_t i = 0; i < r->n_reasons; i++)
			ck_assert_msg(strchr(r->reasons[i], '"') == NULL,
				      "%s: %s", changed, r->reasons[i]);
	}
}
END_TEST

/* ---- other text beside it ------------------------------------------------ */

static const char *const unrelated[] = {
	"Yesterday it rained in the north, and in the south the sun shone "
	"until the evening. Fishermen came back to the harbour with empty "
	"boats, and the old lighthouse keeper said that he had not seen such "
	"a spring for years.",
	"The home side went ahead after twelve minutes with a header from "
	"close range. The visitors had more of the ball in the second half "
	"but could not find a way through, and a late penalty settled it.",
	"Heat the oil in a heavy pan. Slice the onions thinly and let them "
	"soften slowly. Add the tomatoes and a pinch of salt, and leave it on "
	"a low flame for half an hour.",
	"2026-03-01T10:00:00Z INFO worker 7 started\n"
	"2026-03-01T10:00:03Z WARN queue length 93\n"
	"2026-03-01T10:00:09Z INFO worker 7 done in 8.1 s",
	"Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand "
	"er sich in seinem Bett zu einem ungeheueren Ungeziefer verwandelt.",
	"En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha "
	"mucho tiempo que vivía un hidalgo.",
};
#define N_UNRELATED (sizeof(unrelated) / sizeof(*unrelated))

/* By how much a type is ahead of the next, from what the reasons say. */
static double lead_of(const struct deia_task_analysis *r)
{
	double best = 0, next = 0;
	const char *at = strstr(r->reasons[0], " with ");

	if (at == NULL || sscanf(at, " with %lf", &best) != 1)
		return 0;
	at = strstr(r->reasons[1], ", ");
	if (strncmp(r->reasons[1], "less for ", 9) == 0 &&
	    sscanf(at, ", %lf", &next) != 1)
		return 0;
	return best - next;
}

static void repeat(char *out, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		if (i > 0)
			out = stpcpy(out, "\n\n");
		out = stpcpy(out, text);
	}
}

START_TEST(unrelated_text_does_not_turn_a_strong_type)
{
	static char other[MAX_BYTES], all[MAX_BYTES + 4096];
	unsigned strong = 0;

	for (int i = 0; i < (int)(N_TEXTS + N_HELD_OUT); i++) {
		const char *text = text_at(i)->text;
		struct deia_task_analysis before = *rig_analyze(text);

		if (lead_of(&before) < 5)
			continue;
		strong++;
		for (size_t k = 0; k < N_UNRELATED; k++) {
			repeat(other, unrelated[k], _i == 0 ? 1 : 120);
			snprintf(all, sizeof(all), "%s\n\n%s", text, other);
			ck_assert_msg(strcmp(rig_analyze(all)->type,
					     before.type) == 0,
				      "behind it %zu: %s", k, text);
			snprintf(all, sizeof(all), "%s\n\n%s", other, text);
			ck_assert_msg(strcmp(rig_analyze(all)->type,
					     before.type) == 0,
				      "before it %zu: %s", k, text);
		}
	}
	printf("# %u of %zu types are strong\n", strong, N_TEXTS + N_HELD_OUT);
	ck_assert_uint_gt(strong, N_TEXTS / 3);
}
END_TEST

START_TEST(quoted_material_does_not_turn_a_strong_type)
{
	const struct deia_task_analysis *r = rig_analyze(
		"Translate this:\n```\nFix the bug, debug the code, test and "
		"verify the schedule, plan the release, check the parser and "
		"implement the function.\n```");

	ck_assert_str_eq(r->type, "writing");
	ck_assert(rig_says(r, "\"Fix the bug\" 6 x0.5 far from it"));
	ck_assert(rig_says(r, "less for development, 2: "));
	r = rig_analyze("Translate it.\n> Fix the bug and debug the code.\n"
			"> Verify that the test works and check the plan.");
	ck_assert_str_eq(r->type, "writing");
}
END_TEST

/* ---- the same again ------------------------------------------------------ */

START_TEST(two_analyzers_say_the_same_byte_for_byte)
{
	static struct deia_task_analysis first[N_TEXTS], second;

	for (size_t i = 0; i < N_TEXTS; i++)
		first[i] = *rig_analyze(texts[i].text);
	rig_close();
	rig_open();
	for (size_t i = N_TEXTS; i-- > 0;) {
		second = *rig_analyze(texts[i].text);
		ck_assert_mem_eq(&first[i], &second, sizeof(second));
	}
}
END_TEST

/* Words of the texts in any order, with any bytes between them. */
START_TEST(any_mixture_of_words_gives_a_sound_answer)
{
	static char text[MAX_BYTES];
	size_t len = 0;

	deia__rng_init(&rng, 100 + (uint64_t)_i);
	while (len < sizeof(text) - 300) {
		const char *from = text_at((int)(deia__rng_next(&rng) %
						 (N_TEXTS + N_HELD_OUT)))
					   ->text;
		size_t skip = deia__rng_next(&rng) % strlen(from);
		size_t n = deia__rng_next(&rng) % 40;

		n = n < strlen(from) - skip ? n : strlen(from) - skip;
		memcpy(text + len, from + skip, n);
		len += n;
		text[len++] = (char)deia__rng_next(&rng);
		if (deia__rng_next(&rng) % 4 == 0)
			text[len++] = '\n';
	}
	for (size_t cut = 1; cut < len; cut = cut * 3 + 1) {
		const struct deia_task_analysis *r = rig_analyze_n(text, cut);
		bool known = false;

		for (size_t i = 0; deia_task_analyzer_type(rig, i); i++)
			known = known || strcmp(deia_task_analyzer_type(rig, i),
						r->type) == 0;
		ck_assert(known);
		ck_assert(r->complexity >= 0 && r->complexity <= 1);
		ck_assert(r->estimated_seconds > 0 &&
			  r->estimated_seconds <=
				  DEIA_TASK_MAX_ESTIMATE_SECONDS);
		ck_assert_uint_le(r->n_capabilities,
				  DEIA_TASK_MAX_CAPABILITIES);
	}
}
END_TEST

int main(void)
{
	const int n_all = (int)(N_TEXTS + N_HELD_OUT);
	Suite *s = suite_create("task-properties");
	TCase *tc = tcase_create("properties");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, rig_open, rig_close);
	tcase_add_loop_test(tc, case_does_not_matter, 0, n_all);
	tcase_add_loop_test(tc, composition_and_accents_on_latin_do_not_matter,
			    0, n_all);
	tcase_add_loop_test(tc, no_word_counts_inside_another, 0, n_all);
	tcase_add_loop_test(tc, unrelated_text_does_not_turn_a_strong_type, 0,
			    2);
	tcase_add_test(tc, quoted_material_does_not_turn_a_strong_type);
	tcase_add_test(tc, two_analyzers_say_the_same_byte_for_byte);
	tcase_add_loop_test(tc, any_mixture_of_words_gives_a_sound_answer, 0,
			    20);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
