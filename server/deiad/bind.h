/* SPDX-License-Identifier: MIT */
/*
 * bind.h - the listening socket, and who has it when it is taken.
 */
#ifndef DEIAD_BIND_H
#define DEIAD_BIND_H

#include <stdbool.h>

/*
 * Binds and listens. *port: the port that was bound (0 asks for a free one).
 * The socket, or -1 with the reason on stderr.
 */
int bind_listen(const char *host, int *port);
/* Is host an address of this machine alone? Names but localhost are not. */
bool bind_is_loopback(const char *host);
/* Does a deia server answer there? */
bool bind_deia_answers(const char *host, int port);

#endif
