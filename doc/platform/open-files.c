/* SPDX-License-Identifier: MIT */
/* A stand-in needs a descriptor number above what the program uses and below what it may use. */
#include <sys/resource.h>

#include "probe.h"

#define LEAST 128 /* src/cli/run.c: FD_LOWEST + FD_ROOM */

static void run(void)
{
	struct rlimit limit;

	need(!getrlimit(RLIMIT_NOFILE, &limit), "cannot read the limit of open files");
	if (limit.rlim_cur < LEAST)
		lacks(LACK_EXHAUSTED, "the limit of open files is %llu, must be at least %d",
			(unsigned long long)limit.rlim_cur, LEAST);
	ok();
}

const struct probe probe_open_files = {
	.name = "open-files",
	.purpose = "descriptor numbers for stand-ins that programs do not use themselves",
	.run = run,
};
