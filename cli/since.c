/* SPDX-License-Identifier: MIT */
/* since.c - see since.h. */
#include "since.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "args.h"

static void format(char out[static 32], int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, 24, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03dZ", (int)(ms % 1000));
}

/* ".123": in milliseconds; *text goes on behind it. */
static int fraction(const char **text)
{
	int ms = 0, digits = 0;

	if (**text != '.')
		return 0;
	for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
		if (digits++ < 3)
			ms = ms * 10 + (**text - '0');
	}
	for (; digits < 3; digits++)
		ms *= 10;
	return ms;
}

/* "Z", "+01:00" or nothing; false: something else. *local: nothing. */
static bool zone(const char *text, int *minutes, bool *local)
{
	int h, m, n = 0;

	*minutes = 0;
	*local = *text == '\0';
	if (*local || strcmp(text, "Z") == 0)
		return true;
	if (sscanf(text + 1, "%2d:%2d%n", &h, &m, &n) != 2 || n != 5 ||
	    text[6] != '\0' || h > 23 || m > 59 || h < 0 || m < 0)
		return false;
	*minutes = h * 60 + m;
	if (*text == '-')
		*minutes = -*minutes;
	return *text == '+' || *text == '-';
}

static bool moment(const char *text, int64_t *ms)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
					     "%Y-%m-%d" };
	const char *rest = NULL;
	struct tm tm;
	bool local;
	int minutes, part;
	time_t at;

	for (size_t i = 0; rest == NULL && i < sizeof(forms) / sizeof(*forms);
	     i++) {
		memset(&tm, 0, sizeof(tm));
		rest = strptime(text, forms[i], &tm);
	}
	if (rest == NULL)
		return false;
	part = fraction(&rest);
	if (!zone(rest, &minutes, &local))
		return false;
	tm.tm_isdst = -1;
	at = local ? mktime(&tm) : timegm(&tm);
	*ms = ((int64_t)at - minutes * 60) * 1000 + part;
	return at >= 0 && *ms >= 0;
}

bool since_parse(char out[static 32], const char *text, int64_t now_ms)
{
	int64_t seconds, ms;

	if (parse_duration(text, &seconds))
		ms = now_ms - seconds * 1000;
	else if (!moment(text, &ms))
		return false;
	format(out, ms > 0 ? ms : 0);
	return true;
}

bool until_parse(char out[static 32], const char *text, int64_t now_ms)
{
	int64_t seconds, ms;

	if (parse_duration(text, &seconds))
		ms = now_ms + seconds * 1000;
	else if (!moment(text, &ms))
		return false;
	format(out, ms);
	return true;
}
