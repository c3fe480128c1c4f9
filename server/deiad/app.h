/* SPDX-License-Identifier: MIT */
/*
 * app.h - what the parts of deiad share: the configuration, the hive, HTTP.
 */
#ifndef DEIAD_APP_H
#define DEIAD_APP_H

#include <deia/config.h>
#include <deia/hive.h>

#include "http/server.h"

struct follows;
struct jobs;
struct life;
struct metrics;
struct options;

struct app {
	struct event_base *base;
	char *dir;
	deia_config *config;
	deia_hive *hive;
	struct server http;
	struct jobs *jobs;	 /* reads files and asks model servers */
	unsigned asking_models;	 /* jobs of GET /models */
	struct follows *follows; /* logs that are being followed */
	struct life *life;
	struct metrics *metrics;
	deia_subscription *log_events;
	const struct options *options;
	char url[300];
	int exit_code;
};

static inline struct app *app_of(const struct server *s)
{
	return (struct app *)s->app;
}

#endif
