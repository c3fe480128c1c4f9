/* SPDX-License-Identifier: MIT */
/*
 * apply_run.c - does what the plan says: creations and changes in the order
 * of depends_on, then restarts, then removals.
 *
 * What fails for one bot does not keep the others from being done; the first
 * failure is the exit code. Only a hive that is out of reach ends it at once.
 */
#include "apply.h"

#include <stdlib.h>
#include <string.h>

struct tally {
	unsigned created, changed, kept, restarted, removed, failed;
};

static int put(struct cli *cli, struct step *s)
{
	char *fmt = must_print("/api/v1/bots/%%s%s",
			       s->declared->start ? "" : "?start=false");
	char *path = path_of(fmt, s->id);
	int rc = ask(cli, "PUT", path, s->declared->json, NULL);

	free(path);
	free(fmt);
	return rc;
}

static int restart(struct cli *cli, const struct step *s)
{
	char *path = path_of("/api/v1/bots/%s/restart", s->id);
	int rc = ask(cli, "POST", path, NULL, NULL);

	free(path);
	return rc;
}

static int remove_bot(struct cli *cli, const struct step *s)
{
	char *path = path_of("/api/v1/bots/%s?force=true", s->id);
	int rc = ask(cli, "DELETE", path, NULL, NULL);

	free(path);
	/* Somebody was faster. */
	return rc == EXIT_NOT_FOUND ? EXIT_DONE : rc;
}

static void count(struct tally *t, unsigned *done, int rc)
{
	if (rc == EXIT_DONE)
		(*done)++;
	else
		t->failed++;
}

static void do_step(struct cli *cli, struct step *s, struct tally *t)
{
	cli->bot = s->id;
	switch (s->kind) {
	case STEP_CREATE:
		s->rc = put(cli, s);
		count(t, &t->created, s->rc);
		break;
	case STEP_CHANGE:
		s->rc = put(cli, s);
		count(t, &t->changed, s->rc);
		break;
	case STEP_REMOVE:
		s->rc = remove_bot(cli, s);
		count(t, &t->removed, s->rc);
		break;
	case STEP_KEEP:
		t->kept++;
		break;
	case STEP_EXTRA:
		break;
	}
	if (s->rc != EXIT_DONE || !s->restart ||
	    !args_has(&cli->args, "restart"))
		return;
	s->rc = restart(cli, s);
	count(t, &t->restarted, s->rc);
}

static void add_count(struct text *out, unsigned n, const char *what)
{
	if (n > 0)
		text_addf(out, "%s%u %s", out->len > 0 ? ", " : "", n, what);
}

static void sum_up(const struct cli *cli, const struct tally *t)
{
	struct text out = { 0 };

	add_count(&out, t->created, "created");
	add_count(&out, t->changed, "changed");
	add_count(&out, t->restarted, "restarted");
	add_count(&out, t->removed, "removed");
	add_count(&out, t->kept, "unchanged");
	add_count(&out, t->failed, "failed");
	say(cli, "%s", out.len > 0 ? out.data : "the files name no bot");
	text_free(&out);
}

int apply_run(struct cli *cli, struct plan *plan)
{
	struct tally t = { 0 };
	int rc = EXIT_DONE;

	for (size_t i = 0; i < plan->n_steps; i++) {
		struct step *s = &plan->steps[i];

		do_step(cli, s, &t);
		if (rc == EXIT_DONE)
			rc = s->rc;
		if (s->rc == EXIT_UNREACHABLE) {
			advise("%zu of %zu bots were looked at; apply again "
			       "when the hive is back",
			       i, plan->n_steps);
			return rc;
		}
	}
	sum_up(cli, &t);
	return rc;
}
