/* SPDX-License-Identifier: MIT */
/*
 * node.h - the nodes of a hive: several programs on one database.
 *
 * A **node** is one deia_hive on a store that several may use (PostgreSQL). Its
 * name (deia_hive_opts.node_name) stays the same over restarts: by it the
 * database knows which bots are its own. Nodes share mail, chat, events, tokens
 * and the audit trail; each runs its own bots and leads its own dialogues. The
 * bots of the others can be listed, read and written to; to act on one is
 * refused with DEIA_EOTHERNODE.
 *
 * A node that is not heard of for some seconds is shut out of the database and
 * forgotten; its bots stay where they are and wait for it to be started again.
 *
 * On a store of one program (memory, SQLite) there is one node: this one.
 *
 * Threads: as hive.h, all belongs to the loop's thread.
 */
#ifndef DEIA_NODE_H
#define DEIA_NODE_H

#include <deia/hive.h>

DEIA_BEGIN

/* The name of a node that was given none. */
#define DEIA_NODE_NAME_DEFAULT "main"
/* Of a node's url, without NUL. */
#define DEIA_MAX_NODE_URL_BYTES 255

struct deia_node {
	const char *name;
	const char *url;     /* of its API, as it was configured; or "" */
	const char *version; /* of deia that it runs */
	int64_t started_unix_ms;
	bool alive;    /* it was heard of within the last seconds */
	bool own;      /* this hive itself */
	unsigned bots; /* that live on it */
};

/*
 * The nodes that run, in order of name after `after` (NULL: from the first), at
 * most max. One that is shut out is not among them any more. Returns how many
 * were filled in; their texts live until the loop's next turn. Since 0.3.
 */
DEIA_API size_t deia_hive_nodes(const deia_hive *hive, const char *after,
				struct deia_node *out, size_t max);

/* The name of this node; lives as long as the hive. Since 0.3. */
DEIA_API const char *deia_hive_node_name(const deia_hive *hive);

DEIA_END

#endif
