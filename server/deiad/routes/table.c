/* SPDX-License-Identifier: MIT */
/*
 * table.c - the one table of routes. See router.h for what a row means.
 *
 * A route that is not here does not exist; docs/openapi.yaml describes each,
 * and a test compares the two.
 */
#include "routes.h"

#include <deia/limits.h>

#define SMALL (64u << 10)
#define SPEC (1u << 20)
/* Content of 1 MiB may be six times as long when it is escaped. */
#define CHAT DEIA_MAX_BODY_BYTES

#define BOT "/api/v1/bots/{id}"
#define TASK "/api/v1/tasks/{id}"

const struct route routes[] = {
	{ "GET", "/health", AC_PUBLIC, RF_WHILE_DRAIN | RF_QUIET, 0, "",
	  route_health, "How the hive is." },
	{ "GET", "/health/live", AC_PUBLIC, RF_WHILE_DRAIN | RF_QUIET, 0, "",
	  route_live, "Answers while the process runs." },
	{ "GET", "/health/ready", AC_PUBLIC, RF_WHILE_DRAIN | RF_QUIET, 0, "",
	  route_ready, "Can it take work." },

	{ "GET", "/api/v1/bots", AC_VIEWER, 0, 0, "limit cursor type state",
	  route_bots_list, "Lists the bots in order of id." },
	{ "POST", "/api/v1/bots", AC_OPERATOR, RF_JSON | RF_IDEMPOTENT, SPEC,
	  "start", route_bots_create, "Adds a bot and starts it." },
	{ "POST", "/api/v1/bots/actions", AC_OPERATOR, RF_JSON, SPEC, "",
	  route_bots_act, "One action on many bots." },
	{ "GET", BOT, AC_VIEWER, RF_BOT_SELF, 0, "", route_bot_get,
	  "Shows one bot." },
	{ "PUT", BOT, AC_OPERATOR, RF_JSON, SPEC, "start dry_run",
	  route_bot_put, "Makes a bot what the body says, or adds it." },
	{ "PATCH", BOT, AC_OPERATOR, RF_JSON, SPEC, "", route_bot_patch,
	  "Changes a bot's specification." },
	{ "DELETE", BOT, AC_OPERATOR, 0, 0, "force purge", route_bot_delete,
	  "Removes a bot." },
	{ "POST", BOT "/start", AC_OPERATOR, RF_JSON_OPT, SMALL, "",
	  route_bot_start, "Starts a bot." },
	{ "POST", BOT "/stop", AC_OPERATOR, RF_JSON_OPT, SMALL, "",
	  route_bot_stop, "Stops a bot and all its descendants." },
	{ "POST", BOT "/restart", AC_OPERATOR, RF_JSON_OPT, SMALL, "",
	  route_bot_restart, "Stops a bot, then starts it again." },
	{ "POST", BOT "/pause", AC_OPERATOR, RF_JSON_OPT, SMALL, "",
	  route_bot_pause, "Begins no new turn." },
	{ "POST", BOT "/resume", AC_OPERATOR, RF_JSON_OPT, SMALL, "",
	  route_bot_resume, "Lets a paused bot work again." },
	{ "POST", BOT "/interrupt", AC_OPERATOR, RF_JSON_OPT, SMALL, "",
	  route_bot_interrupt, "Asks the bot to end its running turns." },
	{ "GET", BOT "/history", AC_VIEWER, 0, 0, "limit before cursor",
	  route_bot_history, "The states a bot went through, newest first." },
	{ "GET", BOT "/logs", AC_VIEWER, 0, 0, "tail follow", route_bot_logs,
	  "Shows the end of a bot's log, or follows it." },
	{ "POST", BOT "/heartbeat", AC_OPERATOR, RF_JSON_OPT | RF_BOT_SELF,
	  SMALL, "", route_bot_heartbeat, "An external bot is alive." },
	{ "POST", "/api/v1/tasks/claim", AC_OPERATOR, RF_JSON | RF_BOT_ANY,
	  SMALL, "", route_task_claim, "An external bot asks for a task." },
	{ "POST", TASK "/extend", AC_OPERATOR, RF_JSON | RF_BOT_ANY, SMALL, "",
	  route_task_extend, "Makes the lease of a task longer." },
	{ "POST", TASK "/complete", AC_OPERATOR, RF_JSON | RF_BOT_ANY, CHAT, "",
	  route_task_complete, "Gives the answer to a claimed task." },
	{ "POST", TASK "/fail", AC_OPERATOR, RF_JSON | RF_BOT_ANY, SMALL, "",
	  route_task_fail, "Ends a claimed task without an answer." },
	{ "GET", "/api/v1/templates", AC_VIEWER, 0, 0, "", route_templates,
	  "Lists the templates of the configuration." },
	{ "GET", "/api/v1/models", AC_VIEWER, 0, 0, "adapter base_url",
	  route_models, "Lists the models that a model server has." },

	{ "GET", BOT "/conversations", AC_VIEWER, 0, 0, "limit cursor",
	  route_conversations_list, "Lists conversations, newest first." },
	{ "POST", BOT "/conversations", AC_OPERATOR,
	  RF_JSON_OPT | RF_IDEMPOTENT, SMALL, "", route_conversations_create,
	  "Begins a conversation." },
	{ "GET", BOT "/chat", AC_VIEWER, 0, 0,
	  "conversation limit before cursor", route_chat_page,
	  "A page of a conversation's lines, newest first." },
	{ "POST", BOT "/chat", AC_OPERATOR, RF_JSON | RF_IDEMPOTENT, CHAT, "",
	  route_chat_send, "Says something to a bot; gives its answer." },
	{ "DELETE", BOT "/chat", AC_OPERATOR, 0, 0, "conversation",
	  route_chat_clear, "Deletes a conversation's lines." },
	{ "GET", BOT "/chat/export", AC_VIEWER, 0, 0, "conversation format",
	  route_chat_export, "A whole conversation as a file." },
	{ "POST", BOT "/chat/import", AC_OPERATOR, RF_JSON | RF_IDEMPOTENT,
	  CHAT, "", route_chat_import, "Adds lines as a new conversation." },

	{ "GET", "/api/v1/events", AC_VIEWER, 0, 0, "after", route_events,
	  "Streams what happens in the hive." },

	{ "POST", "/api/v1/auth/login", AC_PUBLIC, RF_JSON, SMALL, "",
	  route_login, "Trades a one-time code for a session token." },
	{ "POST", "/api/v1/auth/logout", AC_VIEWER, RF_JSON_OPT, SMALL, "",
	  route_logout, "Ends this session." },
	{ "GET", "/api/v1/auth/whoami", AC_ANY, 0, 0, "", route_whoami,
	  "Says who the token belongs to." },
	{ "POST", "/api/v1/auth/codes", AC_ADMIN, RF_JSON_OPT, SMALL, "",
	  route_codes_create, "Makes a one-time sign-in code." },
	{ "GET", "/api/v1/tokens", AC_ADMIN, 0, 0, "limit cursor",
	  route_tokens_list, "Lists tokens, never their secrets." },
	{ "POST", "/api/v1/tokens", AC_ADMIN, RF_JSON, SMALL, "",
	  route_tokens_create, "Makes a token." },
	{ "DELETE", "/api/v1/tokens/{id}", AC_ADMIN, 0, 0, "",
	  route_token_revoke, "Revokes a token at once." },
	{ "GET", "/api/v1/audit", AC_ADMIN, 0, 0, "limit cursor", route_audit,
	  "Who did what, newest first." },
	{ "GET", "/api/v1/config", AC_ADMIN, 0, 0, "", route_config,
	  "Every setting with its value and where it came from." },
	{ "GET", "/api/v1/health", AC_VIEWER, 0, 0, "", route_health_details,
	  "How the hive is, in detail." },

	{ "GET", "/", AC_PUBLIC, 0, 0, "", route_static, "The web page." },
	{ "GET", "/assets/{file}", AC_PUBLIC, 0, 0, "", route_static,
	  "A file of the web page." },
	{ "GET", "/openapi.json", AC_PUBLIC, 0, 0, "", route_static,
	  "The description of this API." },
	{ "GET", "/.well-known/{name}", AC_PUBLIC, 0, 0, "", route_well_known,
	  "There is nothing; says so in JSON." },
};
const size_t n_routes = sizeof(routes) / sizeof(*routes);
