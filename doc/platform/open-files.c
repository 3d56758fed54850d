/* SPDX-License-Identifier: MIT */
/*
 * The supervisor has descriptors of its own for each open file of the box, and raises its soft limit
 * itself.
 */
#include <sys/resource.h>

#include "probe.h"

#define LEAST 48 /* src/cli/run.c: FD_LEAST */

static void run(void)
{
	const struct rlimit wanted = { 65536, 65536 };
	struct rlimit limit;

	/* With CAP_SYS_RESOURCE it is no limit. */
	setrlimit(RLIMIT_NOFILE, &wanted);
	need(!getrlimit(RLIMIT_NOFILE, &limit), "cannot read the limit of open files");
	if (limit.rlim_max < LEAST)
		lacks(LACK_EXHAUSTED, "the hard limit of open files is %llu, must be at least %d",
			(unsigned long long)limit.rlim_max, LEAST);
	ok();
}

const struct probe probe_open_files = {
	.name = "open-files",
	.purpose = "the descriptors of nestbox itself",
	.run = run,
};
