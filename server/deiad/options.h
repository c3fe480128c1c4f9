/* SPDX-License-Identifier: MIT */
/* options.h - deiad's command line. */
#ifndef DEIAD_OPTIONS_H
#define DEIAD_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *dir, *host, *port, *log_level, *log_format;
	const char *sets[32]; /* --set KEY=VALUE */
	int n_sets;
	bool routes, version, help;
};

/* False: a message is on stderr, the exit code is 2. */
bool options_parse(struct options *o, int argc, char **argv);
void options_help(void);

#endif
