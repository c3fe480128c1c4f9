/* SPDX-License-Identifier: MIT */
/*
 * chunk.c - see chunk.h.
 *
 * evhttp takes "0x5", "+5", "5 anything", a bare LF and data without its CR
 * LF, each of which a proxy in front may frame differently: one request there
 * would be two here. A size is plain hexadecimal digits; extensions and
 * trailers, which nobody sends, are refused.
 */
#include "chunk.h"

#define DIGITS_MAX 8

enum state { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, END_CR, END_LF, ENDED };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A byte of the line with the chunk's size. */
static bool size_byte(struct chunk_scan *s, char c)
{
	int digit = hex(c);

	if (digit >= 0 && s->digits < DIGITS_MAX) {
		s->left = s->left * 16 + (uint64_t)digit;
		s->digits++;
		return true;
	}
	if (c != '\r' || s->digits == 0)
		return false;
	s->last = s->left == 0;
	s->digits = 0;
	s->state = SIZE_LF;
	return true;
}

/* A byte that can only be `want`. */
static bool expect(struct chunk_scan *s, char c, char want, enum state next)
{
	s->state = (unsigned char)next;
	return c == want;
}

static bool byte(struct chunk_scan *s, char c)
{
	switch ((enum state)s->state) {
	case SIZE:
		return size_byte(s, c);
	case SIZE_LF:
		return expect(s, c, '\n', s->last ? END_CR : DATA);
	case DATA_CR:
		return expect(s, c, '\r', DATA_LF);
	case DATA_LF:
		return expect(s, c, '\n', SIZE);
	case END_CR:
		return expect(s, c, '\r', END_LF);
	case END_LF:
		return expect(s, c, '\n', ENDED);
	case DATA:
	case ENDED:
		break;
	}
	return true;
}

bool chunk_feed(struct chunk_scan *s, const char *p, size_t len)
{
	while (len && s->state != ENDED) {
		size_t n = 1;

		if (s->state == DATA) {
			n = s->left < len ? (size_t)s->left : len;
			s->left -= n;
			if (s->left == 0)
				s->state = DATA_CR;
		} else if (!byte(s, *p)) {
			return false;
		}
		p += n;
		len -= n;
	}
	return true;
}
