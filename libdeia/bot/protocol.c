/* SPDX-License-Identifier: MIT */
/*
 * protocol.c - reading and printing the lines of the bot protocol.
 *
 * What a bot says is checked field by field: a wrong type or an unknown line
 * is an error that names it. Unknown fields are let through, so that a bot may
 * be newer than its hive.
 */
#include "bot/protocol.h"

#include <stdio.h>
#include <string.h>

#include <deia/limits.h>

#include "core/json.h"
#include "core/mem.h"

#define MAX_TOKENS INT64_C(1000000000000)

static const char *const type_names[] = {
#define DEIA__SAY_NAME(e, n) [e] = n,
	DEIA__SAY_LIST(DEIA__SAY_NAME)
#undef DEIA__SAY_NAME
};
#define N_TYPES (sizeof(type_names) / sizeof(*type_names))

/* ---- reading -------------------------------------------------------------- */

struct reader {
	const cJSON *json;
	const char *type;
	char *why;
	bool bad;
};

static void complain(struct reader *r, const char *field, const char *wanted)
{
	if (!r->bad)
		snprintf(r->why, 200, "\"%s\" of a %s line must be %s", field,
			 r->type, wanted);
	r->bad = true;
}

static const char *text_of(struct reader *r, const char *field, bool required)
{
	const cJSON *v = deia__json_get(r->json, field);

	if (v == NULL) {
		if (required)
			complain(r, field, "given");
		return NULL;
	}
	if (!cJSON_IsString(v)) {
		complain(r, field, "a string");
		return NULL;
	}
	return v->valuestring;
}

static const char *id_of(struct reader *r)
{
	const char *id = text_of(r, "id", true);

	if (id != NULL && (*id == '\0' || strlen(id) > DEIA_MAX_ID_LEN)) {
		complain(r, "id", "1 to 64 bytes long");
		return NULL;
	}
	return id;
}

static int64_t number_of(struct reader *r, const char *field, int64_t min,
			 int64_t max, int64_t absent)
{
	char wanted[64];
	int64_t v = absent;

	if (deia__json_get(r->json, field) == NULL)
		return absent;
	if (!deia__json_int(r->json, field, min, max, &v)) {
		snprintf(wanted, sizeof(wanted),
			 "a whole number from %lld to %lld", (long long)min,
			 (long long)max);
		complain(r, field, wanted);
	}
	return v;
}

static void read_ready(struct reader *r, struct deia__say *say)
{
	const cJSON *list = deia__json_get(r->json, "capabilities"), *item;
	int n = 0;

	say->max_concurrent =
		number_of(r, "max_concurrent", 1, DEIA_MAX_CONCURRENT, 0);
	if (list == NULL)
		return;
	if (!cJSON_IsArray(list))
		complain(r, "capabilities", "an array of strings");
	cJSON_ArrayForEach(item, list)
		if (!cJSON_IsString(item) || ++n > DEIA_MAX_CAPABILITIES_LEN)
			complain(r, "capabilities",
				 "an array of at most 64 strings");
}

static void read_chunk(struct reader *r, struct deia__say *say)
{
	say->id = id_of(r);
	say->text = text_of(r, "text", true);
	say->channel = text_of(r, "channel", false);
	if (say->channel == NULL)
		say->channel = "answer";
	if (strcmp(say->channel, "answer") != 0 &&
	    strcmp(say->channel, "thinking") != 0 &&
	    strcmp(say->channel, "tool") != 0)
		complain(r, "channel", "answer, thinking or tool");
}

/* What an end, good or bad, leaves behind. */
static void read_kept(struct reader *r, struct deia__say *say)
{
	const cJSON *v = deia__json_get(r->json, "details");

	say->session = text_of(r, "session", false);
	if (say->session != NULL && strlen(say->session) > DEIA_MAX_NAME_BYTES)
		complain(r, "session", "at most 256 bytes long");
	if (v == NULL)
		return;
	if (cJSON_IsObject(v))
		say->details = deia__json_print(v);
	else
		complain(r, "details", "an object");
	if (say->details != NULL &&
	    strlen(say->details) > DEIA_MAX_DETAILS_BYTES)
		complain(r, "details", "at most 16 KiB long");
}

static void read_done(struct reader *r, struct deia__say *say)
{
	const cJSON *usage = deia__json_get(r->json, "usage");
	struct reader u = { .json = usage, .type = r->type, .why = r->why };

	say->id = id_of(r);
	say->text = text_of(r, "text", false);
	read_kept(r, say);
	if (usage == NULL)
		return;
	if (!cJSON_IsObject(usage)) {
		complain(r, "usage", "an object");
		return;
	}
	u.bad = r->bad;
	say->prompt_tokens = number_of(&u, "prompt_tokens", 0, MAX_TOKENS, -1);
	say->completion_tokens =
		number_of(&u, "completion_tokens", 0, MAX_TOKENS, -1);
	r->bad = u.bad;
}

static void read_error(struct reader *r, struct deia__say *say)
{
	const cJSON *retryable = deia__json_get(r->json, "retryable");

	say->id = id_of(r);
	say->message = text_of(r, "message", true);
	say->code = text_of(r, "code", false);
	if (say->code == NULL || *say->code == '\0')
		say->code = "error";
	if (strlen(say->code) > DEIA_MAX_ID_LEN)
		complain(r, "code", "at most 64 bytes long");
	if (retryable != NULL && !cJSON_IsBool(retryable))
		complain(r, "retryable", "true or false");
	say->retryable = cJSON_IsTrue(retryable);
	say->retry_after = number_of(r, "retry_after_seconds", 0, 86400 * 7, 0);
	read_kept(r, say);
}

static void read_fields(struct reader *r, struct deia__say *say)
{
	switch (say->type) {
	case DEIA__SAY_READY:
		read_ready(r, say);
		break;
	case DEIA__SAY_CHUNK:
		read_chunk(r, say);
		break;
	case DEIA__SAY_DONE:
		read_done(r, say);
		break;
	case DEIA__SAY_ERROR:
		read_error(r, say);
		break;
	case DEIA__SAY_STATUS:
		say->text = text_of(r, "text", true);
		break;
	case DEIA__SAY_PONG:
		say->n = number_of(r, "n", 0, INT64_C(1) << 53, 0);
		break;
	case DEIA__SAY_ACK:
	case DEIA__SAY_NACK:
		(void)id_of(r);
		break;
	case DEIA__SAY_SEND:
	case DEIA__SAY_SUBMIT:
		(void)text_of(r, "content", true);
		break;
	}
}

static deia_err find_type(struct deia__say *say, char why[static 200])
{
	const char *name = deia__json_str(say->json, "type");
	size_t i;

	if (name == NULL) {
		snprintf(why, 200,
			 "a line must be an object with a \"type\" string");
		return DEIA_EPROTO;
	}
	for (i = 0; i < N_TYPES; i++)
		if (strcmp(type_names[i], name) == 0)
			break;
	if (i == N_TYPES) {
		snprintf(why, 200, "there is no line of type \"%.40s\"", name);
		return DEIA_EPROTO;
	}
	say->type = (enum deia__say_type)i;
	say->type_name = type_names[i];
	return DEIA_OK;
}

deia_err deia__say_read(struct deia__say *say, const char *line, size_t len,
			char why[static 200])
{
	struct deia_json_error at;
	struct reader r = { .why = why };
	deia_err err;

	memset(say, 0, sizeof(*say));
	say->prompt_tokens = say->completion_tokens = -1;
	err = deia_json_parse(&say->json, line, len, &at);
	if (err) {
		if (err == DEIA_ENOMEM)
			snprintf(why, 200, "out of memory");
		else
			snprintf(why, 200, "not JSON (%.120s, column %u)",
				 at.detail, at.column);
		return err == DEIA_ENOMEM ? err : DEIA_EPARSE;
	}
	err = find_type(say, why);
	if (!err) {
		r.json = say->json;
		r.type = say->type_name;
		read_fields(&r, say);
		err = r.bad ? DEIA_EPROTO : DEIA_OK;
	}
	if (err)
		deia__say_fini(say);
	return err;
}

void deia__say_fini(struct deia__say *say)
{
	cJSON_Delete(say->json);
	deia__free(say->details);
	memset(say, 0, sizeof(*say));
}

/* ---- printing -------------------------------------------------------------- */

static void begin(deia_jw *w, const char *type)
{
	deia_jw_object(w);
	deia_jw_kstr(w, "type", type);
}

static void print_text(deia_jw *w, const char *key, const char *text)
{
	if (text != NULL)
		deia_jw_kstr(w, key, text);
}

void deia__print_init(deia_jw *w, const struct deia_bot_spec *spec,
		      const char *work_dir)
{
	size_t i;

	begin(w, "init");
	deia_jw_kstr(w, "bot", spec->id);
	deia_jw_kint(w, "protocol", DEIA__PROTOCOL_VERSION);
	deia_jw_key(w, "config");
	deia_jw_object(w);
	deia_jw_kstr(w, "adapter", spec->adapter);
	print_text(w, "model", spec->model);
	print_text(w, "base_url", spec->base_url);
	print_text(w, "api_key_env", spec->api_key_env);
	print_text(w, "api_key_file", spec->api_key_file);
	print_text(w, "work_dir", work_dir);
	print_text(w, "worktree_of", spec->worktree_of);
	print_text(w, "system_prompt", spec->system_prompt);
	if (strcmp(spec->adapter, "exec") == 0) {
		deia_jw_key(w, "argv");
		deia_jw_array(w);
		for (i = 0; i < spec->n_argv; i++)
			deia_jw_str(w, spec->argv[i]);
		deia_jw_end_array(w);
	}
	if (spec->options != NULL)
		deia_jw_kraw(w, "options", spec->options);
	deia_jw_kstr(w, "on_message",
		     spec->on_message != NULL ? spec->on_message : "hold");
	deia_jw_kint(w, "max_concurrent", spec->max_concurrent);
	deia_jw_end_object(w);
	deia_jw_end_object(w);
}

/* An upper bound of what a string takes as JSON, quotes included. */
static size_t printed_len(const char *s)
{
	size_t n = 2;

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			n += 6;
		else if (c == '"' || c == '\\')
			n += 2;
		else
			n += c < 0x80 ? 1 : 3; /* bad bytes become U+FFFD */
	}
	return n;
}

static void print_history(deia_jw *w, const struct deia_work_spec *work,
			  size_t room)
{
	size_t first = work->n_history, need;
	const struct deia_history_item *item;

	while (first > 0) {
		item = &work->history[first - 1];
		need = printed_len(item->role) + printed_len(item->content) +
		       sizeof("{\"role\":,\"content\":},");
		if (need > room)
			break;
		room -= need;
		first--;
	}
	deia_jw_key(w, "history");
	deia_jw_array(w);
	for (; first < work->n_history; first++) {
		deia_jw_object(w);
		deia_jw_kstr(w, "role", work->history[first].role);
		deia_jw_kstr(w, "content", work->history[first].content);
		deia_jw_end_object(w);
	}
	deia_jw_end_array(w);
}

bool deia__print_task(deia_jw *w, const struct deia_work_spec *work)
{
	const size_t max = DEIA_MAX_LINE_BYTES - 64; /* the brackets' share */

	begin(w, "task");
	deia_jw_kstr(w, "id", work->id);
	deia_jw_kstr(w, "kind", work->kind == DEIA_WORK_CHAT ? "chat" : "task");
	deia_jw_kint(w, "timeout_seconds",
		     work->timeout_seconds != 0 ? work->timeout_seconds : 600);
	if (work->conversation != NULL)
		deia_jw_kstr(w, "conversation", work->conversation);
	if (work->session != NULL)
		deia_jw_kstr(w, "session", work->session);
	if (work->traceparent != NULL && *work->traceparent != '\0')
		deia_jw_kstr(w, "traceparent", work->traceparent);
	deia_jw_kstr(w, "content", work->content);
	if (w->len > max)
		return false;
	print_history(w, work, max - w->len);
	deia_jw_end_object(w);
	return true;
}

void deia__print_interrupt(deia_jw *w, const char *id)
{
	begin(w, "interrupt");
	deia_jw_kstr(w, "id", id);
	deia_jw_end_object(w);
}

void deia__print_ping(deia_jw *w, int64_t n)
{
	begin(w, "ping");
	deia_jw_kint(w, "n", n);
	deia_jw_end_object(w);
}

void deia__print_shutdown(deia_jw *w)
{
	begin(w, "shutdown");
	deia_jw_end_object(w);
}
