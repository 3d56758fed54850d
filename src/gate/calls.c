/* SPDX-License-Identifier: MIT */
/*
 * What each notified system call means. A table leads from the number to a handler; a handler finds
 * out whether the call is about one of our files (else it continues, as if we were not there) and
 * drives the struct file, with the call as the caller handle.
 *
 * FIDELITY: a descriptor that the program moves below the reserved range shows a regular file to
 * fstat, and reads as empty.
 */
#include "gate/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hostlock.h"
#include "trace/decode.h"

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

struct file *call_file_at(struct call *call, int fd)
{
	struct file *file;

	return look_up(call, fd, &file, &call->origin) ? NULL : file;
}

struct file *call_file(struct call *call, unsigned n)
{
	/* Handled anew it is about the same file, whatever the number stands for by now. */
	call->file = call->held ? file_get(call->held) : call_file_at(call, (int)call_arg(call, n));
	return call->file;
}

/* ---- the caller handle ---- */

static int caller_get_file(struct caller *caller, int fd, struct file **out)
{
	struct call *call = (struct call *)caller;
	const struct fd_origin origin = call->origin; /* the call's, not its argument's */
	int ret = look_up(call, fd, out, NULL);

	if (!ret && !*out)
		ret = late_open(call, fd, out);
	call->origin = origin;
	return ret;
}

/* 0, -EINVAL: it is another kind of file; -ENFILE: we cannot tell. */
static int check_eventfd(int fd)
{
	char path[32], target[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return -ENFILE;
	target[n] = 0;
	return strcmp(target, "anon_inode:[eventfd]") ? -EINVAL : 0;
}

/* What we lack is no fault of the program's descriptor. (Whose caller is gone is told nothing.) */
static bool is_want(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ESRCH;
}

static int caller_get_eventfd(struct caller *caller, int fd)
{
	struct call *call = (struct call *)caller;
	struct proc *proc = call_proc(call);
	AUTO_FD int taken = -1;
	int err;

	nb_assert(!hostlock_held());
	if (proc && call->serve->eventfds) {
		taken = eventfds_take(call->serve->eventfds, proc, fd);
		return taken < 0 ? taken : call_valid(call) ? TAKE_FD(taken) : -EBADF;
	}
	taken = proc ? proc_take_fd(proc, fd) : -ESRCH;
	if (taken < 0 || !call_valid(call))
		return is_want(taken) ? -ENFILE : -EBADF;
	err = check_eventfd(taken);
	if (err)
		return err;
	return fdtable_affords(call->serve->fds, taken) ? TAKE_FD(taken) : -ENFILE;
}

/* Descriptor numbers from here up make FD_SET of the program write beyond its set. */
#define SELECT_LIMIT 1024
/* valgrind keeps the last 12 below the limit, and says EMFILE to a program that gets one of them. */
#define LAST_RESORT 16

/**
 * A free number for a stand-in, from fd_base up; 0: none. Below SELECT_LIMIT the highest first,
 * since a program's own opens take the lowest: between this look and the installation another
 * thread of the program must not get it. Above it where the last one was found: with thousands of
 * them each look would otherwise begin with all of them. install_lock held.
 */
static unsigned free_number(struct call *call, struct proc *proc)
{
	unsigned base = call->serve->args.fd_base, limit = proc_fd_limit(proc);
	unsigned end = limit > LAST_RESORT ? limit - LAST_RESORT : 0;
	unsigned first = MAX(base, SELECT_LIMIT), *next = &call->serve->next_number;
	unsigned i;

	for (i = MIN(end, SELECT_LIMIT); i > base; i--) {
		if (!proc_fd_used(proc, (int)i - 1))
			return i - 1;
	}
	for (i = first; i < end; i++, ++*next) {
		if (*next < first || *next >= end)
			*next = first;
		if (!proc_fd_used(proc, (int)*next))
			return (*next)++;
	}
	for (i = MAX(base, end); i < limit; i++) {
		if (!proc_fd_used(proc, (int)i))
			return i;
	}
	return 0;
}

/**
 * Give the program our descriptor src, over its descriptor `at` or (-1) as a free number. Its number
 * there, or a negative errno.
 */
static int send_fd(struct call *call, int src, unsigned flags, int at)
{
	struct proc *proc = call_proc(call);
	struct seccomp_notif_addfd add = {
		.id = call->notif->id,
		.srcfd = (unsigned)src,
		.newfd_flags = flags & O_CLOEXEC,
	};
	int ret;

	/* The kernel replaces what the number stands for: it must be free with this thread, not with
	 * one that had its id before. */
	if (!proc || !proc_refresh(proc))
		return proc || !call_valid(call) ? -ESRCH : -ENOMEM;
	pthread_mutex_lock(&call->serve->install_lock);
	add.newfd = at >= 0 ? (unsigned)at : free_number(call, proc);
	/* Where the program lowered its limit so far, the kernel picks the number. */
	add.flags = at >= 0 || add.newfd ? SECCOMP_ADDFD_FLAG_SETFD : 0;
	ret = ioctl(call->serve->args.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (ret < 0)
		ret = -errno;
	pthread_mutex_unlock(&call->serve->install_lock);
	return ret;
}

int call_install(struct call *call, struct file *file, const struct fd_origin *origin, int at)
{
	AUTO_FD int fd = -1;

	nb_assert(!hostlock_held());
	/* A reference for the case that the program cannot take it: fdtable_add consumes one. */
	file_get(file);
	fd = fdtable_add(call->serve->fds, file, origin);
	if (fd < 0) {
		file_put(file);
		/* It is we who have too many: not the program's EMFILE. */
		return fd == -EMFILE ? -ENFILE : fd;
	}
	int ret = send_fd(call, fd, origin->flags, at);

	/* Closing our copy is the last close if the program did not get it: that is drained. */
	if (ret >= 0)
		file_put(file);
	return ret;
}

static int caller_install(struct caller *caller, struct file *file, int flags)
{
	struct call *call = (struct call *)caller;
	struct fd_origin origin = { .node = NULL, .flags = O_RDWR | (unsigned)flags };

	call->settled = true;
	/* VFIO_GROUP_GET_DEVICE_FD is the one call that installs, and its argument the name. */
	if (usermem_string(call, call_arg(call, 2), origin.path, sizeof(origin.path)) <= 0)
		snprintf(origin.path, sizeof(origin.path), "vfio-%s", file->ops->name);
	return call_install(call, file, &origin, -1);
}

static bool caller_alive(struct caller *caller)
{
	return call_valid((struct call *)caller);
}

static const struct caller_ops caller_ops = {
	.copy_in = usermem_copy_in,
	.copy_out = usermem_copy_out,
	.get_file = caller_get_file,
	.get_eventfd = caller_get_eventfd,
	.install = caller_install,
	.pin = usermem_pin,
	.memlock = usermem_memlock,
	.alive = caller_alive,
};

void call_init(struct call *call, struct serve *serve, const struct seccomp_notif *notif)
{
	*call = (struct call){ .caller = { &caller_ops }, .serve = serve, .notif = notif };
	if (report_traces(serve->report))
		call->begin_ns = clock_ns();
}

void call_finish(struct call *call)
{
	if (call->proc)
		proc_put(call->serve->procs, call->proc);
	if (call->held)
		file_put(call->held);
	owed_drop(&call->owed);
}

void call_settle(struct call *call)
{
	machine_await_steps(call->serve->args.machine);
	fdtable_settle(call->serve->fds);
}

/* ---- ioctl ---- */

void call_kick(struct call *call, const struct file *file)
{
	if (file->memfd < 0)
		return;
	poller_kick(call->serve->poller);
	live_touched(call->serve->live, file->memfd);
}

void call_report(struct call *call, const struct report_call *done)
{
	if (call_again(call))
		return;
	call->settled = true;
	report_call(call->serve->report, done);
}

/**
 * What the kernel answers before it asks the file (Linux 7.3 do_vfs_ioctl), and for a stand-in as
 * for any other file.
 */
static bool is_generic_ioctl(unsigned cmd)
{
	static const unsigned generic[] = {
		FIOCLEX,
		FIONCLEX,
		FIONBIO,
		FIOASYNC,
		FIGETBSZ,
		FIFREEZE,
		FITHAW,
		FS_IOC_FIEMAP,
		FICLONE,
		FICLONERANGE,
		FIDEDUPERANGE,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(generic); i++) {
		if (generic[i] == cmd)
			return true;
	}
	return false;
}

static long file_ioctl(
	struct call *call, struct file *file, const struct report_call *done, struct why *why)
{
	/* FIOQSIZE is known for regular files and directories only. */
	if (done->cmd == FIOQSIZE || !file->ops->ioctl)
		return -ENOTTY;
	return file->ops->ioctl(file, &call->caller, done->cmd, done->arg, why);
}

static long ioctl_of(struct call *call, struct file *file)
{
	struct why why = { 0 };
	/* Linux takes the command as 32 bits. */
	struct report_call done = {
		.call = call,
		.kind = file->ops->name,
		.cmd = (unsigned)call_arg(call, 1),
		.arg = call_arg(call, 2),
		.why = &why,
	};

	done.argsz = report_argsz(call->serve->report, call, done.kind);
	done.result = file_ioctl(call, file, &done, &why);
	if (done.result == -EBUSY) {
		call_settle(call); /* nothing was changed: the same call again */
		why = (struct why){ 0 };
		done.result = file_ioctl(call, file, &done, &why);
	}
	call_report(call, &done);
	call_kick(call, file);
	return done.result;
}

static long sys_ioctl(struct call *call)
{
	unsigned cmd = (unsigned)call_arg(call, 1);
	long ret = CALL_CONTINUE;
	struct file *file;

	if (cmd == USERFAULTFD_IOC_NEW)
		return userfault_new(call);
	if (cmd == TIOCGPTPEER)
		return sys_open_peer(call);
	file = call_file(call, 0);
	if (!file && _IOC_TYPE(cmd) == ';') {
		int err = late_open(call, (int)call_arg(call, 0), &file);

		if (err)
			return err;
		call->file = file;
	}
	if (!file)
		return CALL_CONTINUE;
	if (!is_generic_ioctl(cmd))
		ret = ioctl_of(call, file);
	file_put(file);
	return ret;
}

/** Of a 32-bit program: the filter sends nothing else of one (emit_foreign). */
static long foreign_ioctl(struct call *call)
{
	struct file *file = call_file(call, 0);
	struct why why = { 0 };
	struct report_call done = {
		.call = call, .name = "ioctl", .text = "ioctl", .result = -ENOTTY, .why = &why
	};
	unsigned flags;

	if (!file && !late_find(call, (int)call_arg(call, 0), &flags))
		return CALL_CONTINUE;
	if (file)
		file_put(file);
	why_refused(&why, ENOTTY, "32-bit", "32-bit programs are not served");
	why_instead(&why, "a 64-bit build of the program");
	report_call(call->serve->report, &done);
	return done.result;
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
#ifdef __NR_creat
	[__NR_creat] = sys_creat,
#endif
#ifdef __NR_access
	[__NR_access] = sys_access,
#endif
	[__NR_faccessat] = sys_faccessat,
	[__NR_faccessat2] = sys_faccessat,
	[__NR_statfs] = sys_statfs,
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
	[__NR_fcntl] = sys_fcntl,
	[__NR_fsync] = sys_fsync,
	[__NR_fdatasync] = sys_fdatasync,
	[__NR_sync_file_range] = sys_sync_file_range,
	[__NR_readahead] = sys_readahead,
	[__NR_fchmod] = sys_fchmod,
	[__NR_fchown] = sys_fchown,
	[__NR_sendfile] = sys_sendfile,
	[__NR_splice] = sys_splice,
	[__NR_copy_file_range] = sys_copy_file_range,
	[__NR_mmap] = sys_mmap,
	[__NR_fstat] = sys_fstat,
	[__NR_newfstatat] = sys_newfstatat,
	[__NR_statx] = sys_statx,
	[__NR_userfaultfd] = sys_userfaultfd,
	[__NR_fstatfs] = sys_fstatfs,
	[__NR_munmap] = sys_munmap,
	[__NR_mremap] = sys_mremap,
	[__NR_brk] = sys_brk,
	[__NR_madvise] = sys_madvise,
	[__NR_shmat] = sys_shmat,
	[__NR_shmdt] = sys_shmdt,
#ifdef __NR_remap_file_pages
	[__NR_remap_file_pages] = sys_remap_file_pages,
#endif
	[__NR_execve] = sys_exec,
	[__NR_execveat] = sys_exec,
#ifdef __NR_eventfd
	[__NR_eventfd] = sys_eventfd,
#endif
	[__NR_eventfd2] = sys_eventfd2,
};

long call_handle(struct call *call)
{
	unsigned nr = (unsigned)call->notif->data.nr;

	if (call->notif->data.arch != filter_arch())
		return foreign_ioctl(call);
	if (nr >= ARRAY_LEN(handlers) || !handlers[nr])
		return CALL_CONTINUE;
	return handlers[nr](call);
}
