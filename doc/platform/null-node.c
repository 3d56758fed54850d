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

	expect(!statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &stx), "statx");
	expect(stx.stx_mask & STATX_MNT_ID, "STATX_MNT_ID");
	return stx.stx_mnt_id;
}

static void make_node(int null, const char *path)
{
	char from[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", null);
	expect(close(open(path, O_CREAT | O_WRONLY, 0666)) == 0, "placeholder");
	expect(!mount(from, path, NULL, MS_BIND, NULL), "bind of /dev/null");
}

static int body(void)
{
	struct stat st;
	int null;

	enter_namespaces();
	null = open("/dev/null", O_PATH);
	expect(null >= 0, "open /dev/null");
	expect(!mount("probe", "/dev", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"),
		"tmpfs over /dev");
	make_node(null, "/dev/a");
	make_node(null, "/dev/b");
	expect(!stat("/dev/a", &st) && S_ISCHR(st.st_mode), "a character device");
	expect(st.st_rdev == makedev(1, 3), "rdev 1:3");
	expect(open("/dev/a", O_RDWR) >= 0, "it opens");
	expect(mount_id("/dev/a") != mount_id("/dev/b"), "mount ids differ");
	return 0;
}

int main(void)
{
	int status = wait_child(run_child(body));

	if (status)
		return status;
	ok("a bind of /dev/null passes for a device node");
}
