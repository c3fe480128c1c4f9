/* SPDX-License-Identifier: MIT */
/*
 * fuzz_id_time.c - any text as a time, a UUID, a token: no read behind the
 * end, and what is accepted survives a round trip.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <deia/auth.h>

#include "core/clock.h"
#include "core/id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_time(const char *text)
{
	int64_t at = 42, again;
	char printed[25];

	if (!deia__time_parse(text, &at)) {
		must(at == 42);
		return;
	}
	deia__time_print(printed, at);
	must(strlen(printed) == 24);
	must(deia__time_parse(printed, &again) && again == at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A block of its own size, so that a sanitizer guards its end. */
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_time(text);
	must(!deia__uuid_valid(text) || strlen(text) == 36);
	must(!deia_token_well_formed(text) || strlen(text) == DEIA_TOKEN_LEN);
	free(text);
	return 0;
}
