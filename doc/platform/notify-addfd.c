/* SPDX-License-Identifier: MIT */
/* A notified openat is answered with a descriptor of ours: ADDFD with SEND, at a number we choose.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

#define BASE 50

static const struct sock_filter filter[] = { LOAD(nr), IF_EQUAL(__NR_openat, 0, 1), NOTIFY, ALLOW };

static int body(void)
{
	char c = 0;
	int fd = open("/no/such/file", O_RDWR);

	return fd == BASE && read(fd, &c, 1) == 1 && c == 'x' ? 0 : LACK_BROKEN;
}

static void run(void)
{
	int listener, memfd = memfd_create("probe", MFD_CLOEXEC);
	pid_t pid = run_notified(filter, COUNT(filter), body, &listener);
	struct seccomp_notif notif = receive(listener);
	struct seccomp_notif_addfd addfd = {
		.id = notif.id,
		.flags = SECCOMP_ADDFD_FLAG_SEND | SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (unsigned)memfd,
		.newfd = BASE,
	};

	need(pwrite(memfd, "x", 1, 0) == 1, "cannot write a memfd");
	need(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) == BASE,
		"cannot answer a notification with a descriptor (ADDFD)");
	expect(wait_child(pid) == 0, "the caller gets the descriptor at the number that we chose");
	ok();
}

const struct probe probe_notify_addfd = {
	.name = "notify-addfd",
	.purpose = "a notified open is answered with a descriptor at a number of our choice",
	.run = run,
};
