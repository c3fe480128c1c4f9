/* SPDX-License-Identifier: MIT */
/*
 * bots_print.c - bots as a file for `deia apply`, in YAML that a person would
 * write.
 *
 * Which fields there are, and their defaults, come from printing an empty
 * specification, so that nothing here knows a field by name but those whose
 * default is each hive's own. Text is written plain only where no reader of
 * YAML could take it for anything else, in a block where it has lines, and
 * otherwise in double quotes with every doubtful character escaped.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/bots_file.h"
#include "config/yaml_json.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/utf8.h"

#define MAX_BYTES (64u << 20)

/* ---- text -------------------------------------------------------------- */

static uint32_t code_point(const char *s, int n)
{
	const unsigned char *u = (const unsigned char *)s;
	uint32_t cp = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));

	for (int i = 1; i < n; i++)
		cp = cp << 6 | (u[i] & 0x3f);
	return cp;
}

/* Not printable in YAML, or not harmless on a terminal. */
static bool needs_escape(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0xad ||
	       cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       (cp >= 0xfff0 && cp <= 0xffff) || cp >= 0xe0000;
}

static void escape(struct deia__buf *b, uint32_t cp)
{
	switch (cp) {
	case '\n':
		deia__buf_adds(b, "\\n");
		break;
	case '\t':
		deia__buf_adds(b, "\\t");
		break;
	case '"':
	case '\\':
		deia__buf_addf(b, "\\%c", (char)cp);
		break;
	default:
		deia__buf_addf(b,
			       cp > 0xffff ? "\\U%08X"
			       : cp > 0xff ? "\\u%04X"
					   : "\\x%02X",
			       (unsigned)cp);
	}
}

static void quoted(struct deia__buf *b, const char *s)
{
	size_t len = strlen(s);

	deia__buf_adds(b, "\"");
	while (len > 0) {
		int n = deia__utf8_next(s, len);
		uint32_t cp;

		if (n <= 0)
			break;
		cp = code_point(s, n);
		if (needs_escape(cp) || cp == '"' || cp == '\\')
			escape(b, cp);
		else
			deia__buf_add(b, s, (size_t)n);
		s += n;
		len -= (size_t)n;
	}
	deia__buf_adds(b, "\"");
}

/* Words that this or another reader of YAML takes for no text. */
static bool is_reserved(const char *s)
{
	static const char *const words[] = { "y",    "yes", "n",    "no",
					     "on",   "off", "true", "false",
					     "null", "nan", "inf" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(words[i], s) == 0)
			return true;
	return false;
}

static bool is_plain(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(s);

	if (len == 0 || (!strchr(letters, s[0]) && s[0] != '/') ||
	    s[len - 1] == ' ' || is_reserved(s))
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (strchr(letters, c) || (c >= '0' && c <= '9') ||
		    strchr("_./@+-, ()='", c))
			continue;
		/* "http://x", but no "key: value" and no "x:". */
		if (c != ':' || !s[i + 1] || s[i + 1] == ' ')
			return false;
	}
	return true;
}

/* In a list in brackets a comma ends the item. */
static bool is_plain_item(const char *s)
{
	return is_plain(s) && !strchr(s, ',');
}

/* Lines that come back as they are from a block. */
static bool is_block(const char *s)
{
	size_t len = strlen(s);

	if (!strchr(s, '\n') || s[0] == '\n' || s[0] == ' ' ||
	    (len > 1 && s[len - 1] == '\n' && s[len - 2] == '\n'))
		return false;
	while (len > 0) {
		int n = deia__utf8_next(s, len);
		uint32_t cp;

		if (n <= 0)
			return false;
		cp = code_point(s, n);
		if (cp != '\n' && needs_escape(cp))
			return false;
		s += n;
		len -= (size_t)n;
	}
	return true;
}

static void indent(struct deia__buf *b, unsigned depth)
{
	while (depth-- > 0)
		deia__buf_adds(b, "  ");
}

static void block(struct deia__buf *b, const char *s, unsigned depth)
{
	size_t len = strlen(s);

	/* "|" has one newline at its end, "|-" none. */
	deia__buf_adds(b, len > 0 && s[len - 1] == '\n' ? "|\n" : "|-\n");
	while (*s) {
		size_t n = strcspn(s, "\n");

		if (n > 0) {
			indent(b, depth);
			deia__buf_add(b, s, n);
		}
		deia__buf_adds(b, "\n");
		s += n + (s[n] == '\n');
	}
}

/* ---- values ------------------------------------------------------------ */

static void scalar(struct deia__buf *b, const cJSON *v)
{
	char number[40];

	if (cJSON_IsString(v)) {
		quoted(b, v->valuestring);
	} else if (cJSON_IsNumber(v)) {
		deia__json_number(number, v->valuedouble);
		deia__buf_adds(b, number);
	} else {
		deia__buf_adds(b, cJSON_IsTrue(v)    ? "true"
				  : cJSON_IsFalse(v) ? "false"
						     : "null");
	}
}

/* In brackets and braces, for what is inside of lists. */
static void flow(struct deia__buf *b, const cJSON *v)
{
	const cJSON *c;
	bool object = cJSON_IsObject(v);

	if (!object && !cJSON_IsArray(v)) {
		if (cJSON_IsString(v) && is_plain_item(v->valuestring))
			deia__buf_adds(b, v->valuestring);
		else
			scalar(b, v);
		return;
	}
	deia__buf_adds(b, object ? "{" : "[");
	cJSON_ArrayForEach(c, v) {
		if (c != v->child)
			deia__buf_adds(b, ", ");
		if (object) {
			quoted(b, c->string);
			deia__buf_adds(b, ": ");
		}
		flow(b, c);
	}
	deia__buf_adds(b, object ? "}" : "]");
}

static void key(struct deia__buf *b, const char *s)
{
	if (is_plain_item(s) && !strchr(s, ':'))
		deia__buf_adds(b, s);
	else
		quoted(b, s);
	deia__buf_adds(b, ":");
}

/* "key: value" with its newline; depth is that of the key. */
static void member(struct deia__buf *b, const char *name, const cJSON *v,
		   unsigned depth)
{
	const cJSON *c;

	indent(b, depth);
	key(b, name);
	if (cJSON_IsObject(v) && v->child) {
		deia__buf_adds(b, "\n");
		cJSON_ArrayForEach(c, v)
			member(b, c->string, c, depth + 1);
		return;
	}
	deia__buf_adds(b, " ");
	if (cJSON_IsString(v) && is_block(v->valuestring)) {
		block(b, v->valuestring, depth + 1);
		return;
	}
	if (cJSON_IsString(v) && is_plain(v->valuestring))
		deia__buf_adds(b, v->valuestring);
	else
		flow(b, v);
	deia__buf_adds(b, "\n");
}

/* ---- bots -------------------------------------------------------------- */

/* Fields whose default a hive's configuration says (bots.defaults). */
static bool is_hives_own(const char *field)
{
	static const char *const fields[] = {
		"max_concurrent", "ready_timeout_seconds",
		"stop_timeout_seconds", "max_restarts", "window_seconds"
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (strcmp(fields[i], field) == 0)
			return true;
	return false;
}

static bool is_default(const cJSON *v, const cJSON *plain)
{
	return !v || cJSON_IsNull(v) ||
	       (!is_hives_own(v->string) && cJSON_Compare(v, plain, true));
}

/* Members of a group that are not as they would be anyway. */
static void group(struct deia__buf *b, const cJSON *v, const cJSON *plain)
{
	const cJSON *p, *m;
	bool open = false;

	cJSON_ArrayForEach(p, plain) {
		m = cJSON_GetObjectItemCaseSensitive(v, p->string);
		if (is_default(m, p))
			continue;
		if (!open) {
			indent(b, 2);
			key(b, plain->string);
			deia__buf_adds(b, "\n");
		}
		open = true;
		member(b, p->string, m, 3);
	}
}

static void field(struct deia__buf *b, const cJSON *bot, const cJSON *plain)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(bot, plain->string);

	if (cJSON_IsObject(plain) && plain->child)
		group(b, v, plain);
	else if (strcmp(plain->string, "id") != 0 &&
		 strcmp(plain->string, "template") != 0 &&
		 !is_default(v, plain))
		member(b, plain->string, v, 2);
}

static deia_err print_bot(struct deia__buf *b, const cJSON *bot,
			  const cJSON *plain)
{
	const cJSON *p, *env;
	const char *id = deia__json_str(bot, "id");
	const char *from = deia__json_str(bot, "template");

	if (!id || !deia_bot_id_valid(id))
		return DEIA_EINVAL;
	deia__buf_adds(b, "\n  - id: ");
	if (is_plain(id))
		deia__buf_adds(b, id);
	else
		quoted(b, id);
	deia__buf_adds(b, "\n");
	if (from && deia_bot_id_valid(from))
		deia__buf_addf(b,
			       "    # Launched from template %s; what that "
			       "gave it is written out.\n",
			       from);
	env = deia__json_get(bot, "env");
	if (env && env->child)
		deia__buf_adds(b, "    # \"***\" in env: the value that the "
				  "hive has; it is not shown.\n");
	cJSON_ArrayForEach(p, plain)
		field(b, bot, p);
	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(bot, "wanted")))
		deia__buf_adds(b, "    start: false\n");
	return b->err;
}

/* What a specification prints that says nothing. */
static deia_err plain_spec(cJSON **out)
{
	struct deia_bot_spec plain = DEIA_BOT_SPEC_INIT;
	deia_err err;
	deia_jw w;

	deia_jw_init(&w);
	deia_jw_object(&w);
	deia_bot_spec_print(&plain, false, &w);
	deia_jw_end_object(&w);
	err = deia_jw_status(&w);
	if (!err)
		err = deia_json_parse(out, w.text, w.len, NULL);
	deia_jw_fini(&w);
	return err;
}

deia_err deia_bots_file_print(char **out, const struct cJSON *const *bots,
			      size_t n)
{
	cJSON *plain = NULL;
	struct deia__buf b;
	deia_err err = plain_spec(&plain);

	*out = NULL;
	deia__buf_init(&b, MAX_BYTES);
	deia__buf_adds(&b,
		       "# Bots of a hive, for `deia apply -f FILE`. The hive "
		       "keeps its own record of\n"
		       "# every bot: after a restart that is what counts, and "
		       "a change here does\n"
		       "# nothing until it is applied.\n");
	deia__buf_adds(&b, n ? "bots:" : "bots: []\n");
	for (size_t i = 0; i < n && !err; i++)
		err = print_bot(&b, bots[i], plain);
	if (!err)
		err = b.err;
	if (!err) {
		*out = deia__buf_take(&b);
		err = *out ? DEIA_OK : DEIA_ENOMEM;
	}
	deia__buf_fini(&b);
	cJSON_Delete(plain);
	return err;
}
