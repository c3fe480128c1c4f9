/* SPDX-License-Identifier: MIT */
/*
 * task_watch.c - one task, each move as it comes, until it has ended.
 *
 * The task has a stream of its own, which begins with how it stands, so a
 * connection that is lost is simply taken up again: at worst a move is told
 * twice.
 */
#include "task.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_MS 250
#define PAUSE_MAX_MS 5000

struct watch {
	struct cli *cli;
	task_moved_fn moved;
	cJSON *task;	  /* as it ended */
	double attempts;  /* at most; events leave out what never changes */
	bool heard, ever; /* something: over this connection, over any */
	char *line;	  /* that was told last */
};

/* ---- what happened, in words ------------------------------------------- */

static const struct {
	const char *event, *words;
} moves[] = {
	{ "task.approved", "approved" },
	{ "task.queued", "queued" },
	{ "task.assigned", "assigned" },
	{ "task.running", "running" },
	{ "task.retry", "to be retried" },
	{ "task.retried", "queued again" },
	{ "task.verdict", "judged" },
	{ "task.over_budget", "over its budget" },
};

static char *words_of(const char *event, const cJSON *what, double most)
{
	char *attempt;
	const char *reason = jtext(what, "reason");
	struct text t = { 0 };

	if (strchr(event, '.') == NULL) /* "task" and "done" */
		return task_summary(what);
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		if (strcmp(moves[i].event, event) == 0)
			text_adds(&t, moves[i].words);
	}
	if (t.len == 0)
		return NULL; /* the task itself says more */
	attempt = task_attempt(what, most);
	if (*attempt != '\0')
		text_addf(&t, ", %s", attempt);
	if (*reason != '\0')
		text_addf(&t, ": %s", reason);
	free(attempt);
	return t.data;
}

/* How it stood at first is newer than the first events may be. */
static bool is_old(const char *line, const char *told)
{
	static const char assigned[] = "assigned, ", running[] = "running, ";

	if (told == NULL)
		return false;
	return strcmp(line, told) == 0 ||
	       (strncmp(line, assigned, sizeof(assigned) - 1) == 0 &&
		strncmp(told, running, sizeof(running) - 1) == 0 &&
		strcmp(line + sizeof(assigned) - 1,
		       told + sizeof(running) - 1) == 0);
}

static void tell_move(struct watch *w, const char *event, const cJSON *what)
{
	char *line;

	w->attempts = jnumber(what, "max_attempts", w->attempts);
	line = words_of(event, what, w->attempts);
	if (line != NULL && is_old(line, w->line)) {
		free(line);
		line = NULL;
	}
	w->moved(w->cli, what, line);
	if (line != NULL) {
		free(w->line);
		w->line = line;
	}
}

/* ---- listening --------------------------------------------------------- */

static bool on_event(const char *event, const char *id, const char *data,
		     size_t len, void *user)
{
	struct watch *w = user;
	cJSON *json = NULL;
	bool done = strcmp(event, "done") == 0;

	(void)id;
	/* "shutdown", "error": the next connection says what is the matter. */
	if (!done && strncmp(event, "task", 4) != 0)
		return true;
	if (deia_json_parse(&json, data, len, NULL) != DEIA_OK)
		return true;
	w->heard = w->ever = true;
	if (strchr(event, '.') != NULL)
		tell_move(w, event,
			  cJSON_GetObjectItemCaseSensitive(json, "data"));
	else
		tell_move(w, event, json);
	if (done)
		w->task = json;
	else
		cJSON_Delete(json);
	return fflush(stdout) == 0 && !done;
}

/* Whether connecting again can help. */
static bool is_passing(deia_err err)
{
	return err == DEIA_OK || err == DEIA_EIO || err == DEIA_ETIMEDOUT ||
	       err == DEIA_EUNAVAILABLE || err == DEIA_EBUSY;
}

static deia_err follow(struct watch *w, const char *path)
{
	unsigned pause = PAUSE_MIN_MS;

	for (;;) {
		deia_err err;

		w->heard = false;
		err = deia_client_stream(w->cli->client, "GET", path, NULL, 0,
					 on_event, w);
		if (w->task != NULL)
			return DEIA_OK;
		if (!is_passing(err) || (!w->ever && err != DEIA_OK))
			return err;
		if (w->heard) {
			note(w->cli, "the connection broke; trying again");
			pause = PAUSE_MIN_MS;
		}
		if (!pause_ms(pause))
			return DEIA_ECANCELED;
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

int task_watch(struct cli *cli, const char *id, task_moved_fn moved,
	       cJSON **task)
{
	struct watch w = { .cli = cli, .moved = moved };
	char *path = path_of("/api/v1/tasks/%s/events", id);
	deia_err err = DEIA_ECANCELED;
	int rc = EXIT_DONE;

	cli->if_lost = TASK_LOST;
	if (cli_client(cli, &rc) == NULL) {
		free(path);
		return rc;
	}
	interrupts_watch(cli->client);
	if (!interrupts_seen())
		err = follow(&w, path);
	rc = EXIT_DONE;
	if (interrupts_seen()) {
		interrupts_clear(cli->client);
		note(cli,
		     "no longer watching; the task goes on. Watch it again: "
		     "deia task watch %s; end it: deia task cancel %s",
		     id, id);
		rc = EXIT_INTERRUPTED;
	} else if (err != DEIA_OK) {
		rc = explain(cli, err, 0);
	}
	*task = rc == EXIT_DONE ? w.task : NULL;
	if (rc != EXIT_DONE)
		cJSON_Delete(w.task);
	free(w.line);
	free(path);
	return rc;
}
