/* SPDX-License-Identifier: MIT */
/*
 * gguf.h - reads GGUF version 2 and 3: a model's settings and where its
 * tensors are. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * Nothing in the file is believed: every length is checked against what is
 * left of it before anything is read, so that a damaged or hostile file ends
 * in an error, never in a crash. Little-endian machines only.
 */
#ifndef TINY_GGUF_H
#define TINY_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GGUF_ERROR_BYTES 200

enum gguf_type {
	GGUF_U8,
	GGUF_I8,
	GGUF_U16,
	GGUF_I16,
	GGUF_U32,
	GGUF_I32,
	GGUF_F32,
	GGUF_BOOL,
	GGUF_TEXT,
	GGUF_ARRAY,
	GGUF_U64,
	GGUF_I64,
	GGUF_F64,
	GGUF_TYPES
};

enum gguf_tensor_type { GGUF_TENSOR_F32 = 0, GGUF_TENSOR_F16 = 1 };

/* Text inside the file: no NUL at its end. */
struct gguf_text {
	const char *data;
	size_t len;
};

/* A setting; an array has n elements of its type, all else has one. */
struct gguf_value {
	struct gguf_text key;
	enum gguf_type type;
	bool is_array;
	uint64_t n;
	const unsigned char *at, *end;
};

struct gguf_tensor {
	struct gguf_text name;
	unsigned n_dims;
	uint64_t dims[4]; /* the first is the row's length */
	uint32_t type;
	const unsigned char *data; /* all its bytes are there */
};

struct gguf {
	const unsigned char *data;
	size_t size;
	struct gguf_value *values;
	size_t n_values;
	struct gguf_tensor *tensors;
	size_t n_tensors;
};

/* data is borrowed until gguf_free. False: error says why; nothing to free. */
bool gguf_parse(struct gguf *g, const void *data, size_t size,
		char error[GGUF_ERROR_BYTES]);
void gguf_free(struct gguf *g);

/* NULL when there is none. */
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);
const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name);
/* False when it is absent, of another type or out of range. */
bool gguf_uint(const struct gguf *g, const char *key, uint32_t min,
	       uint32_t max, uint32_t *out);
bool gguf_float(const struct gguf *g, const char *key, float *out);
bool gguf_is_text(const struct gguf *g, const char *key, const char *text);
/* The next element of an array of texts; list moves on. */
bool gguf_next_text(struct gguf_value *list, struct gguf_text *out);
bool gguf_equals(struct gguf_text text, const char *with);

#endif
