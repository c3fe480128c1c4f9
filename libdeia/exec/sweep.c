/* SPDX-License-Identifier: MIT */
/*
 * sweep.c - finding what a command has started and left behind.
 *
 * A process group does not hold them: a background job of a shell, a daemon
 * and everything that makes a session of its own escape it. What they cannot
 * shed without meaning to is the environment they were started with, and there
 * each run has a mark of its own. /proc is looked through once at the end of a
 * run; a process that was started before the run is passed over by its start
 * time alone. What wipes its own environment escapes this, and is ended by
 * deia-guard together with the bot.
 *
 * Signals go through a pidfd that was opened before the check, never to a
 * process that merely got a used pid.
 */
#include "exec/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"

/* An environment is as large as the kernel lets it be; this much is read. */
#define MAX_ENVIRON_BYTES (4u << 20)

struct process {
	char state;
	pid_t session;
	uint64_t started;
};

void deia__mark_make(char mark[static DEIA__MARK_BYTES])
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	(void)snprintf(mark, DEIA__MARK_BYTES,
		       DEIA__RUN_VARIABLE "=%d.%lld.%09ld", (int)getpid(),
		       (long long)now.tv_sec, now.tv_nsec);
}

static int open_proc(const char *pid, const char *what)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, what);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The fields after the name, which may hold anything, also brackets. */
static bool parse_stat(char *text, struct process *p)
{
	char *rest = strrchr(text, ')'), *word;
	int field = 3;

	if (!rest)
		return false;
	for (rest++; (word = strsep(&rest, " ")); field++) {
		if (!*word)
			field--;
		else if (field == 3)
			p->state = *word;
		else if (field == 6)
			p->session = (pid_t)strtol(word, NULL, 10);
		else if (field == 22)
			p->started = strtoull(word, NULL, 10);
		if (field == 22 && *word)
			return true;
	}
	return false;
}

static bool read_process(const char *pid, struct process *p)
{
	char text[1024];
	int fd = open_proc(pid, "stat");
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_stat(text, p);
}

uint64_t deia__started_at(pid_t pid)
{
	struct process p = { 0 };
	char name[24];

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	return read_process(name, &p) ? p.started : 0;
}

static bool has_variable(const struct deia__buf *environ_text, const char *mark)
{
	const char *p = environ_text->data, *end = p + environ_text->len;

	while (p < end) {
		size_t n = strnlen(p, (size_t)(end - p));
		if (n == strlen(mark) && memcmp(p, mark, n) == 0)
			return true;
		p += n + 1;
	}
	return false;
}

static bool has_mark(const char *pid, const char *mark)
{
	struct deia__buf text;
	char piece[8192];
	int fd = open_proc(pid, "environ");
	bool found = false;
	ssize_t n;

	if (fd < 0)
		return false;
	deia__buf_init(&text, MAX_ENVIRON_BYTES);
	while ((n = read(fd, piece, sizeof(piece))) > 0 && !text.err)
		deia__buf_add(&text, piece, (size_t)n);
	close(fd);
	if (text.len)
		found = has_variable(&text, mark);
	deia__buf_fini(&text);
	return found;
}

static bool is_of_run(const char *pid, pid_t leader, const char *mark,
		      uint64_t since)
{
	struct process p = { 0 };

	if (!read_process(pid, &p) || p.started < since)
		return false;
	if (p.state == 'Z' || p.state == 'X')
		return false;
	return p.session == leader || has_mark(pid, mark);
}

/* The pidfd comes first: what is checked after it is what is signalled. */
static bool signal_it(const char *pid, pid_t leader, const char *mark,
		      uint64_t since, int signal)
{
	int fd = pidfd_open((pid_t)strtol(pid, NULL, 10), 0);
	bool is_one = fd >= 0 && is_of_run(pid, leader, mark, since);

	if (is_one)
		(void)pidfd_send_signal(fd, signal, NULL, 0);
	if (is_one && signal == SIGTERM)
		(void)pidfd_send_signal(fd, SIGCONT, NULL, 0);
	if (fd >= 0)
		close(fd);
	return is_one;
}

unsigned deia__sweep(pid_t leader, const char *mark, uint64_t since, int signal)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned n = 0;

	if (!proc)
		return 0;
	while ((entry = readdir(proc))) {
		const char *name = entry->d_name;
		if (*name < '1' || *name > '9' ||
		    strtol(name, NULL, 10) == leader ||
		    !is_of_run(name, leader, mark, since))
			continue;
		if (!signal || signal_it(name, leader, mark, since, signal))
			n++;
	}
	closedir(proc);
	return n;
}
