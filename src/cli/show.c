/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <unistd.h>

#include "control/client.h"

#define OPT_JSON 0x100

static int show_box(const struct cli_verb *verb, const char *which, bool json)
{
	struct error error = { 0 };
	struct json_object *answer;
	pid_t pid;
	int fd = control_find(which, &pid, &error);

	if (fd < 0)
		return cli_fail(verb, "%s", error.message);
	answer = control_ask(fd, "show", &error);
	close(fd);
	if (!answer)
		return cli_fail(verb, "box %d: %s", (int)pid, error.message);
	if (json)
		control_print_json(answer, stdout);
	else
		control_print_show(answer, stdout);
	control_forget(answer);
	return 0;
}

static int show(const struct cli_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *which = NULL;
	bool json = false;
	int opt;

	while ((opt = cli_getopt(verb, argc, argv, options)) != -1 || (!which && optind < argc)) {
		if (opt == -1)
			which = argv[optind++];
		else if (opt == 'h')
			return cli_help(verb);
		else if (opt == OPT_JSON)
			json = true;
		else
			return EXIT_NESTBOX;
	}
	if (optind < argc)
		return cli_fail(verb, "one PID, but '%s' is given too", argv[optind]);
	return show_box(verb, which, json);
}

const struct cli_verb cli_show = {
	.name = "show",
	.synopsis = "[PID] [--json]",
	.summary = "Show what is in a running box: containers, devices, IOMMUs, and their counters",
	.help = "  PID               of nestbox run, or of any process in the box; default: the "
		"box that\n"
		"                    this is called in, else the only one there is\n"
		"  --json            for programs (doc/control.md)\n",
	.run = show,
};
