/* SPDX-License-Identifier: MIT */
/* error.c - names and texts of the error codes, from the list in error.h. */
#include <deia/error.h>

const char *deia_err_name(deia_err err)
{
	switch (err) {
#define NAME(e, v, n, t)                                                       \
	case e:                                                                \
		return n;
		DEIA_ERROR_LIST(NAME)
#undef NAME
	}
	return "unknown";
}

const char *deia_err_text(deia_err err)
{
	switch (err) {
#define TEXT(e, v, n, t)                                                       \
	case e:                                                                \
		return t;
		DEIA_ERROR_LIST(TEXT)
#undef TEXT
	}
	return "an unknown error";
}
