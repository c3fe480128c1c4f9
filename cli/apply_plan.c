/* SPDX-License-Identifier: MIT */
/*
 * apply_plan.c - what would change, as the hive says it, and how it is shown.
 *
 * Each bot is tried with PUT and dry_run: the hive alone knows its templates,
 * its defaults, the values of env and who may set what. What it refuses is
 * told with the place in the file.
 */
#include "apply.h"

#include <stdlib.h>
#include <string.h>

#include "bots_all.h"

#define VALUE_COLUMNS 60

/* ---- asking ------------------------------------------------------------ */

static int refuse(struct plan *plan, size_t n, const char *pointer,
		  const char *detail)
{
	if (deia_bots_file_refuse(plan->files, n, pointer, detail) == DEIA_OK)
		return EXIT_DONE;
	complain("memory ran out");
	return EXIT_REFUSED;
}

/* The hive does not want it: an error in the file. */
static int refused(struct cli *cli, struct plan *plan, size_t n,
		   const struct deia_reply *reply)
{
	cJSON *json = NULL;
	const cJSON *e;
	int rc = EXIT_DONE;

	if (deia_json_parse(&json, reply->body, reply->body_len, NULL) !=
	    DEIA_OK)
		return explain_stranger(cli);
	e = cJSON_GetObjectItemCaseSensitive(json, "errors");
	if (e == NULL || e->child == NULL)
		rc = refuse(plan, n, "", jtext(json, "detail"));
	for (e = e != NULL ? e->child : NULL; e != NULL && rc == EXIT_DONE;
	     e = e->next)
		rc = refuse(plan, n, jtext(e, "pointer"), jtext(e, "detail"));
	cJSON_Delete(json);
	return rc;
}

static int try_one(struct cli *cli, struct plan *plan, size_t n, struct step *s)
{
	char *path = path_of("/api/v1/bots/%s?dry_run=true", s->id);
	struct deia_reply reply;
	deia_err err;

	cli->bot = s->id;
	err = ask_quietly(cli, "PUT", path, s->declared->json, &s->then,
			  &reply);
	free(path);
	if (err == DEIA_OK)
		return EXIT_DONE;
	if (reply.status == 422 || reply.status == 403)
		return refused(cli, plan, n, &reply);
	if (reply.status == 405 || reply.status == 404) {
		complain("the hive at %s is older than this program and cannot "
			 "be given a file",
			 cli->target.url);
		return EXIT_REFUSED;
	}
	return err == DEIA_EPARSE
		       ? explain_stranger(cli)
		       : explain(cli, err, reply.retry_after_seconds);
}

static bool is_declared(const struct plan *plan, const char *id)
{
	const struct deia_declared_bot *d;

	for (size_t i = 0; (d = deia_bots_file_bot(plan->files, i)); i++) {
		if (strcmp(d->id, id) == 0)
			return true;
	}
	return false;
}

/* What a bot waits for must be there, now or after this. */
static int check_depends(struct cli *cli, struct plan *plan, size_t n)
{
	const struct deia_declared_bot *d = deia_bots_file_bot(plan->files, n);
	bool prune = args_has(&cli->args, "prune");
	char pointer[48];
	int rc = EXIT_DONE;

	for (size_t i = 0; i < d->n_depends_on && rc == EXIT_DONE; i++) {
		const char *id = d->depends_on[i];
		bool is_there = bots_find(plan->bots, id) != NULL;
		char *text;

		if (is_declared(plan, id) || (is_there && !prune))
			continue;
		snprintf(pointer, sizeof(pointer), "/depends_on/%zu", i);
		text = must_print(is_there ? "%s is in no file, and --prune "
					     "would remove it"
					   : "there is no bot %s, in the files "
					     "or in the hive",
				  id);
		rc = refuse(plan, n, pointer, text);
		free(text);
	}
	return rc;
}

static void judge(struct step *s)
{
	const cJSON *changes =
		cJSON_GetObjectItemCaseSensitive(s->then, "changes");
	bool runs = jnumber(s->now, "pid", 0) > 0;

	if (s->now == NULL)
		s->kind = STEP_CREATE;
	else
		s->kind = cJSON_GetArraySize(changes) > 0 ? STEP_CHANGE
							  : STEP_KEEP;
	s->restart = runs && (jtrue(s->now, "needs_restart") ||
			      (s->kind == STEP_CHANGE &&
			       strcmp(jtext(s->then, "applies"), "now") != 0));
}

static int plan_declared(struct cli *cli, struct plan *plan)
{
	const struct deia_declared_bot *d;
	int rc = EXIT_DONE;

	for (size_t i = 0; rc == EXIT_DONE &&
			   (d = deia_bots_file_bot(plan->files, i)) != NULL;
	     i++) {
		struct step *s = &plan->steps[plan->n_steps++];

		s->id = d->id;
		s->declared = d;
		s->now = bots_find(plan->bots, d->id);
		rc = check_depends(cli, plan, i);
		if (rc == EXIT_DONE)
			rc = try_one(cli, plan, i, s);
		if (rc == EXIT_DONE && s->then != NULL)
			judge(s);
	}
	return rc;
}

static void plan_extras(struct cli *cli, struct plan *plan)
{
	const cJSON *bot;

	cJSON_ArrayForEach(bot, plan->bots) {
		struct step *s;

		if (is_declared(plan, jtext(bot, "id")))
			continue;
		s = &plan->steps[plan->n_steps++];
		s->id = jtext(bot, "id");
		s->now = bot;
		s->kind = args_has(&cli->args, "prune") ? STEP_REMOVE
							: STEP_EXTRA;
	}
}

int apply_plan(struct cli *cli, struct plan *plan)
{
	size_t n = 0;
	int rc = bots_all(cli, &plan->bots);

	if (rc != EXIT_DONE)
		return rc;
	while (deia_bots_file_bot(plan->files, n) != NULL)
		n++;
	n += (size_t)cJSON_GetArraySize(plan->bots);
	plan->steps = must_alloc((n + 1) * sizeof(*plan->steps));
	rc = plan_declared(cli, plan);
	if (rc == EXIT_DONE)
		rc = apply_errors(cli, plan);
	if (rc == EXIT_DONE)
		plan_extras(cli, plan);
	return rc;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		cJSON_Delete(plan->steps[i].then);
	free(plan->steps);
	cJSON_Delete(plan->bots);
	deia_bots_file_free(plan->files);
}

/* ---- showing ----------------------------------------------------------- */

/* Member "restart.policy" of a bot. */
static const cJSON *by_name(const cJSON *bot, const char *name)
{
	const char *dot = strchr(name, '.');
	const cJSON *group = bot;
	char *part;

	if (dot != NULL) {
		part = must_dupn(name, (size_t)(dot - name));
		group = cJSON_GetObjectItemCaseSensitive(bot, part);
		free(part);
		name = dot + 1;
	}
	return cJSON_GetObjectItemCaseSensitive(group, name);
}

/* The part from where two texts differ, with a little before it. */
static char *excerpt(const char *text, size_t same)
{
	size_t from = same > 12 ? same - 12 : 0, len = strlen(text);
	size_t n;

	if (len <= VALUE_COLUMNS)
		return must_dup(text);
	while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80)
		from--;
	n = len - from > VALUE_COLUMNS ? VALUE_COLUMNS : len - from;
	while (n > 0 && ((unsigned char)text[from + n] & 0xc0) == 0x80)
		n--;
	return must_print("%s%.*s%s", from > 0 ? "..." : "", (int)n,
			  text + from, from + n < len ? "..." : "");
}

static void tell_change(const struct step *s, const char *name)
{
	char *a = jprint(by_name(s->now, name));
	char *b = jprint(by_name(s->then, name));
	size_t same = 0;

	while (a[same] != '\0' && a[same] == b[same])
		same++;
	if (a[same] == b[same]) {
		tell("    %s: other values (they are not shown)", name);
	} else {
		char *old = excerpt(a, same), *new = excerpt(b, same);

		tell("    %s: %s -> %s", name, old, new);
		free(old);
		free(new);
	}
	free(a);
	free(b);
}

static const char *when(const struct cli *cli, const struct step *s)
{
	if (!s->restart)
		return "";
	if (args_has(&cli->args, "restart"))
		return ", restart";
	return s->kind == STEP_CHANGE ? "; takes effect at the next start"
				      : "; an earlier change waits for its "
					"next start";
}

static void tell_step(const struct cli *cli, const struct step *s)
{
	const cJSON *field;

	switch (s->kind) {
	case STEP_CREATE:
		tell("+ %s create (%s%s%s)%s", s->id, jtext(s->then, "adapter"),
		     *jtext(s->then, "model") ? ", " : "",
		     jtext(s->then, "model"),
		     s->declared->start ? "" : ", not started");
		break;
	case STEP_CHANGE:
		tell("~ %s change%s", s->id, when(cli, s));
		cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(
						  s->then, "changes"))
			tell_change(s, cJSON_GetStringValue(field));
		break;
	case STEP_KEEP:
		if (!cli->quiet)
			tell("= %s unchanged%s", s->id, when(cli, s));
		break;
	case STEP_EXTRA:
		if (!cli->quiet)
			tell("- %s not in the file; it stays", s->id);
		break;
	case STEP_REMOVE:
		tell("- %s remove; its conversations are kept", s->id);
		break;
	}
}

static void print_change(struct deia_jw *w, const struct step *s,
			 const char *name)
{
	char *a = jprint(by_name(s->now, name));
	char *b = jprint(by_name(s->then, name));

	deia_jw_object(w);
	deia_jw_kstr(w, "field", name);
	deia_jw_kraw(w, "old", a);
	deia_jw_kraw(w, "new", b);
	deia_jw_end_object(w);
	free(a);
	free(b);
}

static void print_step(struct deia_jw *w, const struct step *s, bool done)
{
	static const char *const names[] = { "create", "change", "unchanged",
					     "extra", "remove" };
	const cJSON *field;

	deia_jw_object(w);
	deia_jw_kstr(w, "id", s->id);
	deia_jw_kstr(w, "action", names[s->kind]);
	deia_jw_key(w, "changes");
	deia_jw_array(w);
	if (s->kind == STEP_CHANGE)
		cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(
						  s->then, "changes"))
			print_change(w, s, cJSON_GetStringValue(field));
	deia_jw_end_array(w);
	deia_jw_kbool(w, "needs_restart", s->restart);
	if (done)
		deia_jw_kbool(w, "ok", s->rc == EXIT_DONE);
	deia_jw_end_object(w);
}

static void tell_as_json(const struct plan *plan, bool done)
{
	struct deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_jw_kbool(&w, "dry_run", !done);
	deia_jw_key(&w, "items");
	deia_jw_array(&w);
	for (size_t i = 0; i < plan->n_steps; i++)
		print_step(&w, &plan->steps[i], done);
	deia_jw_end_array(&w);
	deia_jw_end_object(&w);
	if (deia_jw_status(&w) == DEIA_OK)
		tell_json(w.text, w.len);
	deia_jw_fini(&w);
}

void apply_tell(struct cli *cli, const struct plan *plan, bool done)
{
	if (cli->json) {
		tell_as_json(plan, done);
		return;
	}
	for (size_t i = 0; i < plan->n_steps; i++)
		tell_step(cli, &plan->steps[i]);
}
