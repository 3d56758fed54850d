/* SPDX-License-Identifier: MIT */
/*
 * The other side of a terminal made in the box. TIOCGPTPEER, which openpty uses, opens it on the
 * mount beside the ptmx that was opened (Linux 7.3 fs/devpts: devpts_mntget), and where the host's
 * ptmx is a node of its own that is below /dev/.host: ttyname would say so. The same terminal is
 * opened here by the name that ptsname gives, as a program does that knows no TIOCGPTPEER.
 */
#include "gate/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gate/procfs.h"

/** Whether both are the one terminal: of the same devpts, of the same number. */
static bool same_node(int a, int b)
{
	struct stat sa, sb;

	return !fstat(a, &sa) && !fstat(b, &sb) && S_ISCHR(sa.st_mode) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/** What the program has below /dev/pts, not opened yet: it may be anything. */
static int find_by_name(const struct call *call, int master)
{
	char path[48];
	unsigned n;

	if (ioctl(master, TIOCGPTN, &n))
		return -1;
	snprintf(path, sizeof(path), "root/dev/pts/%u", n);
	return procfs_open((pid_t)call->notif->pid, path, O_PATH | O_NOFOLLOW);
}

/** Open it as it was asked for. -1: the kernel's way is as good. */
static int open_peer(struct call *call, int flags)
{
	struct proc *proc = call_proc(call);
	AUTO_FD int master = proc ? proc_take_fd(proc, (int)call_arg(call, 0)) : -1;
	AUTO_FD int named = master < 0 ? -1 : find_by_name(call, master);
	/* Only a look: opening and closing the terminal here would hang up the master. */
	AUTO_FD int peer = named < 0 ? -1 : ioctl(master, TIOCGPTPEER, O_PATH | O_CLOEXEC);
	char path[32];

	if (peer < 0 || !same_node(named, peer) || !call_valid(call))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", named);
	return open(path, (flags & (O_ACCMODE | O_NONBLOCK)) | O_NOCTTY | O_CLOEXEC);
}

long sys_open_peer(struct call *call)
{
	int flags = (int)call_arg(call, 2);
	/* FIDELITY: where it may become the controlling terminal, only the program can open it. */
	AUTO_FD int fd = flags & O_NOCTTY ? open_peer(call, flags) : -1;
	struct seccomp_notif_addfd add = {
		.id = call->notif->id,
		.srcfd = (unsigned)fd,
		.newfd_flags = (unsigned)flags & O_CLOEXEC,
	};
	int ret;

	if (fd < 0)
		return CALL_CONTINUE;
	ret = ioctl(call->serve->args.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	return ret < 0 ? -errno : ret;
}
