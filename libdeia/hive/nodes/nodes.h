/* SPDX-License-Identifier: MIT */
/*
 * nodes.h - the inside of what a hive does about other nodes.
 *
 *   nodes.c        the own row, joining and leaving
 *   node_watch.c   heartbeats, looking at the others, shutting one out, the
 *		    end of this one
 *   node_judge.c   when a node counts as gone
 *   node_bots.c    bots of other nodes: a list beside the hive's own
 *   node_reread.c  rows that changed elsewhere are read again
 *
 * On a store that is not shared there is the own name and nothing else.
 */
#ifndef DEIA_HIVE_NODES_H
#define DEIA_HIVE_NODES_H

#include <deia/node.h>

#include "core/byid.h"
#include "hive/hive.h"
#include "hive/nodes/node_judge.h"

/* Topics of notices. Texts: of nodes "+" or "-" and the writer; an id. */
#define DEIA__TOPIC_NODES "nodes"
#define DEIA__TOPIC_BOTS "bots"
#define DEIA__TOPIC_TOKENS "tokens"
/* A dead letter of this dialogue was requeued elsewhere. */
#define DEIA__TOPIC_DIALOGUES "dialogues"
#define DEIA__TOPIC_SCALING "scaling"
#define DEIA__TOPIC_HEALTH "health"

#define DEIA__NODES_MAX 256
#define DEIA__REREAD_IDS 64 /* more that changed: all are read */

/* One row of nodes. */
struct deia__node {
	char name[DEIA_MAX_ID_LEN + 1];
	char url[DEIA_MAX_NODE_URL_BYTES + 1];
	char version[32];
	int64_t writer, started_ms, beat;
	int64_t moved_ms; /* boot clock: its beat was seen to move */
	bool fencing;	  /* is being shut out */
	bool told;	  /* that it is silent and holds its session */
	bool seen;	  /* at this look */
	bool promised;	  /* a notice said that it joins; no row was read */
};

/* A bot that lives on another node; its rows are that one's. */
struct deia__far {
	char node[DEIA_MAX_ID_LEN + 1];
	struct deia_bot_spec *spec;
	struct deia_bot_info info; /* as it is shown */
	char reason[DEIA_MAX_REASON_BYTES];
	/* What its node last told, in bot_history. */
	deia_bot_state told;
	char told_reason[DEIA_MAX_REASON_BYTES];
	int64_t told_pid;
	unsigned told_restarts;
	int64_t created_ms;
	bool wanted;
	bool stale;	/* its history is to be read */
	unsigned round; /* of the reading that saw it last */
};

/* What changed elsewhere and is to be read again, one after the other. */
struct deia__reread {
	bool all, busy;
	unsigned round;
	char ids[DEIA__REREAD_IDS][DEIA_MAX_ID_LEN + 1];
	unsigned n;
	char id[DEIA_MAX_ID_LEN + 1]; /* being read; "": all, this far: */
	char after[DEIA_MAX_ID_LEN + 1];
};

struct deia__nodes {
	char name[DEIA_MAX_ID_LEN + 1];
	char url[DEIA_MAX_NODE_URL_BYTES + 1];
	bool shared;
	bool joined; /* the own row is there */
	bool lost;   /* this one is shut out */
	int64_t writer;
	struct deia__node *items; /* in order of name, the own one, too */
	size_t n;
	struct deia__judge judge;
	struct deia__timer timer;
	int64_t beat; /* the newest that was sent */
	bool beating, looking, look_again;
	/* Joining waits for the store, before the loop runs. */
	bool step_done;
	deia_err step_err;
	struct deia__byid far; /* of struct deia__far */
	struct deia__reread bots, tokens;
	void (*on_lost)(const char *why, void *user);
	void *lost_user;
};

/* ---- nodes.c ------------------------------------------------------------ */

/* Joins the others: first of all, right after the store was opened (blocks). */
DEIA_NODISCARD deia_err deia__nodes_open(deia_hive *h,
					 const struct deia_hive_opts *o,
					 char *detail, size_t detail_len);
/* Everything is loaded: watches, beats, and mail may move. */
DEIA_NODISCARD deia_err deia__nodes_start(deia_hive *h);
/* What was committed while loading is durable when it returns (blocks). */
DEIA_NODISCARD deia_err deia__nodes_settle(deia_hive *h);
/* Leaves: the last that the store is told. */
void deia__nodes_end(deia_hive *h);
void deia__nodes_free(deia_hive *h);
bool deia__nodes_shared(const deia_hive *h);
/* Others run beside this one. */
bool deia__nodes_several(const deia_hive *h);
/* What goes into the column node: the own name, or "" where nobody shares. */
const char *deia__node_mark(const deia_hive *h);
/* Whether a row with this mark is this node's. */
bool deia__node_is_own(const deia_hive *h, const char *mark);
/* The name for people: of a mark. */
const char *deia__node_shown(const deia_hive *h, const char *mark);

/* ---- node_watch.c ------------------------------------------------------- */

void deia__node_fill(struct deia__node *node, const deia_rows *rows, size_t r,
		     int64_t now_ms);
/* Puts it into the list; NULL: it is full, or out of memory. */
struct deia__node *deia__node_put(deia_hive *h, const struct deia__node *node);
struct deia__node *deia__node_find(const deia_hive *h, const char *name);
/* The messenger learns which nodes run. */
void deia__nodes_tell(deia_hive *h);
/* Looks at all rows, soon. */
void deia__nodes_look(deia_hive *h);
/* A notice about nodes. */
void deia__nodes_noticed(deia_hive *h, const char *text);
void deia__nodes_beat_start(deia_hive *h);

/* ---- node_bots.c -------------------------------------------------------- */

struct deia__far *deia__far_get(const deia_hive *h, const char *id);
/* Those after an id (NULL: from the first), in order. */
struct deia__far *deia__far_next(const deia_hive *h, const char *after);
/* Says that it lives elsewhere, or that there is none; returns EOTHERNODE or
 * ENOTFOUND. */
deia_err deia__not_here(deia_hive *h, const char *id);
/* There is a bot of this id, here or elsewhere. */
bool deia__bot_known(const deia_hive *h, const char *id);
/* What it is, here or elsewhere; NULL: there is none. */
const struct deia_bot_info *deia__bot_info(const deia_hive *h, const char *id);
void deia__far_fill(const deia_hive *h, const struct deia__far *f,
		    struct deia_hive_bot *out);
/* A row of bots; round: see struct deia__far. */
DEIA_NODISCARD deia_err deia__far_row(deia_hive *h, const deia_rows *rows,
				      size_t r, unsigned round);
void deia__far_drop(deia_hive *h, const char *id);
/* Those that a whole reading did not see. */
void deia__far_sweep(deia_hive *h, unsigned round);
/* Its newest row of bot_history; none: r == count. */
void deia__far_told(deia_hive *h, struct deia__far *f, const deia_rows *rows);
/* A node came or went: its bots are shown otherwise. */
void deia__far_nodes_changed(deia_hive *h);
/* While the hive is opened (blocks). */
DEIA_NODISCARD deia_err deia__far_load_told(deia_hive *h);
DEIA_NODISCARD deia_err deia__far_open_inboxes(deia_hive *h);
/* Once the hive knows of nodes. */
void deia__far_init(deia_hive *h);
void deia__far_free(deia_hive *h);
unsigned deia__far_count(const deia_hive *h, const char *node);

/* ---- node_reread.c ------------------------------------------------------ */

/* id NULL: all of them. */
void deia__reread_bots(deia_hive *h, const char *id);
void deia__reread_tokens(deia_hive *h, const char *id);
/* What the store did not answer is asked again. */
void deia__reread_go(deia_hive *h);
/* Rows without a node become this one's (blocks). */
DEIA_NODISCARD deia_err deia__nodes_adopt(deia_hive *h);

#endif
