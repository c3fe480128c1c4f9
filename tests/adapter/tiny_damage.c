/* SPDX-License-Identifier: MIT */
/*
 * tiny_damage.c - loads damaged copies of a model the way examples/tiny-bot
 * does, under AddressSanitizer and UBSan, and evaluates what still loads.
 *
 *   tiny-damage FILE SEED COPIES
 *
 * Every length that the file can be cut to (in steps, beyond its head), then
 * COPIES with one to four changes each: a flipped bit, or a number that is
 * likely to hurt. Prints how many of them were refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "vocab.h"

/* What is cut byte by byte; longer files are mostly weights. */
#define HEAD_BYTES 12288

static uint64_t state;

static uint32_t below(uint64_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * UINT64_C(2685821657736338717) >> 33) % n);
}

/* In memory of exactly its size, so that a byte too far is seen. */
static bool load(const unsigned char *bytes, size_t size)
{
	char error[GGUF_ERROR_BYTES] = "";
	unsigned char *copy = malloc(size ? size : 1);
	struct model *model = NULL;
	struct vocab vocab = { 0 };
	struct gguf g;
	bool good = false;

	memcpy(copy, bytes, size);
	if (gguf_parse(&g, copy, size, error)) {
		good = vocab_load(&vocab, &g, error) &&
		       model_load(&model, &g, error);
		gguf_free(&g);
	}
	free(copy);
	if (good) {
		model_eval(model, vocab.begin, 0);
		model_eval(model, vocab.of_byte['x'], 1);
	} else if (error[0] == '\0') {
		abort(); /* refused without a reason */
	}
	model_free(model);
	vocab_free(&vocab);
	return good;
}

static void change(unsigned char *bytes, size_t size)
{
	static const uint64_t evil[] = {
		0,
		1,
		0x7f,
		0xff,
		0xffff,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		UINT64_C(1) << 32,
		UINT64_C(1) << 62,
		INT64_MAX,
		UINT64_MAX,
	};
	size_t at = below(size < HEAD_BYTES ? size : HEAD_BYTES), n = 8;
	uint64_t v = evil[below(sizeof(evil) / sizeof(*evil))];

	if (below(2) == 0) {
		bytes[at] ^= (unsigned char)(1u << below(8));
		return;
	}
	if (below(2) == 0)
		n = 4;
	if (at + n <= size)
		memcpy(bytes + at, &v, n);
}

static unsigned char *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	unsigned char *bytes = malloc(8u << 20);

	*size = f && bytes ? fread(bytes, 1, 8u << 20, f) : 0;
	if (f)
		fclose(f);
	return bytes;
}

int main(int argc, char **argv)
{
	unsigned refused = 0, tried = 0, copies, i, changes;
	unsigned char *bytes, *copy;
	size_t size, cut;

	if (argc != 4)
		return 2;
	bytes = read_file(argv[1], &size);
	state = strtoull(argv[2], NULL, 10) * 2654435761u + 1;
	copies = (unsigned)strtoul(argv[3], NULL, 10);
	if (!load(bytes, size)) {
		fprintf(stderr, "%s does not load undamaged\n", argv[1]);
		return 1;
	}
	for (cut = 0; cut < size; cut += cut < HEAD_BYTES ? 1 : 65521) {
		refused += !load(bytes, cut);
		tried++;
	}
	if (refused != tried) {
		fprintf(stderr, "a cut file was taken\n");
		return 1;
	}
	copy = malloc(size);
	for (i = 0; i < copies; i++) {
		memcpy(copy, bytes, size);
		for (changes = 1 + below(4); changes > 0; changes--)
			change(copy, size);
		refused += !load(copy, size);
		tried++;
	}
	printf("%u of %u refused\n", refused, tried);
	free(copy);
	free(bytes);
	return 0;
}
