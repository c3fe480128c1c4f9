/* SPDX-License-Identifier: MIT */
/*
 * expo.c - see expo.h. Numbers are printed by hand: with a thousand bots a page
 * has some 20,000 samples, and the loop waits for it.
 */
#include "expo.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES (32u << 10)
#define MICROS 1000000u

void expo_init(struct expo *e)
{
	memset(e, 0, sizeof(*e));
}

void expo_fini(struct expo *e)
{
	free(e->text);
	expo_init(e);
}

static bool has_room(struct expo *e, size_t len)
{
	size_t cap = e->cap ? e->cap : FIRST_BYTES;
	char *text;

	if (e->failed)
		return false;
	if (e->cap - e->len >= len)
		return true;
	while (cap - e->len < len)
		cap *= 2;
	text = realloc(e->text, cap);
	if (!text) {
		e->failed = true;
		return false;
	}
	e->text = text;
	e->cap = cap;
	return true;
}

static void put(struct expo *e, const char *s, size_t len)
{
	if (!has_room(e, len))
		return;
	memcpy(e->text + e->len, s, len);
	e->len += len;
}

static void puts_to(struct expo *e, const char *s)
{
	put(e, s, strlen(s));
}

#define PUT(e, literal) put(e, literal, sizeof(literal) - 1)

/* The format's escapes; '"' is none in a help text. */
static void put_escaped(struct expo *e, const char *s, const char *special)
{
	while (*s) {
		size_t plain = strcspn(s, special);

		put(e, s, plain);
		s += plain;
		if (!*s)
			break;
		if (*s == '\n')
			PUT(e, "\\n");
		else
			put(e, (const char[]){ '\\', *s }, 2);
		s++;
	}
}

/* Prints n before `end`; returns where it begins. */
static char *digits(char *end, uint64_t n)
{
	do {
		*--end = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return end;
}

static void put_uint(struct expo *e, uint64_t n)
{
	char text[24], *end = text + sizeof(text), *p = digits(end, n);

	put(e, p, (size_t)(end - p));
}

/* Seconds with as many digits behind the point as there are. */
static void put_micros(struct expo *e, uint64_t us)
{
	char text[8], *end = text + sizeof(text), *p;
	size_t len;

	put_uint(e, us / MICROS);
	if (us % MICROS == 0)
		return;
	/* The 1 in front keeps the zeros, and becomes the point. */
	p = digits(end, MICROS + us % MICROS);
	*p = '.';
	len = (size_t)(end - p);
	while (len > 1 && p[len - 1] == '0')
		len--;
	put(e, p, len);
}

void expo_family(struct expo *e, const char *name, const char *type,
		 const char *help)
{
	e->family = name;
	e->family_len = strlen(name);
	PUT(e, "# HELP ");
	put(e, name, e->family_len);
	PUT(e, " ");
	put_escaped(e, help, "\\\n");
	PUT(e, "\n# TYPE ");
	put(e, name, e->family_len);
	PUT(e, " ");
	puts_to(e, type);
	PUT(e, "\n");
}

static void put_label(struct expo *e, const struct expo_label *label)
{
	puts_to(e, label->name);
	PUT(e, "=\"");
	put_escaped(e, label->value ? label->value : "", "\\\"\n");
	PUT(e, "\"");
}

static void put_labels(struct expo *e, const struct expo_label *labels,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			PUT(e, ",");
		put_label(e, &labels[i]);
	}
}

static void begin(struct expo *e, const char *suffix,
		  const struct expo_label *labels, size_t n)
{
	put(e, e->family, e->family_len);
	puts_to(e, suffix);
	if (n) {
		PUT(e, "{");
		put_labels(e, labels, n);
		PUT(e, "}");
	}
	PUT(e, " ");
}

void expo_uint(struct expo *e, const struct expo_label *labels, size_t n,
	       uint64_t value)
{
	begin(e, "", labels, n);
	put_uint(e, value);
	PUT(e, "\n");
}

void expo_int(struct expo *e, const struct expo_label *labels, size_t n,
	      int64_t value)
{
	begin(e, "", labels, n);
	if (value < 0)
		PUT(e, "-");
	put_uint(e, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
	PUT(e, "\n");
}

void expo_micros(struct expo *e, const struct expo_label *labels, size_t n,
		 int64_t us)
{
	begin(e, "", labels, n);
	put_micros(e, us > 0 ? (uint64_t)us : 0);
	PUT(e, "\n");
}

static void put_value(struct expo *e, const struct deia_histogram *h,
		      uint64_t value)
{
	if (h->scale == DEIA_SCALE_COUNT)
		put_uint(e, value);
	else
		put_micros(e, value);
}

/* Up to and with its labels a bucket's line is that of the one before: it is
 * copied. */
static void put_buckets(struct expo *e, const struct expo_label *labels,
			size_t n, const struct deia_histogram *h)
{
	const uint64_t *bounds;
	unsigned n_bounds = deia_scale_bounds(h->scale, &bounds);
	size_t from = e->len, head;
	uint64_t sum = 0;

	put(e, e->family, e->family_len);
	PUT(e, "_bucket{");
	put_labels(e, labels, n);
	if (n)
		PUT(e, ",");
	PUT(e, "le=\"");
	head = e->len - from;
	for (unsigned i = 0; i <= n_bounds; i++) {
		if (i > 0 && has_room(e, head))
			put(e, e->text + from, head);
		if (i < n_bounds)
			put_value(e, h, bounds[i]);
		else
			PUT(e, "+Inf");
		PUT(e, "\"} ");
		put_uint(e, sum += h->counts[i]);
		PUT(e, "\n");
	}
}

void expo_histogram(struct expo *e, const struct expo_label *labels, size_t n,
		    const struct deia_histogram *h)
{
	put_buckets(e, labels, n, h);
	begin(e, "_sum", labels, n);
	put_value(e, h, h->sum);
	PUT(e, "\n");
	begin(e, "_count", labels, n);
	put_uint(e, deia_histogram_count(h));
	PUT(e, "\n");
}
