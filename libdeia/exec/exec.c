/* SPDX-License-Identifier: MIT */
/*
 * exec.c - the adapter that runs a command for each turn.
 *
 * The config is read in config.c and the working folder made in
 * setup.c; then the bot is ready. A turn is in turn.c, its command
 * line in argv.c, the process in child.c, its output in out.c
 * and the formats text.c, claude.c, codex.c; changed files in
 * files.c.
 */
#include "exec/exec.h"

#include "worker/worker.h"
#include "core/mem.h"

void deia__exec_is_ready(struct exec *x)
{
	x->ready = true;
	deia_worker_ready(x->w, 0);
	deia__exec_turns_pump(x);
}

static deia_err init(deia_worker *w, const struct cJSON *config, void *user)
{
	struct exec *x = user;
	char why[512] = "";
	deia_err err;

	x->w = w;
	err = deia__exec_config_read(&x->config, config, why, sizeof(why));
	if (err) {
		deia_worker_note(w, "%s", *why ? why : deia_err_text(err));
		return err;
	}
	return deia__exec_setup(x);
}

static void turn(deia_worker *w, deia_turn *turn,
		 const struct deia_turn_info *info, void *user)
{
	(void)w, (void)info;
	deia__exec_turn_begin(user, turn);
}

static void interrupt(deia_worker *w, deia_turn *turn, void *user)
{
	(void)w, (void)user;
	deia__exec_turn_interrupt(deia_turn_user(turn));
}

static void drained(deia_worker *w, void *user)
{
	(void)w;
	deia__exec_turns_drained(user);
}

/* Commands get SIGTERM here; destroy, after the loop, waits for them. */
static void shut_down(deia_worker *w, void *user)
{
	(void)w;
	deia__exec_setup_free(user);
	deia__exec_turns_leave(user);
}

static void *create(void)
{
	struct exec *x = deia__alloc(sizeof(*x));

	if (x)
		TAILQ_INIT(&x->turns);
	return x;
}

static void destroy(void *user)
{
	struct exec *x = user;

	if (!x)
		return;
	deia__exec_turns_free(x);
	deia__exec_config_free(&x->config);
	deia__free(x->folder.prefix);
	deia__free(x);
}

const struct deia_adapter deia_adapter_exec = {
	.size = sizeof(struct deia_adapter),
	.name = "exec",
	.summary = "a command for each turn",
	.ops = {
		.size = sizeof(struct deia_worker_ops),
		.init = init,
		.turn = turn,
		.interrupt = interrupt,
		.shutdown = shut_down,
		.drained = drained,
	},
	.create = create,
	.destroy = destroy,
};
