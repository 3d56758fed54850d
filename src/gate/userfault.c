/* SPDX-License-Identifier: MIT */
/*
 * Memory that programs serve themselves. What a copy of ours finds missing there is not lost but
 * *owed*: in Linux the caller would wait in copy_from_user until its userfaultfd is served, so here
 * only that caller waits (parked.c), and no thread of ours.
 *
 * /proc/PID/mem never waits for a userfaultfd: access_remote_vm passes no FAULT_FLAG_ALLOW_RETRY, so
 * that handle_userfault (Linux 7.3 fs/userfaultfd.c) answers SIGBUS, and the access ends with EIO.
 * process_vm_readv waits, and only SIGKILL ends that: so once somebody in the box has a userfaultfd
 * for faults of the kernel, all copies go through mem.
 *
 * With UFFD_USER_MODE_ONLY, all that ordinary users get, faults of the kernel fail: EFAULT.
 *
 * FIDELITY: a box that has userfaultfds of both kinds waits for either.
 */
#include "gate/calls.h"
#include "gate/procfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/cleanup.h"

/* Linux 5.11 and 6.1 <linux/userfaultfd.h>, which older headers lack. */
#define USER_MODE_ONLY 1u

static bool sysctl_allows(void)
{
	AUTO_FD int fd = open("/proc/sys/vm/unprivileged_userfaultfd", O_RDONLY | O_CLOEXEC);
	char value = '0';

	return fd >= 0 && read(fd, &value, 1) == 1 && value == '1';
}

static bool has_capability(pid_t tid, unsigned cap)
{
	AUTO_FREE char *line = NULL;
	uint64_t effective = 0;
	size_t size = 0;
	FILE *f;

	f = procfs_read(tid, "status");
	while (f && getline(&line, &size, f) > 0)
		if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
			break;
	if (f)
		fclose(f);
	return effective >> cap & 1;
}

/* Nobody in the box may do what we may not; in a user namespace its capability does not count. */
static bool kernel_faults_allowed(pid_t tid)
{
	AUTO_FD int own = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	return own >= 0 && (sysctl_allows() || has_capability(tid, CAP_SYS_PTRACE));
}

long sys_userfaultfd(struct call *call)
{
	atomic_store(&call->serve->userfaults_any, true);
	if (!(call_arg(call, 0) & USER_MODE_ONLY) && kernel_faults_allowed((pid_t)call->notif->pid))
		atomic_store(&call->serve->userfaults, true);
	return CALL_CONTINUE;
}

/* Who could open /dev/userfaultfd needs no more. */
long userfault_new(struct call *call)
{
	atomic_store(&call->serve->userfaults_any, true);
	if (!(call_arg(call, 2) & USER_MODE_ONLY))
		atomic_store(&call->serve->userfaults, true);
	return CALL_CONTINUE;
}

/** "VmFlags: rd wr mr mw me um ac": missing, write-protected or minor faults are served. */
static bool flags_tell(const char *flags)
{
	return strstr(flags, " um") || strstr(flags, " uw") || strstr(flags, " ui");
}

bool userfault_serves(pid_t tid, uint64_t addr)
{
	AUTO_FREE char *line = NULL;
	uint64_t start, end;
	bool here = false, serves = false;
	size_t size = 0;
	FILE *f;

	f = procfs_read(tid, "smaps");
	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			here = addr >= start && addr < end;
		if (!here || strncmp(line, "VmFlags:", 8))
			continue;
		serves = flags_tell(line);
		break;
	}
	if (f)
		fclose(f);
	return serves;
}
