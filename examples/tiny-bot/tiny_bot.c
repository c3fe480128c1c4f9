/* SPDX-License-Identifier: MIT */
/*
 * tiny_bot.c - a bot that runs a small language model itself.
 *
 *   deia bot launch TINY --adapter process -- $PWD/tiny-bot $PWD/math.gguf
 *
 * A turn is a row of tokens: the prompt's are given to the model, then each
 * one it finds best comes out and goes in again. One token is evaluated in
 * each round of the event loop, so that pings and interrupts are heard in
 * between. Only one turn at a time: there is one model.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <event2/event.h>

#include <deia/worker.h>

#include "model.h"
#include "vocab.h"

#define MAX_FILE_BYTES (1L << 30)

struct app {
	struct vocab vocab;
	struct model *model;
	deia_worker *worker;
	struct event *step;
	double temperature;
	bool with_history;
	uint64_t random;

	deia_turn *turn;   /* the running one, or NULL */
	uint32_t *tokens;  /* its row: as many as the model can look at */
	uint32_t n_prompt; /* of them are the prompt */
	uint32_t n;	   /* there are so far */
	uint32_t at;	   /* were evaluated */
};

/* ---- what is asked ----------------------------------------------------------- */

static void put_text(struct app *app, const char *text)
{
	for (; *text; text++)
		app->tokens[app->n++] =
			app->vocab.of_byte[(unsigned char)*text];
}

/* "<s><|user|>QUESTION" or "<|assistant|>ANSWER</s>" */
static void put_message(struct app *app, const char *role, const char *text)
{
	const struct vocab *v = &app->vocab;

	if (strcmp(role, "user") == 0) {
		app->tokens[app->n++] = v->begin;
		app->tokens[app->n++] = v->user;
		put_text(app, text);
	} else if (strcmp(role, "assistant") == 0) {
		app->tokens[app->n++] = v->assistant;
		put_text(app, text);
		app->tokens[app->n++] = v->end;
	}
}

/*
 * The last messages that fit beside the question and leave half of the window
 * for the answer. The model knows no other roles than the two.
 */
static size_t first_of_history(const struct app *app,
			       const struct deia_turn_info *info)
{
	size_t room = model_context(app->model) / 2, need, i = info->n_history;

	if (!app->with_history || strlen(info->content) + 3 > room)
		return info->n_history;
	room -= strlen(info->content) + 3;
	for (; i > 0; i--) {
		need = strlen(info->history[i - 1].content) + 2;
		if (need > room)
			break;
		room -= need;
	}
	/* An answer without its question says nothing. */
	while (i < info->n_history &&
	       strcmp(info->history[i].role, "user") != 0)
		i++;
	return i;
}

static bool put_prompt(struct app *app, const struct deia_turn_info *info)
{
	size_t i = first_of_history(app, info);

	/* <s> and the two marks, and at least one token of an answer. */
	if (strlen(info->content) + 4 > model_context(app->model))
		return false;
	app->n = app->at = 0;
	for (; i < info->n_history; i++)
		put_message(app, info->history[i].role,
			    info->history[i].content);
	put_message(app, "user", info->content);
	app->tokens[app->n++] = app->vocab.assistant;
	app->n_prompt = app->n;
	return true;
}

/* ---- what comes next ----------------------------------------------------------- */

/* xorshift64*, 0 to 1 */
static double chance(struct app *app)
{
	app->random ^= app->random >> 12;
	app->random ^= app->random << 25;
	app->random ^= app->random >> 27;
	return (double)(app->random * UINT64_C(2685821657736338717) >> 11) /
	       9007199254740992.0;
}

static uint32_t best(const float *logits, uint32_t n)
{
	uint32_t i, top = 0;

	for (i = 1; i < n; i++)
		if (logits[i] > logits[top])
			top = i;
	return top;
}

static double weight(const struct app *app, float logit, float top)
{
	return exp((double)(logit - top) / app->temperature);
}

/* By chance, the likelier the more often; temperature 0: the best. */
static uint32_t choose(struct app *app, const float *logits)
{
	uint32_t n = model_vocab(app->model), top = best(logits, n), i;
	double sum = 0, left;

	if (app->temperature <= 0)
		return top;
	for (i = 0; i < n; i++)
		sum += weight(app, logits[i], logits[top]);
	left = chance(app) * sum;
	for (i = 0; i < n; i++) {
		left -= weight(app, logits[i], logits[top]);
		if (left < 0)
			return i;
	}
	return top;
}

static void end_turn(struct app *app)
{
	const struct deia_usage usage = {
		.prompt_tokens = app->n_prompt,
		.completion_tokens = app->n - app->n_prompt,
	};
	deia_turn *turn = app->turn;

	app->turn = NULL;
	deia_turn_done(turn, NULL, &usage, NULL);
}

/* Returns false when the answer is complete. */
static bool add_token(struct app *app, uint32_t token)
{
	char byte;

	if (token == app->vocab.end)
		return false;
	if (app->vocab.byte[token] >= 0) {
		byte = (char)app->vocab.byte[token];
		deia_turn_chunk(app->turn, NULL, &byte, 1);
	}
	app->tokens[app->n++] = token;
	return app->n < model_context(app->model);
}

/* In the next round of the loop; while the hive is slow to read, once it has
 * read. */
static void go_on(struct app *app)
{
	static const struct timeval soon = { 0, 0 };

	if (!deia_worker_is_full(app->worker))
		event_add(app->step, &soon);
}

/* One token. */
static void on_step(evutil_socket_t fd, short what, void *user)
{
	struct app *app = user;
	const float *logits =
		model_eval(app->model, app->tokens[app->at], app->at);

	(void)fd, (void)what;
	if (++app->at == app->n && !add_token(app, choose(app, logits)))
		end_turn(app);
	else
		go_on(app);
}

/* ---- the worker's calls ---------------------------------------------------------- */

static void take_options(struct app *app, const cJSON *options)
{
	const cJSON *t =
		cJSON_GetObjectItemCaseSensitive(options, "temperature");
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(options, "seed");
	const cJSON *h = cJSON_GetObjectItemCaseSensitive(options, "history");

	if (cJSON_IsNumber(t) && t->valuedouble >= 0 && t->valuedouble <= 10)
		app->temperature = t->valuedouble;
	if (cJSON_IsNumber(s) && s->valuedouble >= 1 && s->valuedouble < 1e15)
		app->random = (uint64_t)s->valuedouble;
	app->with_history = cJSON_IsTrue(h);
}

static deia_err on_init(deia_worker *w, const struct cJSON *config, void *user)
{
	struct app *app = user;

	app->worker = w;
	take_options(app, cJSON_GetObjectItemCaseSensitive(config, "options"));
	app->step = event_new(deia_worker_base(w), -1, 0, on_step, app);
	app->tokens = calloc(model_context(app->model), sizeof(*app->tokens));
	if (!app->step || !app->tokens)
		return DEIA_ENOMEM;
	deia_worker_ready(w, 1);
	return DEIA_OK;
}

static void on_turn(deia_worker *w, deia_turn *turn,
		    const struct deia_turn_info *info, void *user)
{
	struct app *app = user;
	char why[160];

	(void)w;
	if (app->turn) {
		deia_turn_fail(turn, "busy", true, 1, "one turn at a time");
	} else if (!put_prompt(app, info)) {
		snprintf(why, sizeof(why),
			 "the model can look at %u bytes, the prompt has %zu: "
			 "ask something shorter",
			 model_context(app->model), strlen(info->content));
		deia_turn_fail(turn, "prompt_too_long", false, 0, why);
	} else {
		app->turn = turn;
		go_on(app);
	}
}

static void on_interrupt(deia_worker *w, deia_turn *turn, void *user)
{
	struct app *app = user;

	(void)w;
	event_del(app->step);
	app->turn = NULL;
	deia_turn_fail(turn, "interrupted", false, 0, "interrupted");
}

static void on_drained(deia_worker *w, void *user)
{
	struct app *app = user;

	(void)w;
	if (app->turn)
		go_on(app);
}

static void on_shutdown(deia_worker *w, void *user)
{
	struct app *app = user;

	(void)w; /* an open turn is ended by the worker */
	if (app->step)
		event_free(app->step);
	free(app->tokens);
}

static void on_note(deia_worker *w, const char *text, void *user)
{
	(void)w, (void)user;
	(void)fprintf(stderr, "tiny-bot: %s\n", text);
}

/* ---- start ----------------------------------------------------------------------- */

static bool load(struct app *app, const void *data, size_t size,
		 char error[GGUF_ERROR_BYTES])
{
	struct gguf g;
	bool good;

	if (!gguf_parse(&g, data, size, error))
		return false;
	good = vocab_load(&app->vocab, &g, error) &&
	       model_load(&app->model, &g, error);
	gguf_free(&g);
	return good;
}

/* Maps the file while the model is copied out of it. */
static bool load_open(struct app *app, int fd, char error[GGUF_ERROR_BYTES])
{
	struct stat st;
	void *data;
	bool good;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 1 ||
	    st.st_size > MAX_FILE_BYTES) {
		snprintf(error, GGUF_ERROR_BYTES,
			 "it is no file, empty, or above 1 GiB");
		return false;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		snprintf(error, GGUF_ERROR_BYTES, "it cannot be mapped");
		return false;
	}
	good = load(app, data, (size_t)st.st_size, error);
	munmap(data, (size_t)st.st_size);
	return good;
}

static bool load_file(struct app *app, const char *path,
		      char error[GGUF_ERROR_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool good;

	if (fd < 0) {
		snprintf(error, GGUF_ERROR_BYTES, "%s", strerror(errno));
		return false;
	}
	good = load_open(app, fd, error);
	close(fd);
	return good;
}

int main(int argc, char **argv)
{
	static const struct deia_worker_ops ops = {
		.size = sizeof(ops),
		.init = on_init,
		.turn = on_turn,
		.interrupt = on_interrupt,
		.shutdown = on_shutdown,
		.drained = on_drained,
		.note = on_note,
	};
	struct app app = { .random = 88172645463325252u };
	char error[GGUF_ERROR_BYTES];
	deia_err err;

	if (argc != 2) {
		(void)fputs("usage: tiny-bot MODEL.gguf\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!load_file(&app, argv[1], error)) {
		(void)fprintf(stderr, "tiny-bot: %s: %s\n", argv[1], error);
		return EXIT_FAILURE;
	}
	err = deia_worker_run(NULL, &ops, &app);
	model_free(app.model);
	vocab_free(&app.vocab);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
