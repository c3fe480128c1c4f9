/* SPDX-License-Identifier: MIT */
/* document.h - the documented default config.yaml, made from the schema. */
#ifndef DEIA_CONFIG_DOCUMENT_H
#define DEIA_CONFIG_DOCUMENT_H

#include "core/buf.h"

/* is_new: of a hive that begins with it; see fresh in schema.h. */
void deia__config_document(struct deia__buf *out, bool is_new);

#endif
