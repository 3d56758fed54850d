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
	expect(host >= 0, "open /sys");
	expect(!mount("probe", "/sys", "tmpfs", MS_NOSUID, "mode=0755"), "tmpfs over /sys");
	expect(access("/sys/kernel", F_OK) != 0, "the host's /sys is covered");
	expect(!mkdir("/sys/kernel", 0755), "mkdir /sys/kernel");
	snprintf(from, sizeof(from), "/proc/self/fd/%d/kernel", host);
	expect(!mount(from, "/sys/kernel", NULL, MS_BIND | MS_REC, NULL), "recursive bind");
	expect(!access("/sys/kernel/mm", F_OK), "the host's /sys/kernel/mm shows");
	expect(!mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL),
		"remount read-only");
	expect(mkdir("/sys/more", 0755) != 0, "read-only is read-only");
	return 0;
}

int main(void)
{
	int status = wait_child(run_child(body));

	if (status)
		return status;
	ok("/sys can be covered and partly shown again");
}
