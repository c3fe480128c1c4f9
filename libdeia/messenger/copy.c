/* SPDX-License-Identifier: MIT */
/* copy.c - the texts of a message in one block. */
#include "messenger/copy.h"

#include <string.h>

#include "core/mem.h"

#define N_TEXTS 10

/* The texts that end in a NUL. */
static size_t list_texts(struct deia_message *m,
			 const char **texts[static N_TEXTS])
{
	const char **all[] = { &m->id,	       &m->from,	&m->to,
			       &m->by,	       &m->lease_token, &m->reply_to,
			       &m->dialogue,   &m->metadata,	&m->reason,
			       &m->traceparent };

	memcpy(texts, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

char *deia__message_keep(struct deia_message *m)
{
	const char **texts[N_TEXTS];
	size_t n = list_texts(m, texts), size = m->content_len + 1;
	char *block, *p;

	for (size_t i = 0; i < n; i++)
		size += strlen(*texts[i]) + 1;
	block = deia__alloc(size);
	if (!block)
		return NULL;
	p = block;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(*texts[i]) + 1;

		*texts[i] = memcpy(p, *texts[i], len);
		p += len;
	}
	if (!m->content)
		return block;
	if (m->content_len)
		memcpy(p, m->content, m->content_len);
	p[m->content_len] = '\0';
	m->content = p;
	return block;
}
