/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <nestbox/host.h>

static int show_devices(const struct cli_verb *verb, int argc, char **argv)
{
	bool json;
	int status = cli_take_json(verb, argc, argv, &json);

	if (status >= 0)
		return status;
	if (optind < argc)
		return cli_fail(verb, "there is no argument here, but '%s' is given", argv[optind]);
	nb_models_print(json ? NB_VIEW_JSON : NB_VIEW_TABLE, stdout);
	return 0;
}

const struct cli_verb cli_devices = {
	.name = "devices",
	.synopsis = "[--json]",
	.summary = "List the device models that a host can have, with their options",
	.help = "  --json            for programs\n",
	.run = show_devices,
};
