/* SPDX-License-Identifier: MIT */
/*
 * task_analysis.h - what kind of work a text asks for, judged by its words.
 *
 * From the content of a task, and from what its author stated, an analyzer
 * says: the type, how complex it is, how long it may take, which capabilities
 * it needs, and why. It looks for whole words and phrases that have weights;
 * letters are compared without regard to case, as Unicode folds it, and a part
 * of a word never counts ("airplane" is not "plan"). English, German and
 * Spanish words are built in; an owner adds types, phrases and capabilities.
 * What is stated wins over what was found. The formulas are in
 * docs/tasks-analysis.md. What it does not do: negation ("don't write code"
 * counts as "write code"), and any understanding of what the text means.
 *
 * It is pure: no file, clock, chance or locale. The same words and the same
 * text give the same answer. An analysis takes time linear in what it reads,
 * at most DEIA_TASK_READ_BYTES (a word that begins there is read to its end),
 * allocates nothing, and needs about 25 kB of stack.
 *
 * Threads: an analyzer may be used by one thread at a time; while nobody adds
 * to it or frees it, any number of threads may analyze with it.
 */
#ifndef DEIA_TASK_ANALYSIS_H
#define DEIA_TASK_ANALYSIS_H

#include <deia/error.h>
#include <deia/limits.h>

DEIA_BEGIN

typedef struct deia_task_analyzer deia_task_analyzer;

/* ---- limits ------------------------------------------------------------ */

/* Of a long content the first 16 KiB and the last 4 KiB are read. */
#define DEIA_TASK_READ_BYTES (20u << 10)
#define DEIA_TASK_MAX_TYPES 64	       /* the built-in ones included */
#define DEIA_TASK_MAX_PHRASES 10000    /* added to the built-in ones */
#define DEIA_TASK_MAX_PHRASE_BYTES 128 /* of one phrase */
#define DEIA_TASK_MAX_PHRASE_WORDS 8   /* of one phrase */
#define DEIA_TASK_MAX_CAPABILITIES 8   /* of one analysis */
#define DEIA_TASK_MAX_REASONS 16       /* of one analysis */
#define DEIA_TASK_REASON_BYTES 256     /* of one reason, with its NUL */
#define DEIA_TASK_MAX_ESTIMATE_SECONDS 86400
#define DEIA_TASK_MAX_WEIGHT 100.0

/* ---- what comes out ---------------------------------------------------- */

/* The types that are always there. Owners add more, so a type is a name. */
#define DEIA_TASK_DEVELOPMENT "development" /* software is made or changed */
#define DEIA_TASK_ANALYSIS "analysis"	    /* something is found out */
#define DEIA_TASK_WRITING "writing"	    /* a text for people */
#define DEIA_TASK_PLANNING "planning"	    /* what is to be done, and when */
#define DEIA_TASK_VALIDATION "validation"   /* whether something is right */
#define DEIA_TASK_GENERAL "general"	    /* everything else */

typedef enum deia_task_class {
	DEIA_TASK_LOW,	  /* complexity below 1/3 */
	DEIA_TASK_MEDIUM, /* below 2/3 */
	DEIA_TASK_HIGH
} deia_task_class;

/*
 * "low", "medium" or "high"; "unknown" for a value that is none. Static text.
 * Any thread. Since 0.3.
 */
DEIA_API const char *deia_task_class_name(deia_task_class value);

/* Which parts of an analysis were stated by the caller, as bits. */
#define DEIA_TASK_STATED_TYPE 1u
#define DEIA_TASK_STATED_COMPLEXITY 2u
#define DEIA_TASK_STATED_SECONDS 4u
#define DEIA_TASK_STATED_CAPABILITIES 8u

/*
 * The result; it owns all its text and may be copied. Reasons are English
 * sentences in one line each, the most telling ones first.
 */
struct deia_task_analysis {
	char type[DEIA_MAX_ID_LEN + 1];
	double complexity; /* 0..1 */
	deia_task_class complexity_class;
	double estimated_seconds; /* > 0 unless 0 was stated */
	size_t n_capabilities;
	char capabilities[DEIA_TASK_MAX_CAPABILITIES][DEIA_MAX_ID_LEN + 1];
	size_t n_reasons;
	char reasons[DEIA_TASK_MAX_REASONS][DEIA_TASK_REASON_BYTES];
	unsigned stated; /* DEIA_TASK_STATED_... */
};

/* What the caller knows already. Everything is borrowed for the call. */
struct deia_task_stated {
	size_t size;
	const char *type; /* a known type; NULL: to be found */
	/* complexity 0..1 and seconds 0..DEIA_TASK_MAX_ESTIMATE_SECONDS count
	 * only where their flag is set. */
	bool has_complexity, has_seconds;
	double complexity;
	double estimated_seconds;
	/* The whole list, in place of what would be found; NULL: to be found;
	 * not NULL with n_capabilities 0: none. */
	const char *const *capabilities;
	size_t n_capabilities; /* up to DEIA_TASK_MAX_CAPABILITIES */
};
#define DEIA_TASK_STATED_INIT                                                  \
	{                                                                      \
		.size = sizeof(struct deia_task_stated)                        \
	}

/* ---- the analyzer ------------------------------------------------------ */

struct deia_task_analyzer_opts {
	size_t size;
	bool no_builtin_words; /* the types are there, but without words */
	/* A stated type that is not known is taken as it is, with the times of
	 * "general", if it is a well-formed name. */
	bool any_stated_type;
};
#define DEIA_TASK_ANALYZER_OPTS_INIT                                           \
	{                                                                      \
		.size = sizeof(struct deia_task_analyzer_opts)                 \
	}

/*
 * Makes an analyzer with the built-in types and words: about 360 kB, and 3 ms
 * of work. opts: NULL is all defaults. *out is the caller's:
 * deia_task_analyzer_free; NULL after a failure.
 * Returns DEIA_OK, DEIA_EINVAL (out is NULL, or opts of an unknown size),
 * DEIA_ENOMEM. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_task_analyzer_new(
	deia_task_analyzer **out, const struct deia_task_analyzer_opts *opts);
/* NULL is fine. Since 0.3. */
DEIA_API void deia_task_analyzer_free(deia_task_analyzer *a);

/*
 * Adds a type of the owner's.
 * name: a well-formed name as of bots ([A-Za-z0-9][A-Za-z0-9._-]{0,63}),
 * copied; case matters. base_seconds: what an easy task of it takes, more than
 * 0 and up to DEIA_TASK_MAX_ESTIMATE_SECONDS; the estimate grows from there.
 * Returns DEIA_OK, DEIA_EINVAL (name or base_seconds), DEIA_EEXIST, DEIA_ELIMIT
 * (DEIA_TASK_MAX_TYPES). After a failure nothing changed. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_task_analyzer_add_type(
	deia_task_analyzer *a, const char *name, double base_seconds);

/*
 * Adds words or a phrase that speak for a type, one of the owner's or a
 * built-in one; what was said of the same phrase before is added to.
 * phrase: UTF-8 in one line, 1..DEIA_TASK_MAX_PHRASE_WORDS words, one form
 * each: "invoice" does not match "invoices". Articles and possessives between
 * the words are passed over in the text, and need not be in the phrase; one at
 * its end counts. ".ext" is matched by file names that end so. Where two
 * phrases begin at one word the longer one counts alone. weight: more than 0
 * and up to DEIA_TASK_MAX_WEIGHT; built-in ones have 1 (a hint) to 6 (settles
 * it).
 * Returns DEIA_OK, DEIA_EINVAL (phrase or weight), DEIA_ENOTFOUND (no such
 * type), DEIA_ELIMIT (DEIA_TASK_MAX_PHRASES), DEIA_ENOMEM. After a failure no
 * analysis gives another result than before. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err
deia_task_analyzer_add_phrase(deia_task_analyzer *a, const char *type,
			      const char *phrase, double weight);

/*
 * Adds a phrase that says that a capability is needed.
 * capability: 1..DEIA_MAX_ID_LEN bytes without control characters or blanks,
 * copied; it need not be known. phrase: as above.
 * Returns DEIA_OK, DEIA_EINVAL (capability or phrase), DEIA_ELIMIT
 * (DEIA_TASK_MAX_PHRASES), DEIA_ENOMEM. Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_task_analyzer_add_capability(
	deia_task_analyzer *a, const char *capability, const char *phrase);

/* The n-th type, from 0; NULL after the last. Lives as long as the analyzer.
 * Since 0.3. */
DEIA_API const char *deia_task_analyzer_type(const deia_task_analyzer *a,
					     size_t n);

/*
 * Analyzes a content.
 * content: UTF-8, len bytes, up to DEIA_MAX_CONTENT_BYTES; need not end in
 * NUL, may be NULL when len is 0; bytes that are not UTF-8 end a word and are
 * otherwise ignored. stated: may be NULL. *out is filled on success alone.
 * Returns DEIA_OK, DEIA_EINVAL (an argument is NULL, stated of an unknown size,
 * a stated number that is not finite or out of its range, a type or capability
 * that is no name), DEIA_ENOTFOUND (a stated type that is not known),
 * DEIA_ELIMIT (content or list too long). Since 0.3.
 */
DEIA_API DEIA_NODISCARD deia_err deia_task_analyze(
	const deia_task_analyzer *a, const char *content, size_t len,
	const struct deia_task_stated *stated, struct deia_task_analysis *out);

DEIA_END

#endif
