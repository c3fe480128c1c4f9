/* SPDX-License-Identifier: MIT */
/*
 * echo.c - the adapter that answers with the last user message unchanged.
 *
 * It needs nothing and is what tests, benchmarks and a first look use. A turn
 * ends inside its turn op, so there is nothing to interrupt or to free.
 */
#include <deia/sys/adapter.h>

#include <string.h>

static deia_err echo_init(deia_worker *w, const struct cJSON *config,
			  void *user)
{
	(void)config, (void)user;
	deia_worker_ready(w, 0);
	return DEIA_OK;
}

static void echo_turn(deia_worker *w, deia_turn *turn,
		      const struct deia_turn_info *info, void *user)
{
	(void)w, (void)user;
	deia_turn_chunk(turn, NULL, info->content, strlen(info->content));
	deia_turn_done(turn, NULL, NULL, NULL);
}

const struct deia_adapter deia_adapter_echo = {
	.size = sizeof(struct deia_adapter),
	.name = "echo",
	.summary = "answers with the last user message, unchanged",
	.ops = {
		.size = sizeof(struct deia_worker_ops),
		.init = echo_init,
		.turn = echo_turn,
	},
};
