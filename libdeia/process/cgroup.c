/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c - finds places for bots' cgroups: v2, v1, or v1 controllers beside
 * a v2 hierarchy without any.
 *
 * /proc/self/mountinfo says where hierarchies are mounted, /proc/self/cgroup
 * where in them this process is. Only below that are folders made, and only
 * where this user may write; a superuser may write everywhere, so where
 * systemd manages cgroups the folder must be marked as handed over
 * (Delegate=yes). Reads a few small files once, at the start.
 */
#include "process/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "process/cgroup_dir.h"
#include "core/id.h"
#include "core/mem.h"

/* Folder names longer than this are not used. */
#define PATH_BYTES 768
#define FILE_BYTES 65536
/* Its own folder after moving: no bot's id begins with a point. */
#define OWN_LEAF ".deia"

struct deia__cgroups {
	char root[PATH_BYTES];
	char dir[DEIA__CGROUP_KINDS][PATH_BYTES]; /* "": none */
	char prefix[48];			  /* "deia-PID-TAG-" */
	char text[PATH_BYTES + 128];
	int error;
	bool moved;
	bool handed[2]; /* v2 controllers switched on here: memory, pids */
};

static const char *const controllers[] = { "memory", "pids" };

/* ---- where it is ----------------------------------------------------------- */

/* Undoes the "\040" of mountinfo in place. */
static void unescape(char *s)
{
	char *to = s;
	unsigned c;

	for (; *s != '\0'; s++, to++) {
		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
			*to = (char)c;
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

/* Whether "a,b,c" holds word. */
static bool has_word(const char *list, const char *word, const char *divider)
{
	size_t len = strlen(word), n;

	for (; *list != '\0'; list += n) {
		list += strspn(list, divider);
		n = strcspn(list, divider);
		if (n == len && strncmp(list, word, n) == 0)
			return true;
	}
	return false;
}

/*
 * Where this process is in the hierarchy of a controller, "" for v2's:
 * "4:memory:/a/b", "0::/a/b". False: it is in none.
 */
static bool own_path(char *cgroups, const char *controller, char *out,
		     size_t size)
{
	char *line, *save = NULL, *names, *path;
	bool found = false;

	for (line = strtok_r(cgroups, "\n", &save); line != NULL && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		names = strchr(line, ':');
		path = names != NULL ? strchr(names + 1, ':') : NULL;
		if (path == NULL || path[1] != '/')
			continue;
		*path++ = '\0';
		names++;
		found = *controller == '\0' ? *names == '\0'
					    : has_word(names, controller, ",");
		/* "/..": outside of what this process can see. */
		if (found &&
		    (strncmp(path, "/..", 3) == 0 || strlen(path) >= size))
			return false;
		if (found)
			snprintf(out, size, "%s", path);
	}
	return found;
}

/*
 * One line of mountinfo: "31 23 0:28 ROOT POINT opts ... - TYPE source SUPER".
 * ROOT is the part of the hierarchy that is mounted.
 */
static bool mounts(char *line, const char *controller, char **root,
		   char **point)
{
	char *dash = strstr(line, " - "), *save = NULL, *type, *super;
	int i;

	if (dash == NULL)
		return false;
	*dash = '\0';
	type = strtok_r(dash + 3, " ", &save);
	(void)strtok_r(NULL, " ", &save);
	super = strtok_r(NULL, " ", &save);
	if (type == NULL || super == NULL)
		return false;
	if (*controller == '\0' ? strcmp(type, "cgroup2") != 0
				: strcmp(type, "cgroup") != 0 ||
					  !has_word(super, controller, ","))
		return false;
	*root = strtok_r(line, " ", &save);
	for (i = 0; i < 3 && *root != NULL; i++)
		*root = strtok_r(NULL, " ", &save);
	*point = strtok_r(NULL, " ", &save);
	if (*root == NULL || *point == NULL)
		return false;
	unescape(*root);
	unescape(*point);
	return true;
}

/* Joins mount and path to the folder this process is in. */
static bool locate(const struct deia__cgroups *c, char *mountinfo,
		   const char *controller, const char *path, char *out)
{
	char *line, *save = NULL, *root, *point;
	size_t len;
	int n;

	for (line = strtok_r(mountinfo, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!mounts(line, controller, &root, &point))
			continue;
		len = strcmp(root, "/") == 0 ? 0 : strlen(root);
		if (strncmp(path, root, len) != 0 ||
		    (path[len] != '/' && path[len] != '\0'))
			continue;
		n = snprintf(out, PATH_BYTES, "%s%s%s", c->root, point,
			     strcmp(path + len, "/") == 0 ? "" : path + len);
		return n > 0 && n < PATH_BYTES;
	}
	return false;
}

/* The folder of this process for a controller ("": v2's). */
static bool find_own(const struct deia__cgroups *c, const char *controller,
		     char *out)
{
	char *text = deia__alloc(FILE_BYTES);
	char path[PATH_BYTES], file[PATH_BYTES + 32];
	bool found = false;

	out[0] = '\0';
	if (text == NULL)
		return false;
	snprintf(file, sizeof(file), "%s/proc/self/cgroup", c->root);
	if (deia__cgroup_read(file, NULL, text, FILE_BYTES) &&
	    own_path(text, controller, path, sizeof(path))) {
		snprintf(file, sizeof(file), "%s/proc/self/mountinfo", c->root);
		found = deia__cgroup_read(file, NULL, text, FILE_BYTES) &&
			locate(c, text, controller, path, out);
	}
	if (!found)
		out[0] = '\0';
	deia__free(text);
	return found;
}

/* ---- whether it is ours ------------------------------------------------------ */

static bool is_marked(const char *dir)
{
	char value[8];

	return getxattr(dir, "user.delegate", value, sizeof(value)) == 1 ||
	       getxattr(dir, "trusted.delegate", value, sizeof(value)) == 1;
}

/* Folders can be made in dir. Where only the superuser's power says so,
 * systemd must have handed it over. */
static int may_use(const struct deia__cgroups *c, const char *dir)
{
	char systemd[PATH_BYTES + 32];

	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) != 0)
		return errno;
	snprintf(systemd, sizeof(systemd), "%s/run/systemd/system", c->root);
	if (geteuid() == 0 && access(systemd, F_OK) == 0 && !is_marked(dir))
		return EPERM;
	return 0;
}

/* Whether this process is the only one in dir. */
static bool is_alone(const char *dir)
{
	char text[64], own[24];

	snprintf(own, sizeof(own), "%d\n", (int)getpid());
	return deia__cgroup_read(dir, "cgroup.procs", text, sizeof(text)) &&
	       strcmp(text, own) == 0;
}

/* ---- cgroup v2 ------------------------------------------------------------------ */

static bool listed(const char *dir, const char *file, const char *controller)
{
	char text[512];

	return deia__cgroup_read(dir, file, text, sizeof(text)) &&
	       has_word(text, controller, " \n");
}

static void move_to(const char *dir)
{
	char pid[24];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)!deia__cgroup_write(dir, "cgroup.procs", pid);
}

static void leaf_path(const struct deia__cgroups *c, char *out, size_t size)
{
	snprintf(out, size, "%s/%s" OWN_LEAF, c->dir[DEIA__CGROUP_KILL],
		 c->prefix);
}

/* A cgroup that hands on controllers must hold no process itself. */
static bool make_room(struct deia__cgroups *c)
{
	char leaf[PATH_BYTES + 80];

	if (c->moved)
		return true;
	leaf_path(c, leaf, sizeof(leaf));
	if (!is_alone(c->dir[DEIA__CGROUP_KILL]) || mkdir(leaf, 0755) != 0)
		return false;
	move_to(leaf);
	c->moved = is_alone(leaf);
	if (!c->moved)
		(void)rmdir(leaf);
	return c->moved;
}

/* Whether cgroups below dir have a controller, which is tried. */
static bool hand_on(struct deia__cgroups *c, const char *dir, int which,
		    bool may_move)
{
	char on[16];

	if (listed(dir, "cgroup.subtree_control", controllers[which]))
		return true;
	/* The root of all (it has no type) is never ours alone. */
	if (!may_move ||
	    !listed(dir, "cgroup.controllers", controllers[which]) ||
	    !deia__cgroup_has(dir, "cgroup.type") || !make_room(c))
		return false;
	snprintf(on, sizeof(on), "+%s", controllers[which]);
	c->handed[which] =
		deia__cgroup_write(dir, "cgroup.subtree_control", on) == 0;
	return c->handed[which];
}

static void move_back(struct deia__cgroups *c)
{
	const char *dir = c->dir[DEIA__CGROUP_KILL];
	char leaf[PATH_BYTES + 80], off[16];
	int i;

	if (!c->moved)
		return;
	for (i = 0; i < 2; i++) {
		snprintf(off, sizeof(off), "-%s", controllers[i]);
		if (c->handed[i])
			(void)!deia__cgroup_write(dir, "cgroup.subtree_control",
						  off);
	}
	move_to(dir);
	leaf_path(c, leaf, sizeof(leaf));
	(void)rmdir(leaf);
	c->moved = false;
}

static void find_v2(struct deia__cgroups *c, bool may_move)
{
	char dir[PATH_BYTES];

	if (!find_own(c, "", dir))
		return;
	c->error = may_use(c, dir);
	if (c->error != 0 || !deia__cgroup_has(dir, "cgroup.procs"))
		return;
	snprintf(c->dir[DEIA__CGROUP_KILL], PATH_BYTES, "%s", dir);
	if (hand_on(c, dir, 0, may_move))
		snprintf(c->dir[DEIA__CGROUP_MEMORY], PATH_BYTES, "%s", dir);
	if (hand_on(c, dir, 1, may_move))
		snprintf(c->dir[DEIA__CGROUP_PIDS], PATH_BYTES, "%s", dir);
	if (c->moved && !c->handed[0] && !c->handed[1])
		move_back(c);
}

/* ---- cgroup v1 ------------------------------------------------------------------- */

static void find_v1(struct deia__cgroups *c, enum deia__cgroup_kind kind,
		    const char *controller)
{
	char dir[PATH_BYTES];
	int error;

	if (c->dir[kind][0] != '\0' || !find_own(c, controller, dir))
		return;
	error = may_use(c, dir);
	if (error == 0)
		snprintf(c->dir[kind], PATH_BYTES, "%s", dir);
	else
		c->error = error;
}

/* ---- the object ------------------------------------------------------------------ */

static void describe(struct deia__cgroups *c)
{
	static const char *const good_for[] = { "kill", "memory", "pids" };
	size_t at;
	int i;

	for (i = 0; i < DEIA__CGROUP_KINDS; i++)
		if (c->dir[i][0] != '\0')
			c->error = 0;
	if (c->error != 0) {
		snprintf(c->text, sizeof(c->text),
			 "no cgroups for bots: %s (a service needs "
			 "Delegate=yes)",
			 strerrordesc_np(c->error));
		return;
	}
	at = (size_t)snprintf(c->text, sizeof(c->text), "cgroups for bots:");
	for (i = 0; i < DEIA__CGROUP_KINDS; i++)
		if (c->dir[i][0] != '\0')
			at += (size_t)snprintf(c->text + at,
					       sizeof(c->text) - at, " %s",
					       good_for[i]);
}

static void clear_stale(const struct deia__cgroups *c)
{
	int i, j;

	for (i = 0; i < DEIA__CGROUP_KINDS; i++) {
		for (j = 0; j < i; j++)
			if (strcmp(c->dir[i], c->dir[j]) == 0)
				break;
		if (j == i && c->dir[i][0] != '\0')
			deia__cgroup_clear_stale(c->dir[i]);
	}
}

deia_err deia__cgroups_new(struct deia__cgroups **out,
			   const struct deia__cgroups_opts *o)
{
	struct deia__cgroups *c = deia__alloc(sizeof(*c));
	uint32_t tag = 0;

	*out = c;
	if (c == NULL)
		return DEIA_ENOMEM;
	(void)!deia__random(&tag, sizeof(tag));
	snprintf(c->root, sizeof(c->root), "%s",
		 o->root != NULL ? o->root : "");
	snprintf(c->prefix, sizeof(c->prefix), "deia-%d-%08" PRIx32 "-",
		 (int)getpid(), tag);
	c->error = ENOENT;
	find_v2(c, o->may_move);
	find_v1(c, DEIA__CGROUP_MEMORY, "memory");
	find_v1(c, DEIA__CGROUP_PIDS, "pids");
	describe(c);
	clear_stale(c);
	return DEIA_OK;
}

void deia__cgroups_free(struct deia__cgroups *c)
{
	int i;

	if (c == NULL)
		return;
	for (i = 0; i < DEIA__CGROUP_KINDS; i++)
		if (c->dir[i][0] != '\0')
			deia__cgroup_clear_own(c->dir[i], c->prefix);
	move_back(c);
	deia__free(c);
}

int deia__cgroups_error(const struct deia__cgroups *c)
{
	return c->error;
}

const char *deia__cgroups_text(const struct deia__cgroups *c)
{
	return c->text;
}

bool deia__cgroup_path(const struct deia__cgroups *c,
		       enum deia__cgroup_kind kind, const char *bot, char *out,
		       size_t size)
{
	int n;

	if (c == NULL || c->dir[kind][0] == '\0')
		return false;
	n = snprintf(out, size, "%s/%s%s", c->dir[kind], c->prefix, bot);
	return n > 0 && (size_t)n < size;
}

bool deia__cgroup_sweep(const struct deia__cgroups *c, const char *bot)
{
	char dir[PATH_BYTES + 128];
	bool clear = true;
	int i;

	for (i = 0; i < DEIA__CGROUP_KINDS; i++)
		if (deia__cgroup_path(c, (enum deia__cgroup_kind)i, bot, dir,
				      sizeof(dir)) &&
		    !deia__cgroup_clear(dir))
			clear = false;
	return clear;
}
