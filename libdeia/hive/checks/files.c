/* SPDX-License-Identifier: MIT */
/*
 * files.c - what the threads of the checks do to files: no hive, no loop. A
 * thread only knows its struct deia__probe_work.
 */
#include "hive/checks/checks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/quick.h"

#define TAIL_BYTES (64u << 10) /* of a journal, that is read */
#define QUICK_BYTES (64 << 20) /* of a database file, that is walked */
#define PROBE_BYTES 4096
#define WARN_RATIO 0.90
#define FAIL_RATIO 0.95
/* A line may be written before the file is rotated. */
#define LARGEST_JOURNAL (DEIA_MAX_LOG_FILE_BYTES + (2u << 20))

#define ROOM                                                                   \
	"Make room: see `du -xh --max-depth=2 DIR`; shorten retention in "     \
	"config.yaml, or move DIR to a larger disk."

static const char *const journals[] = { "bot-messaging.jsonl",
					"adaptive-scheduling.jsonl",
					"health-alerts.jsonl", "audit.jsonl" };
#define N_JOURNALS (sizeof(journals) / sizeof(*journals))

/* ---- folders --------------------------------------------------------------- */

/* "": it went well; else what did not. */
static const char *write_and_read(int fd)
{
	char out[PROBE_BYTES], in[PROBE_BYTES];

	memset(out, 'd', sizeof(out));
	if (pwrite(fd, out, sizeof(out), 0) != (ssize_t)sizeof(out))
		return errno ? strerror(errno) : "not all was written";
	if (fsync(fd))
		return strerror(errno);
	if (pread(fd, in, sizeof(in), 0) != (ssize_t)sizeof(in) ||
	    memcmp(in, out, sizeof(in)) != 0)
		return "what was written does not come back";
	return "";
}

static void try_folder(struct deia_check_result *r, const char *dir,
		       const char *name, unsigned *fine)
{
	char path[DEIA__PROBE_PATH + 64];
	const char *problem;
	int fd;

	snprintf(path, sizeof(path), "%s/.deia-check-%ld", dir, (long)getpid());
	(void)unlink(path); /* of one that was killed, with our number */
	errno = 0;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	problem = fd < 0 ? strerror(errno) : write_and_read(fd);
	if (fd >= 0) {
		close(fd);
		(void)unlink(path);
	}
	if (!*problem) {
		(*fine)++;
		return;
	}
	deia__probe_say(r, DEIA_CHECK_FAIL,
			"See who owns the folder, whether its disk is full "
			"(`df -h`, `df -i`) or mounted read-only (`mount`).",
			"%s (%s) cannot be written: %s.", name, dir, problem);
}

/* As df has it: of what those who are not root can use. */
static void try_room(struct deia_check_result *r, const char *dir,
		     const char *name)
{
	char figure[32];
	double used, all;
	deia_check_status status;
	struct statvfs v;

	if (statvfs(dir, &v) || v.f_bfree > v.f_blocks)
		return;
	used = (double)(v.f_blocks - v.f_bfree);
	all = used + (double)v.f_bavail;
	if (all <= 0)
		return;
	snprintf(figure, sizeof(figure), "used_%s", name);
	status = deia__probe_figure(r, figure, "ratio", used / all, WARN_RATIO,
				    FAIL_RATIO);
	deia__probe_say(r, status, ROOM,
			"The disk of %s is %.0f %% full, %.1f GiB are free.",
			name, 100 * used / all,
			(double)v.f_bavail * (double)v.f_frsize / (1 << 30));
}

/* One file system is told of once. */
static void try_rooms(struct deia__probe_work *w)
{
	dev_t seen[DEIA__PROBE_DIRS];
	unsigned n = 0, k;
	struct stat st;

	for (unsigned i = 0; i < w->n_dirs; i++) {
		if (stat(w->dirs[i], &st))
			continue;
		for (k = 0; k < n && seen[k] != st.st_dev; k++)
			;
		if (k < n)
			continue;
		seen[n++] = st.st_dev;
		try_room(&w->found, w->dirs[i], w->names[i]);
	}
}

/* ---- journals -------------------------------------------------------------- */

/* One that was cut by an end of the process is joined to the next line. */
static bool check_line(const char *line, size_t len, int64_t *last,
		       bool *backwards)
{
	cJSON *json = NULL;
	const char *text;
	int64_t at;
	bool ok;

	if (deia_json_parse(&json, line, len, NULL))
		return false;
	text = deia__json_str(json, "timestamp");
	ok = text && deia__time_parse(text, &at);
	if (ok) {
		*backwards |= at < *last;
		*last = at;
	}
	cJSON_Delete(json);
	return ok;
}

static void check_tail(struct deia_check_result *r, char *text, size_t len,
		       bool whole, const char *name, unsigned *lines)
{
	const char *p = text, *end;
	unsigned bad = 0, n = 0;
	bool backwards = false;
	int64_t last = 0;

	if (!whole) /* begins within a line */
		p = memchr(text, '\n', len);
	if (!whole && p)
		p++;
	while (p && (end = memchr(p, '\n', len - (size_t)(p - text)))) {
		n++;
		bad += !check_line(p, (size_t)(end - p), &last, &backwards);
		p = end + 1;
	}
	*lines += n;
	if (bad)
		deia__probe_say(r, DEIA_CHECK_WARN,
				"A line or two are left by a crash or a full "
				"disk. More: something else writes to the "
				"file, or the disk is failing.",
				"%u of the last %u lines of %s are no JSON "
				"with a timestamp.",
				bad, n, name);
	if (backwards)
		deia__probe_say(r, DEIA_CHECK_WARN,
				"The machine's clock was set back: see to its "
				"time service.",
				"Times in %s go backwards.", name);
}

void deia__probe_journal(struct deia_check_result *r, const char *path,
			 const char *name, unsigned *lines)
{
	static const char disk[] = "See `dmesg`: the disk may be failing.";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	off_t from;
	ssize_t n;
	char *text;

	if (fd < 0 && errno == ENOENT)
		return; /* nothing happened yet that goes there */
	text = fd >= 0 ? deia__alloc_raw(TAIL_BYTES) : NULL;
	if (text && fstat(fd, &st) == 0) {
		from = st.st_size > (off_t)TAIL_BYTES
			       ? st.st_size - (off_t)TAIL_BYTES
			       : 0;
		n = pread(fd, text, TAIL_BYTES, from);
		if (n >= 0)
			check_tail(r, text, (size_t)n, from == 0, name, lines);
		else
			deia__probe_say(r, DEIA_CHECK_FAIL, disk,
					"%s cannot be read: %s.", name,
					strerror(errno));
	} else if (fd < 0) {
		deia__probe_say(r, DEIA_CHECK_FAIL, disk,
				"%s cannot be opened: %s.", name,
				strerror(errno));
	}
	deia__free(text);
	if (fd >= 0)
		close(fd);
}

void deia__probe_files_disk(struct deia__probe_work *w)
{
	char path[DEIA__PROBE_PATH + 64];
	unsigned fine = 0, lines = 0;

	try_rooms(w);
	for (unsigned i = 0; i < w->n_dirs && !atomic_load(&w->cancel); i++)
		try_folder(&w->found, w->dirs[i], w->names[i], &fine);
	for (size_t i = 0; i < N_JOURNALS && w->log_dir[0]; i++) {
		snprintf(path, sizeof(path), "%s/%s", w->log_dir, journals[i]);
		deia__probe_journal(&w->found, path, journals[i], &lines);
	}
	deia__probe_say(&w->found, DEIA_CHECK_PASS, "",
			"%u of %u folders took a file and gave it back; %u "
			"lines of journals were parsed.",
			fine, w->n_dirs, lines);
}

/* ---- are journals written, do they rotate ---------------------------------- */

static bool try_journal(struct deia_check_result *r, const char *dir,
			const char *name)
{
	char path[DEIA__PROBE_PATH + 64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0) {
		deia__probe_say(r, DEIA_CHECK_FAIL,
				"See who owns the file and whether its disk "
				"is mounted read-only.",
				"The journal %s cannot be written: %s.", name,
				strerror(errno));
		return false;
	}
	if (fstat(fd, &st) == 0 && st.st_size > (off_t)LARGEST_JOURNAL)
		deia__probe_say(r, DEIA_CHECK_WARN,
				"Files beside it cannot be renamed: see who "
				"owns the folder.",
				"The journal %s has %.0f MiB and was not "
				"rotated.",
				name, (double)st.st_size / (1 << 20));
	close(fd);
	return true;
}

void deia__probe_files_logs(struct deia__probe_work *w)
{
	unsigned fine = 0;

	if (access(w->log_dir, W_OK | X_OK)) {
		deia__probe_say(&w->found, DEIA_CHECK_FAIL,
				"See who owns the folder.",
				"No log can be made in %s: %s.", w->log_dir,
				strerror(errno));
		return;
	}
	for (size_t i = 0; i < N_JOURNALS; i++)
		fine += try_journal(&w->found, w->log_dir, journals[i]);
	deia__probe_say(&w->found, DEIA_CHECK_PASS, "",
			"%u of %zu journals can be written.", fine, N_JOURNALS);
}

/* ---- the database's file --------------------------------------------------- */

void deia__probe_files_db(struct deia__probe_work *w)
{
	char detail[256];
	int64_t bytes;
	deia_err err = deia__sqlite_quick_check(w->db_path, QUICK_BYTES, &bytes,
						detail, sizeof(detail));
	double mib = (double)bytes / (1 << 20);

	if (err == DEIA_OK)
		deia__probe_say(&w->found, DEIA_CHECK_PASS, "",
				"The structure of its %.1f MiB is whole.", mib);
	else if (err == DEIA_ELIMIT)
		deia__probe_say(&w->found, DEIA_CHECK_PASS, "",
				"Its structure was not walked: it has %.0f "
				"MiB, more than %d.",
				mib, QUICK_BYTES >> 20);
	else if (err == DEIA_ESTORE)
		deia__probe_say(&w->found, DEIA_CHECK_FAIL,
				"Stop deiad, keep a copy of DIR/state, and "
				"go back to the newest copy in "
				"DIR/state/backups; docs/durability.md.",
				"The database is damaged: %s.", detail);
	else
		deia__probe_say(&w->found, DEIA_CHECK_WARN,
				"It is tried again at the next check.",
				"Its structure could not be looked at: %s.",
				*detail ? detail : deia_err_text(err));
}
