/* SPDX-License-Identifier: MIT */
/*
 * machine.h - how busy the processors of this machine are, and its memory.
 *
 * Who looks has one of its own, all zero at first, and looks about once a
 * second. What /proc does not say stays unknown.
 */
#ifndef DEIA_HIVE_MACHINE_H
#define DEIA_HIVE_MACHINE_H

#include <deia/base.h>

struct deia__machine {
	uint64_t busy, total; /* of /proc/stat, at the look before */
	bool counting, cpu_known;
	double cpu_ratio; /* smoothed; 0: unknown */
	bool memory_known;
	uint64_t free_bytes, total_bytes; /* the latter 0: unknown */
};

/* The start of a short file, as text that ends with NUL; false: there is none,
 * or it is empty. */
bool deia__machine_read(const char *path, char *text, size_t len);
void deia__machine_look(struct deia__machine *m);
/* For tests: from texts of /proc/stat and /proc/meminfo. */
void deia__machine_read_cpu(struct deia__machine *m, const char *text);
void deia__machine_read_memory(struct deia__machine *m, const char *text);

#endif
