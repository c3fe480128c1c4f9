/* SPDX-License-Identifier: MIT */
/* content.c - see content.h. */
#include "content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <deia/limits.h>

char *content_words(const struct args *a, size_t first)
{
	struct text t = { 0 };

	for (size_t i = first; i < a->n_words; i++) {
		if (i > first)
			text_adds(&t, " ");
		text_adds(&t, a->words[i]);
	}
	return t.data;
}

char *content_read(FILE *f, const char *name, size_t max, size_t *len)
{
	char *data = must_alloc(max + 2);

	*len = fread(data, 1, max + 1, f);
	if (ferror(f)) {
		complain("%s cannot be read: %s", name, strerror(errno));
	} else if (*len > max) {
		complain("%s holds more than %zu KiB, the most that is taken "
			 "at once",
			 name, max >> 10);
	} else {
		return data;
	}
	free(data);
	return NULL;
}

char *content_stdin(const struct cli *cli, const char *example, int *rc)
{
	size_t len = 0;
	char *text = content_read(stdin, "the standard input",
				  DEIA_MAX_CONTENT_BYTES, &len);

	*rc = EXIT_REFUSED;
	if (text == NULL)
		return NULL;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	if (len == 0) {
		*rc = usage_error(cli,
				  "there is nothing to say: the standard "
				  "input is empty. Give a text: %s",
				  example);
	} else if (memchr(text, '\0', len) != NULL) {
		complain("the standard input holds NUL bytes: that is no text");
	} else {
		*rc = EXIT_DONE;
		return text;
	}
	free(text);
	return NULL;
}

char *content_of(const struct cli *cli, size_t first, const char *example,
		 int *rc)
{
	const struct args *a = &cli->args;

	*rc = EXIT_DONE;
	if (a->n_words == first + 1 && strcmp(a->words[first], "-") == 0)
		return content_stdin(cli, example, rc);
	if (a->n_words <= first && !isatty(STDIN_FILENO))
		return content_stdin(cli, example, rc);
	if (a->n_words > first && (a->n_words > first + 1 || *a->words[first]))
		return content_words(a, first);
	*rc = usage_error(cli,
			  a->n_words > first
				  ? "the text is empty: %s"
				  : "the text is missing: %s, or - to read it "
				    "from standard input",
			  example);
	return NULL;
}
