/* SPDX-License-Identifier: MIT */
/* document.h - the documented default config.yaml, made from the schema. */
#ifndef DEIA_CONFIG_DOCUMENT_H
#define DEIA_CONFIG_DOCUMENT_H

#include "core/buf.h"

void deia__config_document(struct deia__buf *out);

#endif
