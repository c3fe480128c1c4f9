/* SPDX-License-Identifier: MIT */
/*
 * tinylm_data.h - the made-up questions and answers that tinylm.c learns from:
 * sums, letters, a few facts, short stories; packed into rows of tokens.
 */
#ifndef TINYLM_DATA_H
#define TINYLM_DATA_H

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Tokens of a row. */
enum { T = 128 };
/* 0 <unk> 1 <s> 2 </s> 3 <|user|> 4 <|assistant|> 5..260 bytes, 95 printable */
enum { UNK, BOS, EOS, USER, ASSISTANT, BYTES, PRINTABLE = BYTES + 256 };
enum { V = PRINTABLE + 95 };
enum { TEXT = 256, ROW = 4096 };

static int token_of(unsigned char c)
{
	return c >= 32 && c < 127 ? PRINTABLE + (c - 32) : BYTES + c;
}

/* ---- chance ---------------------------------------------------------------- */

static uint64_t state;

static uint32_t rnd(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 2685821657736338717ULL) >> 32);
}

static int below(int n)
{
	return (int)(rnd() % (uint32_t)n);
}

static float normal(void)
{
	float a = (rnd() + 1.0f) / 4294967300.0f, b = rnd() / 4294967296.0f;

	return sqrtf(-2 * logf(a)) * cosf(6.2831853f * b);
}

/* ---- data ------------------------------------------------------------------ */

static const char *const facts[][2] = {
	{ "hello", "Hello! How can I help?" },
	{ "hi", "Hello! How can I help?" },
	{ "who are you?", "I am a tiny language model in the deia hive." },
	{ "what is deia?", "deia is a controller for a hive of bots." },
	{ "capital of France", "Paris" },
	{ "capital of Italy", "Rome" },
	{ "capital of Spain", "Madrid" },
	{ "capital of Japan", "Tokyo" },
	{ "capital of Egypt", "Cairo" },
	{ "capital of Peru", "Lima" },
	{ "capital of Kenya", "Nairobi" },
	{ "capital of Norway", "Oslo" },
	{ "capital of Greece", "Athens" },
	{ "capital of Canada", "Ottawa" },
	{ "capital of Cuba", "Havana" },
	{ "capital of India", "New Delhi" },
	{ "color of the sky", "blue" },
	{ "color of grass", "green" },
	{ "color of snow", "white" },
	{ "color of coal", "black" },
	{ "opposite of hot", "cold" },
	{ "opposite of big", "small" },
	{ "opposite of up", "down" },
	{ "opposite of fast", "slow" },
	{ "opposite of light", "dark" },
	{ "opposite of open", "closed" },
	{ "opposite of old", "new" },
	{ "opposite of left", "right" },
	{ "thank you", "You are welcome." },
	{ "bye", "Goodbye!" },
};
static const char *const who[] = { "fox", "bird",  "girl", "boy",  "cat",
				   "dog", "robot", "bear", "frog", "king" };
static const char *const kind[] = {
	"small", "brave",  "old", "happy",  "quiet",
	"kind",	 "clever", "red", "sleepy", "young"
};
static const char *const place[] = { "forest",	"river",  "city", "hill",
				     "garden",	"castle", "sea",  "cave",
				     "village", "desert" };
static const char *const thing[] = { "key", "stone", "lamp", "book", "coin",
				     "map", "song",  "seed", "rope", "letter" };

struct example {
	char q[TEXT], a[TEXT];
};

static void sums(struct example *e)
{
	int x = below(100), y = below(100), k = below(10);
	const char *word = "add";
	int result = x + y;

	if (k >= 6 && k < 8) {
		if (x < y) {
			int t = x;
			x = y;
			y = t;
		}
		word = "sub";
		result = x - y;
	} else if (k == 8) {
		word = "max";
		result = x > y ? x : y;
	} else if (k == 9) {
		word = "min";
		result = x < y ? x : y;
	}
	snprintf(e->q, TEXT, "%s %d %d", word, x, y);
	snprintf(e->a, TEXT, "%d", result);
}

static void letters(struct example *e)
{
	int n = 2 + below(6), k;
	char w[16];

	for (int i = 0; i < n; i++)
		w[i] = (char)('a' + below(26));
	w[n] = '\0';
	k = below(10);
	if (k < 3) {
		snprintf(e->q, TEXT, "upper %s", w);
		for (int i = 0; i <= n; i++)
			e->a[i] = (char)toupper((unsigned char)w[i]);
	} else if (k < 7) {
		snprintf(e->q, TEXT, "reverse %s", w);
		for (int i = 0; i < n; i++)
			e->a[i] = w[n - 1 - i];
		e->a[n] = '\0';
	} else if (k < 8) {
		snprintf(e->q, TEXT, "repeat %s", w);
		snprintf(e->a, TEXT, "%s %s", w, w);
	} else {
		snprintf(e->q, TEXT, "length %s", w);
		snprintf(e->a, TEXT, "%d", n);
	}
}

/* "capital of X" and the like are asked in a whole sentence now and then. */
static void fact(struct example *e)
{
	int k = below((int)(sizeof(facts) / sizeof(*facts)));
	const char *q = facts[k][0];
	int ask = below(4) == 0 && (q[0] == 'c' || q[0] == 'o');

	snprintf(e->q, TEXT, ask ? "what is the %s?" : "%s", q);
	snprintf(e->a, TEXT, "%s", facts[k][1]);
}

static void story(struct example *e)
{
	const char *hero = who[below(10)], *how = kind[below(10)];
	const char *mood = kind[below(10)], *found = thing[below(10)];

	snprintf(e->q, TEXT, "tell a story about a %s", hero);
	snprintf(e->a, TEXT,
		 "A %s %s lived by the %s. One day it found a %s. It was %s.",
		 how, hero, place[below(10)], found, mood);
}

static void make_example(const char *mix, struct example *e)
{
	static void (*const makers[])(struct example *) = { sums, letters, fact,
							    story };
	int m = strcmp(mix, "math") == 0    ? 0
		: strcmp(mix, "words") == 0 ? 1
					    : below(4);

	makers[m](e);
}

/* Examples packed into one row of tokens. */
struct row {
	int x[T];     /* token */
	int y[T];     /* the next one, -1: not learned */
	int start[T]; /* the first token this one may look at */
};

struct packer {
	int n, first;
	int token[ROW], learn[ROW], start[ROW];
};

static void pack(struct packer *p, int token, int learn)
{
	p->token[p->n] = token;
	p->learn[p->n] = learn;
	p->start[p->n++] = p->first;
}

static void pack_text(struct packer *p, const char *text, int learn)
{
	for (; *text; text++)
		pack(p, token_of((unsigned char)*text), learn);
}

static void make_row(const char *mix, struct row *row)
{
	struct packer p = { 0 };
	struct example e;

	while (p.n < T + 1) {
		make_example(mix, &e);
		p.first = p.n;
		pack(&p, BOS, 0);
		pack(&p, USER, 0);
		pack_text(&p, e.q, 0);
		pack(&p, ASSISTANT, 0);
		pack_text(&p, e.a, 1);
		pack(&p, EOS, 1);
	}
	for (int t = 0; t < T; t++) {
		row->x[t] = p.token[t];
		row->y[t] = p.learn[t + 1] ? p.token[t + 1] : -1;
		row->start[t] = p.start[t];
	}
}

#endif
