/* SPDX-License-Identifier: MIT */
/* What all of the test uses (rig.h). */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/vfio.h>

int failures, checks;
int scratch;
const char *self;

static const char *const kind_names[] = { "container", "container with IOMMU", "group", "device" };

int open_group(void)
{
	return (int)sys(open(GROUP, O_RDWR));
}

long rig_open(struct rig *rig)
{
	for (int i = 0; i < N_KINDS; i++)
		rig->fd[i] = -1;
	rig->fd[C] = (int)sys(open(CONTAINER, O_RDWR));
	rig->fd[S] = (int)sys(open(CONTAINER, O_RDWR));
	rig->fd[G] = open_group();
	if (rig->fd[C] < 0 || rig->fd[S] < 0 || rig->fd[G] < 0)
		return rig->fd[G] < 0 ? rig->fd[G] : -EIO;
	if (ioctl(rig->fd[G], VFIO_GROUP_SET_CONTAINER, &rig->fd[S]) ||
		ioctl(rig->fd[S], VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	rig->fd[D] = (int)sys(ioctl(rig->fd[G], VFIO_GROUP_GET_DEVICE_FD, DEVICE));
	return rig->fd[D] < 0 ? rig->fd[D] : 0;
}

void rig_close(struct rig *rig)
{
	for (int i = N_KINDS - 1; i >= 0; i--)
		if (rig->fd[i] >= 0)
			close(rig->fd[i]);
}

/** Whether the file answers as what it is, through this number. */
bool alive(enum kind kind, int fd)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_device_info info = { .argsz = sizeof(info) };

	switch (kind) {
	case G:
		return !ioctl(fd, VFIO_GROUP_GET_STATUS, &status);
	case D:
		return !ioctl(fd, VFIO_DEVICE_GET_INFO, &info) && info.flags & 2;
	default:
		return ioctl(fd, VFIO_GET_API_VERSION) == VFIO_API_VERSION;
	}
}

int64_t region_offset(int device, unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ? -1 : (int64_t)info.offset;
}

long mmap_at(int fd, int prot, int flags, size_t len, int64_t offset)
{
	void *at = mmap(NULL, len, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, len);
	return 0;
}

void check(bool ok, const char *what, long got, long want)
{
	checks++;
	if (ok)
		return;
	failures++;
	printf("not ok: %s: %ld (%s), must be %ld\n", what, got,
		got < 0 ? strerrorname_np((int)-got) : "", want);
}

static void run_row(const struct row *row)
{
	struct rig rig;
	char what[200];
	long got = rig_open(&rig);

	snprintf(what, sizeof(what), "%s of a %s [%s]", row->name, kind_names[row->kind],
		row->kernel);
	if (got) {
		check(false, "rig", got, 0);
	} else {
		got = row->op(rig.fd[row->kind]);
		check(got == row->want, what, got, row->want);
		check(alive(row->kind, rig.fd[row->kind]), what, -EIO, 0);
	}
	rig_close(&rig);
}

void run_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_row(&rows[i]);
}

int send_one(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { "", 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

int receive_one(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}
