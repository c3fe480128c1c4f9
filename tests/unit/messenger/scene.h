/* SPDX-License-Identifier: MIT */
/*
 * scene.h - one message in each state, and every operation that changes one.
 *
 * For tests in which something goes wrong: the operation happened, or it did
 * not, and its callback tells which.
 */
#ifndef TEST_MESSENGER_SCENE_H
#define TEST_MESSENGER_SCENE_H

#include "sim.h"

enum scene_op {
	SCENE_SEND,
	SCENE_SEND_KEY, /* three at once, under a key */
	SCENE_RECEIVE,
	SCENE_TAKE,
	SCENE_READ,
	SCENE_RELEASE,
	SCENE_GIVE_UP, /* its sender gets a notice */
	SCENE_EXTEND,
	SCENE_ANSWER,
	SCENE_REQUEUE,
	SCENE_GET,
	SCENE_PAGE,
	SCENE_OPS
};
extern const char *const scene_op_names[SCENE_OPS];

struct scene {
	struct sim s;
	/* Ids; the delivered one with its token. */
	char pending[37], failed[37], talk[37];
	struct sim_item out;
	unsigned n_made;
	struct deia_inbox_status before; /* of bob */
	uint64_t failed_before;
	struct sim_answer answer;
};

extern const char *const scene_inboxes[2];

/* After sim_init; asserts that all works. Again and again on the same one. */
void scene_make(struct scene *sc);
/* Does it and waits for the answer: the error of the call or its callback. A
 * callback that never comes ends the test. */
deia_err scene_try(struct scene *sc, enum scene_op op);
/* The change is there; always true for those that change nothing. */
bool scene_happened(struct scene *sc, enum scene_op op);
/* What may be left of it is put out of the way. */
void scene_end(struct scene *sc);

#endif
