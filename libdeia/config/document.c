/* SPDX-License-Identifier: MIT */
/*
 * document.c - the default config.yaml: every key of the schema, commented
 * out, under its explanation.
 *
 * Explanations begin with "# ", settings with "#" alone, so that taking away
 * one character sets a key. Section names stand uncommented, since a section
 * without keys is fine. A few keys are set in the file of a new hive, where
 * hives that are there already must not change their ways by an upgrade.
 */
#include "config/document.h"

#include <string.h>

#include "config/schema.h"

static void indent(struct deia__buf *out, unsigned depth)
{
	while (depth-- > 0)
		deia__buf_adds(out, "  ");
}

/* Text with its own line breaks, as comment lines. */
static void comment(struct deia__buf *out, unsigned depth, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		indent(out, depth);
		deia__buf_addf(out, "# %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* Opens the sections of a key that the last key was not in. */
static unsigned open_sections(struct deia__buf *out, const char *name,
			      const char *last)
{
	const char *dot = name;
	unsigned depth = 0;
	char section[64];

	for (; (dot = strchr(dot, '.')); dot++, depth++) {
		size_t len = (size_t)(dot - name);
		const char *word = name + len;

		if (strncmp(name, last, len + 1) == 0)
			continue;
		while (word > name && word[-1] != '.')
			word--;
		memcpy(section, name, len);
		section[len] = '\0';
		deia__buf_adds(out, "\n");
		comment(out, depth, deia__section_about(section));
		indent(out, depth);
		deia__buf_addf(out, "%.*s:\n", (int)(dot - word), word);
	}
	return depth;
}

static void setting(struct deia__buf *out, unsigned depth,
		    const struct deia__key *key, bool is_new)
{
	const char *word = strrchr(key->name, '.') + 1;
	const char *value = key->example ? key->example : key->fallback;
	bool set = is_new && key->fresh;

	comment(out, depth, key->about);
	if (key->env) {
		indent(out, depth);
		deia__buf_addf(out, "# %s in the environment goes over it.\n",
			       key->env);
	}
	indent(out, depth);
	if (set)
		value = key->fresh;
	deia__buf_addf(out, "%s%s: %s", set ? "" : "#", word,
		       *value ? value : "\"\"");
	if (key->choices)
		deia__buf_addf(out, "  # %s", key->choices);
	deia__buf_adds(out, "\n");
}

void deia__config_document(struct deia__buf *out, bool is_new)
{
	const char *last = "";

	deia__buf_adds(
		out,
		"# The configuration of this hive. Every key is here with its "
		"default, or with an\n"
		"# example where the default is empty: remove the # right "
		"before a key to set it.\n"
		"# Then run `deia config check`. Flags and the environment go "
		"over this file.\n");
	for (size_t i = 0; i < deia__n_keys; i++) {
		size_t len = out->len;
		unsigned depth = open_sections(out, deia__keys[i].name, last);

		if (out->len == len)
			deia__buf_adds(out, "\n");
		setting(out, depth, &deia__keys[i], is_new);
		last = deia__keys[i].name;
	}
	deia__buf_adds(
		out, "\n"
		     "  # Of each template that is to be scaled, by its name. "
		     "Work shall not wait\n"
		     "  # longer than wait_seconds.\n"
		     "  templates:\n"
		     "    #helper:\n"
		     "    #  min_bots: 1\n"
		     "    #  max_bots: 4\n"
		     "    #  wait_seconds: 10\n");
	deia__buf_adds(
		out,
		"\n"
		"# What `deia bot launch ID --template NAME` starts from: the "
		"fields of a bot\n"
		"# in the API, without its id. A changed template is for later "
		"launches: bots\n"
		"# that are there keep what it gave them, until a file that "
		"names it is applied.\n"
		"templates:\n"
		"  #helper:\n"
		"  #  adapter: ollama\n"
		"  #  model: llama3.2\n"
		"  #  system_prompt: You are a helpful assistant. Answer "
		"briefly.\n"
		"  # A coding agent; more of them in "
		"examples/coding-agents.yaml.\n"
		"  #claude-plan:\n"
		"  #  adapter: exec\n"
		"  #  argv: [claude, -p, --output-format, stream-json, "
		"--verbose,\n"
		"  #    --permission-mode, plan, --model, \"{model}\",\n"
		"  #    --append-system-prompt, \"{system_prompt}\",\n"
		"  #    --resume, \"{session}\"]\n"
		"  #  options:\n"
		"  #    format: claude-stream-json\n"
		"  #    history: transcript\n"
		"  #  pass_env: [ANTHROPIC_API_KEY]\n");
}
