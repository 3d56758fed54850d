/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "control/client.h"

#define OPT_BOX 0x100

/* What is in it is the box's: for its owner alone. */
static FILE *open_file(const char *path)
{
	int fd;

	if (!strcmp(path, "-"))
		return stdout;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static int save(const struct cli_verb *verb, const char *box, const char *path)
{
	struct error error = { 0 };
	uint64_t left_out = 0;
	FILE *file;
	pid_t pid;
	int fd = control_find(box, &pid, &error), err;

	if (fd < 0)
		return cli_fail(verb, "%s", error.message);
	file = open_file(path);
	if (!file) {
		close(fd);
		return cli_fail(verb, "cannot write %s: %s", path, strerror(errno));
	}
	err = control_snapshot_save(fd, file, &left_out, &error);
	close(fd);
	if (file != stdout && fclose(file) && !err)
		return cli_fail(verb, "cannot write %s: %s", path, strerror(errno));
	if (err)
		return cli_fail(verb, "box %d: %s", (int)pid, error.message);
	if (left_out)
		fprintf(stderr,
			"nestbox snapshot: %" PRIu64 " pages were too many and are left out\n",
			left_out);
	return 0;
}

static int snapshot(const struct cli_verb *verb, int argc, char **argv)
{
	static const struct option options[] = {
		{ "box", required_argument, NULL, OPT_BOX },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *box = NULL, *path = NULL;
	int opt;

	while ((opt = cli_getopt(verb, argc, argv, options)) != -1 || (!path && optind < argc)) {
		if (opt == -1)
			path = argv[optind++];
		else if (opt == 'h')
			return cli_help(verb);
		else if (opt == OPT_BOX)
			box = optarg;
		else
			return EXIT_NESTBOX;
	}
	if (!path)
		return cli_fail(verb, "give a FILE, or - for standard output");
	if (optind < argc)
		return cli_fail(verb, "one FILE, but '%s' is given too", argv[optind]);
	return save(verb, box, path);
}

const struct cli_verb cli_snapshot = {
	.name = "snapshot",
	.synopsis = "[--box PID] FILE",
	.summary = "Save a box's IOMMUs, registers and tables, for nestbox walk --image",
	.help = "  FILE              or - for standard output. Memory of programs is not in it\n"
		"  --box PID         of nestbox run, or of any process in the box; default: the "
		"box "
		"that\n"
		"                    this is called in, else the only one there is\n",
	.run = snapshot,
};
