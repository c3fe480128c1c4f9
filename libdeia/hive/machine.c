/* SPDX-License-Identifier: MIT */
/*
 * machine.c - how busy the processors are and how much memory can be
 * had, from /proc: two short files that never wait for a disk.
 *
 * All processors and all memory of the machine: limits of a cgroup that holds
 * deiad itself are not looked at.
 */
#include "hive/machine.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 2048 /* what is wanted stands in the first lines */
#define NEW_WEIGHT 0.2	/* of a look in the mean: about five seconds */

bool deia__machine_read(const char *path, char *text, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, len - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

void deia__machine_read_cpu(struct deia__machine *m, const char *text)
{
	uint64_t user, nice, sys, idle, wait, irq, soft, steal, busy, total;
	double ratio;

	if (sscanf(text,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &user, &nice, &sys, &idle, &wait, &irq, &soft, &steal) != 8)
		return;
	busy = user + nice + sys + irq + soft + steal;
	total = busy + idle + wait;
	if (m->counting && total > m->total && busy >= m->busy) {
		ratio = (double)(busy - m->busy) / (double)(total - m->total);
		m->cpu_ratio = m->cpu_ratio > 0
				       ? NEW_WEIGHT * ratio +
						 (1 - NEW_WEIGHT) * m->cpu_ratio
				       : ratio;
		if (m->cpu_ratio > 1)
			m->cpu_ratio = 1;
		m->cpu_known = true;
	}
	m->counting = true;
	m->busy = busy;
	m->total = total;
}

/* False: it does not say so. */
static bool find(const char *text, const char *key, uint64_t *bytes)
{
	const char *at = strstr(text, key);
	uint64_t kib;

	*bytes = 0;
	if (!at || sscanf(at + strlen(key), "%" SCNu64 " kB", &kib) != 1)
		return false;
	*bytes = kib << 10;
	return true;
}

void deia__machine_read_memory(struct deia__machine *m, const char *text)
{
	m->memory_known = find(text, "MemAvailable:", &m->free_bytes);
	(void)find(text, "MemTotal:", &m->total_bytes);
}

void deia__machine_look(struct deia__machine *m)
{
	char text[TEXT_BYTES];

	if (deia__machine_read("/proc/stat", text, sizeof(text)))
		deia__machine_read_cpu(m, text);
	if (deia__machine_read("/proc/meminfo", text, sizeof(text)))
		deia__machine_read_memory(m, text);
	else
		m->memory_known = false;
}
