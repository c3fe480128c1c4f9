/* SPDX-License-Identifier: MIT */
/*
 * hello.c - the least an evhttp server can do: what deiad's answers are
 * compared with. GET is answered like /health. With a file, POST parses its
 * body with cJSON and answers what is in the file: "STATUS REASON", header
 * fields one a line, an empty line, the body. So it reads and writes the bytes
 * that deiad does, and nothing else. Prints `listening on PORT`; ends at end of
 * input.
 *
 *   hello [ANSWER-FILE]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#define BODY "{\"status\":\"HEALTHY\"}\n"
#define MAX_FILE (4u << 20)
#define MAX_FIELDS 32

struct answer {
	char *text; /* the file; what follows points into it */
	int status;
	const char *reason, *body;
	size_t body_len, n_fields;
	struct {
		const char *name, *value;
	} fields[MAX_FIELDS];
};

/* ---- the file ---------------------------------------------------------- */

static char *read_file(const char *path, size_t *len)
{
	char *text = malloc(MAX_FILE + 1);
	FILE *f = fopen(path, "rb");

	if (!text || !f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	*len = fread(text, 1, MAX_FILE, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

static void read_answer(struct answer *a, const char *path)
{
	size_t len;
	char *at = a->text = read_file(path, &len), *line;

	line = strsep(&at, "\n");
	a->status = (int)strtol(line, &line, 10);
	a->reason = line + (*line == ' ');
	while (at && (line = strsep(&at, "\n")) && *line &&
	       a->n_fields < MAX_FIELDS) {
		a->fields[a->n_fields].name = strsep(&line, ":");
		a->fields[a->n_fields].value = line ? line + 1 : "";
		a->n_fields++;
	}
	a->body = at ? at : "";
	a->body_len = at ? len - (size_t)(at - a->text) : 0;
}

/* ---- answering --------------------------------------------------------- */

/* False: not JSON. */
static int parses(struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);
	cJSON *body = cJSON_ParseWithLength(
		(const char *)evbuffer_pullup(in, -1), len);
	int fine = cJSON_IsObject(body);

	cJSON_Delete(body);
	return fine;
}

static void answer_post(struct evhttp_request *req, const struct answer *a,
			struct evbuffer *body)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(req);
	size_t i;

	if (!a->text || !parses(req)) {
		evhttp_send_error(req, HTTP_BADREQUEST, NULL);
		return;
	}
	for (i = 0; i < a->n_fields; i++)
		evhttp_add_header(head, a->fields[i].name, a->fields[i].value);
	evbuffer_add(body, a->body, a->body_len);
	evhttp_send_reply(req, a->status, a->reason, body);
}

static void reply(struct evhttp_request *req, void *user)
{
	struct evbuffer *body = evbuffer_new();

	if (!body) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	if (evhttp_request_get_command(req) == EVHTTP_REQ_POST) {
		answer_post(req, user, body);
	} else {
		evbuffer_add_reference(body, BODY, sizeof(BODY) - 1, NULL,
				       NULL);
		evhttp_add_header(evhttp_request_get_output_headers(req),
				  "Content-Type", "application/json");
		evhttp_send_reply(req, HTTP_OK, "OK", body);
	}
	evbuffer_free(body);
}

static void input_ended(evutil_socket_t fd, short what, void *base)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(base);
}

static int port_of(struct evhttp_bound_socket *bound)
{
	struct sockaddr_in addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(evhttp_bound_socket_get_fd(bound),
			(struct sockaddr *)&addr, &len))
		return 0;
	return ntohs(addr.sin_port);
}

int main(int argc, char **argv)
{
	static struct answer answer;
	struct event_base *base = event_base_new();
	struct evhttp *http = base ? evhttp_new(base) : NULL;
	struct evhttp_bound_socket *bound =
		http ? evhttp_bind_socket_with_handle(http, "127.0.0.1", 0)
		     : NULL;
	/* epoll has no plain files; a pipe or a terminal it is. */
	struct event *end =
		bound ? event_new(base, 0, EV_READ, input_ended, base) : NULL;

	if (!end)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN); /* clients that leave end nothing */
	if (argc > 1)
		read_answer(&answer, argv[1]);
	evhttp_set_gencb(http, reply, &answer);
	event_add(end, NULL);
	printf("listening on %d\n", port_of(bound));
	fflush(stdout);
	event_base_dispatch(base);
	event_free(end);
	evhttp_free(http);
	event_base_free(base);
	free(answer.text);
	return EXIT_SUCCESS;
}
