/* SPDX-License-Identifier: MIT */
/*
 * key.c - the key of a model server, and keeping it secret.
 *
 * It is read once, when the bot starts, from a variable of the environment or
 * from a file, and lives in memory alone. No message names it; and since
 * servers repeat what they were sent, whatever a server says loses the key
 * before it is cut, shown or noted (deia__model_clean).
 */
#include "model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/utf8.h"

#define KEY_BYTES 4096
/* A shorter key is not looked for in texts: it would match by accident. */
#define KEY_BYTES_HIDDEN 4
#define HIDDEN "[key]"

static deia_err say(char *why, size_t len, const char *fmt, ...)
	DEIA_PRINTF(3, 4);
static deia_err say(char *why, size_t len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, len, fmt, ap);
	va_end(ap);
	return DEIA_EFIELD;
}

/* A header takes visible ASCII only; anything else would not be a key. */
static bool is_key(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static deia_err take(char **out, const char *text, const char *from, char *why,
		     size_t len)
{
	if (!*text)
		return say(why, len, "%s is empty: put the key there", from);
	if (strlen(text) > KEY_BYTES || !is_key(text))
		return say(why, len,
			   "%s holds no key: a key is one line of up to 4096 "
			   "letters, digits and signs, without spaces",
			   from);
	*out = deia__strdup(text);
	return *out ? DEIA_OK : DEIA_ENOMEM;
}

static deia_err read_env(char **out, const char *name, char *why, size_t len)
{
	const char *text = getenv(name);
	char from[160];

	(void)snprintf(from, sizeof(from), "the variable %.100s (api_key_env)",
		       name);
	if (!text)
		return say(why, len,
			   "%s is not set: set it where deiad is started, then "
			   "restart deiad; or use api_key_file",
			   from);
	return take(out, text, from, why, len);
}

/* The file's text without white space at its end; -1 and errno. */
static ssize_t read_text(const char *path, char *text, size_t cap)
{
	/* Non-blocking: a fifo would hold the bot up for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EINVAL;
	else
		n = read(fd, text, cap - 1);
	int error = errno;
	(void)close(fd);
	errno = error;
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		n--;
	if (n >= 0)
		text[n] = '\0';
	return n;
}

static deia_err read_file(char **out, const char *path, char *why, size_t len)
{
	char text[KEY_BYTES + 64], from[160];
	deia_err err;
	ssize_t n = read_text(path, text, sizeof(text));

	(void)snprintf(from, sizeof(from), "the file %.120s (api_key_file)",
		       path);
	if (n < 0)
		return say(why, len, "%s cannot be read: %s", from,
			   errno == EINVAL ? "it is no regular file"
					   : strerror(errno));
	if (strlen(text) != (size_t)n)
		return say(why, len, "%s holds no key but binary data", from);
	err = take(out, text, from, why, len);
	explicit_bzero(text, sizeof(text));
	return err;
}

deia_err deia_adapter_key_read(char **out, const char *env, const char *file,
			       char *why, size_t why_len)
{
	if (!out || !why || !why_len)
		return DEIA_EINVAL;
	*out = NULL;
	*why = '\0';
	if (env && file)
		return say(why, why_len,
			   "api_key_env and api_key_file are both given: keep "
			   "one");
	if (env)
		return read_env(out, env, why, why_len);
	return file ? read_file(out, file, why, why_len) : DEIA_OK;
}

char *deia__model_clean(const struct model *m, char *out, size_t size,
			const char *text)
{
	const char *key = m->config.key;
	size_t key_len = key ? strlen(key) : 0, len = 0;
	size_t hidden = sizeof(HIDDEN) - 1;

	while (*text && len + hidden < size) {
		if (key_len >= KEY_BYTES_HIDDEN &&
		    strncmp(text, key, key_len) == 0) {
			memcpy(out + len, HIDDEN, hidden);
			len += hidden;
			text += key_len;
			continue;
		}
		unsigned char c = (unsigned char)*text++;
		out[len++] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	len = deia__utf8_whole(out, len);
	out[len] = '\0';
	return out;
}
