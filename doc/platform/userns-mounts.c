/* SPDX-License-Identifier: MIT */
/* An ordinary user may mount in a user and mount namespace (with CAP_SYS_ADMIN: in a mount namespace),
 * and the host does not see it. */
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

static uid_t uid;

static int body(void)
{
	enter_namespaces();
	expect(getuid() == uid, "identity is kept in a user namespace");
	/* Ubuntu 24.04 (AppArmor) lets everything above succeed, and refuses this. */
	need(!mount("probe", "/dev", "tmpfs", MS_NOSUID, "mode=0755"),
		"cannot mount a tmpfs in a mount namespace");
	need(!mkdir("/dev/probe", 0755), "cannot make a directory in a tmpfs");
	return 0;
}

static void run(void)
{
	struct stat st;

	uid = getuid();
	join_child(run_child(body));
	expect(stat("/dev/probe", &st) != 0, "a mount stays inside its namespace");
	ok();
}

const struct probe probe_userns_mounts = {
	.name = "userns-mounts",
	.purpose = "mounts without root: a user and a mount namespace in which we stay who we are",
	.run = run,
};
