/* SPDX-License-Identifier: MIT */
/*
 * limits.h - every limit on outside input, in one place.
 *
 * A limit that is exceeded is answered with DEIA_ELIMIT (HTTP 413, 422, 429
 * or 431) and a sentence that names the limit. _BYTES are octets, _LEN counts
 * elements.
 */
#ifndef DEIA_LIMITS_H
#define DEIA_LIMITS_H

/* Requests. */
#define DEIA_MAX_BODY_BYTES (8u << 20)
#define DEIA_MAX_HEAD_BYTES (16u << 10)
#define DEIA_MAX_HEADER_FIELDS 100
#define DEIA_MAX_URI_BYTES (4u << 10)
#define DEIA_MAX_CONNECTIONS 10000
#define DEIA_MAX_BODIES_IN_MEMORY_BYTES (256u << 20)
#define DEIA_MAX_REPLIES_IN_MEMORY_BYTES (256u << 20) /* not yet taken */
#define DEIA_HEAD_TIMEOUT_MS 10000
#define DEIA_BODY_TIMEOUT_MS 30000
#define DEIA_IDLE_TIMEOUT_MS 60000
#define DEIA_MAX_STREAM_QUEUE_BYTES (256u << 10)
#define DEIA_MAX_STREAMS_PER_IDENTITY 32
#define DEIA_MAX_SOCKETS_PER_IDENTITY 4000
#define DEIA_MAX_SOCKET_MESSAGE_BYTES (1u << 20)
#define DEIA_MAX_SOCKET_TURNS 16 /* of chat, under way on one WebSocket */
#define DEIA_MAX_SOCKET_TOPICS 16

/* Values. */
#define DEIA_MAX_ID_LEN 64
#define DEIA_MAX_NAME_BYTES 256
#define DEIA_MAX_PATH_BYTES 4096
#define DEIA_MAX_CONTENT_BYTES (1u << 20)
#define DEIA_MAX_METADATA_BYTES (16u << 10)
#define DEIA_MAX_OPTIONS_BYTES (16u << 10)
#define DEIA_MAX_PROMPT_BYTES (64u << 10)
#define DEIA_MAX_BATCH_LEN 1000
#define DEIA_MAX_PAGE_LEN 1000
#define DEIA_DEFAULT_PAGE_LEN 50
#define DEIA_MAX_JSON_DEPTH 64
#define DEIA_MAX_JSON_VALUES 250000 /* of one text, containers included */
#define DEIA_MAX_ARGV_LEN 256
#define DEIA_MAX_ENV_LEN 256
#define DEIA_MAX_CAPABILITIES_LEN 64
#define DEIA_MAX_TITLE_BYTES 200
#define DEIA_MAX_DEPENDS_LEN 32
#define DEIA_MAX_HISTORY_LEN 256 /* former messages with a turn */
#define DEIA_MAX_DETAILS_BYTES (16u << 10)
#define DEIA_MAX_SESSION_BYTES 256

/* The hive. */
#define DEIA_MAX_BOTS 10000
#define DEIA_MAX_QUEUE_LEN 16  /* chat and tasks waiting at one bot */
#define DEIA_MAX_CONCURRENT 64 /* turns one bot works on at a time */
#define DEIA_MAX_CONVERSATIONS_PER_BOT 1000
#define DEIA_MAX_TASK_TYPES 64
#define DEIA_MAX_TOKENS 10000
#define DEIA_MAX_SUBSCRIBERS 10000

/* Mail. */
#define DEIA_MAX_TTL_SECONDS (90 * 86400)
#define DEIA_MAX_ATTEMPTS 100
#define DEIA_MAX_OUT_LEN 10000 /* of one inbox: leased, or waiting to retry */
#define DEIA_MAX_WAITS 10000   /* receivers that wait, in all */
#define DEIA_MAX_WAIT_SECONDS 60
#define DEIA_MAX_RECEIVE_BYTES (8u << 20) /* contents of one answer */
#define DEIA_MAX_SEND_BYTES (16u << 20)	  /* the same, of one send */
#define DEIA_MAX_BOT_WAITS 64  /* receivers with the token of one bot */
#define DEIA_MAX_KEY_BYTES 128 /* of idempotency keys */
#define DEIA_MAX_REASON_BYTES 512

/* Tasks. */
#define DEIA_TASK_MAX_EXPECT_BYTES (16u << 10) /* what a result must be */

/* External bots. */
#define DEIA_MAX_CLAIMS 3 /* of one turn: the lease ended before its answer */
#define DEIA_MAX_LEASE_SECONDS 3600
#define DEIA_DEFAULT_LEASE_SECONDS 60
#define DEIA_CLAIM_TOKEN_LEN 97	  /* 32 hexadecimal digits, '.', the bot's id */
#define DEIA_MAX_ERROR_BYTES 4096 /* why a turn failed, in its own words */

/* The bot protocol. */
#define DEIA_MAX_LINE_BYTES (2u << 20)
#define DEIA_MAX_ANSWER_BYTES (8u << 20)
#define DEIA_MAX_DETAILS_BYTES (16u << 10) /* of a turn, as JSON */
#define DEIA_MAX_PROTOCOL_FAULTS 100	   /* within a minute: then a crash */
#define DEIA_MAX_LOG_FILE_BYTES (8u << 20)
#define DEIA_LOG_FILES_KEPT 3

#endif
