/* SPDX-License-Identifier: MIT */
/* store_url.c - see store_url.h. */
#include "store_url.h"

#include <stdlib.h>
#include <string.h>

#include <deia/config.h>
#include <deia/sys/store.h>

#include "cli.h"

bool is_store_url(const char *word)
{
	static const char *const schemes[] = { "memory:", "sqlite:",
					       "postgres:", "postgresql:" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(word, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static char *default_url(const char *dir)
{
	char *whole = realpath(dir, NULL), *url;

	url = must_print("sqlite:%s/state/deia.db", whole ? whole : dir);
	free(whole);
	return url;
}

char *store_url_of_dir(const char *dir, int *rc)
{
	struct deia_config_error where = { 0 };
	deia_config *config;
	const char *url;
	char *copy;

	/* Brings it into the program, in a build that has it. */
	(void)deia_store_has_postgresql();
	if (deia_config_load(&config, dir, &where) != DEIA_OK) {
		if (where.line != 0)
			complain("%s:%u:%u: %s", where.file, where.line,
				 where.column, where.detail);
		else
			complain("%s: %s", *where.file ? where.file : dir,
				 where.detail);
		*rc = EXIT_REFUSED;
		return NULL;
	}
	url = deia_config_str(config, "store.url");
	copy = *url != '\0' ? must_dup(url) : default_url(dir);
	deia_config_free(config);
	return copy;
}

int refuse_store(deia_err err, const char *detail)
{
	complain("%s", *detail != '\0' ? detail : deia_err_text(err));
	switch (err) {
	case DEIA_EBUSY:
		advise("`deia stop` ends the hive of a directory");
		return EXIT_CONFLICT;
	case DEIA_EEXIST:
	case DEIA_ECONFLICT:
	case DEIA_EVERSION:
		return EXIT_CONFLICT;
	case DEIA_ENOTFOUND:
		return EXIT_NOT_FOUND;
	case DEIA_EINVAL:
		return EXIT_USAGE;
	default:
		return EXIT_REFUSED;
	}
}
