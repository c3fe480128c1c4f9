/* SPDX-License-Identifier: MIT */
/*
 * fold.c - kinds of characters and folding, on utf8proc.
 *
 * Folding is compatibility case folding (as NFKC_Casefold, but decomposed),
 * and accents on Latin letters are dropped, since half of all people leave
 * them out when they type. In other scripts marks are kept: there they are
 * often what tells two words from each other. Canonical order is made a word
 * at a time, and words are short, so a text of nothing but marks costs no more
 * than another.
 */
#include "task/fold.h"

#include <utf8proc.h>

#include "core/utf8.h"

#define REPLACEMENT 0xfffd
#define MAX_EXPANSION 32 /* U+FDFA makes 18 */

int32_t deia__char_at(const char *s, size_t len, size_t at, unsigned *bytes)
{
	const unsigned char *p = (const unsigned char *)s + at;
	int n;

	*bytes = 1;
	if (p[0] < 0x80)
		return p[0];
	n = deia__utf8_next(s + at, len - at);
	if (n <= 0)
		return REPLACEMENT;
	*bytes = (unsigned)n;
	if (n == 2)
		return (p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	if (n == 3)
		return (p[0] & 0x0f) << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	return (p[0] & 0x07) << 18 | (p[1] & 0x3f) << 12 | (p[2] & 0x3f) << 6 |
	       (p[3] & 0x3f);
}

static bool is_alone(int32_t c)
{
	return (c >= 0x3041 && c <= 0x309f) || (c >= 0x3400 && c <= 0x4dbf) ||
	       (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x20000 && c <= 0x3ffff);
}

static enum deia__char_kind ascii_kind(int32_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return DEIA__CHAR_LETTER;
	if (c >= '0' && c <= '9')
		return DEIA__CHAR_DIGIT;
	return c == '_' ? DEIA__CHAR_JOINER : DEIA__CHAR_OTHER;
}

enum deia__char_kind deia__char_kind(int32_t c)
{
	if (c < 0x80)
		return ascii_kind(c);
	if (is_alone(c))
		return DEIA__CHAR_ALONE;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
		return DEIA__CHAR_LETTER;
	case UTF8PROC_CATEGORY_CF:
		/* U+200B is a place to break at, the others are not. */
		return c == 0x200b ? DEIA__CHAR_OTHER : DEIA__CHAR_LETTER;
	case UTF8PROC_CATEGORY_ND:
		return DEIA__CHAR_DIGIT;
	case UTF8PROC_CATEGORY_PC:
		return DEIA__CHAR_JOINER;
	default:
		return DEIA__CHAR_OTHER;
	}
}

bool deia__char_is_hidden(int32_t c)
{
	utf8proc_category_t category;

	if (c < 0x80)
		return false;
	category = utf8proc_category(c);
	return category == UTF8PROC_CATEGORY_CF ||
	       category == UTF8PROC_CATEGORY_CC ||
	       category == UTF8PROC_CATEGORY_ZL ||
	       category == UTF8PROC_CATEGORY_ZP;
}

void deia__fold_init(struct deia__fold *f)
{
	f->n = 0;
	f->too_long = f->latin = false;
	f->ordered = true;
}

static void put(struct deia__fold *f, int32_t c)
{
	int ccc = 0;

	if (c >= 0x300)
		ccc = utf8proc_get_property(c)->combining_class;
	if (ccc != 0) {
		/* Of combining marks this block alone is put on Latin. */
		if (f->latin && c <= 0x36f)
			return;
		f->ordered = false;
	} else {
		f->latin = c < 0x80;
	}
	if (f->n == DEIA__FOLD_MAX)
		f->too_long = true;
	else
		f->c[f->n++] = c;
}

void deia__fold_add(struct deia__fold *f, int32_t c)
{
	int32_t parts[MAX_EXPANSION];
	int class = UTF8PROC_BOUNDCLASS_START;
	utf8proc_ssize_t n;

	if (c < 0x80) {
		put(f, c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
		return;
	}
	n = utf8proc_decompose_char(c, parts, MAX_EXPANSION,
				    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT |
					    UTF8PROC_CASEFOLD | UTF8PROC_IGNORE,
				    &class);
	if (n < 0 || n > MAX_EXPANSION) {
		f->too_long = true;
		return;
	}
	for (utf8proc_ssize_t i = 0; i < n; i++)
		put(f, parts[i]);
}

/* Marks by their class, those of one class as they stood: insertion sort. */
static void put_in_order(struct deia__fold *f)
{
	for (unsigned i = 1; i < f->n; i++) {
		int32_t c = f->c[i];
		unsigned k = i;
		int ccc = utf8proc_get_property(c)->combining_class;

		while (ccc != 0 && k > 0 &&
		       utf8proc_get_property(f->c[k - 1])->combining_class >
			       ccc) {
			f->c[k] = f->c[k - 1];
			k--;
		}
		f->c[k] = c;
	}
}

void deia__fold_end(struct deia__fold *f, char out[DEIA__WORD_BYTES + 1])
{
	size_t len = 0;

	out[0] = '\0';
	if (f->too_long)
		return;
	if (!f->ordered)
		put_in_order(f);
	for (unsigned i = 0; i < f->n; i++) {
		utf8proc_uint8_t bytes[4];
		utf8proc_ssize_t n = utf8proc_encode_char(f->c[i], bytes);

		if (n <= 0 || len + (size_t)n > DEIA__WORD_BYTES) {
			out[0] = '\0';
			return;
		}
		for (utf8proc_ssize_t k = 0; k < n; k++)
			out[len++] = (char)bytes[k];
	}
	out[len] = '\0';
}
