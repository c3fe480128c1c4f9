/* SPDX-License-Identifier: MIT */
/* store_url.h - where the store of a hive's directory is. */
#ifndef CLI_STORE_URL_H
#define CLI_STORE_URL_H

#include <deia/error.h>

/* Whether a word is a store's url and not a directory: "sqlite:PATH". */
bool is_store_url(const char *word);
/*
 * The url of DIR's store, from its config.yaml and the environment, as deiad
 * reads them; NULL: said why, *rc is set. free() it.
 */
char *store_url_of_dir(const char *dir, int *rc);
/* Says why a stopped hive's store is refused; the exit code. */
int refuse_store(deia_err err, const char *detail);

#endif
