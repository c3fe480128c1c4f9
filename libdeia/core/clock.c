/* SPDX-License-Identifier: MIT */
/*
 * clock.c - reading the clocks, and times as text.
 *
 * Dates are proleptic Gregorian, computed from days since 1970-01-01 by
 * arithmetic on a year that starts in March, so that no table, time zone or
 * locale of the process takes part. Years outside 0000..9999 have no RFC 3339
 * form: printing clamps, reading refuses.
 */
#include "core/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)
#define MIN_UNIX_MS (INT64_C(-62167219200) * 1000)     /* 0000-01-01 */
#define MAX_UNIX_MS (INT64_C(253402300800) * 1000 - 1) /* end of 9999 */

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t deia__now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t deia__now_ms(const struct deia__clock *c)
{
	if (c && c->is_virtual)
		return c->boot_ms;
	return read_clock(CLOCK_BOOTTIME);
}

int64_t deia__unix_ms(const struct deia__clock *c)
{
	if (c && c->is_virtual)
		return c->wall_ms;
	return read_clock(CLOCK_REALTIME);
}

int64_t deia__suspended_ms(const struct deia__clock *c)
{
	if (c && c->is_virtual)
		return c->suspended_ms;
	/* Read one after the other: a few ms apart are no suspend. */
	return read_clock(CLOCK_BOOTTIME) - read_clock(CLOCK_MONOTONIC);
}

/* Days since 1970-01-01 of a date; month 1..12. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t era, year_of_era, day_of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t era, in_era, year_of_era, in_year, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	in_era = days - era * 146097;
	year_of_era =
		(in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) /
		365;
	in_year = in_era -
		  (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	mp = (5 * in_year + 2) / 153;
	*day = (int)(in_year - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* Prints a number with leading zeros, backwards from the last digit. */
static void put_digits(char *last, int n_digits, int v)
{
	while (n_digits-- > 0) {
		*last-- = (char)('0' + v % 10);
		v /= 10;
	}
}

void deia__time_print(char out[static 25], int64_t unix_ms)
{
	int64_t days, ms;
	int year, month, day;

	if (unix_ms < MIN_UNIX_MS)
		unix_ms = MIN_UNIX_MS;
	if (unix_ms > MAX_UNIX_MS)
		unix_ms = MAX_UNIX_MS;
	days = unix_ms / DAY_MS - (unix_ms % DAY_MS < 0);
	ms = unix_ms - days * DAY_MS;
	date_of(days, &year, &month, &day);
	memcpy(out, "0000-00-00T00:00:00.000Z", 25);
	put_digits(out + 3, 4, year);
	put_digits(out + 6, 2, month);
	put_digits(out + 9, 2, day);
	put_digits(out + 12, 2, (int)(ms / 3600000));
	put_digits(out + 15, 2, (int)(ms / 60000 % 60));
	put_digits(out + 18, 2, (int)(ms / 1000 % 60));
	put_digits(out + 22, 3, (int)(ms % 1000));
}

/* Reads exactly n digits into *v and moves on. */
static bool digits(const char **s, int n, int *v)
{
	*v = 0;
	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*v = *v * 10 + (**s - '0');
	}
	return true;
}

static bool literal(const char **s, const char *any_of)
{
	if (**s == '\0' || !strchr(any_of, **s))
		return false;
	(*s)++;
	return true;
}

static int days_in(int year, int month)
{
	static const char days[] = { 31, 28, 31, 30, 31, 30,
				     31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_date(const char **s, int64_t *days)
{
	int year, month, day;

	if (!digits(s, 4, &year) || !literal(s, "-") || !digits(s, 2, &month) ||
	    !literal(s, "-") || !digits(s, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	*days = days_of(year, month, day);
	return true;
}

/* Milliseconds; digits after the third are cut off. */
static bool read_fraction(const char **s, int *ms)
{
	int n = 0;

	*ms = 0;
	if (!literal(s, "."))
		return true;
	for (; **s >= '0' && **s <= '9'; (*s)++, n++)
		if (n < 3)
			*ms = *ms * 10 + (**s - '0');
	for (int have = n; have < 3; have++)
		*ms *= 10;
	return n > 0;
}

static bool read_clock_time(const char **s, int64_t *ms)
{
	int hour, minute, second, fraction;

	if (!digits(s, 2, &hour) || !literal(s, ":") ||
	    !digits(s, 2, &minute) || !literal(s, ":") ||
	    !digits(s, 2, &second) || !read_fraction(s, &fraction))
		return false;
	/* 60 is a leap second: the same moment as the next minute. */
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + fraction;
	return true;
}

static bool read_offset(const char **s, int64_t *ms)
{
	int hour, minute, sign = **s == '-' ? -1 : 1;

	*ms = 0;
	if (literal(s, "Zz"))
		return true;
	if (!literal(s, "+-") || !digits(s, 2, &hour) || !literal(s, ":") ||
	    !digits(s, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*ms = sign * (hour * 60 + minute) * INT64_C(60000);
	return true;
}

bool deia__time_parse(const char *text, int64_t *unix_ms)
{
	int64_t days, ms, offset, at;

	if (!text || !read_date(&text, &days) || !literal(&text, "Tt ") ||
	    !read_clock_time(&text, &ms) || !read_offset(&text, &offset) ||
	    *text != '\0')
		return false;
	at = days * DAY_MS + ms - offset;
	if (at < MIN_UNIX_MS || at > MAX_UNIX_MS)
		return false;
	*unix_ms = at;
	return true;
}
