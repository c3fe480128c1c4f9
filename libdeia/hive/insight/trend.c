/* SPDX-License-Identifier: MIT */
/*
 * trend.c - a line through points.
 *
 * Ordinary least squares with the standard error of the slope, as in any
 * textbook (NIST/SEMATECH e-Handbook of Statistical Methods, "Linear Least
 * Squares Regression"): slope = Sxy / Sxx, error = sqrt(SSR / (n - 2) / Sxx).
 */
#include "hive/insight/insight.h"

#include <math.h>

#define POINTS_MIN 12	 /* an hour of five minutes each */
#define ERRORS 4	 /* that the slope is above 0 */
#define GROWN_KIB 4096.0 /* over all points; less is a cache that fills */

struct deia__trend deia__trend_fit(const uint32_t *points, unsigned n)
{
	struct deia__trend t = { .n = n };
	double mx = (n - 1.0) / 2, my = 0, xx = 0, xy = 0, yy = 0, rest;

	if (n < 3)
		return t;
	for (unsigned i = 0; i < n; i++)
		my += points[i];
	my /= n;
	for (unsigned i = 0; i < n; i++) {
		double x = i - mx, y = points[i] - my;

		xx += x * x;
		xy += x * y;
		yy += y * y;
	}
	t.slope = xy / xx;
	rest = yy - t.slope * xy;
	t.error = rest > 0 ? sqrt(rest / (n - 2.0) / xx) : 0;
	return t;
}

bool deia__trend_leaks(const struct deia__trend *t)
{
	return t->n >= POINTS_MIN && t->slope > ERRORS * t->error &&
	       t->slope * (t->n - 1.0) >= GROWN_KIB;
}
