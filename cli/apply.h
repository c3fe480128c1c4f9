/* SPDX-License-Identifier: MIT */
/* apply.h - what the steps of `deia apply` share. */
#ifndef CLI_APPLY_H
#define CLI_APPLY_H

#include <deia/config.h>

#include "cli.h"

enum step_kind {
	STEP_CREATE,
	STEP_CHANGE,
	STEP_KEEP,  /* it is as the file says */
	STEP_EXTRA, /* the file does not name it */
	STEP_REMOVE /* the same, with --prune */
};

struct step {
	enum step_kind kind;
	const char *id;
	const struct deia_declared_bot *declared; /* or NULL */
	const cJSON *now;			  /* or NULL */
	cJSON *then;  /* the answer of the trial; or NULL */
	bool restart; /* it runs as something else than what it should be */
	int rc;	      /* of doing it */
};

struct plan {
	deia_bots_file *files;
	cJSON *bots; /* of the hive */
	struct step *steps;
	size_t n_steps;
};

/* Reads the files of -f into plan->files; an exit code, after saying what is
 * wrong with them. */
int apply_read(struct cli *cli, struct plan *plan);
/* Says all that is wrong so far; EXIT_DONE when that is nothing. */
int apply_errors(struct cli *cli, const struct plan *plan);
/* Asks the hive what would change. */
int apply_plan(struct cli *cli, struct plan *plan);
void plan_free(struct plan *plan);
/* The plan, or what became of it, on stdout. */
void apply_tell(struct cli *cli, const struct plan *plan, bool done);
/* Does it. */
int apply_run(struct cli *cli, struct plan *plan);

#endif
