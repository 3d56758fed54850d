/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <unistd.h>

#include "control/client.h"

#define OPT_FORMAT 0x100

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = true;
}

/** Without SA_RESTART: waiting for lines ends. Under nohup a hang-up stays ignored. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct sigaction old;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!sigaction(SIGHUP, &action, &old) && old.sa_handler == SIG_IGN)
		sigaction(SIGHUP, &old, NULL);
}

static int trace_box(const struct cli_verb *verb, const char *which, const char *format)
{
	struct error error = { 0 };
	pid_t pid;
	int fd = control_find(which, &pid, &error);
	int err;

	if (fd < 0)
		return cli_fail(verb, "%s", error.message);
	catch_signals();
	err = control_trace(fd, format, &stop, stdout, &error);
	close(fd);
	return err ? cli_fail(verb, "box %d: %s", (int)pid, error.message) : 0;
}

static int trace(const struct cli_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *which = NULL, *format = "text";
	int opt;

	while ((opt = cli_getopt(verb, argc, argv, options)) != -1 || (!which && optind < argc)) {
		if (opt == -1)
			which = argv[optind++];
		else if (opt == 'h')
			return cli_help(verb);
		else if (opt == OPT_FORMAT)
			format = optarg;
		else
			return EXIT_NESTBOX;
	}
	if (optind < argc)
		return cli_fail(verb, "one PID, but '%s' is given too", argv[optind]);
	return trace_box(verb, which, format);
}

const struct cli_verb cli_trace = {
	.name = "trace",
	.synopsis = "[PID] [--format=text|json|chrome]",
	.summary = "Trace the VFIO calls of a running box, until ^C or its end",
	.help = "  PID               of nestbox run, or of any process in the box; default: the "
		"box that\n"
		"                    this is called in, else the only one there is\n"
		"  --format=text|json|chrome\n"
		"                    lines as of strace (default), a JSON object on each line, or\n"
		"                    the Trace Event Format, which Perfetto opens\n"
		"\n"
		"The lines are those of nestbox run --trace. A reader that is too slow loses some, "
		"and\n"
		"is told how many.\n",
	.run = trace,
};
