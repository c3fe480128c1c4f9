/* SPDX-License-Identifier: MIT */
/* routes.h - the handlers of the table in table.c, and what they share. */
#ifndef DEIAD_ROUTES_H
#define DEIAD_ROUTES_H

#include <deia/hive.h>

#include "../http/rq.h"
#include "../http/router.h"

struct app;
struct deia_chat_line;
struct deia_check_model;
struct deia_conversation;
struct deia_event;
struct deia_execution;

extern const struct route routes[];
extern const size_t n_routes;

void route_health(struct rq *rq);
void route_live(struct rq *rq);
void route_ready(struct rq *rq);
void route_check(struct rq *rq);
void route_checks(struct rq *rq);
void route_health_details(struct rq *rq);
void route_timeline(struct rq *rq);
void route_insight(struct rq *rq);
void route_report(struct rq *rq);
void route_rules(struct rq *rq);
void route_rules_put(struct rq *rq);
void route_alerts(struct rq *rq);
void route_alert(struct rq *rq);
void route_alert_acknowledge(struct rq *rq);
void route_alert_silence(struct rq *rq);
void route_alert_resolve(struct rq *rq);
void route_receivers(struct rq *rq);
void route_alerts_test(struct rq *rq);
void route_metrics(struct rq *rq);

void route_bots_list(struct rq *rq);
void route_bots_create(struct rq *rq);
void route_bot_get(struct rq *rq);
void route_bot_patch(struct rq *rq);
void route_bot_put(struct rq *rq);
void route_bot_delete(struct rq *rq);
void route_bot_start(struct rq *rq);
void route_bot_stop(struct rq *rq);
void route_bot_restart(struct rq *rq);
void route_bot_pause(struct rq *rq);
void route_bot_resume(struct rq *rq);
void route_bot_interrupt(struct rq *rq);
void route_bots_act(struct rq *rq);
void route_bot_heartbeat(struct rq *rq);
void route_task_claim(struct rq *rq);
void route_task_extend(struct rq *rq);
void route_task_complete(struct rq *rq);
void route_task_fail(struct rq *rq);

void route_tasks_submit(struct rq *rq);
void route_tasks_list(struct rq *rq);
void route_tasks_status(struct rq *rq);
void route_tasks_bulk(struct rq *rq);
void route_tasks_analyze(struct rq *rq);
void route_task_get(struct rq *rq);
void route_task_events(struct rq *rq);
void route_task_cancel(struct rq *rq);
void route_task_retry(struct rq *rq);
void route_task_approve(struct rq *rq);
void route_task_verdict(struct rq *rq);
void route_queues(struct rq *rq);
void route_queue_put(struct rq *rq);
void route_queue_pause(struct rq *rq);
void route_queue_resume(struct rq *rq);
void route_budgets(struct rq *rq);
void route_budget_reset(struct rq *rq);

void route_bot_status(struct rq *rq);
void route_bot_history(struct rq *rq);
void route_bot_logs(struct rq *rq);
void route_logs(struct rq *rq);
void route_templates(struct rq *rq);
void route_models(struct rq *rq);
/* Asks a model server for its list, for the health checks; as ask_model of
 * struct deia_checks_host. */
bool models_ask(struct app *app, const struct deia_check_model *model,
		void (*answered)(const char *problem, void *ctx), void *ctx);

void route_conversations_list(struct rq *rq);
void route_conversations_create(struct rq *rq);
void route_chat_page(struct rq *rq);
void route_chat_send(struct rq *rq);
void route_chat_clear(struct rq *rq);
void route_chat_export(struct rq *rq);
void route_chat_import(struct rq *rq);

void route_messages_send(struct rq *rq);
void route_message_get(struct rq *rq);
void route_messages_list(struct rq *rq);
void route_messages_status(struct rq *rq);
void route_message_read(struct rq *rq);
void route_message_release(struct rq *rq);
void route_message_extend(struct rq *rq);
void route_message_requeue(struct rq *rq);
void route_mail_between(struct rq *rq);
void route_inbox(struct rq *rq);
void route_inbox_receive(struct rq *rq);
void route_inbox_status(struct rq *rq);

void route_nodes(struct rq *rq);

void route_scaling(struct rq *rq);
void route_scaling_put(struct rq *rq);
void route_scaling_up(struct rq *rq);
void route_scaling_down(struct rq *rq);
void route_scaling_history(struct rq *rq);

void route_dialogue_start(struct rq *rq);
void route_dialogues_list(struct rq *rq);
void route_dialogue_get(struct rq *rq);
void route_dialogue_messages(struct rq *rq);
void route_dialogue_stop(struct rq *rq);

void route_executions_create(struct rq *rq);
void route_recommendation(struct rq *rq);
void route_scheduler_bots(struct rq *rq);
void route_scheduler_bot(struct rq *rq);
void route_scheduler_reset_all(struct rq *rq);
void route_scheduler_reset(struct rq *rq);
void route_scheduler_types(struct rq *rq);
void route_scheduler_type(struct rq *rq);
void route_scheduler_insights(struct rq *rq);
void route_scheduler_history(struct rq *rq);

void route_events(struct rq *rq);
void route_socket(struct rq *rq);

void route_login(struct rq *rq);
void route_logout(struct rq *rq);
void route_whoami(struct rq *rq);
void route_codes_create(struct rq *rq);
void route_tokens_list(struct rq *rq);
void route_tokens_create(struct rq *rq);
void route_token_revoke(struct rq *rq);
void route_audit(struct rq *rq);
void route_config(struct rq *rq);

void route_static(struct rq *rq);
void route_well_known(struct rq *rq);

/* ---- shared ------------------------------------------------------------ */

void print_bot(struct deia_jw *w, deia_hive *hive,
	       const struct deia_hive_bot *bot);
void print_bot_members(struct deia_jw *w, deia_hive *hive,
		       const struct deia_hive_bot *bot);
/* Messages that a bot has not read. */
uint64_t unread_of(deia_hive *hive, const char *bot);
void send_bot(struct rq *rq, int status, const struct deia_hive_bot *bot);
/* A deia_bot_state by its name; -1: there is none. */
int state_parse(const char *name);
void print_line(struct deia_jw *w, const struct deia_chat_line *line);
void print_conversation(struct deia_jw *w,
			const struct deia_conversation *conv);
void print_execution(struct deia_jw *w, const struct deia_execution *e);
/* Text, or null where it is NULL or "". */
void print_text_or_null(struct deia_jw *w, const char *key, const char *s);
/* A number, or null where it is `none`. */
void print_int_or_null(struct deia_jw *w, const char *key, int64_t v,
		       int64_t none);
/* Prints what was made, for idem_join. */
void print_made(const struct rq *rq, struct deia_jw *w, enum deia_made made,
		const void *what);
void print_event(struct deia_jw *w, const struct deia_event *ev);
/* An array of the lines of a text. */
void print_text_lines(struct deia_jw *w, const char *text);
/* Each with what came of it: what an action on many things answers. */
void print_outcomes(struct deia_jw *w, const struct deia_hive_outcome *items,
		    size_t n);

/* ---- answers.c: the ends of requests, lists ---------------------------- */

/*
 * A held request whose answer comes with the callback of a library call: on
 * an error of the call itself there is none, so it is answered and dropped.
 */
void rq_begun(struct rq *rq, deia_err err);
/* In such a callback: true: answer, then drop. False: both was done. */
bool rq_ok(struct rq *rq, deia_err err);
/* Such a callback: 204, or what went wrong. user: the request. */
void rq_done_empty(deia_err err, void *user);
/* Begins a list: its items are printed next. */
void list_begin(struct deia_jw *w);
/* Ends one that has no pages. */
void list_end(struct deia_jw *w);
/* Answers 200 with it. next_cursor: of the next page; NULL: there is none. */
void list_send(struct rq *rq, struct deia_jw *w, const char *next_cursor);
/* The same where cursors are numbers; 0: there is no next page. */
void list_send_seq(struct rq *rq, struct deia_jw *w, int64_t next_cursor);

/* ---- params.c: queries, bodies ----------------------------------------- */

/* ?limit=, 1..DEIA_MAX_PAGE_LEN; false: answered. */
bool query_limit(struct rq *rq, unsigned *limit);
/* The same, and ?cursor=, a number; 0 when absent. */
bool query_page(struct rq *rq, unsigned *limit, int64_t *cursor);
/* A whole number, or fallback when absent; false: answered. */
bool query_int(struct rq *rq, const char *name, int64_t min, int64_t max,
	       int64_t fallback, int64_t *out);
/* RFC 3339; false: it is none. Answers nothing. */
bool time_parse(const char *text, int64_t *unix_ms);
/* "true" or "false"; false: answered. */
bool query_bool(struct rq *rq, const char *name, bool fallback, bool *out);

enum field_type {
	FIELD_TEXT,
	FIELD_INT,
	FIELD_NUMBER, /* also with a fraction */
	FIELD_BOOL,
	FIELD_ARRAY,
	FIELD_OBJECT
};
/* One member a body may have. min, max: bytes of text, value of a number. */
struct field {
	const char *name;
	enum field_type type;
	bool required;
	int64_t min, max;
};
/* Checks rq->json against the fields; false: answered with all errors. A body
 * that is not there (RF_JSON_OPT) is as an empty one, here and below. */
bool body_fields(struct rq *rq, const struct field *fields, size_t n);
/* The same of an array. */
#define BODY_FIELDS(rq, fields)                                                \
	body_fields(rq, fields, sizeof(fields) / sizeof(*(fields)))
/* What is wrong with the members of an object, into errors[0..FIELD_ERRORS):
 * how many. */
#define FIELD_ERRORS 16
size_t fields_wrong(const struct cJSON *json, const struct field *fields,
		    size_t n, struct deia_field_error *errors);
/* After body_fields: a text member, or NULL. */
const char *body_text(const struct rq *rq, const char *name);
int64_t body_int(const struct rq *rq, const char *name, int64_t fallback);
bool body_bool(const struct rq *rq, const char *name, bool fallback);
/* An array of words, borrowed from the body, into out[0..max): how many; -1:
 * answered. */
int body_words(struct rq *rq, const char *name, int max, const char **out);
/* "/base/name", escaped; base is a JSON pointer. */
void pointer_join(char *out, size_t len, const char *base, const char *name);

#endif
