/* SPDX-License-Identifier: MIT */
/* storelog.h - the log says when the database goes away, why, and is back. */
#ifndef DEIAD_STORELOG_H
#define DEIAD_STORELOG_H

#include "app.h"

/* Begins; of a store that is a file there is nothing to say. False: no memory. */
bool storelog_begin(struct app *app);
void storelog_end(struct app *app);

#endif
