/* SPDX-License-Identifier: MIT */
/*
 * The host's whole /dev moved below a tmpfs over /dev: a bind of the single file /dev/ptmx makes no
 * terminals, since the kernel looks for "pts" beside it.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

/* Older C libraries lack these. */
#define CLONE_TREE   1u
#define MOVE_BY_FD   4u
#define OPENED_FLAGS (CLONE_TREE | AT_RECURSIVE | O_CLOEXEC)

static int body(void)
{
	struct stat st;
	int host;

	/* Where it is a link into pts, as in most containers, there is nothing to keep. */
	if (lstat("/dev/ptmx", &st) || !S_ISCHR(st.st_mode))
		return 0;
	enter_namespaces();
	host = (int)syscall(SYS_open_tree, AT_FDCWD, "/dev", OPENED_FLAGS);
	need(host >= 0, "cannot clone the mounts of /dev (open_tree)");
	need(!mount("probe", "/dev", "tmpfs", MS_NOSUID, "mode=0755"),
		"cannot mount a tmpfs over /dev");
	need(!mkdir("/dev/.host", 0755), "cannot make a directory in a tmpfs over /dev");
	need(!syscall(SYS_move_mount, host, "", AT_FDCWD, "/dev/.host", MOVE_BY_FD),
		"cannot attach the mounts of /dev (move_mount)");
	expect(!access("/dev/.host/null", F_OK), "the host's /dev shows below the cover");
	return 0;
}

static void run(void)
{
	join_child(run_child(body));
	ok();
}

const struct probe probe_cover_dev = {
	.name = "cover-dev",
	.purpose = "a tmpfs over /dev with the host's /dev below it, so that new terminals can be "
		   "opened in the box",
	.without = "programs in the box open no new terminals (script, tmux)",
	.run = run,
};
