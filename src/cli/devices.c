/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <nestbox/host.h>

#define OPT_JSON 0x100

static int show_devices(const struct cli_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum nb_view view = NB_VIEW_TABLE;
	int opt;

	while ((opt = cli_getopt(verb, argc, argv, options)) != -1) {
		if (opt == 'h')
			return cli_help(verb);
		if (opt != OPT_JSON)
			return EXIT_NESTBOX;
		view = NB_VIEW_JSON;
	}
	if (optind < argc)
		return cli_fail(verb, "there is no argument here, but '%s' is given", argv[optind]);
	nb_models_print(view, stdout);
	return 0;
}

const struct cli_verb cli_devices = {
	.name = "devices",
	.synopsis = "[--json]",
	.summary = "List the device models that a host can have, with their options",
	.help = "  --json            for programs\n",
	.run = show_devices,
};
