/* SPDX-License-Identifier: MIT */
/* tail.c - see tail.h. */
#include "tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_log(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static ssize_t read_at(int fd, char *out, size_t len, int64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, out + done, len - done,
				  offset + (int64_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Length up to and with the last newline. */
static size_t whole_lines(const char *text, size_t len)
{
	const char *nl = memrchr(text, '\n', len);

	return nl ? (size_t)(nl - text) + 1 : 0;
}

/* Where the last `lines` lines of text begin. */
static size_t last_lines(const char *text, size_t len, unsigned lines)
{
	size_t at = len;

	while (at > 0) {
		const char *nl = memrchr(text, '\n', at - 1);

		if (lines-- == 0)
			return at;
		if (!nl)
			return 0;
		at = (size_t)(nl - text) + 1;
	}
	return 0;
}

bool tail_last(const char *path, unsigned lines, size_t max, char **text,
	       size_t *len, struct tail_place *place)
{
	struct stat st;
	int fd = open_log(path, &st);
	size_t size, start;
	ssize_t n = -1;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return errno == ENOENT;
	size = (size_t)st.st_size < max ? (size_t)st.st_size : max;
	*text = malloc(size + 1);
	if (*text)
		n = read_at(fd, *text, size, st.st_size - (int64_t)size);
	close(fd);
	if (n < 0) {
		free(*text);
		*text = NULL;
		return false;
	}
	place->inode = st.st_ino;
	*len = whole_lines(*text, (size_t)n);
	place->offset = st.st_size - (int64_t)size + (int64_t)*len;
	start = last_lines(*text, *len, lines);
	if (start == 0 && size < (size_t)st.st_size) {
		/* The first line is cut: leave it out. */
		const char *nl = memchr(*text, '\n', *len);

		start = nl ? (size_t)(nl - *text) + 1 : 0;
	}
	memmove(*text, *text + start, *len - start);
	*len -= start;
	return true;
}

/* What was written to the old file before it was moved away. */
static int open_rest(const char *path, const struct tail_place *place)
{
	char old[4200];
	struct stat st;
	int fd;

	snprintf(old, sizeof(old), "%s.1", path);
	fd = open_log(old, &st);
	if (fd >= 0 && st.st_ino == place->inode && st.st_size > place->offset)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool read_on(int fd, size_t max, char **text, size_t *len,
		    struct tail_place *place)
{
	ssize_t n = -1;

	*text = malloc(max);
	if (*text)
		n = read_at(fd, *text, max, place->offset);
	close(fd);
	if (n < 0) {
		free(*text);
		*text = NULL;
		return false;
	}
	*len = whole_lines(*text, (size_t)n);
	if (*len == 0 && (size_t)n == max)
		*len = (size_t)n;
	place->offset += (int64_t)*len;
	return true;
}

bool tail_next(const char *path, size_t max, char **text, size_t *len,
	       struct tail_place *place)
{
	struct stat st;
	int fd = open_log(path, &st);

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return errno == ENOENT;
	if (place->inode && st.st_ino != place->inode) {
		int rest = open_rest(path, place);

		if (rest >= 0) {
			close(fd);
			return read_on(rest, max, text, len, place);
		}
		place->offset = 0;
	}
	if (st.st_size < place->offset)
		place->offset = 0; /* it was emptied */
	place->inode = st.st_ino;
	return read_on(fd, max, text, len, place);
}
