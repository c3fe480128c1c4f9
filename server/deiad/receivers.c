/* SPDX-License-Identifier: MIT */
/*
 * receivers.c - who is told of alerts: from the configuration to the hive, with
 * the secrets that stand in files and in the environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <deia/hive_health.h>

#include "log.h"
#include "settings.h"

#define SECRET_BYTES 2100

/* What is read of elsewhere, of one receiver. */
struct secrets {
	char url[SECRET_BYTES], secret[SECRET_BYTES], password[SECRET_BYTES];
};

static bool complain(const char *name, const char *key, const char *what,
		     const char *detail)
{
	log_msg(DEIA_LOG_ERROR, "alerts.receivers.%s.%s: %s %s", name, key,
		what, detail);
	return false;
}

/* The first line. */
static bool read_first_line(char *out, const char *dir, const char *file)
{
	char path[4400];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s%s", *file == '/' ? "" : dir,
		 *file == '/' ? "" : "/", file);
	f = fopen(path, "re");
	ok = f && fgets(out, SECRET_BYTES, f) != NULL;
	if (f)
		fclose(f);
	if (ok)
		out[strcspn(out, "\r\n")] = '\0';
	return ok && *out;
}

/* What file or variable has, if one is named, goes into room and *to. */
static bool take(const char **to, char *room, const char *dir, const char *name,
		 const char *key, const char *file, const char *env)
{
	const char *text = env ? getenv(env) : NULL;

	if (!file && !env)
		return true;
	*to = room;
	if (file)
		return read_first_line(room, dir, file) ||
		       complain(name, key, file, "cannot be read or is empty");
	if (!text || !*text || strlen(text) >= SECRET_BYTES)
		return complain(name, key, env,
				"is not set in deiad's environment, or too "
				"long");
	snprintf(room, SECRET_BYTES, "%s", text);
	return true;
}

static bool fill(struct deia_notify_receiver *set, struct secrets *s,
		 const char *dir, const struct deia_config_receiver *r)
{
	const char *name = r->set.name;
	char why[200] = "";

	*set = r->set;
	if (!take(&set->url, s->url, dir, name, "url", r->url_file,
		  r->url_env) ||
	    !take(&set->secret, s->secret, dir, name, "secret", r->secret_file,
		  r->secret_env) ||
	    !take(&set->password, s->password, dir, name, "password",
		  r->password_file, r->password_env))
		return false;
	if (deia_notify_check(set, why, sizeof(why)) == DEIA_OK)
		return true;
	log_msg(DEIA_LOG_ERROR, "alerts.receivers.%s: %s", name, why);
	return false;
}

static bool configure(deia_hive *hive, const deia_config *c,
		      const struct deia_notify_receiver *list, size_t n)
{
	struct deia_notify_pace pace = DEIA_NOTIFY_PACE_INIT;

	pace.group_ms = deia_config_int(c, "alerts.group_seconds") * 1000;
	pace.per_hour =
		(unsigned)deia_config_int(c, "alerts.messages_per_hour");
	pace.burst = (unsigned)deia_config_int(c, "alerts.burst");
	pace.resend_ms = deia_config_int(c, "alerts.resend_seconds") * 1000;
	if (deia_hive_notify_configure(hive, list, n, &pace) == DEIA_OK)
		return true;
	log_msg(DEIA_LOG_ERROR, "alerts.receivers: %s", deia_hive_errmsg(hive));
	return false;
}

bool settings_receivers(deia_hive *hive, const deia_config *config,
			const char *dir)
{
	struct deia_config_receiver said[DEIA_NOTIFY_MAX_RECEIVERS];
	struct deia_notify_receiver list[DEIA_NOTIFY_MAX_RECEIVERS];
	size_t n =
		deia_config_receivers(config, said, DEIA_NOTIFY_MAX_RECEIVERS);
	size_t len = DEIA_NOTIFY_MAX_RECEIVERS * sizeof(struct secrets);
	struct secrets *secrets = calloc(1, len);
	bool ok = secrets != NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = fill(&list[i], &secrets[i], dir, &said[i]);
	ok = ok && configure(hive, config, list, n);
	if (secrets)
		explicit_bzero(secrets, len);
	free(secrets);
	return ok;
}
