/* SPDX-License-Identifier: MIT */
/*
 * expo.h - prints metrics in the text format of Prometheus, version 0.0.4.
 *
 * A family is begun, then its samples follow; they take its name. Memory that
 * ran out is remembered, and then nothing more is printed.
 */
#ifndef DEIAD_EXPO_H
#define DEIAD_EXPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <deia/histogram.h>

#define EXPO_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct expo {
	char *text; /* not terminated */
	size_t len, cap;
	bool failed; /* memory ran out */
	const char *family;
	size_t family_len;
};

struct expo_label {
	const char *name;  /* not escaped */
	const char *value; /* any text, escaped; NULL: "" */
};
/* Labels of a sample: expo_uint(e, LABELS({ "bot", id }), 1). */
#define LABELS(...)                                                            \
	(const struct expo_label[]){ __VA_ARGS__ },                            \
		sizeof((const struct expo_label[]){ __VA_ARGS__ }) /           \
			sizeof(struct expo_label)
#define NO_LABELS NULL, 0

void expo_init(struct expo *e);
void expo_fini(struct expo *e);
/* HELP and TYPE. name: static; type: "counter", "gauge" or "histogram". */
void expo_family(struct expo *e, const char *name, const char *type,
		 const char *help);
void expo_uint(struct expo *e, const struct expo_label *labels, size_t n,
	       uint64_t value);
void expo_int(struct expo *e, const struct expo_label *labels, size_t n,
	      int64_t value);
/* Microseconds (at least 0), printed as seconds. */
void expo_micros(struct expo *e, const struct expo_label *labels, size_t n,
		 int64_t us);
/* All samples of a histogram; durations are printed in seconds. */
void expo_histogram(struct expo *e, const struct expo_label *labels, size_t n,
		    const struct deia_histogram *h);

#endif
