/* SPDX-License-Identifier: MIT */
/* options.c - see options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: deiad [OPTIONS]\n"
	"Runs a hive of bots and serves its API and web page.\n"
	"\n"
	"  --dir DIR          the hive's directory (DEIA_DIR; else ./.deia "
	"sought\n"
	"                     upward, then ~/.config/deia; made when missing)\n"
	"  --host HOST        address to listen on (default 127.0.0.1)\n"
	"  --port PORT        port to listen on (default 8000; 0: a free one)\n"
	"  --log-level LEVEL  error, warn, info or debug\n"
	"  --log-format FORM  text, logfmt or json, of the log on stderr\n"
	"  --set KEY=VALUE    any key of config.yaml, over file and "
	"environment\n"
	"  --routes           print the table of routes as JSON and exit\n"
	"  --version          print the version and exit\n"
	"  --help             this text\n"
	"\n"
	"stdout carries the address and a sign-in link; the log is on stderr.\n"
	"Signals: TERM and INT stop it after what runs is finished, a second\n"
	"one at once; HUP reads the configuration again and reopens the "
	"logs.\n";

void options_help(void)
{
	fputs(help, stdout);
}

static bool add_set(struct options *o, const char *text)
{
	if (!strchr(text, '=') ||
	    o->n_sets == (int)(sizeof(o->sets) / sizeof(*o->sets))) {
		fprintf(stderr, "deiad: --set takes KEY=VALUE, not \"%s\"\n",
			text);
		return false;
	}
	o->sets[o->n_sets++] = text;
	return true;
}

bool options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "host", required_argument, NULL, 'H' },
		{ "port", required_argument, NULL, 'p' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "log-format", required_argument, NULL, 'f' },
		{ "set", required_argument, NULL, 's' },
		{ "routes", no_argument, NULL, 'r' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "d:h", longs, NULL)) != -1) {
		switch (c) {
		case 'd':
			o->dir = optarg;
			break;
		case 'H':
			o->host = optarg;
			break;
		case 'p':
			o->port = optarg;
			break;
		case 'l':
			o->log_level = optarg;
			break;
		case 'f':
			o->log_format = optarg;
			break;
		case 's':
			if (!add_set(o, optarg))
				return false;
			break;
		case 'r':
			o->routes = true;
			break;
		case 'V':
			o->version = true;
			break;
		case 'h':
			o->help = true;
			break;
		default:
			fputs("deiad: try --help\n", stderr);
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "deiad: there is no argument \"%s\"; try --help\n",
		argv[optind]);
	return false;
}
