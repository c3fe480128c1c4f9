/* SPDX-License-Identifier: MIT */
/*
 * doctor_local.c - what can be looked at while no hive runs: would one start
 * here? Nothing is changed but that the port is tried for a moment.
 */
#include "doctor.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <deia/config.h>

#include "programs.h"

#define WARN_RATIO 0.90
#define FAIL_RATIO 0.95
#define FEW_FILES 1024

static void add(cJSON *items, const char *check, const char *status,
		const char *advice, const char *fmt, ...) DEIA_PRINTF(5, 6);

static void add(cJSON *items, const char *check, const char *status,
		const char *advice, const char *fmt, ...)
{
	cJSON *item = cJSON_CreateObject();
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cJSON_AddStringToObject(item, "check", check);
	cJSON_AddStringToObject(item, "status", status);
	cJSON_AddStringToObject(item, "text", text);
	cJSON_AddStringToObject(item, "advice", advice);
	cJSON_AddItemToArray(items, item);
}

/* ---- configuration and folders ------------------------------------------- */

static deia_config *check_config(cJSON *items, const char *dir)
{
	struct deia_config_error at = { 0 };
	deia_config *config = NULL;
	char *path = must_print("%s/config.yaml", dir);

	if (access(path, F_OK) != 0)
		add(items, "config", "warn",
		    "`deia serve` makes one with the defaults.",
		    "There is no %s.", path);
	else if (deia_config_load(&config, dir, &at) == DEIA_OK)
		add(items, "config", "pass", "", "%s is valid.", path);
	else
		add(items, "config", "fail",
		    "Correct it; `deia config check` looks again.",
		    "%s:%u:%u: %s", at.file[0] ? at.file : path, at.line,
		    at.column, at.detail);
	free(path);
	return config;
}

static void check_token(cJSON *items, const char *dir)
{
	char *path = must_print("%s/token", dir);
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
		add(items, "token", "fail",
		    "Who reads it is administrator of the hive: chmod 600 it.",
		    "Others may read %s.", path);
	free(path);
}

static void check_dir(cJSON *items, const char *dir)
{
	static const char *const names[] = { ".", "state", "bot-logs", "work" };
	bool fine = true;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = must_print("%s/%s", dir, names[i]);

		if (access(path, R_OK | W_OK | X_OK) != 0 &&
		    (errno != ENOENT || i == 0)) {
			fine = false;
			add(items, "dir", "fail",
			    "Run deiad as the user whose it is, or give it to "
			    "that user.",
			    "%s cannot be used: %s.", path, strerror(errno));
		}
		free(path);
	}
	if (fine)
		add(items, "dir", "pass", "", "%s can be written.", dir);
	check_token(items, dir);
}

static void check_disk(cJSON *items, const char *dir)
{
	const char *status = "pass";
	struct statvfs v;
	double used, ratio;

	if (statvfs(dir, &v) != 0 || v.f_bfree > v.f_blocks)
		return;
	used = (double)(v.f_blocks - v.f_bfree);
	if (used + (double)v.f_bavail <= 0)
		return;
	ratio = used / (used + (double)v.f_bavail);
	if (ratio > WARN_RATIO)
		status = ratio > FAIL_RATIO ? "fail" : "warn";
	add(items, "disk", status,
	    *status != 'p' ? "Make room: `du -xh --max-depth=2` shows where it "
			     "went."
			   : "",
	    "The disk of %s is %.0f %% full, %.1f GiB are free.", dir,
	    100 * ratio, (double)v.f_bavail * (double)v.f_frsize / (1 << 30));
}

/* ---- the port ------------------------------------------------------------ */

/* The inode of whoever listens on a port; 0: nobody, or unknown. */
static unsigned long listener(const char *table, unsigned port)
{
	FILE *f = fopen(table, "re");
	unsigned long inode, found = 0;
	unsigned local, state;
	char line[512];

	while (f != NULL && found == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line,
			   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
			   "%*x:%*x %*x:%*x %*x %*d %*d %lu",
			   &local, &state, &inode) == 3 &&
		    local == port && state == 0x0a)
			found = inode;
	if (f != NULL)
		fclose(f);
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char *path = must_print("/proc/%s/fd", pid), want[64], to[64];
	DIR *d = opendir(path);
	struct dirent *e;
	bool found = false;

	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = '\0';
		found = strcmp(to, want) == 0;
	}
	if (d != NULL)
		closedir(d);
	free(path);
	return found;
}

static char *name_of(const char *pid)
{
	char *path = must_print("/proc/%s/comm", pid), name[32] = "";
	FILE *f = fopen(path, "re");

	if (f != NULL && fgets(name, sizeof(name), f) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
	free(path);
	return must_print("%s (process %s)", name[0] ? name : "a program", pid);
}

/* "nginx (process 12)"; free() it. */
static char *who_listens(unsigned port)
{
	unsigned long inode = listener("/proc/net/tcp", port);
	DIR *d = opendir("/proc");
	struct dirent *e;
	char *found = NULL;

	if (inode == 0)
		inode = listener("/proc/net/tcp6", port);
	while (d != NULL && inode != 0 && found == NULL &&
	       (e = readdir(d)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		if (has_socket(e->d_name, inode))
			found = name_of(e->d_name);
	}
	if (d != NULL)
		closedir(d);
	return found != NULL ? found : must_dup("another program");
}

/* 0, or why it cannot be listened on. */
static int try_port(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST };
	struct addrinfo *ai = NULL;
	int fd, on = 1, err = 0;

	if (getaddrinfo(host, port, &hints, &ai) != 0)
		return 0; /* a name: deiad says what is wrong with it */
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 1) != 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	freeaddrinfo(ai);
	return err;
}

static void check_port(cJSON *items, const deia_config *config)
{
	const char *host =
		config ? deia_config_str(config, "server.host") : "127.0.0.1";
	int64_t port = config ? deia_config_int(config, "server.port") : 8000;
	char text[16], *who;
	int err;

	snprintf(text, sizeof(text), "%d", (int)port);
	err = try_port(host, text);
	if (err == 0) {
		add(items, "port", "pass", "", "%s:%s is free.", host, text);
	} else if (err == EADDRINUSE) {
		who = who_listens((unsigned)port);
		add(items, "port", "fail",
		    "End that program, or choose another port: `deia serve "
		    "--port 8001`.",
		    "%s:%s is taken by %s.", host, text, who);
		free(who);
	} else {
		add(items, "port", "fail",
		    "See server.host and server.port in config.yaml.",
		    "%s:%s cannot be listened on: %s.", host, text,
		    strerror(err));
	}
}

/* ---- programs and limits ------------------------------------------------- */

static void check_programs(cJSON *items)
{
	static const char *const names[] = { "deiad", "deia-guard",
					     "deia-bot" };
	char missing[128] = "", *dir = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = program_find(names[i]);
		size_t len = strlen(missing);

		if (path == NULL)
			snprintf(missing + len, sizeof(missing) - len, "%s%s",
				 len > 0 ? ", " : "", names[i]);
		else if (dir == NULL)
			dir = must_dup(path);
		free(path);
	}
	if (missing[0] != '\0')
		add(items, "programs", "fail",
		    "Install the whole package, or put their folder on PATH.",
		    "Not beside deia, and not on PATH: %s.", missing);
	else
		add(items, "programs", "pass", "",
		    "deiad, deia-guard and deia-bot are there (%s).", dir);
	free(dir);
}

static void check_limits(cJSON *items)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (files.rlim_cur < FEW_FILES)
		add(items, "limits", "warn",
		    "Raise it: `ulimit -n`, or LimitNOFILE of its service.",
		    "A process may open only %llu files; each bot takes four.",
		    (unsigned long long)files.rlim_cur);
	else
		add(items, "limits", "pass", "",
		    "A process may open %llu files.",
		    (unsigned long long)files.rlim_cur);
}

/* The worst of them. */
static const char *worst_of(const cJSON *items)
{
	const char *worst = "pass";
	const cJSON *item;

	cJSON_ArrayForEach(item, items) {
		const char *status = jtext(item, "status");

		if (strcmp(status, "fail") == 0 ||
		    (strcmp(status, "warn") == 0 && *worst == 'p'))
			worst = status;
	}
	return worst;
}

cJSON *doctor_local(const char *dir)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *items = cJSON_AddArrayToObject(json, "items");
	deia_config *config = NULL;

	if (dir != NULL) {
		config = check_config(items, dir);
		check_dir(items, dir);
		check_disk(items, dir);
	} else {
		add(items, "dir", "warn",
		    "`deia serve` makes one in ./.deia; name another with "
		    "--dir.",
		    "There is no directory of a hive here.");
	}
	check_port(items, config);
	check_programs(items);
	check_limits(items);
	cJSON_AddBoolToObject(json, "running", false);
	cJSON_AddStringToObject(json, "status", worst_of(items));
	deia_config_free(config);
	return json;
}
