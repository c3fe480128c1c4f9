/* SPDX-License-Identifier: MIT */
/* mistakes.h - what can be wrong in a config.yaml, and how it is told. */
#ifndef TEST_CONFIG_MISTAKES_H
#define TEST_CONFIG_MISTAKES_H

static const struct {
	const char *text;
	deia_err err;
	unsigned line, column;
	const char *detail;
} mistakes[] = {
	/* wrong keys */
	{ "server:\n  prot: 9000\n", DEIA_EFIELD, 2, 3,
	  "there is no key server.prot; did you mean server.port?" },
	{ "port: 9000\n", DEIA_EFIELD, 1, 1,
	  "there is no key port; did you mean server.port?" },
	{ "sever:\n  port: 1\n", DEIA_EFIELD, 1, 1,
	  "there is no key sever; did you mean server?" },
	{ "store:\n  level: debug\n", DEIA_EFIELD, 2, 3,
	  "there is no key store.level; did you mean logging.level?" },
	{ "frobnicate: 1\n", DEIA_EFIELD, 1, 1,
	  "there is no key frobnicate; `deia config show` lists all keys" },
	{ "server:\n  port: 1\n  host: localhost\n  port: 2\n", DEIA_EPARSE, 4,
	  3, "\"port\" is here twice; it was set on line 2 already" },
	/* wrong values */
	{ "server:\n  port: 80x0\n", DEIA_EFIELD, 2, 9,
	  "server.port: expected a whole number from 0 to 65535, found "
	  "\"80x0\"" },
	{ "server:\n  port: 70000\n", DEIA_EFIELD, 2, 9,
	  "server.port: expected a whole number from 0 to 65535, found "
	  "\"70000\"" },
	{ "server:\n  port: -1\n", DEIA_EFIELD, 2, 9,
	  "server.port: expected a whole number from 0 to 65535, found "
	  "\"-1\"" },
	{ "server:\n  port: \"8000\"\n", DEIA_EFIELD, 2, 9,
	  "server.port: expected a whole number from 0 to 65535, found "
	  "\"8000\"; write it without quotes" },
	{ "server:\n  port:\n", DEIA_EFIELD, 2, 3,
	  "server.port: there is no value; write one, or put # before the "
	  "line" },
	{ "server:\n  port: [1]\n", DEIA_EFIELD, 2, 9,
	  "server.port: expected a whole number from 0 to 65535, found a "
	  "list" },
	{ "server:\n  allow_remote: yes\n", DEIA_EFIELD, 2, 17,
	  "server.allow_remote: expected true or false, found \"yes\"" },
	{ "server:\n  host: http://127.0.0.1\n", DEIA_EFIELD, 2, 9,
	  "server.host: expected an address such as 127.0.0.1 without "
	  "http://, found \"http://127.0.0.1\"" },
	{ "server:\n  host: 127.0.0.1:9000\n", DEIA_EFIELD, 2, 9,
	  "server.host: expected an address without a port (that is "
	  "server.port), found \"127.0.0.1:9000\"" },
	{ "server:\n  host: 0.0.0.0\n", DEIA_EFIELD, 2, 1,
	  "server.host: other machines can reach 0.0.0.0; if that is meant, "
	  "set server.allow_remote: true in config.yaml" },
	{ "server:\n  allowed_hosts: a.example\n", DEIA_EFIELD, 2, 18,
	  "server.allowed_hosts: expected a list, found text; write it as "
	  "[a, b]" },
	{ "server:\n  allowed_origins:\n    - https://a.example/\n",
	  DEIA_EFIELD, 3, 7,
	  "server.allowed_origins: expected an origin such as "
	  "https://deia.example.org, without a path, found "
	  "\"https://a.example/\"" },
	{ "server:\n  allowed_hosts: [a.example, ]\nlogging:\n  level: "
	  "verbose\n",
	  DEIA_EFIELD, 4, 10,
	  "logging.level: expected error, warn, info or debug, found "
	  "\"verbose\"" },
	{ "store:\n  durability: none\n", DEIA_EFIELD, 2, 15,
	  "store.durability: expected full, normal or memory, found "
	  "\"none\"" },
	{ "store:\n  url: /var/lib/deia.db\n", DEIA_EFIELD, 2, 8,
	  "store.url: expected sqlite:PATH, postgresql://USER@HOST/DATABASE or "
	  "memory:, found \"/var/lib/deia.db\"" },
	{ "store:\n  url: postgres//u:s3cret@h/d\n", DEIA_EFIELD, 2, 8,
	  "store.url: expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
	  "found \"postgres//u:***\"" },
	{ "store:\n  url: postgresql:/u:p@ss@h/d?password=s3cret\n",
	  DEIA_EFIELD, 2, 8,
	  "store.url: expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
	  "found \"postgresql:***\"" },
	{ "cache:\n  url: redis://h:0\n", DEIA_EFIELD, 2, 8,
	  "cache.url: expected memory: or redis://[user:password@]host[:port]"
	  "[/db], found \"redis://h:0\"" },
	{ "cache:\n  url: rediss://u:s3cret@h\n", DEIA_EFIELD, 2, 8,
	  "cache.url: expected memory: or redis:// (for TLS put a tunnel in "
	  "front), found \"rediss://u:***@h\"" },
	{ "cache:\n  prefix: \"a b\"\n", DEIA_EFIELD, 2, 11,
	  "cache.prefix: expected printable characters without blanks, found "
	  "\"a b\"" },
	{ "node:\n  name: \"two words\"\n", DEIA_EFIELD, 2, 9,
	  "node.name: expected 1 to 64 letters, digits and . _ - , such as "
	  "main or office-2, found \"two words\"" },
	{ "node:\n  url: office-2.example\n", DEIA_EFIELD, 2, 8,
	  "node.url: expected an address such as https://deia-1.example.org, "
	  "found \"office-2.example\"" },
	{ "ollama:\n  url: ftp://x\n", DEIA_EFIELD, 2, 8,
	  "ollama.url: expected HOST, HOST:PORT or a URL such as "
	  "http://127.0.0.1:11434, found \"ftp://x\"" },
	{ "server: 8000\n", DEIA_EFIELD, 1, 9,
	  "server: expected keys below it, such as \"key: value\", found "
	  "text" },
	{ "just text\n", DEIA_EFIELD, 1, 1,
	  "the file: expected keys below it, such as \"server:\", found "
	  "text" },
	{ "- server\n", DEIA_EFIELD, 1, 1,
	  "the file: expected keys below it, such as \"server:\", found a "
	  "list" },
	/* wrong YAML */
	{ "server:\n\tport: 9000\n", DEIA_EPARSE, 2, 1,
	  "YAML is indented with spaces, not tabs" },
	{ "server:\n  port 9000\n  host: x\n", DEIA_EPARSE, 3, 7,
	  "not valid YAML: mapping values are not allowed in this context" },
	{ "server:\n  host: \"127.0.0.1\n", DEIA_EPARSE, 3, 1,
	  "not valid YAML: found unexpected end of stream while scanning a "
	  "quoted scalar" },
	{ "server:\n  host: &a localhost\n", DEIA_EPARSE, 2, 9,
	  "anchors (&) and aliases (*) are not used here; write the value "
	  "out, in quotes if it is text" },
	{ "server:\n  host: *a\n", DEIA_EPARSE, 2, 9,
	  "anchors (&) and aliases (*) are not used here; write the value "
	  "out, in quotes if it is text" },
	{ "server:\n  port: !!int 3\n", DEIA_EPARSE, 2, 9,
	  "tags (!) are not used here; put text that starts with ! into "
	  "quotes" },
	{ "server:\n  <<: {port: 1}\n", DEIA_EFIELD, 2, 3,
	  "there is no key server.<<; `deia config show` lists all keys" },
	{ "server:\n  port: 1\n---\nserver:\n", DEIA_EPARSE, 3, 1,
	  "a second document (---); one file is one document" },
	{ "server:\n  host: \xe4\n", DEIA_EPARSE, 2, 9,
	  "byte 0xE4 is not valid UTF-8; save the file as UTF-8" },
	{ "server:\n  host: \"a\\0b\"\n", DEIA_EPARSE, 2, 9,
	  "U+0000 is not allowed in a text" },
	{ "? [a]\n: 1\n", DEIA_EPARSE, 1, 3, "a key must be a plain word" },
	{ "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", DEIA_EPARSE, 1, 19,
	  "nested deeper than 16 levels" },
	/* wrong templates */
	{ "templates:\n  helper:\n    adaptr: echo\n", DEIA_EFIELD, 2, 3,
	  "templates.helper: adapter is missing, such as adapter: ollama" },
	{ "templates:\n  helper: echo\n", DEIA_EFIELD, 2, 3,
	  "templates.helper: expected the fields of a bot below it, such as "
	  "adapter: ollama" },
	{ "templates:\n  helper:\n    adapter: echo\n    id: B\n", DEIA_EFIELD,
	  4, 5,
	  "templates.helper: a template has no id; each bot gets its own" },
	{ "templates:\n  \"a b\":\n    adapter: echo\n", DEIA_EFIELD, 2, 3,
	  "templates.a b: a name has 1 to 64 letters, digits, '.', '_' or "
	  "'-', and begins with a letter or digit" },
	{ "templates: [a]\n", DEIA_EFIELD, 1, 12,
	  "templates: expected names with the fields of a bot below each" },
	{ "templates:\n  h:\n    adapter: echo\n    max_concurrent: 0\n",
	  DEIA_EFIELD, 4, 21,
	  "templates.h.max_concurrent: must be a whole number from 1 to 64" },
	{ "templates:\n  h:\n    adapter: process\n    argv: [sh, 3]\n",
	  DEIA_EFIELD, 4, 16, "templates.h.argv.1: must be a string" },
};

#endif
