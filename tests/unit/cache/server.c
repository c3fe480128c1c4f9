/* SPDX-License-Identifier: MIT */
/* server.c - see server.h. */
#include "server.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define PROGRAM "/usr/bin/redis-server"

bool server_there(void)
{
	return access(PROGRAM, X_OK) == 0;
}

static struct sockaddr_in local(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	return a;
}

int free_port(void)
{
	struct sockaddr_in a = local(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int dial(const struct redis_server *s)
{
	struct sockaddr_in a = local(s->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(126);
}

static void run(const struct redis_server *s, int out)
{
	char port[8];
	const char *argv[40] = { PROGRAM,  "--port",	  port,
				 "--bind", "127.0.0.1",	  "--dir",
				 s->dir,   "--daemonize", "no" };
	size_t n = 9;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(port, sizeof(port), "%d", s->port);
	for (size_t i = 0; s->args[i]; i++)
		argv[n++] = s->args[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become_nobody();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(out, 1);
	execv(PROGRAM, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Its log says when it takes connections. */
static bool read_until_ready(int fd)
{
	char text[16384];
	size_t len = 0;
	ssize_t n;

	while (len + 1 < sizeof(text)) {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, "Ready to accept connections"))
			return true;
	}
	return false;
}

void server_restart(struct redis_server *s)
{
	int log[2];

	ck_assert_int_eq(pipe2(log, O_CLOEXEC), 0);
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0)
		run(s, log[1]);
	close(log[1]);
	ck_assert_msg(read_until_ready(log[0]), "redis-server does not start");
	close(log[0]);
}

void server_start(struct redis_server *s, const char *const *args)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; args && args[i] && i < 15; i++)
		s->args[i] = args[i];
	strcpy(s->dir, "/tmp/deia-redis-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	if (geteuid() == 0)
		ck_assert_int_eq(chown(s->dir, NOBODY, NOBODY), 0);
	s->port = free_port();
	snprintf(s->url, sizeof(s->url), "redis://127.0.0.1:%d", s->port);
	server_restart(s);
}

void server_kill(struct redis_server *s)
{
	if (!s->pid)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

void server_freeze(struct redis_server *s)
{
	int status;

	ck_assert_int_eq(kill(s->pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(s->pid, &status, WUNTRACED), s->pid);
	ck_assert(WIFSTOPPED(status));
}

void server_thaw(struct redis_server *s)
{
	ck_assert_int_eq(kill(s->pid, SIGCONT), 0);
}

void server_say(struct redis_server *s, const char *const *words, char *out)
{
	char text[4096];
	size_t len = 0, n = 0;
	int fd = dial(s);
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	while (words[n])
		n++;
	len += (size_t)snprintf(text, sizeof(text), "*%zu\r\n", n);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"$%zu\r\n%s\r\n", strlen(words[i]),
					words[i]);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	got = read(fd, out, 4095);
	ck_assert_int_gt(got, 0);
	out[got] = '\0';
	close(fd);
}

void server_end(struct redis_server *s)
{
	char path[128];

	if (s->pid)
		kill(s->pid, SIGCONT);
	server_kill(s);
	snprintf(path, sizeof(path), "%s/dump.rdb", s->dir);
	unlink(path);
	rmdir(s->dir);
}
