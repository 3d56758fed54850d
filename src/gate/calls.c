/* SPDX-License-Identifier: MIT */
/*
 * What each notified system call means. A table leads from the number to a handler; a handler finds
 * out whether the call is about one of our files (else it continues, as if we were not there) and
 * drives the struct file, with the call as the caller handle.
 *
 * FIDELITY: an open that is not O_RDWR reaches the placeholder, which is /dev/null; a descriptor
 * that the program moves below the reserved range shows a regular file to fstat, reads as empty.
 */
#include "gate/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/hostlock.h"

/* ---- the call ---- */

bool call_valid(const struct call *call)
{
	return !ioctl(call->serve->args.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->notif->id);
}

struct proc *call_proc(struct call *call)
{
	if (!call->proc)
		call->proc = proc_get(call->serve->procs, (pid_t)call->notif->pid);
	return call->proc;
}

/** The file behind the program's descriptor, reference taken; 0 and NULL: not ours; -EBADF. */
static int look_up(struct call *call, int fd, struct file **out, struct fd_origin *origin)
{
	struct proc *proc = call_proc(call);
	struct stat st;

	nb_assert(!hostlock_held());
	*out = NULL;
	if (!proc || proc_stat_fd(proc, fd, &st))
		return -EBADF;
	*out = fdtable_find(call->serve->fds, &st, origin);
	if (!*out)
		return 0;
	call->known = !proc->by_number || call_valid(call);
	proc->by_number = false;
	if (call->known)
		return 0;
	file_put(*out);
	*out = NULL;
	return -EBADF;
}

struct file *call_file(struct call *call, unsigned n)
{
	struct file *file;

	return look_up(call, (int)call_arg(call, n), &file, &call->origin) ? NULL : file;
}

/* ---- the caller handle ---- */

static int caller_get_file(struct caller *caller, int fd, struct file **out)
{
	return look_up((struct call *)caller, fd, out, NULL);
}

static bool is_eventfd(int fd)
{
	char path[32], target[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = 0;
	return !strcmp(target, "anon_inode:[eventfd]");
}

static int caller_get_eventfd(struct caller *caller, int fd)
{
	struct call *call = (struct call *)caller;
	struct proc *proc = call_proc(call);
	AUTO_FD int taken = -1;

	nb_assert(!hostlock_held());
	taken = proc ? proc_take_fd(proc, fd) : -EBADF;
	if (taken < 0 || !call_valid(call))
		return -EBADF;
	return is_eventfd(taken) ? TAKE_FD(taken) : -EINVAL;
}

/* Descriptor numbers from here up make FD_SET of the program write beyond its set. */
#define SELECT_LIMIT 1024

/**
 * A free number for a stand-in, from fd_base up; 0: none. Below SELECT_LIMIT the highest first,
 * since a program's own opens take the lowest: between this look and the installation another
 * thread of the program must not get it.
 */
static unsigned free_number(struct call *call, struct proc *proc)
{
	unsigned base = call->serve->args.fd_base, limit = proc_fd_limit(proc);
	unsigned i;

	for (i = MIN(limit, SELECT_LIMIT); i > base; i--) {
		if (!proc_fd_used(proc, (int)i - 1))
			return i - 1;
	}
	for (i = MAX(base, SELECT_LIMIT); i < limit; i++) {
		if (!proc_fd_used(proc, (int)i))
			return i;
	}
	return 0;
}

/** Give the program our descriptor src. Its number there, or a negative errno. */
static int send_fd(struct call *call, int src, int flags)
{
	struct proc *proc = call_proc(call);
	struct seccomp_notif_addfd add = {
		.id = call->notif->id,
		.srcfd = (unsigned)src,
		.newfd_flags = (unsigned)flags & O_CLOEXEC,
	};
	int ret;

	/* The kernel replaces what the number stands for: it must be free with this thread, not with
	 * one that had its id before. */
	if (!proc || !proc_refresh(proc))
		return -ESRCH;
	pthread_mutex_lock(&call->serve->install_lock);
	add.newfd = free_number(call, proc);
	/* Where the program lowered its limit so far, the kernel picks the number. */
	add.flags = add.newfd ? SECCOMP_ADDFD_FLAG_SETFD : 0;
	ret = ioctl(call->serve->args.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (ret < 0)
		ret = -errno;
	pthread_mutex_unlock(&call->serve->install_lock);
	return ret;
}

static int install(struct call *call, struct file *file, int flags, const struct fd_origin *origin)
{
	AUTO_FD int fd = -1;

	nb_assert(!hostlock_held());
	/* A reference for the case that the program cannot take it: fdtable_add consumes one. */
	file_get(file);
	fd = fdtable_add(call->serve->fds, file, origin);
	if (fd < 0) {
		file_put(file);
		return fd;
	}
	int ret = send_fd(call, fd, flags);

	/* Closing our copy is the last close if the program did not get it: that is drained. */
	if (ret >= 0)
		file_put(file);
	return ret;
}

static int caller_install(struct caller *caller, struct file *file, int flags)
{
	struct call *call = (struct call *)caller;
	struct fd_origin origin = { .node = NULL };

	/* VFIO_GROUP_GET_DEVICE_FD is the one call that installs, and its argument the name. */
	if (usermem_string(call, call_arg(call, 2), origin.path, sizeof(origin.path)) <= 0)
		snprintf(origin.path, sizeof(origin.path), "vfio-%s", file->ops->name);
	return install(call, file, flags, &origin);
}

static const struct caller_ops caller_ops = {
	.copy_in = usermem_copy_in,
	.copy_out = usermem_copy_out,
	.get_file = caller_get_file,
	.get_eventfd = caller_get_eventfd,
	.install = caller_install,
	.pin = usermem_pin,
};

void call_init(struct call *call, struct serve *serve, const struct seccomp_notif *notif)
{
	*call = (struct call){ .caller = { &caller_ops }, .serve = serve, .notif = notif };
}

void call_finish(struct call *call)
{
	if (call->proc)
		proc_put(call->serve->procs, call->proc);
}

/**
 * Something is busy. It may be so only because of us: a step in progress reads the memory of a
 * program that has ended, or the closer thread is about to release a file. Wait for these; after
 * that, busy is busy.
 */
static void settle(struct call *call)
{
	machine_await_steps(call->serve->args.machine);
	fdtable_settle(call->serve->fds);
}

/* ---- open ---- */

static const char *describe_open(char *buf, size_t size, const char *path, uint64_t flags)
{
	snprintf(buf, size, "open(\"%s\", O_RDWR%s%s)", path, flags & O_CLOEXEC ? "|O_CLOEXEC" : "",
		flags & O_CREAT ? "|O_CREAT" : "");
	return buf;
}

static int open_node(
	struct serve *serve, const struct path_node *found, struct file **out, struct why *why)
{
	const struct tree_entry *node = found->node;

	if (!node)
		return why_misuse(why, ENXIO, "device-reopened",
			"a device's descriptor cannot be opened anew through /proc");
	if (node->node == NODE_CONTAINER)
		return vfio_open_container(serve->args.vfio, out, why);
	return vfio_open_group(
		serve->args.vfio, node->id, node->node == NODE_NOIOMMU_GROUP, out, why);
}

static long open_found(
	struct call *call, const struct path_node *found, uint64_t flags, struct why *why)
{
	struct fd_origin origin = { .node = found->node };
	struct file *file;
	long ret;

	if ((flags & O_CREAT) && (flags & O_EXCL))
		return why_misuse(why, EEXIST, "exists", "O_EXCL of a node that exists");
	ret = open_node(call->serve, found, &file, why);
	if (ret == -EBUSY) {
		settle(call);
		*why = (struct why){ 0 };
		ret = open_node(call->serve, found, &file, why);
	}
	if (ret)
		return ret;
	snprintf(origin.path, sizeof(origin.path), "%s", found->node->path);
	ret = install(call, file, (int)(flags & O_CLOEXEC), &origin);
	if (ret < 0) {
		file_put(file);
		why_refused(why, (int)-ret, "no-descriptor", "the program can take no descriptor");
	}
	return ret;
}

static long do_open(struct call *call, int dirfd, uint64_t upath, uint64_t flags)
{
	char path[PATH_MAX], text[PATH_MAX + 64];
	struct path_node found;
	struct why why = { 0 };
	struct report_call done;
	long ret;

	if (usermem_string(call, upath, path, sizeof(path)) < 0 ||
		!path_find_node(call, dirfd, path, flags, &found) || !call_valid(call))
		return CALL_CONTINUE;
	ret = open_found(call, &found, flags, &why);
	done = (struct report_call){
		.call = call,
		.name = describe_open(text, sizeof(text), path, flags),
		.text = text,
		.result = ret,
		.why = &why,
	};
	report_call(call->serve->report, &done);
	return ret;
}

#ifdef __NR_open
static long sys_open(struct call *call)
{
	return do_open(call, AT_FDCWD, call_arg(call, 0), call_arg(call, 1));
}
#endif

static long sys_openat(struct call *call)
{
	return do_open(call, (int)call_arg(call, 0), call_arg(call, 1), call_arg(call, 2));
}

static long sys_openat2(struct call *call)
{
	struct open_how how;

	/* FIDELITY: how.resolve is not looked at where the path leads to one of our nodes. */
	if (call_arg(call, 3) < sizeof(how) ||
		usermem_copy_in(&call->caller, &how, call_arg(call, 2), sizeof(how)) ||
		(how.flags & (O_ACCMODE | O_DIRECTORY | O_PATH)) != O_RDWR)
		return CALL_CONTINUE;
	return do_open(call, (int)call_arg(call, 0), call_arg(call, 1), how.flags);
}

/* ---- ioctl ---- */

void call_kick(struct call *call, const struct file *file)
{
	if (file->memfd >= 0)
		poller_kick(call->serve->poller);
}

static long file_ioctl(
	struct call *call, struct file *file, const struct report_call *done, struct why *why)
{
	memset(why, 0, sizeof(*why));
	return file->ops->ioctl ? file->ops->ioctl(file, &call->caller, done->cmd, done->arg, why)
				: -ENOTTY;
}

static long sys_ioctl(struct call *call)
{
	struct file *file = call_file(call, 0);
	struct why why;
	struct report_call done;
	long ret;

	if (!file)
		return CALL_CONTINUE;
	/* Linux takes the command as 32 bits. */
	done = (struct report_call){
		.call = call,
		.kind = file->ops->name,
		.cmd = (unsigned)call_arg(call, 1),
		.arg = call_arg(call, 2),
		.why = &why,
	};
	ret = file_ioctl(call, file, &done, &why);
	if (ret == -EBUSY) {
		settle(call); /* nothing was changed: the same call again */
		ret = file_ioctl(call, file, &done, &why);
	}
	done.result = ret;
	report_call(call->serve->report, &done);
	call_kick(call, file);
	file_put(file);
	return ret;
}

/* ---- exec ---- */

static long sys_exec(struct call *call)
{
	proc_exec(call->serve->procs, (pid_t)call->notif->pid);
	return CALL_CONTINUE;
}

/* ---- dispatch ---- */

typedef long call_fn(struct call *call);

static call_fn *const handlers[] = {
	[__NR_ioctl] = sys_ioctl,
#ifdef __NR_open
	[__NR_open] = sys_open,
#endif
	[__NR_openat] = sys_openat,
	[__NR_openat2] = sys_openat2,
	[__NR_pread64] = sys_pread64,
	[__NR_pwrite64] = sys_pwrite64,
	[__NR_preadv] = sys_preadv,
	[__NR_pwritev] = sys_pwritev,
	[__NR_preadv2] = sys_preadv2,
	[__NR_pwritev2] = sys_pwritev2,
	[__NR_read] = sys_read,
	[__NR_write] = sys_write,
	[__NR_readv] = sys_readv,
	[__NR_writev] = sys_writev,
	[__NR_lseek] = sys_lseek,
	[__NR_ftruncate] = sys_ftruncate,
	[__NR_fallocate] = sys_fallocate,
	[__NR_mmap] = sys_mmap,
	[__NR_fstat] = sys_fstat,
	[__NR_newfstatat] = sys_newfstatat,
	[__NR_statx] = sys_statx,
	[__NR_execve] = sys_exec,
	[__NR_execveat] = sys_exec,
};

long call_handle(struct call *call)
{
	unsigned nr = (unsigned)call->notif->data.nr;

	if (nr >= ARRAY_LEN(handlers) || !handlers[nr])
		return CALL_CONTINUE;
	return handlers[nr](call);
}
