/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the list of commands, in the order in which the help shows
 * them. Each is a `const struct command cmd_NAME` in one of the cmd_*.c.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#define COMMANDS(X)                                                            \
	X(serve)                                                               \
	X(init)                                                                \
	X(status)                                                              \
	X(stop)                                                                \
	X(login)                                                               \
	X(logout)                                                              \
	X(bot_launch)                                                          \
	X(bot_register)                                                        \
	X(bot_list)                                                            \
	X(bot_show)                                                            \
	X(bot_describe)                                                        \
	X(bot_start)                                                           \
	X(bot_stop)                                                            \
	X(bot_restart)                                                         \
	X(bot_pause)                                                           \
	X(bot_resume)                                                          \
	X(bot_interrupt)                                                       \
	X(bot_logs)                                                            \
	X(bot_remove)                                                          \
	X(bot_test)                                                            \
	X(bot_export)                                                          \
	X(apply)                                                               \
	X(chat)                                                                \
	X(send)                                                                \
	X(inbox)                                                               \
	X(read)                                                                \
	X(conversation)                                                        \
	X(converse)                                                            \
	X(messages_status)                                                     \
	X(messages_list)                                                       \
	X(messages_show)                                                       \
	X(messages_failed)                                                     \
	X(messages_requeue)                                                    \
	X(task_submit)                                                         \
	X(task_list)                                                           \
	X(task_show)                                                           \
	X(task_watch)                                                          \
	X(task_cancel)                                                         \
	X(task_retry)                                                          \
	X(task_approve)                                                        \
	X(task_verdict)                                                        \
	X(task_analyze)                                                        \
	X(task_types)                                                          \
	X(task_pause)                                                          \
	X(task_resume)                                                         \
	X(scheduler_recommend)                                                 \
	X(scheduler_bots)                                                      \
	X(scheduler_insights)                                                  \
	X(scheduler_history)                                                   \
	X(scheduler_record)                                                    \
	X(scheduler_reset)                                                     \
	X(scheduler_replay)                                                    \
	X(scale)                                                               \
	X(scale_set)                                                           \
	X(scale_off)                                                           \
	X(scale_reset)                                                         \
	X(scale_up)                                                            \
	X(scale_down)                                                          \
	X(scale_history)                                                       \
	X(scale_dry_run)                                                       \
	X(models)                                                              \
	X(budget)                                                              \
	X(budget_reset)                                                        \
	X(nodes)                                                               \
	X(events)                                                              \
	X(logs)                                                                \
	X(health)                                                              \
	X(report)                                                              \
	X(top)                                                                 \
	X(doctor)                                                              \
	X(alerts_list)                                                         \
	X(alerts_show)                                                         \
	X(alerts_ack)                                                          \
	X(alerts_silence)                                                      \
	X(alerts_resolve)                                                      \
	X(alerts_rules)                                                        \
	X(alerts_receivers)                                                    \
	X(alerts_test)                                                         \
	X(config_check)                                                        \
	X(config_show)                                                         \
	X(migrate_status)                                                      \
	X(migrate_up)                                                          \
	X(migrate_copy)                                                        \
	X(token_create)                                                        \
	X(token_list)                                                          \
	X(token_revoke)                                                        \
	X(audit)                                                               \
	X(completion)                                                          \
	X(version)

#define DECLARE(name) extern const struct command cmd_##name;
COMMANDS(DECLARE)
#undef DECLARE

#endif
