/* SPDX-License-Identifier: MIT */
/* /dev/null bound over a file is a character device 1:3 with a mount id of its own. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probe.h"

static unsigned long long mount_id(const char *path)
{
	struct statx stx;

	need(!statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &stx),
		"cannot statx a bind of /dev/null");
	if (!(stx.stx_mask & STATX_MNT_ID))
		lacks(LACK_OLD, "statx gives no mount ids");
	return stx.stx_mnt_id;
}

static void make_node(int null, const char *path)
{
	char from[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", null);
	need(!close(open(path, O_CREAT | O_WRONLY, 0666)),
		"cannot make a file in a tmpfs over /dev");
	need(!mount(from, path, NULL, MS_BIND, NULL), "cannot bind /dev/null");
}

static int body(void)
{
	struct stat st;
	bool opens = open("/dev/null", O_RDWR) >= 0; /* not where /dev is mounted nodev */
	int null;

	enter_namespaces();
	null = open("/dev/null", O_PATH);
	need(null >= 0, "cannot open /dev/null");
	need(!mount("probe", "/dev", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"),
		"cannot mount a tmpfs over /dev");
	make_node(null, "/dev/a");
	make_node(null, "/dev/b");
	expect(!stat("/dev/a", &st) && S_ISCHR(st.st_mode),
		"a bind of /dev/null is a character device");
	expect(st.st_rdev == makedev(1, 3), "its number is 1:3");
	need(!opens || open("/dev/a", O_RDWR) >= 0, "cannot open a bind of /dev/null");
	expect(mount_id("/dev/a") != mount_id("/dev/b"), "each bind has a mount id of its own");
	return 0;
}

static void run(void)
{
	join_child(run_child(body));
	ok();
}

const struct probe probe_null_node = {
	.name = "null-node",
	.purpose =
		"device nodes without mknod: a bind of /dev/null is chr 1:3 and has a mount id of "
		"its own",
	.run = run,
};
