/* SPDX-License-Identifier: MIT */
/* An ordinary user may mount in a user and mount namespace, and the host does not see it. */
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

static uid_t uid;

static int body(void)
{
	enter_namespaces();
	expect(getuid() == uid, "identity is kept");
	expect(!mount("probe", "/dev", "tmpfs", MS_NOSUID, "mode=0755"), "tmpfs over /dev");
	expect(!mkdir("/dev/probe", 0755), "mkdir in it");
	fflush(stdout);
	return 0;
}

int main(void)
{
	struct stat st;
	int status;

	uid = getuid();
	status = wait_child(run_child(body));

	if (status)
		return status;
	expect(stat("/dev/probe", &st) != 0, "the mount stays inside");
	ok("mounts in a user namespace stay there");
}
