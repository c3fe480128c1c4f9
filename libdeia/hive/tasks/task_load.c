/* SPDX-License-Identifier: MIT */
/*
 * task_load.c - which template's bots the tasks that wait are waiting for.
 *
 * Tasks count at one template: that of the bot they are to get, or, when there
 * is no such bot or it is of none that is scaled, the first scaled one whose
 * bots would have the capabilities. What is pinned to a bot counts at that
 * bot's.
 */
#include <string.h>

#include "hive/scaling/scaling.h"
#include "hive/tasks/tasks.h"

struct looking {
	deia_hive *hive;
	const char *name; /* the template that is asked about */
	struct deia__load *load;
};

static const char *template_of(const deia_hive *h, const char *bot)
{
	const struct deia_bot_info *info = deia_bots_get(h->bots, bot);

	return info && info->spec->template_name ? info->spec->template_name
						 : "";
}

static bool has(const struct deia_bot_spec *spec, const char *capability)
{
	for (size_t i = 0; i < spec->n_capabilities; i++)
		if (strcmp(spec->capabilities[i], capability) == 0)
			return true;
	return false;
}

static bool could_do(const struct deia__scaled *t,
		     const struct deia_tasks_waiting *w)
{
	if (!t->scaled || !t->spec)
		return false;
	for (size_t i = 0; i < w->n_capabilities; i++)
		if (!has(t->spec, w->capabilities[i]))
			return false;
	return true;
}

static const char *template_for(const deia_hive *h,
				const struct deia_tasks_waiting *w)
{
	struct deia__scaled *t, *next;

	if (*w->pinned)
		return template_of(h, w->pinned);
	t = deia__scaled_get(h, template_of(h, w->waits_for));
	if (t && t->scaled)
		return t->name;
	HASH_ITER(hh, h->scaling->templates, t, next)
		if (could_do(t, w))
			return t->name;
	return "";
}

static void add(const struct deia_tasks_waiting *w, void *user)
{
	struct looking *l = user;

	if (strcmp(template_for(l->hive, w), l->name) != 0)
		return;
	l->load->queued += w->n;
	if (w->oldest_wait_ms > l->load->oldest_wait_ms)
		l->load->oldest_wait_ms = w->oldest_wait_ms;
}

void deia__task_load(deia_hive *h, const char *name, struct deia__load *load,
		     void *user)
{
	struct looking l = { h, name, load };

	(void)user;
	if (h->tasks && h->tasks->queue)
		deia_tasks_each_waiting(h->tasks->queue, add, &l);
}
