/* SPDX-License-Identifier: MIT */
/*
 * A tmpfs over /sys, and in it a recursive bind of part of the covered /sys, reached through a
 * descriptor that was opened before.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

static int body(void)
{
	char from[64];
	int host;

	enter_namespaces();
	host = open("/sys", O_PATH | O_DIRECTORY);
	need(host >= 0, "cannot open /sys");
	need(!mount("probe", "/sys", "tmpfs", MS_NOSUID, "mode=0755"),
		"cannot mount a tmpfs over /sys");
	expect(access("/sys/kernel", F_OK) != 0, "a tmpfs covers the host's /sys");
	need(!mkdir("/sys/kernel", 0755), "cannot make a directory in a tmpfs over /sys");
	snprintf(from, sizeof(from), "/proc/self/fd/%d/kernel", host);
	need(!mount(from, "/sys/kernel", NULL, MS_BIND | MS_REC, NULL),
		"cannot bind part of the covered /sys");
	expect(!access("/sys/kernel/mm", F_OK), "the host's /sys/kernel/mm shows through a bind");
	need(!mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL),
		"cannot make the cover read-only");
	expect(mkdir("/sys/more", 0755) != 0, "a read-only cover is read-only");
	return 0;
}

static void run(void)
{
	join_child(run_child(body));
	ok();
}

const struct probe probe_cover_sys = {
	.name = "cover-sys",
	.purpose = "a tmpfs over /sys in which parts of the covered /sys are shown again by "
		   "recursive binds",
	.run = run,
};
