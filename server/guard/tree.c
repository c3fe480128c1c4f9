/* SPDX-License-Identifier: MIT */
/*
 * tree.c - the guard's descendants, found through /proc.
 *
 * A process is only signalled while it is certain which one it is: an own
 * child keeps its pid until it is reaped here, which happens between walks;
 * any other is opened as pidfd first and then looked at again, so a pid that
 * another process got meanwhile is not touched.
 */
#include "guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

struct node {
	pid_t pid, parent;
};

struct list {
	int len;
	unsigned tasks;
	struct node node[WALK_MAX];
};

struct stat_line {
	pid_t ppid, pgrp, session;
	unsigned tasks;
	unsigned long resident_pages;
};

/* Whether this kernel has /proc/PID/task/TID/children. */
static bool have_children = true;

ssize_t slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	buf[len] = '\0';
	return (ssize_t)len;
}

/* False when it is gone. */
static bool read_stat(pid_t pid, struct stat_line *s)
{
	char path[64], text[512];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (slurp(path, text, sizeof(text)) <= 0)
		return false;
	p = strrchr(text, ')'); /* the name may hold anything */
	return p != NULL &&
	       sscanf(p + 1,
		      " %*c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
		      "%*d %*d %*d %u %*d %*u %*u %lu",
		      &s->ppid, &s->pgrp, &s->session, &s->tasks,
		      &s->resident_pages) == 5;
}

/* Adds what "12 34 56 " names. */
static void add_pids(struct list *l, char *text, pid_t parent)
{
	char *save = NULL, *word;

	for (word = strtok_r(text, " \n", &save);
	     word != NULL && l->len < WALK_MAX;
	     word = strtok_r(NULL, " \n", &save))
		l->node[l->len++] = (struct node){ (pid_t)atoi(word), parent };
}

/* Kernels without /proc/.../children: look at every process's parent. */
static void scan_children(struct list *l, pid_t parent)
{
	DIR *dir = opendir("/proc");
	struct stat_line s;
	struct dirent *e;

	if (dir == NULL)
		return;
	while (l->len < WALK_MAX && (e = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid > 0 && read_stat(pid, &s) && s.ppid == parent)
			l->node[l->len++] = (struct node){ pid, parent };
	}
	closedir(dir);
}

/* Adds the children of every thread of pid, and counts the threads. */
static void add_children(struct list *l, pid_t pid)
{
	static char text[1 << 16];
	char path[288];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		l->tasks++;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children",
			 (int)pid, e->d_name);
		if (have_children && slurp(path, text, sizeof(text)) > 0)
			add_pids(l, text, pid);
	}
	closedir(dir);
	if (!have_children)
		scan_children(l, pid);
}

/* Own children only; children of the guard's one thread. */
static void list_own(struct list *l)
{
	static char text[1 << 16];

	l->len = 0;
	l->tasks = 0;
	if (slurp("/proc/thread-self/children", text, sizeof(text)) >= 0) {
		add_pids(l, text, getpid());
		return;
	}
	have_children = false;
	scan_children(l, getpid());
}

/* All descendants, parents before their children; no more once there are
 * more tasks than most. */
static struct list *list_all(unsigned most)
{
	static struct list l;
	int i;

	list_own(&l);
	for (i = 0; i < l.len && l.tasks <= most; i++)
		add_children(&l, l.node[i].pid);
	return &l;
}

unsigned tree_count(unsigned most)
{
	return list_all(most)->tasks;
}

static uint64_t resident_bytes(const struct list *l)
{
	uint64_t pages = 0;
	struct stat_line s;
	int i;

	for (i = 0; i < l->len; i++)
		if (read_stat(l->node[i].pid, &s))
			pages += s.resident_pages;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Shared pages in equal parts: exact for a tree that shares with itself, but
 * it costs the kernel a walk through all page tables. */
static uint64_t proportional_bytes(const struct list *l)
{
	char path[64], text[2048];
	unsigned long kib, sum = 0;
	const char *p;
	int i;

	for (i = 0; i < l->len; i++) {
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup",
			 (int)l->node[i].pid);
		if (slurp(path, text, sizeof(text)) <= 0)
			continue; /* a zombie has none */
		p = strstr(text, "\nPss:");
		if (p != NULL && sscanf(p, " Pss: %lu", &kib) == 1)
			sum += kib;
	}
	return (uint64_t)sum << 10;
}

void tree_measure(struct usage *u, uint64_t exact_from)
{
	struct list *l = list_all(UINT_MAX);
	uint64_t exact;

	u->tasks = l->tasks;
	u->bytes = resident_bytes(l);
	if (u->bytes < exact_from || l->len < 2)
		return;
	exact = proportional_bytes(l);
	if (exact != 0)
		u->bytes = exact;
}

/* Signals a process that is still what the list says, and in session (0: in
 * any). */
static void signal_node(const struct node *n, int sig, pid_t session)
{
	int fd = pidfd_open(n->pid, 0);
	struct stat_line s;

	if (fd < 0)
		return;
	if (read_stat(n->pid, &s) &&
	    (session != 0 ? s.session == session && s.pgrp != session
			  : s.ppid == n->parent))
		(void)pidfd_send_signal(fd, sig, NULL, 0);
	close(fd);
}

/*
 * SIGTERM to the bot's process group, and to those of its session that made
 * groups of their own (job control of a shell). Processes that left the
 * session are ended by SIGKILL when the bot is gone.
 */
void tree_terminate(pid_t bot)
{
	struct list *l;
	int i;

	if (kill(-bot, SIGTERM) != 0)
		(void)kill(bot, SIGTERM);
	(void)kill(-bot, SIGCONT); /* a stopped one could not obey */
	l = list_all(UINT_MAX);
	for (i = 0; i < l->len; i++)
		if (l->node[i].pid != bot)
			signal_node(&l->node[i], SIGTERM, bot);
}

/* Its own children keep their pid until they are reaped, in this thread. */
static void kill_node(const struct node *n, pid_t self)
{
	if (n->parent != self) {
		signal_node(n, SIGKILL, 0);
		return;
	}
	(void)kill(-n->pid, SIGKILL);
	(void)kill(n->pid, SIGKILL);
}

/*
 * Whole process groups die at once: a fork in one of them cannot slip
 * through. A group has the number of an own child only if that child made
 * it, so it is none of a stranger's. What is deeper down becomes an own
 * child when its parents have ended; killing it now already, parents first
 * and at once when found, keeps a tree that grows from outrunning that.
 */
void tree_kill(void)
{
	static struct list l;
	pid_t self = getpid();
	int i, own;

	list_own(&l);
	own = l.len;
	for (i = 0; i < own; i++)
		kill_node(&l.node[i], self);
	for (i = 0; i < l.len; i++) {
		if (i >= own)
			kill_node(&l.node[i], self);
		add_children(&l, l.node[i].pid);
	}
}
