/* SPDX-License-Identifier: MIT */
/*
 * What each notified system call means. A table leads from the number to a handler; a handler finds
 * out whether the call is about one of our files (else it continues, as if we were not there) and
 * drives the struct file, with the call as the caller handle.
 *
 * FIDELITY: an open that is not O_RDWR reaches the placeholder, which is /dev/null; a descriptor
 * that the program moves below the reserved range shows a regular file to fstat, reads as empty.
 */
#include "gate/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/hostlock.h"

/* Linux MAX_RW_COUNT */
#define RW_COUNT_MAX ((uint64_t)INT_MAX & ~UINT64_C(4095))

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

static uint64_t arg(const struct call *call, unsigned n)
{
	return call->notif->data.args[n];
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

/** The file that descriptor argument n is, or NULL: the call continues. */
static struct file *file_arg(struct call *call, unsigned n)
{
	struct file *file;

	return look_up(call, (int)arg(call, n), &file, &call->origin) ? NULL : file;
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

	if (!proc)
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
	if (usermem_string(call, arg(call, 2), origin.path, sizeof(origin.path)) <= 0)
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
	return do_open(call, AT_FDCWD, arg(call, 0), arg(call, 1));
}
#endif

static long sys_openat(struct call *call)
{
	return do_open(call, (int)arg(call, 0), arg(call, 1), arg(call, 2));
}

static long sys_openat2(struct call *call)
{
	struct open_how how;

	/* FIDELITY: how.resolve is not looked at where the path leads to one of our nodes. */
	if (arg(call, 3) < sizeof(how) ||
		usermem_copy_in(&call->caller, &how, arg(call, 2), sizeof(how)) ||
		(how.flags & (O_ACCMODE | O_DIRECTORY | O_PATH)) != O_RDWR)
		return CALL_CONTINUE;
	return do_open(call, (int)arg(call, 0), arg(call, 1), how.flags);
}

/* ---- ioctl ---- */

/** A call on a device may have given it work. */
static void kick(struct call *call, const struct file *file)
{
	if (file->memfd >= 0)
		poller_kick(call->serve->poller);
}

static long sys_ioctl(struct call *call)
{
	struct file *file = file_arg(call, 0);
	struct why why;
	struct report_call done;
	long ret;

	if (!file)
		return CALL_CONTINUE;
	/* Linux takes the command as 32 bits. */
	memset(&why, 0, sizeof(why));
	done = (struct report_call){
		.call = call,
		.kind = file->ops->name,
		.cmd = (unsigned)arg(call, 1),
		.arg = arg(call, 2),
		.why = &why,
	};
	ret = file->ops->ioctl ? file->ops->ioctl(file, &call->caller, done.cmd, done.arg, &why)
			       : -ENOTTY;
	done.result = ret;
	report_call(call->serve->report, &done);
	kick(call, file);
	file_put(file);
	return ret;
}

/* ---- read and write ---- */

struct transfer {
	const char *name;
	bool write;
	uint64_t pos;
};

static ssize_t transfer_one(struct call *call, struct file *file, const struct transfer *t,
	uint64_t uaddr, uint64_t count, struct why *why)
{
	count = MIN(count, RW_COUNT_MAX);
	if (t->write && file->ops->write)
		return file->ops->write(file, &call->caller, uaddr, (size_t)count, t->pos, why);
	if (!t->write && file->ops->read)
		return file->ops->read(file, &call->caller, uaddr, (size_t)count, t->pos, why);
	return why_misuse(
		why, EINVAL, "no-such-call", "a %s cannot be read or written", file->ops->name);
}

/** "BAR0+0x80", "CONFIG+0x4", or the number. */
static const char *describe_offset(char *buf, size_t size, uint64_t pos)
{
	unsigned region;

	for (region = 0; region <= 8; region++) {
		if (pos >> GATE_OFFSET_LG2 != pci_region_offset(region) >> GATE_OFFSET_LG2)
			continue;
		pos -= pci_region_offset(region);
		if (region < PCI_BARS)
			snprintf(buf, size, "BAR%u+0x%llx", region, (unsigned long long)pos);
		else
			snprintf(buf, size, "%s+0x%llx",
				region == 6   ? "ROM"
				: region == 7 ? "CONFIG"
					      : "VGA",
				(unsigned long long)pos);
		return buf;
	}
	snprintf(buf, size, "0x%llx", (unsigned long long)pos);
	return buf;
}

/** What was moved, where it is no more than a register: "[0x6]", else the pointer. */
static const char *describe_data(
	struct call *call, char *buf, size_t size, uint64_t uaddr, long result)
{
	uint64_t val = 0;

	if (result > 0 && result <= 8 &&
		!usermem_copy_in(&call->caller, &val, uaddr, (size_t)result))
		snprintf(buf, size, "[0x%llx]", (unsigned long long)val);
	else
		snprintf(buf, size, "0x%llx", (unsigned long long)uaddr);
	return buf;
}

static void report_transfer(struct call *call, const struct transfer *t, uint64_t uaddr,
	uint64_t count, long result, const struct why *why)
{
	char text[192], data[32], at[32];
	struct report_call done = {
		.call = call, .name = t->name, .text = text, .result = result, .why = why
	};

	if (result >= 0 && !report_traces(call->serve->report))
		return;
	snprintf(text, sizeof(text), "%s(%d<%s>, %s, %llu, %s)", t->name, (int)arg(call, 0),
		call->origin.path, describe_data(call, data, sizeof(data), uaddr, result),
		(unsigned long long)count, describe_offset(at, sizeof(at), t->pos));
	report_call(call->serve->report, &done);
}

static long transfer(struct call *call, const char *name, bool write, uint64_t pos)
{
	struct file *file = file_arg(call, 0);
	const struct transfer t = { name, write, pos };
	struct why why = { 0 };
	long ret;

	if (!file)
		return CALL_CONTINUE;
	if ((int64_t)pos < 0)
		ret = why_misuse(&why, EINVAL, "negative-offset", "the offset is negative");
	else
		ret = transfer_one(call, file, &t, arg(call, 1), arg(call, 2), &why);
	report_transfer(call, &t, arg(call, 1), arg(call, 2), ret, &why);
	if (write)
		kick(call, file);
	file_put(file);
	return ret;
}

static long sys_pread64(struct call *call)
{
	return transfer(call, "pread64", false, arg(call, 3));
}

static long sys_pwrite64(struct call *call)
{
	return transfer(call, "pwrite64", true, arg(call, 3));
}

/* FIDELITY: read and write have no file position here: they act at offset 0. */
static long sys_read(struct call *call)
{
	return transfer(call, "read", false, 0);
}

static long sys_write(struct call *call)
{
	return transfer(call, "write", true, 0);
}

/** Each piece as a call of its own, as Linux does for files that have only read and write. */
static long transfer_pieces(struct call *call, struct file *file, struct transfer t,
	const struct iovec *iov, unsigned n, struct why *why)
{
	long done = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		ssize_t ret;

		if (!iov[i].iov_len)
			continue;
		ret = transfer_one(
			call, file, &t, (uint64_t)(uintptr_t)iov[i].iov_base, iov[i].iov_len, why);
		if (ret < 0)
			return done ? done : ret;
		done += ret;
		t.pos += (uint64_t)ret;
		if ((size_t)ret < iov[i].iov_len)
			break;
	}
	return done;
}

static long vectored(struct call *call, const char *name, bool write, uint64_t pos, uint64_t rwf)
{
	struct file *file = file_arg(call, 0);
	const struct transfer t = { name, write, pos };
	struct iovec iov[UIO_MAXIOV];
	uint64_t n = arg(call, 2);
	struct why why = { 0 };
	long ret;

	if (!file)
		return CALL_CONTINUE;
	if ((int64_t)pos < 0 || n > UIO_MAXIOV)
		ret = why_misuse(&why, EINVAL, "bad-vector", "offset or count is out of range");
	else if (usermem_copy_in(&call->caller, iov, arg(call, 1), n * sizeof(*iov)))
		ret = why_misuse(&why, EFAULT, "bad-vector", "the vector cannot be read");
	else if (rwf & ~(uint64_t)RWF_HIPRI)
		ret = why_misuse(&why, EOPNOTSUPP, "bad-vector", "flags 0x%llx are not supported",
			(unsigned long long)rwf);
	else
		ret = transfer_pieces(call, file, t, iov, (unsigned)n, &why);
	report_transfer(call, &t, arg(call, 1), n, ret, &why);
	if (write)
		kick(call, file);
	file_put(file);
	return ret;
}

static long sys_readv(struct call *call)
{
	return vectored(call, "readv", false, 0, 0);
}

static long sys_writev(struct call *call)
{
	return vectored(call, "writev", true, 0, 0);
}

static long sys_preadv(struct call *call)
{
	return vectored(call, "preadv", false, arg(call, 3), 0);
}

static long sys_pwritev(struct call *call)
{
	return vectored(call, "pwritev", true, arg(call, 3), 0);
}

/* An offset of -1 means the file position. */
static long sys_preadv2(struct call *call)
{
	uint64_t pos = arg(call, 3);

	return vectored(call, "preadv2", false, ~pos ? pos : 0, arg(call, 5) & UINT32_MAX);
}

static long sys_pwritev2(struct call *call)
{
	uint64_t pos = arg(call, 3);

	return vectored(call, "pwritev2", true, ~pos ? pos : 0, arg(call, 5) & UINT32_MAX);
}

/** A call that none of our files has. */
static long refuse_all(struct call *call, const char *name, int err)
{
	struct file *file = file_arg(call, 0);
	struct why why = { 0 };
	struct report_call done = {
		.call = call, .name = name, .text = name, .result = -err, .why = &why
	};

	if (!file)
		return CALL_CONTINUE;
	why_misuse(&why, err, "no-such-call", "a %s has no %s", file->ops->name, name);
	report_call(call->serve->report, &done);
	file_put(file);
	return -err;
}

static long sys_lseek(struct call *call)
{
	return refuse_all(call, "lseek", ESPIPE);
}

static long sys_ftruncate(struct call *call)
{
	return refuse_all(call, "ftruncate", EINVAL);
}

/* Linux 7.3 vfs_fallocate: ENODEV for what is no regular file. */
static long sys_fallocate(struct call *call)
{
	return refuse_all(call, "fallocate", ENODEV);
}

/* ---- mmap ---- */

static long check_mmap(struct call *call, struct file *file, struct why *why)
{
	unsigned flags = (unsigned)arg(call, 3);
	uint64_t len = align_up(arg(call, 1), 4096);
	uint64_t pos = arg(call, 5);

	if (!file->ops->mmap)
		return why_misuse(
			why, ENODEV, "no-such-call", "a %s cannot be mapped", file->ops->name);
	/* Linux 7.3 vfio_pci_core_mmap: only shared mappings. */
	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return why_misuse(
			why, EINVAL, "mmap-private", "device memory is mapped MAP_SHARED");
	return file->ops->mmap(file, pos, len, (unsigned)arg(call, 2), why);
}

static const char *describe_prot(unsigned prot)
{
	static const char *const names[] = {
		"PROT_NONE",
		"PROT_READ",
		"PROT_WRITE",
		"PROT_READ|PROT_WRITE",
		"PROT_EXEC",
		"PROT_READ|PROT_EXEC",
		"PROT_WRITE|PROT_EXEC",
		"PROT_READ|PROT_WRITE|PROT_EXEC",
	};

	return names[prot & 7];
}

static void report_mmap(struct call *call, long result, const struct why *why)
{
	char text[256], at[32];
	struct report_call done = {
		.call = call, .name = "mmap", .text = text, .result = result, .why = why
	};

	snprintf(text, sizeof(text), "mmap(0x%llx, %llu, %s, 0x%llx, %d<%s>, %s)",
		(unsigned long long)arg(call, 0), (unsigned long long)arg(call, 1),
		describe_prot((unsigned)arg(call, 2)), (unsigned long long)arg(call, 3),
		(int)arg(call, 4), call->origin.path,
		describe_offset(at, sizeof(at), arg(call, 5)));
	report_call(call->serve->report, &done);
}

/** What Linux would map is mapped by the kernel: the stand-in's pages are the BAR's. */
static long sys_mmap(struct call *call)
{
	struct file *file;
	struct why why = { 0 };
	long ret;

	/* Ill-formed in itself: the kernel says so. */
	if ((arg(call, 3) & MAP_ANONYMOUS) || !arg(call, 1) || arg(call, 5) % 4096)
		return CALL_CONTINUE;
	file = file_arg(call, 4);
	if (!file)
		return CALL_CONTINUE;
	ret = check_mmap(call, file, &why);
	report_mmap(call, ret, &why);
	file_put(file);
	return ret ? ret : CALL_CONTINUE;
}

/* ---- stat ---- */

/** What fstat shows: nodes are character devices like their placeholder, devices anonymous. */
struct looks {
	unsigned mode;
	unsigned major, minor;
};

static struct looks looks_of(const struct call *call)
{
	if (!call->origin.node)
		return (struct looks){ 0600, 0, 0 };
	return (struct looks){ S_IFCHR | 0666, 1, 3 };
}

/** Whether the path argument is empty, as AT_EMPTY_PATH wants it (NULL too, since Linux 6.11). */
static bool empty_path(struct call *call, uint64_t upath)
{
	char c;

	return !upath || (!usermem_copy_in(&call->caller, &c, upath, 1) && !c);
}

static long stat_to(struct call *call, uint64_t ubuf)
{
	int fd = (int)arg(call, 0);
	struct file *file = file_arg(call, 0);
	struct looks looks;
	struct stat st;

	if (!file)
		return CALL_CONTINUE;
	file_put(file);
	if (proc_stat_fd(call->proc, fd, &st))
		return CALL_CONTINUE;
	looks = looks_of(call);
	st.st_mode = looks.mode;
	st.st_rdev = makedev(looks.major, looks.minor);
	st.st_size = st.st_blocks = 0;
	return usermem_copy_out(&call->caller, ubuf, &st, sizeof(st));
}

static long sys_fstat(struct call *call)
{
	return stat_to(call, arg(call, 1));
}

static long sys_newfstatat(struct call *call)
{
	return empty_path(call, arg(call, 1)) ? stat_to(call, arg(call, 2)) : CALL_CONTINUE;
}

static void statx_from(struct statx *stx, const struct stat *st, const struct looks *looks)
{
	*stx = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (unsigned)st->st_blksize,
		.stx_nlink = (unsigned)st->st_nlink,
		.stx_uid = st->st_uid,
		.stx_gid = st->st_gid,
		.stx_mode = (uint16_t)looks->mode,
		.stx_ino = st->st_ino,
		.stx_atime = { .tv_sec = st->st_atim.tv_sec },
		.stx_mtime = { .tv_sec = st->st_mtim.tv_sec },
		.stx_ctime = { .tv_sec = st->st_ctim.tv_sec },
		.stx_rdev_major = looks->major,
		.stx_rdev_minor = looks->minor,
		.stx_dev_major = major(st->st_dev),
		.stx_dev_minor = minor(st->st_dev),
	};
}

static long sys_statx(struct call *call)
{
	int fd = (int)arg(call, 0);
	struct looks looks;
	struct file *file;
	struct statx stx;
	struct stat st;

	if (!empty_path(call, arg(call, 1)))
		return CALL_CONTINUE;
	file = file_arg(call, 0);
	if (!file)
		return CALL_CONTINUE;
	file_put(file);
	if (proc_stat_fd(call->proc, fd, &st))
		return CALL_CONTINUE;
	looks = looks_of(call);
	statx_from(&stx, &st, &looks);
	return usermem_copy_out(&call->caller, arg(call, 4), &stx, sizeof(stx));
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
