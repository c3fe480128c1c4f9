/* SPDX-License-Identifier: MIT */
/*
 * hello.c - the least an evhttp server can do: what GET /health is compared
 * with. Prints `listening on PORT`; ends at end of input.
 */
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#define BODY "{\"status\":\"HEALTHY\"}\n"

static void reply(struct evhttp_request *req, void *user)
{
	struct evbuffer *body = evbuffer_new();

	(void)user;
	if (!body) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	evbuffer_add_reference(body, BODY, sizeof(BODY) - 1, NULL, NULL);
	evhttp_add_header(evhttp_request_get_output_headers(req),
			  "Content-Type", "application/json");
	evhttp_send_reply(req, HTTP_OK, "OK", body);
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

int main(void)
{
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
	evhttp_set_gencb(http, reply, NULL);
	event_add(end, NULL);
	printf("listening on %d\n", port_of(bound));
	fflush(stdout);
	event_base_dispatch(base);
	event_free(end);
	evhttp_free(http);
	event_base_free(base);
	return EXIT_SUCCESS;
}
