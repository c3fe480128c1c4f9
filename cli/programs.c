/* SPDX-License-Identifier: MIT */
/* programs.c - see programs.h. */
#include "programs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

char *program_dir(void)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return must_dup(self);
}

static char *if_runs(char *path)
{
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static char *find_on_path(const char *name)
{
	const char *p = getenv("PATH");
	char *found = NULL;

	while (found == NULL && p != NULL && *p != '\0') {
		size_t len = strcspn(p, ":");

		if (len > 0)
			found = if_runs(
				must_print("%.*s/%s", (int)len, p, name));
		p += len + (p[len] == ':');
	}
	return found;
}

char *program_find(const char *name)
{
	static const char *const of_build[] = { "deiad", "guard", "bot" };
	char *dir = program_dir(), *found = NULL;

	if (dir != NULL)
		found = if_runs(must_print("%s/%s", dir, name));
	for (size_t i = 0; dir != NULL && found == NULL && i < 3; i++)
		found = if_runs(must_print("%s/../server/%s/%s", dir,
					   of_build[i], name));
	free(dir);
	return found != NULL ? found : find_on_path(name);
}
