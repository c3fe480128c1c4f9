/* SPDX-License-Identifier: MIT */
/* pgcase.c - see pgcase.h. */
#include "pgcase.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct fixture fx;

void setup(void)
{
	fixture_init(&fx, backend_find("postgresql"), 0);
}

void teardown(void)
{
	fixture_fini(&fx);
}

void close_store(void)
{
	deia_store_close(fx.store);
	fx.store = NULL;
}

const char *ask(const char *fmt, ...)
{
	static char out[2048];
	char sql[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	cluster_sql(fx.database, sql, out, sizeof(out));
	return out;
}

void ck_open_fails(const char *url, deia_err want, const char *words)
{
	deia_store *s;
	deia_err err = deia_store_open(&s, fx.base, url, NULL, fx.detail,
				       sizeof(fx.detail));

	ck_assert_msg(err == want, "%s: %s", deia_err_name(err), fx.detail);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(fx.detail, words), "\"%s\" lacks \"%s\"",
		      fx.detail, words);
	ck_assert_ptr_null(strchr(fx.detail, '\n'));
	ck_assert_msg(!strstr(fx.detail, "s3cret"), "%s", fx.detail);
}
