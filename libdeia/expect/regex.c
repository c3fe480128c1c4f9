/* SPDX-License-Identifier: MIT */
/*
 * regex.c - PCRE2 on a meter.
 *
 * Which engine (Debian 12, with a C interface):
 * - RE2 and Boost are C++, which a static C library cannot bring along. The
 *   C interface of Rust's regex is not packaged.
 * - TRE works in parallel, but has had no care since 2010, reads its texts by
 *   the process's locale, and a{255}{255}{255} costs it gigabytes.
 * - Oniguruma backtracks; its limits count retries, not the characters that a
 *   single loop runs over, so a search can take the square of a text.
 * - PCRE2 is well kept, knows Unicode, look-around, and tells where a pattern
 *   is wrong. Its interpreter is used: compiled code (JIT) cannot be metered.
 *   pcre2_dfa_match does not backtrack, but its work is not counted either.
 *
 * PCRE2's own match limit begins anew at each place where a match may start,
 * and does not see the characters that a loop such as [^x]* passes. So this
 * meters by callouts: PCRE2_AUTO_CALLOUT calls before each item of the pattern
 * that is tried, with the place in the text. A call costs a step, characters
 * passed since the last one cost too. What no call sees is refused or has a
 * maximum that goes into the price of a step:
 * - a back reference compares any length: refused;
 * - \X looks back over all flags in front of it: refused;
 * - without regard to case PCRE2 10.42 seeks each of two letters to the text's
 *   end to skip where no match begins, at each place anew: it is told not to;
 * - X{n} looks at n characters before it fails: n has a maximum;
 * - groups are saved at each step: plain ones do not capture, named ones have
 *   a maximum;
 * - a class of hundreds of ranges costs more a character, and one loop may pass
 *   the whole text with it: its length counts, and limits the text's.
 * Memory has PCRE2's heap limit.
 */
#include "expect/regex.h"

#include <assert.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/mem.h"

#define HEAP_LIMIT_KIB 8192
#define MATCH_LIMIT 1000000
#define MAX_LOOKBEHIND 255
/* What a loop over the whole text may cost, in characters under a short class. */
#define MAX_PASS (32u << 20)
/* Characters that a loop passes in the time of a call. */
#define CHARS_A_STEP 4
/* Of those that cannot begin a match, which the search for one skips. */
#define SKIPPED_A_STEP 32
#define STOPPED (-1000)

struct deia__regex {
	pcre2_general_context *memory;
	pcre2_code *code;
	uint64_t step;	/* what a call costs */
	uint64_t chars; /* passed characters cost so many quarters */
};

struct meter {
	const struct deia__regex *re;
	uint64_t *work;
	size_t at; /* place of the last call */
};

static void *take_memory(size_t size, void *user)
{
	(void)user;
	return deia__alloc_raw(size);
}

static void give_memory(void *p, void *user)
{
	(void)user;
	deia__free(p);
}

/* ---- compiling --------------------------------------------------------- */

/* What a look at the pattern's text tells. Where it errs it refuses what nobody
 * writes, such as a count inside a class. */
struct looks {
	unsigned repeats; /* the most that are demanded */
	size_t class_len; /* from the first class to the end of the last */
	bool caseless, graphemes;
};

/* At '{': behind the number in it. */
static const char *look_at_count(struct looks *l, const char *p)
{
	unsigned n = 0;

	for (; p[1] >= '0' && p[1] <= '9'; p++)
		n = n > 65535 ? n : n * 10 + (unsigned)(p[1] - '0');
	if (n > l->repeats)
		l->repeats = n;
	return p;
}

/* At "(?", which options may follow. */
static void look_at_options(struct looks *l, const char *p)
{
	for (p += 2; (*p | 0x20) >= 'a' || *p == '^' || *p == '-'; p++) {
		if ((*p | 0x20) > 'z')
			return;
		l->caseless = l->caseless || *p == 'i';
	}
}

static void look_at(struct looks *l, const char *p, bool ecma)
{
	/* Braces behind these hold no count. */
	const char *braced = ecma ? "uopPgk" : "xopPgk";
	const char *open = strchr(p, '['), *end = strrchr(p, ']');

	if (open && end > open)
		l->class_len = (size_t)(end - open);
	for (; *p; p++) {
		if (*p == '\\' && p[1]) {
			p++;
			l->graphemes = l->graphemes || *p == 'X';
			p += strchr(braced, *p) && p[1] == '{';
		} else if (*p == '{') {
			p = look_at_count(l, p);
		} else if (*p == '(' && p[1] == '?') {
			look_at_options(l, p);
		}
	}
}

static deia_err compile_error(int code, size_t at, struct deia__errmsg *why)
{
	char text[160] = "";

	/* "failed to get memory", "internal error: ... for memory" */
	if (code == PCRE2_ERROR_HEAP_FAILED)
		return deia__fail(why, DEIA_ENOMEM, "memory ran out");
	pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
	return deia__fail(why, DEIA_EFIELD,
			  "not a regular expression: %s (at byte %zu of it)",
			  text, at);
}

static deia_err compile(struct deia__regex *re, const char *pattern, bool ecma,
			bool caseless, struct deia__errmsg *why)
{
	uint32_t options = PCRE2_UTF | PCRE2_AUTO_CALLOUT |
			   PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *context;
	PCRE2_SIZE at = 0;
	int code = 0;

	if (ecma)
		options |= PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS |
			   PCRE2_DOLLAR_ENDONLY;
	if (caseless)
		options |= PCRE2_NO_START_OPTIMIZE;
	context = pcre2_compile_context_create(re->memory);
	if (context == NULL)
		return deia__fail(why, DEIA_ENOMEM, "memory ran out");
	if (ecma)
		pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
	re->code = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), options,
				 &code, &at, context);
	pcre2_compile_context_free(context);
	return re->code ? DEIA_OK : compile_error(code, at, why);
}

static uint32_t fact(const struct deia__regex *re, uint32_t what)
{
	uint32_t value = 0;
	int rc = pcre2_pattern_info(re->code, what, &value);

	assert(rc == 0);
	(void)rc;
	return value;
}

/* What the meter could not see. */
static deia_err refuse_unmetered(const struct deia__regex *re,
				 const struct looks *looks,
				 struct deia__errmsg *why)
{
	if (fact(re, PCRE2_INFO_BACKREFMAX) > 0)
		return deia__fail(why, DEIA_EFIELD,
				  "back references are not supported");
	if (looks->graphemes)
		return deia__fail(why, DEIA_EFIELD, "\\X is not supported");
	if (looks->repeats > DEIA__REGEX_MAX_REPEAT)
		return deia__fail(why, DEIA_EFIELD,
				  "at least %u repeats are demanded; at most "
				  "%d are supported",
				  looks->repeats, DEIA__REGEX_MAX_REPEAT);
	if (fact(re, PCRE2_INFO_CAPTURECOUNT) > DEIA__REGEX_MAX_NAMED)
		return deia__fail(why, DEIA_EFIELD,
				  "more than %d named groups; plain ones do",
				  DEIA__REGEX_MAX_NAMED);
	if (fact(re, PCRE2_INFO_MAXLOOKBEHIND) > MAX_LOOKBEHIND)
		return deia__fail(why, DEIA_EFIELD,
				  "it looks back over more than %d characters",
				  MAX_LOOKBEHIND);
	return DEIA_OK;
}

deia_err deia__regex_new(struct deia__regex **out, const char *pattern,
			 bool ecma, struct deia__errmsg *why)
{
	struct deia__regex *re = deia__alloc(sizeof(*re));
	struct looks looks = { 0 };
	deia_err err;

	*out = NULL;
	if (re == NULL)
		return deia__fail(why, DEIA_ENOMEM, "memory ran out");
	look_at(&looks, pattern, ecma);
	re->chars = 1 + looks.class_len / 16;
	re->step = 1 + looks.repeats * re->chars / 4 + looks.class_len / 32;
	re->memory =
		pcre2_general_context_create(take_memory, give_memory, NULL);
	if (re->memory)
		err = compile(re, pattern, ecma, looks.caseless, why);
	else
		err = deia__fail(why, DEIA_ENOMEM, "memory ran out");
	if (!err)
		err = refuse_unmetered(re, &looks, why);
	if (err)
		deia__regex_free(re);
	else
		*out = re;
	return err;
}

void deia__regex_free(struct deia__regex *re)
{
	if (re == NULL)
		return;
	pcre2_code_free(re->code);
	pcre2_general_context_free(re->memory);
	deia__free(re);
}

/* ---- matching ---------------------------------------------------------- */

/* Before each item that is tried. */
static int on_item(pcre2_callout_block *block, void *user)
{
	struct meter *m = user;
	uint64_t cost = m->re->step;

	if (block->start_match > m->at) {
		cost += (block->start_match - m->at) / SKIPPED_A_STEP;
		m->at = block->start_match;
	}
	if (block->current_position > m->at)
		cost += (block->current_position - m->at) * m->re->chars /
			CHARS_A_STEP;
	m->at = block->current_position;
	if (cost >= *m->work) {
		*m->work = 0;
		return STOPPED;
	}
	*m->work -= cost;
	return 0;
}

static deia_err run(struct meter *m, pcre2_match_context *context,
		    pcre2_match_data *data, const char *text, size_t len)
{
	int rc;

	pcre2_set_callout(context, on_item, m);
	pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
	pcre2_set_match_limit(context, MATCH_LIMIT);
	rc = pcre2_match(m->re->code, (PCRE2_SPTR)text, len, 0,
			 PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context);
	if (rc >= 0)
		return DEIA_OK;
	if (rc == PCRE2_ERROR_NOMATCH)
		return DEIA_ENOTFOUND;
	if (rc == PCRE2_ERROR_NOMEMORY)
		return DEIA_ENOMEM;
	/* Stopped here, or by one of PCRE2's own limits. */
	*m->work = 0;
	return DEIA_ELIMIT;
}

deia_err deia__regex_find(const struct deia__regex *re, const char *text,
			  size_t len, uint64_t *work)
{
	struct meter m = { .re = re, .work = work };
	pcre2_match_context *context;
	pcre2_match_data *data;
	deia_err err = DEIA_ENOMEM;

	if (len > MAX_PASS / re->chars) {
		*work = 0;
		return DEIA_ELIMIT;
	}
	context = pcre2_match_context_create(re->memory);
	data = pcre2_match_data_create(1, re->memory);
	if (context && data)
		err = run(&m, context, data, text, len);
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return err;
}
