/* SPDX-License-Identifier: MIT */
/* vocab.c - see vocab.h. A token is a byte, so there is nothing to search. */
#include "vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How SentencePiece writes a space. */
#define SPACE "\xe2\x96\x81"
#define MAX_TOKENS 65536

enum { KIND_NORMAL = 1, KIND_UNKNOWN, KIND_CONTROL, KIND_BYTE = 6 };

static bool fail(struct vocab *v, char *error, const char *why)
{
	snprintf(error, GGUF_ERROR_BYTES, "%s", why);
	vocab_free(v);
	return false;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "<0x0A>": 10, -1 when it is none. */
static int byte_of_name(struct gguf_text t)
{
	int high, low;

	if (t.len != 6 || memcmp(t.data, "<0x", 3) != 0 || t.data[5] != '>')
		return -1;
	high = hex(t.data[3]);
	low = hex(t.data[4]);
	return high >= 0 && low >= 0 ? high << 4 | low : -1;
}

/* The byte of a token that is a character. */
static int byte_of_piece(struct gguf_text t)
{
	if (gguf_equals(t, SPACE))
		return ' ';
	return t.len == 1 && (unsigned char)t.data[0] < 0x80
		       ? (unsigned char)t.data[0]
		       : -1;
}

static void take_mark(struct vocab *v, struct gguf_text t, uint32_t id)
{
	if (gguf_equals(t, "<|user|>"))
		v->user = id;
	else if (gguf_equals(t, "<|assistant|>"))
		v->assistant = id;
}

/* False: a token that is more than one character. */
static bool take_token(struct vocab *v, struct gguf_text t, int32_t kind,
		       uint32_t id)
{
	int byte = -1;

	if (kind == KIND_NORMAL) {
		byte = byte_of_piece(t);
		if (byte < 0)
			return false;
		v->of_byte[byte] = id; /* goes before the byte's own */
	} else if (kind == KIND_BYTE) {
		byte = byte_of_name(t);
		if (byte < 0)
			return false;
		if (v->of_byte[byte] == UINT32_MAX)
			v->of_byte[byte] = id;
	} else if (kind == KIND_CONTROL) {
		take_mark(v, t, id);
	}
	v->byte[id] = (int16_t)byte;
	return true;
}

static bool take_tokens(struct vocab *v, const struct gguf *g)
{
	struct gguf_value names = *gguf_find(g, "tokenizer.ggml.tokens");
	const struct gguf_value *kinds =
		gguf_find(g, "tokenizer.ggml.token_type");
	struct gguf_text name;
	int32_t kind;
	uint32_t i;

	if (!kinds || !kinds->is_array || kinds->type != GGUF_I32 ||
	    kinds->n != v->n)
		return false;
	for (i = 0; i < v->n; i++) {
		memcpy(&kind, kinds->at + (size_t)i * 4, sizeof(kind));
		if (!gguf_next_text(&names, &name) ||
		    !take_token(v, name, kind, i))
			return false;
	}
	return true;
}

bool vocab_load(struct vocab *v, const struct gguf *g,
		char error[GGUF_ERROR_BYTES])
{
	const struct gguf_value *names = gguf_find(g, "tokenizer.ggml.tokens");
	size_t i;

	memset(v, 0, sizeof(*v));
	if (!names || !names->is_array || names->type != GGUF_TEXT ||
	    names->n == 0 || names->n > MAX_TOKENS)
		return fail(v, error, "no vocabulary");
	v->n = (uint32_t)names->n;
	v->user = v->assistant = UINT32_MAX;
	memset(v->of_byte, 0xff, sizeof(v->of_byte));
	v->byte = calloc(v->n, sizeof(*v->byte));
	if (!v->byte)
		return fail(v, error, "no memory");
	if (!take_tokens(v, g))
		return fail(v, error,
			    "its tokens are not single characters: "
			    "this program reads no other vocabulary");
	for (i = 0; i < 256; i++)
		if (v->of_byte[i] == UINT32_MAX)
			return fail(v, error, "it lacks tokens for some bytes");
	if (!gguf_uint(g, "tokenizer.ggml.bos_token_id", 0, v->n - 1,
		       &v->begin) ||
	    !gguf_uint(g, "tokenizer.ggml.eos_token_id", 0, v->n - 1, &v->end))
		return fail(v, error, "no tokens for beginning and end");
	if (v->user == UINT32_MAX || v->assistant == UINT32_MAX)
		return fail(v, error,
			    "no chat model: <|user|> and "
			    "<|assistant|> are missing");
	return true;
}

void vocab_free(struct vocab *v)
{
	free(v->byte);
	v->byte = NULL;
}
