/* SPDX-License-Identifier: MIT */
/*
 * process.c - deiad itself: version, processor, memory, descriptors, loop.
 * Names without deia_ are those that every Prometheus client gives a process.
 */
#include "metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <deia/version.h>

#include "../app.h"

static void build_info(struct expo *e, const struct metrics_view *v)
{
	(void)v;
	expo_uint(e, LABELS({ "version", deia_version() }), 1);
}

static void cpu(struct expo *e, const struct metrics_view *v)
{
	struct rusage u;

	(void)v;
	if (getrusage(RUSAGE_SELF, &u) == 0)
		expo_micros(e, NO_LABELS,
			    (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) *
					    1000000 +
				    u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* The n-th number of /proc/self/statm, in bytes; -1: unknown. */
static int64_t statm(int n)
{
	long long pages[2];
	char text[128];
	ssize_t len;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	if (sscanf(text, "%lld %lld", &pages[0], &pages[1]) != 2)
		return -1;
	return pages[n] * sysconf(_SC_PAGESIZE);
}

static void print_known(struct expo *e, int64_t n)
{
	if (n >= 0)
		expo_int(e, NO_LABELS, n);
}

static void virtual_memory(struct expo *e, const struct metrics_view *v)
{
	(void)v;
	print_known(e, statm(0));
}

static void resident_memory(struct expo *e, const struct metrics_view *v)
{
	(void)v;
	print_known(e, statm(1));
}

/* Newer kernels tell the number as the folder's size. */
static int64_t count_fds(void)
{
	struct stat st;
	int64_t n = 0;
	DIR *dir;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return st.st_size;
	dir = opendir("/proc/self/fd");
	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 3; /* ".", ".." and its own */
}

static void open_fds(struct expo *e, const struct metrics_view *v)
{
	(void)v;
	print_known(e, count_fds());
}

static void max_fds(struct expo *e, const struct metrics_view *v)
{
	struct rlimit r;

	(void)v;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0)
		expo_uint(e, NO_LABELS, r.rlim_cur);
}

static void start_time(struct expo *e, const struct metrics_view *v)
{
	expo_micros(e, NO_LABELS, v->hive.started_unix_ms * 1000);
}

static void loop_delay(struct expo *e, const struct metrics_view *v)
{
	expo_histogram(e, NO_LABELS, metrics_loop_delay(v->metrics));
}

static const struct metric metrics[] = {
	{ "deia_build_info", "gauge", "Which deiad this is; always 1.",
	  build_info },
	{ "process_cpu_seconds_total", "counter",
	  "Processor time that deiad used, without its bots.", cpu },
	{ "process_resident_memory_bytes", "gauge",
	  "Memory of deiad that is in RAM.", resident_memory },
	{ "process_virtual_memory_bytes", "gauge",
	  "Address space that deiad uses.", virtual_memory },
	{ "process_open_fds", "gauge", "Open file descriptors of deiad.",
	  open_fds },
	{ "process_max_fds", "gauge",
	  "How many file descriptors deiad may have open.", max_fds },
	{ "process_start_time_seconds", "gauge",
	  "When deiad started, in seconds since 1970.", start_time },
	{ "deia_event_loop_delay_seconds", "histogram",
	  "How late deiad's loop ran a timer, looked at four times a second.",
	  loop_delay },
};
const struct metric_group metrics_of_process = METRIC_GROUP(metrics);
