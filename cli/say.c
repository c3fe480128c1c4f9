/* SPDX-License-Identifier: MIT */
/*
 * say.c - everything that reaches stdout and stderr.
 *
 * Whatever is printed through here was made safe as a whole, so that a command
 * may put text of servers and bots into any message.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "safe.h"

static DEIA_PRINTF(1, 0) char *format(const char *fmt, va_list ap)
{
	char *raw = NULL, *safe;

	if (vasprintf(&raw, fmt, ap) < 0)
		raw = NULL;
	if (raw == NULL)
		return must_dup("memory ran out");
	safe = safe_dup(raw, strlen(raw));
	free(raw);
	return safe;
}

static DEIA_PRINTF(3, 0) void put(FILE *out, const char *before,
				  const char *fmt, va_list ap)
{
	char *text = format(fmt, ap);

	/* What was said on stdout so far comes first on a shared terminal. */
	if (out == stderr)
		fflush(stdout);
	fprintf(out, "%s%s\n", before, text);
	free(text);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(stderr, "deia: ", fmt, ap);
	va_end(ap);
}

void advise(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(stderr, "  ", fmt, ap);
	va_end(ap);
}

void note(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (cli->quiet)
		return;
	va_start(ap, fmt);
	put(stderr, "", fmt, ap);
	va_end(ap);
}

void tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(stdout, "", fmt, ap);
	va_end(ap);
}

void say(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (cli->quiet || cli->json)
		return;
	va_start(ap, fmt);
	put(stdout, "", fmt, ap);
	va_end(ap);
}

void tell_text(FILE *out, const char *text, size_t len)
{
	char *safe = safe_dup(text, len);

	fputs(safe, out);
	free(safe);
}

void tell_json(const char *json, size_t len)
{
	char *safe = safe_json(json, len);

	fprintf(stdout, "%s\n", safe);
	free(safe);
}

int usage_error(const struct cli *cli, const char *fmt, ...)
{
	const char *name = cli->command != NULL ? cli->command->name : "";
	const char *gap = *name != '\0' ? " " : "";
	char *text, *label;
	va_list ap;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	label = must_print("deia%s%s", gap, name);
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", label, text);
	if (cli->command != NULL)
		fprintf(stderr, "  usage: %s %s\n  help:  %s --help\n", label,
			cli->command->usage, label);
	free(label);
	free(text);
	return EXIT_USAGE;
}

size_t terminal_width(const struct cli *cli)
{
	struct winsize ws;

	if (!cli->out_tty)
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
		return ws.ws_col;
	return 80;
}

void tell_table(const struct cli *cli, const struct table *t)
{
	table_print(t, stdout, terminal_width(cli), cli->out_colour);
}

/* RFC 3339 in UTC, as the server prints it. */
static bool read_time(const char *text, time_t *out)
{
	struct tm tm = { 0 };
	const char *rest =
		text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	if (rest == NULL)
		return false;
	*out = timegm(&tm);
	return true;
}

void span_print(char out[static 24], double seconds)
{
	long long s = seconds > 0 ? (long long)seconds : 0;

	if (s < 120)
		snprintf(out, 24, "%lld s", s);
	else if (s < 7200)
		snprintf(out, 24, "%lld min", s / 60);
	else if (s < 172800)
		snprintf(out, 24, "%lld h", s / 3600);
	else
		snprintf(out, 24, "%lld d", s / 86400);
}

void age_print(char out[static 24], const char *rfc3339)
{
	time_t at;

	if (read_time(rfc3339, &at))
		span_print(out, difftime(time(NULL), at));
	else
		snprintf(out, 24, "-");
}

void time_print(char out[static 32], const char *rfc3339)
{
	struct tm tm;
	time_t at;

	if (!read_time(rfc3339, &at) || localtime_r(&at, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(out, 32, "-");
}
