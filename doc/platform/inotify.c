/* SPDX-License-Identifier: MIT */
/* An inotify instance, of which a user can have 128 by default (fs.inotify.max_user_instances). */
#include <sys/inotify.h>

#include "probe.h"

static void run(void)
{
	need(inotify_init1(IN_CLOEXEC) >= 0, "cannot make an inotify instance");
	ok();
}

const struct probe probe_inotify = {
	.name = "inotify",
	.purpose = "one inotify instance of this user's for each box",
	.run = run,
};
