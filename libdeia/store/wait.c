/* SPDX-License-Identifier: MIT */
/* wait.c - see wait.h. The loop's part of a store, without the loop. */
#include "store/wait.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "store/store.h"

#define CALLS_MAX 64

bool deia__store_wait(deia_store *s, const bool *done, int64_t ms)
{
	int64_t until = deia__now_ms(NULL) + ms;
	struct pollfd woken = { .fd = s->wake_fd, .events = POLLIN };
	eventfd_t n;

	while (!*done) {
		int64_t left = until - deia__now_ms(NULL);

		s->batch_len = 0;
		deia__workers_kick(s);
		if (left <= 0)
			break;
		if (deia__deliver(s, CALLS_MAX) || *done)
			continue;
		if (poll(&woken, 1, left < 100 ? (int)left : 100) > 0)
			(void)!eventfd_read(s->wake_fd, &n);
	}
	/* The loop finds what else came meanwhile. */
	(void)!eventfd_write(s->wake_fd, 1);
	return *done;
}
