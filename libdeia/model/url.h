/* SPDX-License-Identifier: MIT */
/* url.h - the addresses of a model server. */
#ifndef DEIA_MODEL_URL_H
#define DEIA_MODEL_URL_H

#include <deia/error.h>

#define DEIA__OLLAMA_URL "http://127.0.0.1:11434"
#define DEIA__OPENAI_URL "https://api.openai.com/v1"
#define DEIA__ANTHROPIC_URL "https://api.anthropic.com"

/*
 * *url: where paths are appended, without query, fragment and a slash at the
 * end; *shown: base_url the same way, for messages, without user and password.
 * versioned: "/v1" is added to url unless its path names a version already
 * ("/v1", "/api/paas/v4", "/v1beta/openai"). Both are the caller's.
 * Returns DEIA_OK, DEIA_EFIELD (no http or https address), DEIA_ENOMEM.
 */
DEIA_NODISCARD deia_err deia__model_url_read(char **url, char **shown,
					     const char *base_url,
					     bool versioned);

#endif
