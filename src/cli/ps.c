/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include "control/client.h"

static int list_boxes(const struct cli_verb *verb, bool json)
{
	struct control_boxes boxes;
	struct error error = { 0 };

	if (control_boxes_find(&boxes, &error) < 0)
		return cli_fail(verb, "%s", error.message);
	if (json)
		control_print_ps_json(&boxes, stdout);
	else
		control_print_ps(&boxes, stdout);
	control_boxes_free(&boxes);
	return 0;
}

static int ps(const struct cli_verb *verb, int argc, char **argv)
{
	bool json;
	int status = cli_take_json(verb, argc, argv, &json);

	if (status >= 0)
		return status;
	if (optind < argc)
		return cli_fail(verb,
			"there is no argument here, but '%s' is given; did you mean "
			"nestbox show %s?",
			argv[optind], argv[optind]);
	return list_boxes(verb, json);
}

const struct cli_verb cli_ps = {
	.name = "ps",
	.synopsis = "[--json]",
	.summary = "List the boxes that are running",
	.help = "  --json            for programs: what the request 'list' of each box answers\n"
		"                    (doc/control.md), and its user's uid\n"
		"\n"
		"The boxes of this user; as root, of all users. PID is that of nestbox run.\n",
	.run = ps,
};
