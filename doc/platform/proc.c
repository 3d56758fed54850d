/* SPDX-License-Identifier: MIT */
/*
 * /proc is mounted, and shows this process. It may be the /proc of outside a container that has process
 * numbers of its own: then the number that a process has there is asked of its pidfd.
 */
#include <signal.h>
#include <unistd.h>

#include "probe.h"

static int body(void)
{
	pause();
	return 0;
}

static void run(void)
{
	char self[32];
	pid_t child;

	if (readlink("/proc/self", self, sizeof(self)) <= 0)
		lacks(LACK_DENIED, "/proc is not mounted, or is of other processes than ours");
	need(!access("/proc/self/fd/1", F_OK), "cannot look into /proc/self/fd");
	child = run_child(body);
	need(open_proc(child, "status") >= 0, "cannot find a child in /proc");
	kill(child, SIGKILL);
	wait_child(child);
	ok();
}

const struct probe probe_proc = {
	.name = "proc",
	.purpose = "the program's memory, descriptors and paths are reached through /proc",
	.run = run,
};
