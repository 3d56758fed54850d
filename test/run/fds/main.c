/* SPDX-License-Identifier: MIT */
/*
 * usage: fds                  in a box: the table, and what does not fit into it
 *        fds spawn COMMAND     outside: run COMMAND with inherited descriptors at odd numbers, which
 *                              it gets as arguments; COMMAND ends in `fds inherited`
 *        fds outer COMMAND     outside: be sent descriptors by COMMAND, which ends in `fds send`
 *        fds is KIND FD        helper: whether FD is one
 *        fds receive KIND      helper: whether what comes through socket 3 is one
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_all(void)
{
	FILE *file = tmpfile();
	size_t rows;

	if (!file || fputs("some bytes", file) < 0 || fflush(file))
		return 99;
	scratch = fileno(file);
	lseek(scratch, 0, SEEK_SET);
	rows = run_io() + run_looks() + run_opens();
	run_uring();
	run_copies();
	run_numbers();
	printf("%s: %zu rows, %d checks, %d failed, limit %u\n", failures ? "not ok" : "ok", rows,
		checks, failures, soft_limit());
	return failures != 0;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc < 2)
		return run_all();
	if (!strcmp(argv[1], "is") && argc == 4)
		return !alive((enum kind)atoi(argv[2]), atoi(argv[3]));
	if (!strcmp(argv[1], "receive") && argc == 3)
		return receive((enum kind)atoi(argv[2]));
	if (!strcmp(argv[1], "inherited"))
		return run_inherited(argc - 2, argv + 2);
	if (!strcmp(argv[1], "send"))
		return send_out();
	if (!strcmp(argv[1], "spawn"))
		return spawn(argv + 2);
	if (!strcmp(argv[1], "outer"))
		return outer(argv + 2);
	return 99;
}
