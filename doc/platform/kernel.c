/* SPDX-License-Identifier: MIT */
/* The oldest Linux that has everything without which there is no box; seccomp's WAIT_KILLABLE_RECV
 * came last. */
#include <stdio.h>
#include <sys/utsname.h>

#include "probe.h"

#define MAJOR 5
#define MINOR 19

static void run(void)
{
	struct utsname name;
	int major, minor;

	need(!uname(&name), "cannot ask for the kernel's version");
	if (sscanf(name.release, "%d.%d", &major, &minor) != 2)
		lacks(LACK_OLD, "this kernel calls itself '%s'", name.release);
	if (major < MAJOR || (major == MAJOR && minor < MINOR))
		lacks(LACK_OLD, "this is Linux %s, and %d.%d is needed", name.release, MAJOR,
			MINOR);
	ok();
}

const struct probe probe_kernel = {
	.name = "kernel",
	.purpose = "all that is tried below is in Linux 5.19",
	.run = run,
};
