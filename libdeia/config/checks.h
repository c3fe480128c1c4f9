/* SPDX-License-Identifier: MIT */
/* checks.h - what texts in the configuration may look like; see schema.h. */
#ifndef DEIA_CONFIG_CHECKS_H
#define DEIA_CONFIG_CHECKS_H

#include <deia/base.h>

/* Room for a text that takes the place of what was written. */
#define DEIA__BETTER_BYTES 512

const char *deia__check_host(const char *text, char *better);
const char *deia__check_host_name(const char *text, char *better);
const char *deia__check_origin(const char *text, char *better);
const char *deia__check_store_url(const char *text, char *better);
/*
 * A copy of a url with *** for its password, whatever else is wrong with it;
 * deia__free. NULL: out of memory.
 */
char *deia__hide_password(const char *url);
const char *deia__check_node_name(const char *text, char *better);
const char *deia__check_node_url(const char *text, char *better);
const char *deia__check_cache_url(const char *text, char *better);
const char *deia__check_cache_prefix(const char *text, char *better);
const char *deia__check_task_type(const char *text, char *better);
/* Ollama's own forms; better is the whole URL. */
const char *deia__check_ollama(const char *text, char *better);
/* True for addresses that only this machine can reach. */
bool deia__host_is_loopback(const char *host);

#endif
