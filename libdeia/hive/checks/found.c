/* SPDX-License-Identifier: MIT */
/* found.c - what a check found: sentences, judged figures, JSON. No hive. */
#include "hive/checks/checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
#define NAME(e, n) [e] = n,
	DEIA_CHECK_LIST(NAME)
#undef NAME
};
static const char *const statuses[] = { "unknown", "pass", "warn", "fail" };

const char *deia_check_name(deia_check check)
{
	return (unsigned)check < DEIA_CHECKS ? names[check] : "";
}

int deia_check_parse(const char *name)
{
	for (int i = 0; i < DEIA_CHECKS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *deia_check_status_name(deia_check_status status)
{
	return (unsigned)status <= DEIA_CHECK_FAIL ? statuses[status] : "";
}

/* Cut at a whole character; control characters become '?'. */
static void append(char *to, size_t cap, const char *text)
{
	size_t len = strlen(to), n = strlen(text);

	if (n >= cap - len)
		n = deia__utf8_whole(text, cap - len - 1);
	for (size_t i = 0; i < n; i++)
		to[len + i] = (unsigned char)text[i] < ' ' ? '?' : text[i];
	to[len + n] = '\0';
}

static void raise_to(struct deia_check_result *r, deia_check_status status,
		     const char *advice)
{
	if (status <= r->status)
		return;
	r->status = status;
	r->advice[0] = '\0';
	if (status > DEIA_CHECK_PASS)
		append(r->advice, sizeof(r->advice), advice);
}

void deia__probe_say(struct deia_check_result *r, deia_check_status status,
		     const char *advice, const char *fmt, ...)
{
	char text[sizeof(r->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->text[0])
		append(r->text, sizeof(r->text), " ");
	append(r->text, sizeof(r->text), text);
	raise_to(r, status, advice);
}

deia_check_status deia__probe_figure(struct deia_check_result *r,
				     const char *name, const char *unit,
				     double value, double warn_above,
				     double fail_above)
{
	struct deia_check_figure *f;
	deia_check_status status = DEIA_CHECK_PASS;

	if (value > fail_above) /* never true of a NAN */
		status = DEIA_CHECK_FAIL;
	else if (value > warn_above)
		status = DEIA_CHECK_WARN;
	if (r->n_figures == DEIA_CHECK_FIGURES)
		return status;
	f = &r->figures[r->n_figures++];
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->unit = unit;
	f->value = value;
	f->warn_above = warn_above;
	f->fail_above = fail_above;
	f->status = status;
	return status;
}

void deia__probe_merge(struct deia_check_result *to,
		       const struct deia_check_result *part)
{
	for (unsigned i = 0; i < part->n_figures; i++) {
		const struct deia_check_figure *f = &part->figures[i];

		(void)deia__probe_figure(to, f->name, f->unit, f->value,
					 f->warn_above, f->fail_above);
	}
	if (part->text[0])
		deia__probe_say(to, part->status, part->advice, "%s",
				part->text);
}

/* ---- JSON ------------------------------------------------------------------ */

static void print_figure(const struct deia_check_figure *f, struct deia_jw *w)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "name", f->name);
	deia_jw_knum(w, "value", f->value);
	deia_jw_kstr(w, "unit", f->unit);
	deia_jw_knum(w, "warn_above", f->warn_above);
	deia_jw_knum(w, "fail_above", f->fail_above);
	deia_jw_kstr(w, "status", deia_check_status_name(f->status));
	deia_jw_end_object(w);
}

void deia_check_print(deia_check check, const struct deia_check_result *r,
		      bool details, struct deia_jw *w)
{
	deia_jw_kstr(w, "check", deia_check_name(check));
	deia_jw_kstr(w, "status", deia_check_status_name(r->status));
	deia_jw_ktime(w, "checked_at", r->checked_unix_ms);
	if (!details)
		return;
	deia_jw_knum(w, "duration_seconds", (double)r->duration_ms / 1000);
	deia_jw_kstr(w, "text", r->text);
	deia_jw_kstr(w, "advice", r->advice);
	deia_jw_key(w, "figures");
	deia_jw_array(w);
	for (unsigned i = 0; i < r->n_figures; i++)
		print_figure(&r->figures[i], w);
	deia_jw_end_array(w);
}
