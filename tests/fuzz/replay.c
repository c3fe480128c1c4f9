/* SPDX-License-Identifier: MIT */
/*
 * replay.c - runs a fuzz target over files, so that each corpus is an
 * ordinary test: `replay_x FOLDER...`. One TAP line a file; a target that
 * finds a fault aborts. Used when the build has no libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <deia/base.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_INPUT_BYTES (4u << 20)

static int n_cases;

static void replay_file(const char *folder, const char *name)
{
	static uint8_t data[MAX_INPUT_BYTES];
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "rb");
	size_t size = f ? fread(data, 1, sizeof(data), f) : 0;

	/* An own block, so that a sanitizer sees a read behind the end. */
	uint8_t *copy = malloc(size ? size : 1);

	if (!f || !copy) {
		printf("not ok %d - %s cannot be read\n", ++n_cases, name);
		free(copy);
		if (f)
			fclose(f);
		return;
	}
	fclose(f);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	printf("ok %d - %s\n", ++n_cases, name);
	fflush(stdout);
}

static int wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct dirent **entries;
		int n = scandir(argv[i], &entries, wanted, alphasort);

		for (int k = 0; k < n; k++) {
			replay_file(argv[i], entries[k]->d_name);
			free(entries[k]);
		}
		if (n >= 0)
			free(entries);
	}
	if (!n_cases)
		printf("not ok %d - the corpus has files\n", ++n_cases);
	printf("1..%d\n", n_cases);
	return 0;
}
