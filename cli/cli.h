/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what every command of `deia` uses: the command table's rows, the
 * run's state, output, and calls to the hive.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include <cjson/cJSON.h>

#include <deia/client.h>
#include <deia/sys/json.h>

#include "args.h"
#include "mem.h"
#include "style.h"
#include "table.h"
#include "target.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* refused or failed */
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3, /* or not running */
	EXIT_NOT_ALLOWED = 4,
	EXIT_CONFLICT = 5,
	EXIT_UNREACHABLE = 6,
	EXIT_TIMED_OUT = 8,
	EXIT_UNHEALTHY = 9,
	EXIT_INTERRUPTED = 130
};

struct cli;

struct command {
	const char *name;    /* "bot launch" */
	const char *usage;   /* what follows the name */
	const char *summary; /* one line, no full stop */
	const char *details; /* paragraphs and examples, or NULL */
	const struct opt *opts;
	size_t min_words, max_words;
	int (*run)(struct cli *cli);
};

extern const struct command *const commands[]; /* ends with NULL */
extern const struct opt common_opts[];

/* One run of the program. */
struct cli {
	const struct command *command;
	struct args args;
	bool json, quiet, verbose;
	bool no_deadline; /* calls may take as long as they like */
	bool hasty;	  /* calls end after 5 s and are not repeated */
	bool out_tty, err_tty, out_colour, err_colour;
	const char *url, *token, *dir; /* flags, or NULL */
	struct target target;	       /* filled by cli_client */
	deia_client *client;	       /* made at the first call */
	const char *bot; /* whom the running call is about; for hints */
	/* What to do where the command knows better, or NULL: after a 404 that
	 * is not about that bot, and after a 409. */
	const char *if_lost, *if_stuck;
	const char *key; /* Idempotency-Key of the next POST, or NULL */
	bool replayed;	 /* the last answer was given to that key before */
};

/* ---- saying things ----------------------------------------------------- */

/* "deia: ..." on stderr, made safe; always. */
void complain(const char *fmt, ...) DEIA_PRINTF(1, 2);
/* What to do about it: an indented line on stderr. */
void advise(const char *fmt, ...) DEIA_PRINTF(1, 2);
/* Progress and side remarks on stderr; not with -q. */
void note(const struct cli *cli, const char *fmt, ...) DEIA_PRINTF(2, 3);
/* A result on stdout, made safe; say: not with -q. */
void tell(const char *fmt, ...) DEIA_PRINTF(1, 2);
void say(const struct cli *cli, const char *fmt, ...) DEIA_PRINTF(2, 3);
/* Text of others on stdout as it is but safe, with its newlines. */
void tell_text(FILE *out, const char *text, size_t len);
/* The server's JSON on stdout, on one line. */
void tell_json(const char *json, size_t len);
/* Ends with EXIT_USAGE: says what is wrong and where the help is. */
int usage_error(const struct cli *cli, const char *fmt, ...) DEIA_PRINTF(2, 3);
/* Prints a table to stdout as wide as the terminal. */
void tell_table(const struct cli *cli, const struct table *t);
/* Columns of the terminal behind stdout; 0 when it is none. */
size_t terminal_width(const struct cli *cli);
/* "3 s", "5 min", "2 h", "4 d". */
void span_print(char out[static 24], double seconds);
/* The same since a time in RFC 3339; "-" without. */
void age_print(char out[static 24], const char *rfc3339);
/* The local time of an RFC 3339 time, "2026-11-22 16:04:05". */
void time_print(char out[static 32], const char *rfc3339);

/* ---- asking the hive --------------------------------------------------- */

/* The client, made when first asked for. NULL: said why, *rc is set. */
deia_client *cli_client(struct cli *cli, int *rc);
/* One more, for calls while the first has a stream open; free it. As above. */
deia_client *cli_other_client(struct cli *cli, int *rc);
/*
 * One call. EXIT_DONE, or the exit code after saying what went wrong and what
 * to do. json: the parsed answer, cJSON_Delete it; may be NULL. raw: prints
 * the answer's JSON when cli->json.
 */
int ask(struct cli *cli, const char *method, const char *path, const char *body,
	cJSON **json);
int ask_raw(struct cli *cli, const char *method, const char *path,
	    const char *body, cJSON **json);
/* The same without any output; the caller looks at the error itself. */
deia_err ask_quietly(struct cli *cli, const char *method, const char *path,
		     const char *body, cJSON **json, struct deia_reply *reply);
/* What a failed call means: says it, with advice; returns the exit code. */
int explain(struct cli *cli, deia_err err, unsigned retry_after_seconds);
/* What answers is some other program. */
int explain_stranger(struct cli *cli);
int exit_code_of(deia_err err);
/* The error of that name in the API, "illegal_state"; DEIA_EREMOTE for one
 * that is not known. */
deia_err err_of_code(const char *code);
/* "/restart/policy: must be ..." as "restart.policy: must be ..."; free() it. */
char *plain_fields(const char *message);
/* A path of printf with one escaped argument each; free() it. */
char *path_of(const char *fmt, const char *part);
/* Adds "&name=value", escaped; nothing for NULL or "". */
void query_add(struct text *path, const char *name, const char *value);

/* Values of --state, for completion. */
#define BOT_STATES                                                             \
	"ready busy starting paused stopping stopped backoff failed offline"

/* ---- small things ------------------------------------------------------ */

/* Text of a member, "" when it is absent or no text. */
const char *jtext(const cJSON *obj, const char *key);
double jnumber(const cJSON *obj, const char *key, double otherwise);
bool jtrue(const cJSON *obj, const char *key);
/* The array that holds a list's items; NULL when there is none. */
const cJSON *jitems(const cJSON *answer);
/* The first item of a list; NULL when there is none. */
const cJSON *jfirst(const cJSON *answer);
#define JSON_EACH_ITEM(item, answer)                                           \
	for (item = jfirst(answer); item != NULL; item = item->next)
/* One line of JSON; free() it. */
char *jprint(const cJSON *json);

/* SIGINT seen? Installs the handler at the first call of watch. */
void interrupts_watch(deia_client *client);
/* The same for cli_other_client's; NULL before it is freed. */
void interrupts_watch_other(deia_client *client);
bool interrupts_seen(void);
void interrupts_clear(deia_client *client);
/* Sleeps; false when interrupted by SIGINT. */
bool pause_ms(unsigned ms);

#endif
