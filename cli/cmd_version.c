/* SPDX-License-Identifier: MIT */
/* cmd_version.c - `deia version`. */
#include "cli.h"

#include <deia/version.h>

static int run_version(struct cli *cli)
{
	if (cli->json)
		tell("{\"version\":\"%s\"}", deia_version());
	else
		tell("deia %s", deia_version());
	return EXIT_DONE;
}

const struct command cmd_version = {
	.name = "version",
	.usage = "",
	.summary = "print the version of this program",
	.details = "The hive's own version is in `deia status`.\n",
	.run = run_version,
};
