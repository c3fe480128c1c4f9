/* SPDX-License-Identifier: MIT */
/*
 * words.c - words as Unicode's default rules have them (UAX #29), with the
 * rules that matter here and in one pass:
 *
 *   a word      letters, marks, digits, and low lines between them
 *   inside it   ' ’ · and . between two letters, . and , between two digits
 *   Han, Hiragana: each character is a word
 *
 * Beyond UAX #29, for texts about work: "c++" and "c#"; a final 's is dropped;
 * an address or a path is one word that matches nothing but by its file ending;
 * blocks of code and quoted lines are marked; markers of lists are counted.
 * Each byte is looked at a fixed number of times.
 */
#include "task/words.h"

#include <string.h>

#include "task/fold.h"

#define MAX_EXT 6	    /* of a file name, with its dot */
#define MAX_WORD_BYTES 1024 /* read letter by letter */

void deia__words_init(struct deia__words *r, const char *s, size_t len,
		      size_t from, size_t end)
{
	memset(r, 0, sizeof(*r));
	r->s = s;
	r->len = len;
	r->at = from;
	r->end = end;
	r->line_start = true;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static unsigned char byte_at(const struct deia__words *r, size_t at)
{
	return at < r->len ? (unsigned char)r->s[at] : '\n';
}

/* ---- what is between words ---------------------------------------------- */

/* Hyphens, quotation marks, emphasis, one slash: a phrase goes on behind. */
static bool is_soft(int32_t c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '-':
	case '\'':
	case '"':
	case '`':
	case '*':
	case '_':
	case '/':
	case 0xa0:
		return true;
	default:
		return (c >= 0x2010 && c <= 0x2012) ||
		       (c >= 0x2018 && c <= 0x201f);
	}
}

/* Three equal marks at the start of a line open and close a block of code. */
static bool is_fence(const struct deia__words *r)
{
	unsigned char c = byte_at(r, r->at);

	return (c == '`' || c == '~') && byte_at(r, r->at + 1) == c &&
	       byte_at(r, r->at + 2) == c;
}

/* The length of a list's marker at the start of a line, 0: there is none. */
static size_t item_marker(const struct deia__words *r)
{
	unsigned char c = byte_at(r, r->at);
	size_t n = 0;

	if (c == '-' || c == '*' || c == '+')
		return is_blank(byte_at(r, r->at + 1)) ? 1 : 0;
	while (n < 3 && byte_at(r, r->at + n) >= '0' &&
	       byte_at(r, r->at + n) <= '9')
		n++;
	c = byte_at(r, r->at + n);
	if (n == 0 || (c != '.' && c != ')') ||
	    !is_blank(byte_at(r, r->at + n + 1)))
		return 0;
	return n + 1;
}

/* True: something was taken that only means something here. */
static bool take_line_start(struct deia__words *r, struct deia__word *w)
{
	size_t n;

	if (is_fence(r)) {
		r->in_fence = !r->in_fence;
		r->at += 3;
		/* The name of the language behind it is no word of the text. */
		while (r->at < r->len && r->s[r->at] != '\n')
			r->at++;
		w->apart = true;
		return true;
	}
	if (byte_at(r, r->at) == '>' && r->at < r->len) {
		r->in_quote = true;
		r->at++;
		w->apart = true;
		return true;
	}
	n = item_marker(r);
	if (n == 0)
		return false;
	if (!r->in_fence && !r->in_quote)
		r->n_items++;
	r->at += n;
	w->apart = true;
	return true;
}

/* Goes to the next word's first character. False: there is none. */
static bool skip_gap(struct deia__words *r, struct deia__word *w)
{
	unsigned n_lines = 0, bytes;

	while (r->at < r->end) {
		int32_t c;

		if (r->line_start && !is_blank(byte_at(r, r->at))) {
			bool taken = take_line_start(r, w);

			r->line_start = false;
			if (taken)
				continue;
		}
		c = deia__char_at(r->s, r->len, r->at, &bytes);
		if (deia__char_kind(c) != DEIA__CHAR_OTHER && c != '_')
			return true;
		if (c == '\n') {
			w->paragraph = w->paragraph || ++n_lines > 1;
			w->apart = w->apart || w->paragraph;
			r->line_start = true;
			r->in_quote = false;
		} else if (!is_soft(c)) {
			w->apart = true;
		}
		r->at += bytes;
	}
	return false;
}

/* ---- addresses and paths ------------------------------------------------ */

/* Where the run of non-blanks that begins at the reader's place ends; U+3000
 * and above (first bytes from 0xe3) are scripts that need no blanks. */
static size_t run_end(const struct deia__words *r)
{
	size_t at = r->at;

	while (at < r->len && !is_blank((unsigned char)r->s[at]) &&
	       (unsigned char)r->s[at] < 0xe3)
		at++;
	return at;
}

/* With '@' or two slashes inside, or one in front. */
static bool is_address(const struct deia__words *r, size_t end)
{
	char before = r->at > 0 ? r->s[r->at - 1] : ' ';
	unsigned n_slashes = 0;

	if (before == '/' || before == '\\')
		return true;
	for (size_t at = r->at; at < end; at++) {
		if (r->s[at] == '@' && at + 1 < end)
			return true;
		if (r->s[at] == '\\' || r->s[at] == '/')
			n_slashes++;
	}
	return n_slashes >= 2;
}

/* The ending of a file name in [start, end), folded into r->ext, or NULL. */
static const char *find_ext(struct deia__words *r, size_t start, size_t end)
{
	size_t dot, n = 0;

	while (end > start && strchr(".,;:!?)]>}\"'`", r->s[end - 1]) != NULL)
		end--;
	for (dot = end; dot > start && end - dot < MAX_EXT; dot--)
		if (r->s[dot - 1] == '.')
			break;
	if (dot <= start + 1 || dot == end || r->s[dot - 1] != '.')
		return NULL;
	r->ext[n++] = '.';
	for (; dot < end; dot++) {
		int32_t c = (unsigned char)r->s[dot];

		if (c >= 0x80 || deia__char_kind(c) == DEIA__CHAR_OTHER)
			return NULL;
		r->ext[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
	}
	r->ext[n] = '\0';
	return r->ext;
}

/* True when the run is one; then it is read, as one word. */
static bool take_address(struct deia__words *r, struct deia__word *w)
{
	if (r->at < r->run_until)
		return false;
	r->run_until = run_end(r);
	if (r->run_until <= r->at || !is_address(r, r->run_until))
		return false;
	w->ext = find_ext(r, r->at, r->run_until);
	r->at = r->run_until;
	return true;
}

/* ---- one word ----------------------------------------------------------- */

/* What c is inside a word, between prev and what follows it; 0: its end. */
static int32_t inner(const struct deia__words *r, int32_t c, unsigned bytes,
		     enum deia__char_kind prev)
{
	enum deia__char_kind next = DEIA__CHAR_OTHER;
	unsigned unused;

	if (c == 0x2019)
		c = '\'';
	if (c != '.' && c != ',' && c != '\'' && c != 0xb7)
		return 0;
	if (r->at + bytes < r->len)
		next = deia__char_kind(
			deia__char_at(r->s, r->len, r->at + bytes, &unused));
	if (prev != next)
		return 0;
	if (prev == DEIA__CHAR_LETTER && c != ',')
		return c;
	return prev == DEIA__CHAR_DIGIT && (c == '.' || c == ',') ? c : 0;
}

/* What is so long is no word of a text: it ends at the next blank. */
static bool is_endless(const struct deia__words *r, size_t start)
{
	return r->at - start > MAX_WORD_BYTES;
}

static void skip_endless(struct deia__words *r)
{
	while (r->at < r->len && !is_blank((unsigned char)r->s[r->at]))
		r->at++;
}

/* Reads the letters. */
static void read_letters(struct deia__words *r, struct deia__fold *f)
{
	enum deia__char_kind prev = DEIA__CHAR_OTHER;
	size_t start = r->at;

	while (r->at < r->len && !is_endless(r, start)) {
		unsigned bytes;
		int32_t c = deia__char_at(r->s, r->len, r->at, &bytes);
		enum deia__char_kind kind = deia__char_kind(c);

		if (kind == DEIA__CHAR_ALONE && prev != DEIA__CHAR_OTHER)
			return;
		if (kind == DEIA__CHAR_OTHER) {
			c = inner(r, c, bytes, prev);
			if (c == 0)
				return;
		}
		if (!f->too_long)
			deia__fold_add(f, c);
		r->at += bytes;
		prev = kind;
		if (kind == DEIA__CHAR_ALONE)
			return;
	}
}

/* "c++", "c#": signs that belong to a word of one letter. */
static void read_signs(struct deia__words *r, struct deia__fold *f)
{
	unsigned char c = byte_at(r, r->at);
	unsigned n = c == '#' ? 1 : c == '+' ? 2 : 0;

	if (f->n != 1 || f->c[0] >= 0x80 || n == 0 ||
	    byte_at(r, r->at + n - 1) != c)
		return;
	while (n-- > 0) {
		deia__fold_add(f, c);
		r->at++;
	}
}

/* Drops what hangs on at the end: "plan's", "_plan_". */
static void trim(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == '_')
		text[--len] = '\0';
	if (len > 2 && text[len - 1] == 's' && text[len - 2] == '\'')
		text[len - 2] = '\0';
}

bool deia__words_next(struct deia__words *r, struct deia__word *w)
{
	struct deia__fold fold;

	w->apart = r->at == 0;
	w->paragraph = false;
	w->ext = NULL;
	w->text[0] = '\0';
	if (!skip_gap(r, w))
		return false;
	r->line_start = false;
	w->material = r->in_fence || r->in_quote;
	w->start = r->at;
	if (!take_address(r, w)) {
		deia__fold_init(&fold);
		read_letters(r, &fold);
		if (is_endless(r, w->start))
			skip_endless(r);
		read_signs(r, &fold);
		deia__fold_end(&fold, w->text);
		trim(w->text);
		if (strchr(w->text, '.') != NULL)
			w->ext = find_ext(r, w->start, r->at);
	}
	w->len = r->at - w->start;
	return true;
}
