/* SPDX-License-Identifier: MIT */
/* mem.h - allocation that ends the program, with a sentence, when it fails. */
#ifndef CLI_MEM_H
#define CLI_MEM_H

#include <deia/base.h>

void *must_alloc(size_t size); /* zeroed */
void *must_realloc(void *p, size_t size);
char *must_dup(const char *s); /* NULL for NULL */
char *must_dupn(const char *s, size_t len);
char *must_print(const char *fmt, ...) DEIA_PRINTF(1, 2);

/* Text that grows; always NUL-terminated once something was added. */
struct text {
	char *data;
	size_t len, cap;
};
void text_add(struct text *t, const char *p, size_t len);
void text_adds(struct text *t, const char *s);
void text_addf(struct text *t, const char *fmt, ...) DEIA_PRINTF(2, 3);
void text_free(struct text *t);

#endif
