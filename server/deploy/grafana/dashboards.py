#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the four dashboards: server/deploy/grafana/dashboards.py [FOLDER]

FOLDER is dashboards/ beside this file. A test compares what is there with what
this prints, and asks a real Prometheus every question of every panel.
"""

import json
import os
import sys

from panels import (GREEN, IS_UP, PLAIN, RED, UP, YELLOW, dashboard,
                    graph, names, quantiles, stat, steps, table, variable)

HERE = os.path.dirname(os.path.abspath(__file__))
I = 'instance=~"$instance"'
BOT = f'{I}, bot=~"$bot"'
RATE = "[$__rate_interval]"
INSTANCE = variable("instance", "Hive",
                    "label_values(deia_build_info, instance)")
NODE = variable("node", "Machine", "label_values(node_uname_info, instance)")
# Routes that take as long as their caller lets them wait.
WAITS = 'route!~".*/(chat|receive|claim|models)"'


def rate(metric, *by, where=I):
    total = f"rate({metric}{{{where}}}{RATE})"
    return f"sum by ({', '.join(by)}) ({total})" if by else f"sum({total})"


def share(metric, part, *by, where=I):
    """Of a counter, that which has also the labels in part; 0 for none."""
    all_of = rate(metric, *by, where=where)
    part = rate(metric, *by, where=f"{where}, {part}")
    return f"({part} or 0 * {all_of}) / {all_of}"


# ---- overview -------------------------------------------------------------

def now():
    return [
        stat("Health", "What GET /health says; the worst of the chosen hives.",
             f"max(deia_health_status{{{I}}})", "none", mappings=names([
                 ("HEALTHY", GREEN), ("DEGRADED", YELLOW),
                 ("CRITICAL", RED)]),
             thresholds=steps(GREEN, (1, YELLOW), (2, RED))),
        stat("Score", "100 less what each alert takes; the lowest.",
             f"min(deia_health_score{{{I}}})", "none",
             thresholds=steps(RED, (50, YELLOW), (90, GREEN))),
        stat("Alerts", "The hive's own alerts that fire, on any level.",
             f"sum(deia_alerts{{{I}}})", "none",
             thresholds=steps(GREEN, (1, YELLOW))),
        stat("Bots at work", "Bots that are ready or busy.",
             f'sum(deia_bots{{{I}, state=~"ready|busy"}})', "none",
             thresholds=PLAIN),
        stat("Bots in trouble", "Bots that failed, went offline or wait to be"
             " started again.", f"sum(deia_bots{{{I}, "
             'state=~"failed|offline|backoff"})', "none",
             thresholds=steps(GREEN, (1, YELLOW), (3, RED))),
        stat("Tasks waiting", "Tasks that are queued for a bot.",
             f'sum(deia_tasks{{{I}, status="queued"}})', "none",
             thresholds=steps(GREEN, (10, YELLOW))),
        table("Alerts of Prometheus", "What alerts.yml says is wrong now;"
              " empty is good.", 'ALERTS{alertstate="firing"}',
              ["alertstate", "job"], width=16, height=6),
        graph("Alerts of the hive", "How many of its own alerts fire, by"
              " level.", [(f"sum by (level) (deia_alerts{{{I}}})",
                           "{{level}}")], "none", height=6, stack=True),
    ]


def requests():
    duration = f"deia_http_request_duration_seconds_bucket{{{I}, {WAITS}}}"
    return [
        graph("Requests", "How many requests end, by their code.",
              [(rate("deia_http_requests_total", "code"), "{{code}}")],
              "reqps", stack=True),
        graph("Answer time", "How long requests take, without those that wait"
              " for what their caller asked for. DeiaSlow fires above 2 s.",
              quantiles(duration, [], "", 50, 95, 99), "s",
              thresholds=steps(GREEN, (2, RED)), low=0),
        graph("Errors", "Share of requests that end in 5xx. DeiaErrors fires"
              " above 1 %.", [(
                  share("deia_http_requests_total", 'code=~"5.."',
                        "instance"), "{{instance}}")], "percentunit",
              thresholds=steps(GREEN, (0.01, RED)), low=0),
        graph("Slowest routes", "The five routes with the highest p95.",
              [("topk(5, histogram_quantile(0.95, sum by (route, le) "
                f"(rate({duration}{RATE}))))", "{{route}}")], "s", low=0),
        graph("Busiest routes", "The five routes that are asked most.",
              [("topk(5, " + rate("deia_http_requests_total", "method",
                                  "route") + ")", "{{method}} {{route}}")],
              "reqps", low=0),
        graph("Open", "Requests under way and connections of clients.",
              [(f"sum(deia_http_requests_active{{{I}}})", "requests"),
               (f"sum(deia_http_connections{{{I}}})", "connections")],
              "none", low=0),
    ]


def work():
    return [
        graph("Tasks", "How many tasks come, and how they end.",
              [(rate("deia_tasks_submitted_total"), "submitted"),
               (rate("deia_tasks_finished_total", "status"), "{{status}}")],
              "ops", low=0),
        graph("Tasks by status", "Open tasks of the hive.",
              [(f'sum by (status) (deia_tasks{{{I}, status=~"blocked|'
                'awaiting_approval|queued|assigned|running"})',
                "{{status}}")], "none", stack=True),
        graph("Wait of tasks", "How long tasks were queued before their first"
              " attempt, and how long the oldest has waited.",
              [*quantiles(f"deia_task_queue_wait_seconds_bucket{{{I}}}", [],
                          "", 50, 95),
               (f"max(deia_task_queue_oldest_seconds{{{I}}})", "oldest")],
              "s", thresholds=steps(GREEN, (600, YELLOW)), low=0),
        graph("Messages", "How many messages are sent, handed over and read.",
              [(rate("deia_messages_sent_total"), "sent"),
               (rate("deia_messages_delivered_total"), "delivered"),
               (rate("deia_messages_read_total"), "read"),
               (rate("deia_messages_retried_total"), "retried")],
              "ops", low=0),
        graph("Delivery", "From sending a message to its first hand-over; mail"
              " waits for bots that are not there.",
              quantiles(f"deia_message_delivery_seconds_bucket{{{I}}}", [],
                        "", 50, 95), "s", low=0),
        graph("Lost to their recipients", "Messages whose attempts were used"
              " up, whose time ended, or that were refused.",
              [(rate("deia_messages_dead_lettered_total"), "dead letters"),
               (rate("deia_messages_expired_total"), "expired"),
               (rate("deia_messages_refused_total"), "refused")],
              "ops", low=0),
    ]


def process():
    return [
        graph("Delay of the loop", "How late deiad's loop comes to its work;"
              " everything waits so long. Above 0.1 s something is wrong.",
              quantiles(f"deia_event_loop_delay_seconds_bucket{{{I}}}",
                        ["instance"], "{{instance}}", 99), "s",
              thresholds=steps(GREEN, (0.1, YELLOW), (2, RED)), low=0,
              width=6),
        graph("Processor of deiad", "Of one core: its loop is one thread."
              " DeiadBusy fires above 80 %.",
              [(f'rate(process_cpu_seconds_total{{job="deiad", {I}}}{RATE})',
                "{{instance}}")], "percentunit",
              thresholds=steps(GREEN, (0.8, YELLOW)), low=0, width=6),
        graph("Memory of deiad", "What deiad has in RAM, without its bots.",
              [(f'process_resident_memory_bytes{{job="deiad", {I}}}',
                "{{instance}}")], "bytes", low=0, width=6),
        graph("Descriptors of deiad", "Share of the files and connections"
              " that it may have open.",
              [(f'process_open_fds{{job="deiad", {I}}} / '
                f'process_max_fds{{job="deiad", {I}}}', "{{instance}}")],
              "percentunit", thresholds=steps(GREEN, (0.8, YELLOW),
                                              (0.95, RED)),
              low=0, high=1, width=6),
    ]


N = 'instance=~"$node"'
REAL_DISK = f'{N}, fstype!~"tmpfs|ramfs|overlay|squashfs"'
DISK = ("min by (instance, mountpoint) (node_filesystem_avail_bytes{%s} / "
        "node_filesystem_size_bytes{%s})" % (REAL_DISK, REAL_DISK))


def machine():
    return [
        graph("Processors", "Share of all cores that is busy. A model that"
              " runs here takes all of it, and may.",
              [(f'1 - avg by (instance) (rate(node_cpu_seconds_total{{{N}, '
                f'mode="idle"}}{RATE}))', "{{instance}}")],
              "percentunit", low=0, high=1, width=6),
        graph("Memory", "Share in use. DeiaMemoryLow fires above 90 %.",
              [(f"1 - node_memory_MemAvailable_bytes{{{N}}} / "
                f"node_memory_MemTotal_bytes{{{N}}}", "{{instance}}")],
              "percentunit", thresholds=steps(GREEN, (0.9, RED)), low=0,
              high=1, width=6),
        graph("Disk left", "Free share of each file system. DeiaDiskFull fires"
              " below 5 %.", [(DISK, "{{instance}} {{mountpoint}}")],
              "percentunit", thresholds=steps(RED, (0.05, YELLOW),
                                              (0.1, GREEN)),
              low=0, high=1, width=6),
        graph("nginx", "Requests and connections of the web server in front"
              " of the hive.", [
                  ("sum(rate(nginx_http_requests_total" + RATE + "))",
                   "requests/s"),
                  ("sum(nginx_connections_active)", "connections")],
              "short", low=0, width=6),
    ]


def overview():
    return dashboard(
        "overview", "deia: overview", "Is the hive well, how much does it do,"
        " and where does it wait?", [INSTANCE, NODE],
        [("Now", now()), ("Requests", requests()),
         ("Tasks and messages", work()), ("deiad", process()),
         ("Machine and nginx", machine())])


# ---- bots -----------------------------------------------------------------

def bots_now():
    return [
        stat("Bots by state", "How many bots are in each state.",
             [(f"sum by (state) (deia_bots{{{I}}}) > 0", "{{state}}")],
             "none", thresholds=PLAIN, width=8),
        stat("Turns now", "Answers that bots work on.",
             f'sum(deia_bot_open_turns{{{BOT}, state="running"}})', "none",
             thresholds=PLAIN),
        stat("Turns queued", "Turns that wait at their bots.",
             f'sum(deia_bot_open_turns{{{BOT}, state="queued"}})', "none",
             thresholds=steps(GREEN, (10, YELLOW))),
        stat("Deaths in an hour", "How often bots were started again after"
             " they died.", f"sum(increase(deia_bot_restarts_total{{{BOT}}}"
             "[1h]))", "none", decimals=0,
             thresholds=steps(GREEN, (1, YELLOW), (10, RED))),
        stat("Mail unread", "Messages that wait in inboxes.",
             f"sum(deia_bot_unread_messages{{{BOT}}})", "none",
             thresholds=steps(GREEN, (100, YELLOW))),
        table("Bots", "Which bots there are, and the state each is in.",
              f"deia_bot_state{{{BOT}}} * on (instance, bot) group_left "
              f"(adapter, model, type) deia_bot_info{{{BOT}}}", ["job"]),
    ]


def bots_work():
    return [
        graph("Turns", "Turns that ended, by outcome.",
              [(rate("deia_bot_turns_total", "outcome", where=BOT),
                "{{outcome}}")], "ops", stack=True),
        graph("Turns by bot", "Whole answers of each bot.",
              [(rate("deia_bot_turns_total", "bot",
                     where=BOT + ', outcome="done"'), "{{bot}}")],
              "ops", low=0),
        graph("Success", "Share of turns that ended with a whole answer.",
              [(share("deia_bot_turns_total", 'outcome="done"', "bot",
                      where=BOT), "{{bot}}")],
              "percentunit", thresholds=steps(RED, (0.3, YELLOW),
                                              (0.9, GREEN)),
              low=0, high=1),
        graph("Time of an answer", "From the hand-over of a turn to the whole"
              " answer; 95 of 100 are faster.",
              quantiles(f"deia_bot_answer_duration_seconds_bucket{{{BOT}}}",
                        ["bot"], "{{bot}}", 95), "s", low=0),
        graph("Wait at the bot", "How long turns waited at their bots before"
              " they began; chat goes first.",
              quantiles(f"deia_turn_wait_seconds_bucket{{{I}}}", ["kind"],
                        "{{kind}}", 50, 95), "s", low=0),
        graph("Tokens", "What models read (prompt) and wrote (completion), as"
              " bots told.", [(rate("deia_bot_tokens_total", "bot", "kind",
                                    where=BOT), "{{bot}} {{kind}}")],
              "ops", low=0),
    ]


def bots_choice():
    return [
        graph("Choices", "What the scheduler answered: a bot starts, a better"
              " one is worth the wait, nobody may do it now.",
              [(rate("deia_routing_decisions_total", "decision"),
                "{{decision}}")], "ops", low=0),
        graph("Attempts", "Attempts of tasks, and those that failed with"
              " another to follow.",
              [(rate("deia_task_attempts_total"), "attempts"),
               (rate("deia_task_retries_total"), "retries"),
               (rate("deia_routing_probes_total"), "probes")], "ops", low=0),
        graph("Ends by type", "Tasks that did not succeed, by type and how"
              " they ended.",
              [(rate("deia_tasks_finished_total", "type", "status",
                     where=I + ', status!="succeeded"'),
                "{{type}} {{status}}")], "ops", stack=True),
        graph("Open by type", "Tasks that wait, and that bots work on.",
              [(f"sum by (type, state) (deia_tasks_by_type{{{I}}})",
                "{{type}} {{state}}")], "none", stack=True, width=12),
        graph("Wait by type", "How long the oldest queued task of each type"
              " has waited.",
              [(f"max by (type) (deia_task_queue_oldest_seconds{{{I}}})",
                "{{type}}")], "s", thresholds=steps(GREEN, (600, YELLOW)),
              low=0, width=12),
    ]


def bots_life():
    return [
        graph("States", "How many bots are in each state.",
              [(f"sum by (state) (deia_bots{{{I}}})", "{{state}}")], "none",
              stack=True, width=6),
        graph("Deaths", "How often each bot was started again after it died."
              " DeiaBotCrashes fires at three in ten minutes.",
              [(f"sum by (bot) (increase(deia_bot_restarts_total{{{BOT}}}"
                f"{RATE}))", "{{bot}}")], "none", low=0, width=6),
        graph("Memory", "Memory of each bot's process, looked at once a"
              " minute.", [(f"sum by (bot) (deia_bot_resident_memory_bytes"
                            f"{{{BOT}}})", "{{bot}}")], "bytes", low=0,
              width=6),
        graph("Processor", "Processor time of each bot's process, in cores;"
              " looked at once a minute.",
              [(f"sum by (bot) (rate(deia_bot_cpu_seconds_total{{{BOT}}}"
                "[5m]))", "{{bot}}")], "none", low=0, decimals=2, width=6),
    ]


def bots():
    return dashboard(
        "bots", "deia: bots", "Which bots are there, what do they do, how well"
        " and at what cost?",
        [INSTANCE, variable("bot", "Bot",
                            f"label_values(deia_bot_info{{{I}}}, bot)")],
        [("Now", bots_now()), ("Work", bots_work()),
         ("Choice of bots", bots_choice()), ("Life", bots_life())])


# ---- database -------------------------------------------------------------

P = 'instance=~"$postgres"'
DB = f'{P}, datname=~"$database"'


def store():
    seconds = "deia_store_operation_duration_seconds_bucket"
    return [
        stat("Store", "Whether deiad can write.",
             [(f"min by (instance, backend) (deia_store_up{{{I}}})",
               "{{instance}} {{backend}}")], "none", mappings=IS_UP,
             thresholds=UP, width=6),
        stat("Waiting", "Transactions that wait for the disk.",
             f"sum(deia_store_queued{{{I}}})", "none",
             thresholds=steps(GREEN, (1000, YELLOW)), width=6),
        stat("Failed in an hour", "Transactions that were not committed.",
             f"sum(increase(deia_store_transactions_failed_total{{{I}}}"
             "[1h]))", "none", decimals=0,
             thresholds=steps(GREEN, (1, RED)), width=6),
        stat("In one group", "How many transactions share one fsync, on"
             " average.", rate("deia_store_group_transactions_sum") + " / "
             + rate("deia_store_group_transactions_count"), "none",
             decimals=1, thresholds=PLAIN, width=6),
        graph("Transactions", "Transactions that ended, and those that"
              " failed.", [
                  (rate("deia_store_transactions_total"), "ended"),
                  (rate("deia_store_transactions_failed_total"), "failed"),
                  (rate("deia_events_total"), "events")], "ops", low=0),
        graph("Time to be durable", "What callers wait for a transaction to be"
              " on disk. The rule store_latency warns at 0.5 s.",
              quantiles(f'{seconds}{{{I}, operation="transaction"}}', [], "",
                        50, 95, 99), "s",
              thresholds=steps(GREEN, (0.5, YELLOW), (5, RED)), low=0),
        graph("Time by operation", "What the database is asked for; 95 of 100"
              " are faster.",
              quantiles(f"{seconds}{{{I}}}", ["operation"], "{{operation}}",
                        95), "s", low=0),
    ]


def postgres():
    hits, reads = (rate(f"pg_stat_database_blks_{w}", "datname", where=DB)
                   for w in ("hit", "read"))
    return [
        stat("PostgreSQL", "Whether the exporter reaches it.",
             [(f"pg_up{{{P}}}", "{{instance}}")], "none", mappings=IS_UP,
             thresholds=UP, width=6),
        stat("Connections", "Share of max_connections that is taken.",
             f"sum(pg_stat_activity_count{{{P}}}) / "
             f"sum(pg_settings_max_connections{{{P}}})", "percentunit",
             thresholds=steps(GREEN, (0.8, YELLOW), (0.95, RED)), width=6),
        stat("Size", "Of the chosen databases.",
             f"sum(pg_database_size_bytes{{{DB}}})", "bytes",
             thresholds=PLAIN, width=6),
        stat("Longest transaction", "How long the oldest one is open.",
             f"max(pg_stat_activity_max_tx_duration{{{DB}}})", "s",
             thresholds=steps(GREEN, (60, YELLOW), (600, RED)), width=6),
        graph("Commits and rollbacks", "Transactions of PostgreSQL.",
              [(rate("pg_stat_database_xact_commit", "datname", where=DB),
                "{{datname}} commit"),
               (rate("pg_stat_database_xact_rollback", "datname", where=DB),
                "{{datname}} rollback")], "ops", low=0),
        graph("Rows", "Rows that were written and read.", [
            (rate(f"pg_stat_database_tup_{w}", where=DB), w)
            for w in ("inserted", "updated", "deleted", "fetched")], "ops",
              low=0),
        graph("Read from memory", "Share of blocks that were in shared"
              " buffers.", [(f"{hits} / ({hits} + {reads})",
                             "{{datname}}")], "percentunit",
              thresholds=steps(RED, (0.9, GREEN)), low=0, high=1),
        graph("Connections by state", "Who is connected, and does what.",
              [(f"sum by (state) (pg_stat_activity_count{{{DB}}})",
                "{{state}}")], "none", stack=True),
        graph("Locks", "Locks that are held, by mode.",
              [(f"sum by (mode) (pg_locks_count{{{DB}}})", "{{mode}}")],
              "none", stack=True),
        graph("Trouble", "Deadlocks, conflicts, and sort files on disk.",
              [(rate("pg_stat_database_deadlocks", where=DB), "deadlocks"),
               (rate("pg_stat_database_conflicts", where=DB), "conflicts"),
               (rate("pg_stat_database_temp_files", where=DB),
                "temporary files")], "ops", low=0),
    ]


def disk():
    return [
        graph("Disk left", "Free share of each file system.",
              [(DISK, "{{instance}} {{mountpoint}}")], "percentunit",
              thresholds=steps(RED, (0.05, YELLOW), (0.1, GREEN)), low=0,
              high=1),
        graph("Disk busy", "Share of the time in which a disk had work.",
              [(f"rate(node_disk_io_time_seconds_total{{{N}}}{RATE})",
                "{{instance}} {{device}}")], "percentunit",
              thresholds=steps(GREEN, (0.9, YELLOW)), low=0, high=1),
        graph("Written", "What goes to each disk.",
              [(f"rate(node_disk_written_bytes_total{{{N}}}{RATE})",
                "{{instance}} {{device}}")], "Bps", low=0),
    ]


def database():
    return dashboard(
        "database", "deia: database", "Is what is acknowledged on disk, how"
        " fast, and how is PostgreSQL? Its row is empty for a hive in one"
        " file.",
        [INSTANCE, NODE,
         variable("postgres", "PostgreSQL", "label_values(pg_up, instance)"),
         variable("database", "Database", "label_values("
                  f"pg_database_size_bytes{{{P}}}, datname)")],
        [("As deiad sees it", store()), ("PostgreSQL", postgres()),
         ("Disk", disk())])


# ---- cache ----------------------------------------------------------------

R = 'instance=~"$redis"'


def cache_here():
    return [
        stat("Cache", "Whether it answers; deiad works without it, slower.",
             [(f"min by (instance, backend) (deia_cache_up{{{I}}})",
               "{{instance}} {{backend}}")], "none", mappings=IS_UP,
             thresholds=UP, width=6),
        stat("Found", "Share of what was looked for in an hour and was there."
             " DeiaCacheMisses fires below 70 %.",
             f'sum(increase(deia_cache_requests_total{{{I}, result="hit"}}'
             f"[1h])) / sum(increase(deia_cache_requests_total{{{I}}}[1h]))",
             "percentunit", thresholds=steps(YELLOW, (0.7, GREEN)), width=6),
        stat("Entries", "Of the cache in memory; 0 with Redis.",
             f"sum(deia_cache_entries{{{I}}})", "none", thresholds=PLAIN,
             width=6),
        stat("Size", "Of the cache in memory; 0 with Redis.",
             f"sum(deia_cache_bytes{{{I}}})", "bytes", thresholds=PLAIN,
             width=6),
        graph("Looked for", "What was there, and what was not.",
              [(rate("deia_cache_requests_total", "result"), "{{result}}")],
              "ops", stack=True),
        graph("Found over time", "Share of what was looked for and was"
              " there.",
              [(share("deia_cache_requests_total", 'result="hit"',
                      "instance"), "{{instance}}")], "percentunit",
              thresholds=steps(YELLOW, (0.7, GREEN)), low=0, high=1),
        graph("Faults", "What the cache did not do: refused, late, in"
              " error.", [(rate("deia_cache_faults_total", "fault"),
                           "{{fault}}")], "ops", low=0),
    ]


def redis():
    hits, misses = (rate(f"redis_keyspace_{w}_total", "instance", where=R)
                    for w in ("hits", "misses"))
    return [
        stat("Redis", "Whether the exporter reaches it.",
             [(f"redis_up{{{R}}}", "{{instance}}")], "none", mappings=IS_UP,
             thresholds=UP, width=6),
        stat("Up for", "Since it was started; it begins empty.",
             f"min(redis_uptime_in_seconds{{{R}}})", "s", thresholds=PLAIN,
             width=6),
        stat("Keys", "In all databases.", f"sum(redis_db_keys{{{R}}})",
             "none", thresholds=PLAIN, width=6),
        stat("Clients", "Connections to Redis.",
             f"sum(redis_connected_clients{{{R}}})", "none",
             thresholds=PLAIN, width=6),
        graph("Memory", "In use, the most it had, and its limit (0: none).",
              [(f"redis_memory_used_bytes{{{R}}}", "{{instance}} used"),
               (f"redis_memory_used_peak_bytes{{{R}}}", "{{instance}} peak"),
               (f"redis_memory_max_bytes{{{R}}}", "{{instance}} limit")],
              "bytes", low=0),
        graph("Commands", "What it is asked, by command.",
              [(rate("redis_commands_total", "cmd", where=R), "{{cmd}}")],
              "ops", stack=True),
        graph("Time of a command", "Inside Redis, on average.",
              [(rate("redis_commands_duration_seconds_total", "instance",
                     where=R) + " / " + rate("redis_commands_total",
                                             "instance", where=R),
                "{{instance}}")], "s", low=0),
        graph("Found in Redis", "Share of reads of a key that was there, by"
              " all who use it.", [(f"{hits} / ({hits} + {misses})",
                                    "{{instance}}")], "percentunit",
              thresholds=steps(YELLOW, (0.7, GREEN)), low=0, high=1),
        graph("Keys that went", "Expired is as it should be; evicted means"
              " that memory is short.",
              [(rate("redis_expired_keys_total", where=R), "expired"),
               (rate("redis_evicted_keys_total", where=R), "evicted")],
              "ops", low=0),
        graph("Traffic", "Bytes that go in and out.",
              [(rate("redis_net_input_bytes_total", where=R), "in"),
               (rate("redis_net_output_bytes_total", where=R), "out")],
              "Bps", low=0),
    ]


def cache():
    return dashboard(
        "cache", "deia: cache", "Does the cache answer, does it help, and how"
        " is Redis? Its row is empty for a hive with a cache in memory.",
        [INSTANCE, variable("redis", "Redis",
                            "label_values(redis_up, instance)")],
        [("As deiad sees it", cache_here()), ("Redis", redis())])


# ---- files ----------------------------------------------------------------

def texts():
    """Name of a file -> its text."""
    return {f"{d['uid'].removeprefix('deia-')}.json":
            json.dumps(d, indent=2, ensure_ascii=False) + "\n"
            for d in (overview(), bots(), database(), cache())}


def main(folder):
    for name, text in texts().items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1
         else os.path.join(HERE, "dashboards"))
