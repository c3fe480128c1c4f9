/* SPDX-License-Identifier: MIT */
/* run.c - see run.h. */
#include "run.h"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

static void add(char *text, size_t size, const char *more)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s|", more);
}

static void on_applied(void *arg, const char *name, unsigned value,
		       const char *how)
{
	struct run *r = arg;
	char text[64];

	snprintf(text, sizeof(text), "%s=%u %s", name, value, how);
	add(r->told, sizeof(r->told), text);
}

static void on_refused(void *arg, const char *name, int error)
{
	struct run *r = arg;
	char text[64];

	snprintf(text, sizeof(text), "refused %s %d", name, error);
	add(r->told, sizeof(r->told), text);
}

static void on_started(void *arg, int64_t pid)
{
	struct run *r = arg;

	r->pid = pid;
}

static void on_stopped(void *arg, int sig)
{
	struct run *r = arg;

	r->stopped_by = sig;
	r->n_stopped++;
}

static void on_continued(void *arg)
{
	((struct run *)arg)->n_continued++;
}

static void on_usage(void *arg, int64_t bytes, unsigned tasks)
{
	struct run *r = arg;

	r->n_usage++;
	r->bytes = bytes;
	r->tasks = tasks;
}

static void on_line(void *arg, const char *text, size_t len)
{
	struct run *r = arg;
	char line[128];

	if (r->n_lines++ < 20) {
		snprintf(line, sizeof(line), "%.*s", (int)len,
			 text != NULL ? text : "");
		add(r->out, sizeof(r->out), line);
	}
}

static void on_broken(void *arg, const char *what)
{
	struct run *r = arg;

	snprintf(r->broken, sizeof(r->broken), "%s", what);
	deia__proc_kill(r->proc);
}

static void on_drained(void *arg)
{
	(void)arg;
}

static void on_ended(void *arg, const struct deia__proc_end *end)
{
	struct run *r = arg;

	r->end = *end;
	r->ended = true;
	deia__proc_free(r->proc);
	r->proc = NULL;
}

static const struct deia__proc_ops ops = {
	.started = on_started,
	.applied = on_applied,
	.refused = on_refused,
	.stopped_by = on_stopped,
	.continued = on_continued,
	.usage = on_usage,
	.line = on_line,
	.err_line = on_line,
	.broken = on_broken,
	.drained = on_drained,
	.ended = on_ended,
};

static void print_mark(char *out, size_t size);

void run_start(struct run *r, const char *id, const char *command,
	       const struct deia__limits *limits)
{
	char mark[64], *env[] = { mark, NULL };
	struct deia__launch what = { .guard_program = GUARD, .env = env };
	const char *argv[8];
	char text[512], *save = NULL, *word;
	int error;

	memset(r, 0, sizeof(*r));
	r->id = what.id = id;
	snprintf(text, sizeof(text), "%s%s", *command == '/' ? "" : CHILDREN,
		 command);
	for (word = strtok_r(text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		argv[what.n_argv++] = word;
	what.argv = argv;
	if (limits != NULL)
		what.limits = *limits;
	print_mark(mark, sizeof(mark));
	ok(deia__proc_start(&r->proc, &rig.bots->env, &what, &ops, r, &error));
}

bool run_has_started(void *arg)
{
	return ((struct run *)arg)->pid != 0;
}

bool run_has_line(void *arg)
{
	return ((struct run *)arg)->n_lines != 0;
}

bool run_has_ended(void *arg)
{
	return ((struct run *)arg)->ended;
}

/* How many processes run one of our child programs. */
/* In the environment of what this test program starts: another one may run the
 * same children at the same time. */
static void print_mark(char *out, size_t size)
{
	snprintf(out, size, "DEIA_TEST_OF=%d", (int)getpid());
}

static bool is_marked(const char *pid)
{
	char path[300], text[256], mark[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%s/environ", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	print_mark(mark, sizeof(mark));
	return strcmp(text, mark) == 0;
}

static int count_running(const char *child)
{
	char path[300], exe[512], want[512];
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int n = 0;
	ssize_t len;

	snprintf(want, sizeof(want), "%s%s", CHILDREN, child);
	want[strcspn(want, " ")] = '\0';
	while ((e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%s/exe", e->d_name);
		len = readlink(path, exe, sizeof(exe) - 1);
		exe[len > 0 ? len : 0] = '\0';
		n += strcmp(exe, want) == 0 && is_marked(e->d_name);
	}
	closedir(dir);
	return n;
}

static void no_cgroup_is_left(const char *id)
{
	char dir[1024];
	int i;

	for (i = 0; i < DEIA__CGROUP_KINDS; i++)
		if (deia__cgroup_path(rig.bots->env.cgroups,
				      (enum deia__cgroup_kind)i, id, dir,
				      sizeof(dir)))
			ck_assert_msg(access(dir, F_OK) != 0, "%s is left",
				      dir);
}

void run_ended(struct run *r, const char *child)
{
	rig_wait(run_has_ended, r, "its end");
	ck_assert_int_eq(count_running(child), 0);
	no_cgroup_is_left(r->id);
}

bool run_has_cgroup(enum deia__cgroup_kind kind)
{
	char dir[1024];

	return deia__cgroup_path(rig.bots->env.cgroups, kind, "x", dir,
				 sizeof(dir));
}

/* Each test of a limit runs as it comes, and as where cgroups are not to be
 * had. */
void run_without_cgroups(bool yes)
{
	if (!yes)
		return;
	deia__cgroups_free(rig.bots->env.cgroups);
	rig.bots->env.cgroups = NULL;
}

/* A bot beside it answers quickly. */
void run_neighbour_answers(void)
{
	static int n;
	struct turn t;
	char id[16];
	int64_t began;

	snprintf(id, sizeof(id), "t%d", n++);
	began = rig_now_ms();
	rig_submit(&t, "good", id, "still there");
	rig_wait_done(&t);
	ck_assert_str_eq(t.text, "still there");
	ck_assert_int_lt(rig_now_ms() - began, 2000);
}

void run_launch_neighbour(void)
{
	rig_launch("good", "GOOD");
	rig_wait_state("good", DEIA_BOT_READY);
	run_neighbour_answers();
}
