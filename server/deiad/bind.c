/* SPDX-License-Identifier: MIT */
/*
 * bind.c - see bind.h.
 *
 * All of this runs before the loop does, so it may block for a moment.
 */
#include "bind.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define BACKLOG 2048

bool bind_is_loopback(const char *host)
{
	struct in6_addr a6;
	struct in_addr a4;

	if (strcmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}

/* ---- who has the port -------------------------------------------------- */

/* The inode of the listening socket on this port; 0: none is seen. */
static unsigned long listening_inode(const char *table, int port)
{
	FILE *f = fopen(table, "re");
	unsigned long inode = 0;
	char line[512];

	while (f && !inode && fgets(line, sizeof(line), f)) {
		unsigned local_port, state;
		unsigned long found;

		if (sscanf(line,
			   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
			   "%*x:%*x %*x:%*x %*x %*u %*d %lu",
			   &local_port, &state, &found) == 3 &&
		    state == 0x0a && local_port == (unsigned)port)
			inode = found;
	}
	if (f)
		fclose(f);
	return inode;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[300], want[64], target[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target,
				       sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, want) == 0;
	}
	if (d)
		closedir(d);
	return found;
}

static void program_of(const char *pid, char *out, size_t cap)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(out, (int)cap, f))
		snprintf(out, cap, "?");
	out[strcspn(out, "\n")] = '\0';
	if (f)
		fclose(f);
}

/* The process that listens on the port; 0: not seen (another user's). */
static long holder_of(int port, char *program, size_t cap)
{
	unsigned long inode = listening_inode("/proc/net/tcp", port);
	struct dirent *e;
	long pid = 0;
	DIR *d;

	if (!inode)
		inode = listening_inode("/proc/net/tcp6", port);
	d = inode ? opendir("/proc") : NULL;
	while (d && !pid && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]) ||
		    !has_socket(e->d_name, inode))
			continue;
		pid = strtol(e->d_name, NULL, 10);
		program_of(e->d_name, program, cap);
	}
	if (d)
		closedir(d);
	return pid;
}

static int connect_to(const char *host, int port)
{
	static const struct timeval second = { 1, 0 };
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };
	int fd;

	if (inet_pton(AF_INET, host, &sa.sin_addr) != 1 || !sa.sin_addr.s_addr)
		sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

bool bind_deia_answers(const char *host, int port)
{
	char text[2048];
	size_t len = 0;
	ssize_t n = 0;
	int fd = connect_to(host, port);

	if (fd < 0)
		return false;
	n = snprintf(text, sizeof(text),
		     "GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		     "Connection: close\r\n\r\n",
		     port);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) == n)
		while (len < sizeof(text) - 1 &&
		       (n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) >
			       0)
			len += (size_t)n;
	close(fd);
	text[len] = '\0';
	return strstr(text, "\"uptime_seconds\"") && strstr(text, "\"score\"");
}

static void explain_taken(const char *host, int port)
{
	char program[64] = "?";
	long pid = holder_of(port, program, sizeof(program));

	fprintf(stderr, "deiad: port %d on %s is taken", port, host);
	if (pid)
		fprintf(stderr, " by %s (pid %ld)", program, pid);
	if (bind_deia_answers(host, port))
		fprintf(stderr,
			".\nA hive is running there already: use it with "
			"`deia --url http://127.0.0.1:%d status`, stop it with "
			"`deia stop`, or start a second one with --dir DIR "
			"--port 0.\n",
			port);
	else
		fprintf(stderr,
			".\nChoose another port with --port %d, or a free one "
			"with --port 0, or end that program.\n",
			port + 1);
}

/* ---- binding ----------------------------------------------------------- */

static int bind_one(const struct addrinfo *ai)
{
	int one = 1;
	int fd = socket(ai->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	one = errno;
	close(fd);
	errno = one;
	return -1;
}

static int bound_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
	socklen_t len = sizeof(addr);

	memset(&addr, 0, sizeof(addr));
	if (getsockname(fd, &addr.any, &len) != 0)
		return 0;
	return ntohs(addr.any.sa_family == AF_INET6 ? addr.in6.sin6_port
						    : addr.in.sin_port);
}

int bind_listen(const char *host, int *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	const char *at = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	char service[16];
	int err, fd;

	snprintf(service, sizeof(service), "%d", *port);
	err = getaddrinfo(at, service, &hints, &list);
	if (err) {
		fprintf(stderr,
			"deiad: the address \"%s\" is not understood (%s); "
			"server.host takes an address like 127.0.0.1\n",
			host, gai_strerror(err));
		return -1;
	}
	fd = bind_one(list);
	err = errno;
	freeaddrinfo(list);
	if (fd >= 0) {
		*port = bound_port(fd);
		return fd;
	}
	if (err == EADDRINUSE)
		explain_taken(host, *port);
	else if (err == EACCES)
		fprintf(stderr,
			"deiad: port %d needs rights that this user has not; "
			"choose one above 1023 with --port\n",
			*port);
	else
		fprintf(stderr, "deiad: cannot listen on %s port %d: %s\n",
			host, *port, strerror(err));
	return -1;
}
