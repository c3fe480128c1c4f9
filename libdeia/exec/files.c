/* SPDX-License-Identifier: MIT */
/*
 * files.c - which files of the working folder a turn has changed.
 *
 * Two looks are compared, one before and one after. A look is a list of paths
 * with size and time of change: in a git work tree of what git says differs
 * from HEAD (a file that was changed before and is changed again has another
 * time), plus what was committed in between; elsewhere of all files. Work is
 * done in slices on the loop, so that pings are answered meanwhile. A list has
 * at most MAX_ITEMS paths, and "files_cut" says when that was too few.
 */
#include "exec/files.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exec/git.h"
#include "core/mem.h"

#define MAX_ITEMS 20000u
#define MAX_NAMES 200u
#define SLICE 500
#define BEFORE_MS 10000
#define HEAD_BYTES 72
/* Of the 16 KiB of details. */
#define PRINTED_BYTES (12u << 10)
#define EMPTY_TREE "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

struct item {
	char *path;		/* below the folder */
	int64_t mtime_ns, size; /* -1: it is not there */
};

struct look {
	struct item *items;
	size_t n, cap;
	bool cut;
	char head[HEAD_BYTES]; /* "" before the first commit */
};

struct names {
	char **names;
	size_t n;
	bool cut;
};

struct exec_files {
	struct event_base *base;
	const struct exec_folder *folder;
	void (*done)(void *user);
	void *user;
	struct look before, after, *now;
	struct names changed;
	deia__git *git, *old;
	struct event ev_step, ev_limit;
	void (*step)(struct exec_files *f);
	int64_t began_ns; /* wall clock, as coarse as that of files */
	size_t next;	  /* the item that is looked at */
	char **folders;	  /* still to be read */
	size_t n_folders, cap_folders;
	DIR *dir;	/* the one that is read */
	char *dir_path; /* "" or "a/b/" */
	bool compared;
	const char *failed; /* why there is no answer, or NULL */
};

/* ---- lists -------------------------------------------------------------------- */

static bool grow(void **list, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 64;
	void *p;

	if (n < *cap)
		return true;
	p = deia__realloc(*list, more * size);
	if (!p)
		return false;
	*list = p;
	*cap = more;
	return true;
}

static void fail(struct exec_files *f, const char *why)
{
	if (!f->failed)
		f->failed = why;
}

/* Takes path. */
static void add_item(struct exec_files *f, char *path, const struct stat *st)
{
	struct look *look = f->now;
	void *items = look->items;

	if (!path || look->n >= MAX_ITEMS ||
	    !grow(&items, look->n, &look->cap, sizeof(*look->items))) {
		look->cut = true;
		deia__free(path);
		return;
	}
	look->items = items;
	look->items[look->n++] = (struct item){
		.path = path,
		.mtime_ns = st ? (int64_t)st->st_mtim.tv_sec * 1000000000 +
					    st->st_mtim.tv_nsec
			       : -1,
		.size = st ? (int64_t)st->st_size : -1,
	};
}

static void add_name(struct names *list, const char *name)
{
	if (!list->names)
		list->names = deia__alloc(MAX_NAMES * sizeof(*list->names));
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->names[i], name) == 0)
			return;
	if (!list->names || list->n >= MAX_NAMES ||
	    !(list->names[list->n] = deia__strdup(name)))
		list->cut = true;
	else
		list->n++;
}

static int by_path(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- the end of a look ----------------------------------------------------------- */

static void sort(struct look *look)
{
	if (look->n)
		qsort(look->items, look->n, sizeof(*look->items), by_path);
}

/*
 * When a look was cut, a path that is in one list only says nothing by itself:
 * what was written since the turn began is new all the same.
 */
static void compare(struct exec_files *f)
{
	const struct look *a = &f->before, *b = &f->after;
	bool cut = f->changed.cut || a->cut || b->cut;
	size_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		int order = i == a->n ? 1 : j == b->n ? -1 : 0;
		const struct item *x = &a->items[i], *y = &b->items[j];

		if (!order)
			order = strcmp(x->path, y->path);
		if (order < 0 && !cut)
			add_name(&f->changed, x->path);
		if (order > 0 && (!cut || y->mtime_ns >= f->began_ns))
			add_name(&f->changed, y->path);
		if (!order &&
		    (x->mtime_ns != y->mtime_ns || x->size != y->size))
			add_name(&f->changed, x->path);
		i += order <= 0;
		j += order >= 0;
	}
	f->changed.cut |= cut;
	if (f->changed.n)
		qsort(f->changed.names, f->changed.n, sizeof(char *), by_name);
}

static void stop_reading(struct exec_files *f)
{
	if (f->dir)
		closedir(f->dir);
	f->dir = NULL;
	deia__free(f->dir_path);
	f->dir_path = NULL;
	while (f->n_folders)
		deia__free(f->folders[--f->n_folders]);
}

static void end_look(struct exec_files *f)
{
	event_del(&f->ev_step);
	event_del(&f->ev_limit);
	stop_reading(f);
	sort(f->now);
	if (f->now == &f->after && !f->failed)
		compare(f);
	f->compared = f->now == &f->after;
	f->done(f->user);
}

static void go_on(struct exec_files *f, void (*step)(struct exec_files *f))
{
	f->step = step;
	event_active(&f->ev_step, 0, 0);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct exec_files *f = arg;

	(void)fd, (void)what;
	f->step(f);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct exec_files *f = arg;

	(void)fd, (void)what;
	fail(f, "looking for changed files took too long");
	deia__git_free(f->git);
	f->git = NULL;
	end_look(f);
}

/* ---- a plain folder ---------------------------------------------------------------- */

static void push_folder(struct exec_files *f, char *path)
{
	void *folders = f->folders;

	if (!path || f->n_folders >= MAX_ITEMS ||
	    !grow(&folders, f->n_folders, &f->cap_folders,
		  sizeof(*f->folders))) {
		f->now->cut = true;
		deia__free(path);
		return;
	}
	f->folders = folders;
	f->folders[f->n_folders++] = path;
}

/* Symbolic links are files here: a walk never leaves the folder. */
static void open_folder(struct exec_files *f, char *path)
{
	char full[PATH_MAX];
	int n = snprintf(full, sizeof(full), "%s/%s", f->folder->dir, path);
	int fd = n < 0 || n >= PATH_MAX
			 ? -1
			 : open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					      O_CLOEXEC);

	f->dir_path = path;
	f->dir = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !f->dir)
		close(fd);
}

static void look_at_entry(struct exec_files *f, const char *name)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strcmp(name, ".git") == 0 ||
	    fstatat(dirfd(f->dir), name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	if (S_ISDIR(st.st_mode))
		push_folder(f, deia__asprintf("%s%s/", f->dir_path, name));
	else
		add_item(f, deia__asprintf("%s%s", f->dir_path, name), &st);
}

static void walk(struct exec_files *f)
{
	struct dirent *e;

	for (int i = 0; i < SLICE; i++) {
		e = f->dir ? readdir(f->dir) : NULL;
		if (e) {
			look_at_entry(f, e->d_name);
			continue;
		}
		if (f->dir)
			closedir(f->dir);
		f->dir = NULL;
		deia__free(f->dir_path);
		f->dir_path = NULL;
		if (!f->n_folders || f->now->cut) {
			end_look(f);
			return;
		}
		open_folder(f, f->folders[--f->n_folders]);
	}
	go_on(f, walk);
}

/* ---- a git work tree ------------------------------------------------------------------ */

static void git(struct exec_files *f, const char *const *args,
		void (*done)(const struct deia__git_result *r, void *user))
{
	int error = 0;

	deia__git_free(f->old);
	f->old = f->git; /* it may be its done that asks */
	f->git = NULL;
	if (!deia__git_start(&f->git, f->base, f->folder->dir, args, done, f,
			     &error))
		return;
	fail(f, "git cannot be started");
	end_look(f);
}

static bool git_went_well(struct exec_files *f,
			  const struct deia__git_result *r)
{
	f->now->cut |= r->cut;
	if (r->code == 0)
		return true;
	fail(f, "git did not answer");
	end_look(f);
	return false;
}

/* A path of git's, below the folder; NULL: outside of it. */
static const char *below(const struct exec_files *f, const char *path)
{
	size_t len = strlen(f->folder->prefix);

	return strncmp(path, f->folder->prefix, len) == 0 && path[len]
		       ? path + len
		       : NULL;
}

/* Each text of a list with a NUL after each. */
static const char *next_text(const struct deia__git_result *r, const char *p)
{
	size_t left = r->out_len - (size_t)(p - r->out);
	size_t len = strnlen(p, left);

	return len < left ? p + len + 1 : r->out + r->out_len;
}

static void on_diff(const struct deia__git_result *r, void *user)
{
	struct exec_files *f = user;
	const char *path;

	if (!git_went_well(f, r))
		return;
	for (const char *p = r->out; p < r->out + r->out_len;
	     p = next_text(r, p)) {
		path = below(f, p);
		if (path)
			add_name(&f->changed, path);
	}
	end_look(f);
}

static void end_git_look(struct exec_files *f)
{
	const char *from = *f->before.head ? f->before.head : EMPTY_TREE;
	const char *args[] = { "diff",	       "--name-only", "-z",
			       "--no-renames", from,	      f->after.head,
			       "--",	       ".",	      NULL };

	if (f->now == &f->after && *f->after.head &&
	    strcmp(f->before.head, f->after.head) != 0)
		git(f, args, on_diff);
	else
		end_look(f);
}

/* When each was changed last. */
static void stat_items(struct exec_files *f)
{
	char full[PATH_MAX];
	struct stat st;

	for (int i = 0; i < SLICE && f->next < f->now->n; i++, f->next++) {
		struct item *item = &f->now->items[f->next];
		int n = snprintf(full, sizeof(full), "%s/%s", f->folder->dir,
				 item->path);
		if (n < 0 || n >= PATH_MAX || lstat(full, &st))
			continue;
		item->size = (int64_t)st.st_size;
		item->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
				 st.st_mtim.tv_nsec;
	}
	if (f->next < f->now->n)
		go_on(f, stat_items);
	else
		end_git_look(f);
}

/* "XY path", and after a rename or copy the old path as a text of its own. */
static void on_status(const struct deia__git_result *r, void *user)
{
	struct exec_files *f = user;
	const char *p = r->out, *end = r->out + r->out_len, *path;

	if (!git_went_well(f, r))
		return;
	while (p < end && strlen(p) > 3) {
		bool two = p[0] == 'R' || p[0] == 'C';
		path = below(f, p + 3);
		if (path)
			add_item(f, deia__strdup(path), NULL);
		p = next_text(r, p);
		path = two && p < end ? below(f, p) : NULL;
		if (path)
			add_item(f, deia__strdup(path), NULL);
		if (two && p < end)
			p = next_text(r, p);
	}
	f->next = 0;
	go_on(f, stat_items);
}

static void on_head(const struct deia__git_result *r, void *user)
{
	/* A submodule has a configuration of its own, the agent's perhaps. */
	static const char *const args[] = { "status",
					    "--porcelain",
					    "-z",
					    "--untracked-files=all",
					    "--ignore-submodules=all",
					    "--",
					    ".",
					    NULL };
	struct exec_files *f = user;

	if (r->code == 0)
		(void)snprintf(f->now->head, HEAD_BYTES, "%.*s",
			       (int)strcspn(r->out, "\n"), r->out);
	git(f, args, on_status);
}

static void ask_git(struct exec_files *f)
{
	static const char *const args[] = { "rev-parse", "--quiet", "--verify",
					    "HEAD^{commit}", NULL };

	git(f, args, on_head);
}

/* ---- both -------------------------------------------------------------------------------- */

static void begin_look(struct exec_files *f, struct look *now, int ms)
{
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };

	f->now = now;
	event_add(&f->ev_limit, &limit);
	if (!f->folder->git)
		push_folder(f, deia__strdup(""));
	go_on(f, f->folder->git ? ask_git : walk);
}

struct exec_files *deia__exec_files_before(struct event_base *base,
					   const struct exec_folder *folder,
					   void (*done)(void *user), void *user)
{
	struct exec_files *f = deia__alloc(sizeof(*f));
	struct timespec now;

	if (!f)
		return NULL;
	f->base = base;
	f->folder = folder;
	f->done = done;
	f->user = user;
	event_assign(&f->ev_step, base, -1, 0, on_step, f);
	event_assign(&f->ev_limit, base, -1, 0, on_limit, f);
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	f->began_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	begin_look(f, &f->before, BEFORE_MS);
	return f;
}

/* Without a first look there is nothing to compare a second one with. */
static void skip(struct exec_files *f)
{
	end_look(f);
}

void deia__exec_files_after(struct exec_files *f, int ms)
{
	f->now = &f->after;
	if (f->failed)
		go_on(f, skip);
	else
		begin_look(f, &f->after, ms);
}

void deia__exec_files_print(const struct exec_files *f, deia_jw *w)
{
	bool cut = f->changed.cut;

	if (f->failed) {
		deia_jw_kstr(w, "files_error", f->failed);
		return;
	}
	if (!f->compared)
		return;
	deia_jw_key(w, "files");
	deia_jw_array(w);
	for (size_t i = 0; i < f->changed.n; i++) {
		if (w->len + strlen(f->changed.names[i]) > PRINTED_BYTES) {
			cut = true;
			break;
		}
		deia_jw_str(w, f->changed.names[i]);
	}
	deia_jw_end_array(w);
	if (cut)
		deia_jw_kbool(w, "files_cut", true);
}

static void free_look(struct look *look)
{
	for (size_t i = 0; i < look->n; i++)
		deia__free(look->items[i].path);
	deia__free(look->items);
}

void deia__exec_files_free(struct exec_files *f)
{
	if (!f)
		return;
	event_del(&f->ev_step);
	event_del(&f->ev_limit);
	deia__git_free(f->git);
	deia__git_free(f->old);
	stop_reading(f);
	deia__free(f->folders);
	free_look(&f->before);
	free_look(&f->after);
	for (size_t i = 0; i < f->changed.n; i++)
		deia__free(f->changed.names[i]);
	deia__free(f->changed.names);
	deia__free(f);
}
