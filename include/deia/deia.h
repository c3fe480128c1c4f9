/* SPDX-License-Identifier: MIT */
/* deia.h - everything that is stable, in one include. */
#ifndef DEIA_DEIA_H
#define DEIA_DEIA_H

#include <deia/auth.h>
#include <deia/base.h>
#include <deia/bot.h>
#include <deia/chat.h>
#include <deia/client.h>
#include <deia/config.h>
#include <deia/error.h>
#include <deia/health.h>
#include <deia/histogram.h>
#include <deia/hive.h>
#include <deia/hive_checks.h>
#include <deia/hive_health.h>
#include <deia/hive_insight.h>
#include <deia/hive_report.h>
#include <deia/limits.h>
#include <deia/logs.h>
#include <deia/mail.h>
#include <deia/messenger.h>
#include <deia/migrate.h>
#include <deia/node.h>
#include <deia/notify.h>
#include <deia/scaler.h>
#include <deia/scaling.h>
#include <deia/scheduler.h>
#include <deia/scheduling.h>
#include <deia/task_analysis.h>
#include <deia/trace.h>
#include <deia/trial.h>
#include <deia/version.h>
#include <deia/worker.h>

#endif
