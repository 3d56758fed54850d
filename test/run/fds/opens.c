/* SPDX-License-Identifier: MIT */
/* Opens of every kind, those that the filter of nestbox does not catch among them. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

/** An open, what F_GETFL then shows (after an ioctl), and whether it can be used. */
struct open_row {
	const char *path;
	int flags;
	long want;
	const char *kernel;
};

static const struct open_row opens[] = {
	{ CONTAINER, O_RDWR, O_RDWR, "do_sys_openat2" },
	{ CONTAINER, O_RDONLY, O_RDONLY, "vfio_fops_open asks for no mode" },
	{ CONTAINER, O_WRONLY, O_WRONLY, "vfio_fops_open asks for no mode" },
	{ CONTAINER, O_RDWR | O_NONBLOCK, O_RDWR | O_NONBLOCK, "do_dentry_open" },
	{ CONTAINER, O_RDONLY | O_NONBLOCK, O_RDONLY | O_NONBLOCK, "do_dentry_open" },
	{ CONTAINER, O_RDWR | O_APPEND | O_SYNC, O_RDWR | O_APPEND | O_SYNC, "do_dentry_open" },
	{ CONTAINER, O_RDWR | O_CREAT | O_TRUNC | O_NOCTTY, O_RDWR, "do_dentry_open" },
	{ CONTAINER, O_RDWR | O_CREAT | O_EXCL, -EEXIST, "do_open" },
	{ CONTAINER, O_RDWR | O_DIRECTORY, -ENOTDIR, "do_open" },
	{ CONTAINER, O_RDWR | O_DIRECT, -EINVAL, "do_dentry_open: no FMODE_CAN_ODIRECT" },
	{ CONTAINER "/", O_RDWR, -ENOTDIR, "link_path_walk" },
	{ CONTAINER "/x", O_RDWR, -ENOTDIR, "link_path_walk" },
	{ "/dev/vfio/none", O_RDWR, -ENOENT, "path_openat" },
	{ GROUP, O_RDWR, O_RDWR, "do_sys_openat2" },
	{ GROUP, O_RDONLY, O_RDONLY, "vfio_group_fops_open asks for no mode" },
	{ GROUP, O_WRONLY, O_WRONLY, "vfio_group_fops_open asks for no mode" },
	{ GROUP, O_RDWR | O_DIRECT, -EINVAL, "do_dentry_open" },
	{ GROUP, O_RDWR | O_DSYNC, O_RDWR | O_DSYNC, "do_dentry_open" },
};

static void run_open(const struct open_row *row)
{
	enum kind kind = strncmp(row->path, GROUP, sizeof(GROUP) - 1) ? C : G;
	char what[120];
	long got = sys(open(row->path, row->flags | O_CLOEXEC, 0600));
	int fd = (int)got;

	snprintf(what, sizeof(what), "open(%s, 0%o) [%s]", row->path, row->flags, row->kernel);
	if (fd >= 0) {
		check(alive(kind, fd), what, -EIO, 0);
		check(fcntl(fd, F_GETFD) == FD_CLOEXEC, what, fcntl(fd, F_GETFD), FD_CLOEXEC);
		check(alive(kind, fd), what, -EIO, 0);
		got = fcntl(fd, F_GETFL) & ~LARGEFILE;
		close(fd);
	}
	check(got == row->want, what, got, row->want);
}

/** The whole way through files that were opened read-only. */
static void run_read_only(void)
{
	int container = open(CONTAINER, O_RDONLY), group = open(GROUP, O_RDONLY), device;
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	char path[32];
	long got;

	/* The container has seen no ioctl of its own yet. */
	got = sys(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	check(!got, "GROUP_SET_CONTAINER, both O_RDONLY", got, 0);
	got = open_group();
	check(got == -EBUSY, "group that is open O_RDONLY", got, -EBUSY);
	got = sys(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	check(!got, "SET_IOMMU, O_RDONLY", got, 0);
	/* Another reader of what nestbox put there closes, and it stays what it is. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", container);
	close(open(path, O_RDONLY));
	got = sys(ioctl(container, VFIO_IOMMU_GET_INFO, &info));
	check(!got, "IOMMU_GET_INFO, O_RDONLY", got, 0);
	device = (int)(got = sys(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, DEVICE)));
	check(got >= 0 && alive(D, device), "GET_DEVICE_FD, O_RDONLY", got, 0);
	close(device);
	close(group);
	close(container);
	group = open(GROUP, O_RDONLY);
	got = sys(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	check(!got && status.flags == VFIO_GROUP_FLAGS_VIABLE, "O_RDONLY closes", got, 0);
	close(group);
}

/** Through O_PATH, which has no ioctls itself. */
static void run_path(void)
{
	int fd = open(CONTAINER, O_PATH);
	char path[32];
	long got = sys(ioctl(fd, VFIO_GET_API_VERSION));

	check(got == -EBADF, "ioctl of O_PATH", got, -EBADF);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int mode = O_RDONLY; mode <= O_RDWR; mode++) {
		int again = open(path, mode);

		check(again >= 0 && alive(C, again), "O_PATH, then open", again, mode);
		close(again);
	}
	close(fd);
}

/** A read-only open of /proc/self/fd/N outlives N. */
static void run_reopened(void)
{
	int fd = open(GROUP, O_RDWR), again;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	close(fd);
	check(again >= 0 && alive(G, again), "read-only reopening", again, 0);
	check(open_group() == -EBUSY, "read-only reopening holds the group", 0, -EBUSY);
	close(again);
}

#ifdef __x86_64__
/** ioctl as 32-bit programs call it. */
static long ioctl_32(int fd, unsigned cmd)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"(54L), "b"((long)fd), "c"((long)cmd), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/** FIDELITY of nestbox: refused in words. A machine without such programs says SIGSEGV. */
static void run_32(void)
{
	int fd = open(CONTAINER, O_RDWR), status;
	pid_t pid = fork();

	if (!pid)
		_exit(ioctl_32(fd, VFIO_GET_API_VERSION) == -ENOTTY ? 0 : 1);
	check(waitpid(pid, &status, 0) == pid && (WIFSIGNALED(status) || !status), "32-bit ioctl",
		status, 0);
	check(alive(C, fd), "after a 32-bit ioctl", 0, 1);
	close(fd);
}
#else
static void run_32(void)
{
}
#endif

size_t run_opens(void)
{
	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++)
		run_open(&opens[i]);
	run_read_only();
	run_path();
	run_reopened();
	run_32();
	return sizeof(opens) / sizeof(opens[0]);
}
