/* SPDX-License-Identifier: MIT */
/* life.h - signals, reloading, and the way to the end. */
#ifndef DEIAD_LIFE_H
#define DEIAD_LIFE_H

#include "app.h"

/* Takes over the signals. False: memory ran out. */
bool life_begin(struct app *app);
void life_end(struct app *app);

#endif
