/* SPDX-License-Identifier: MIT */
/*
 * What our files look like to fstat and its kin: programs check that what they opened is the
 * character device that sysfs tells of, and the stand-in is a regular file.
 */
#include "gate/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gate/procfs.h"

/* What users outside the program's user namespace look like in it (Linux DEFAULT_OVERFLOWUID). */
#define OVERFLOW_ID 65534

/**
 * Without privilege the box has a user namespace, in which there is nobody but oneself
 * (namespace.c).
 */
static void map_owner(struct stat *st)
{
	if (!geteuid())
		return;
	st->st_uid = st->st_uid == geteuid() ? st->st_uid : OVERFLOW_ID;
	st->st_gid = st->st_gid == getegid() ? st->st_gid : OVERFLOW_ID;
}

/** What fstat shows: a node its placeholder, as stat of its path does; a device, a file without name. */
static bool looks_of(struct call *call, struct file *file, struct stat *st)
{
	const struct tree_entry *node = call->origin.node;

	if (attr_stat(call, file, st)) {
		map_owner(st);
		return true;
	}
	if (node ? stat("/dev/null", st) : fstat(call->serve->anon, st))
		return false;
	map_owner(st);
	if (node) {
		st->st_dev = node->dev;
		st->st_ino = node->ino;
	}
	return true;
}

/** Whether the path argument is empty, as AT_EMPTY_PATH wants it (NULL too, since Linux 6.11). */
static bool empty_path(struct call *call, uint64_t upath)
{
	char c;

	return !upath || (!usermem_copy_in(&call->caller, &c, upath, 1) && !c);
}

/** Whether the call is about a file of ours, and how that looks. */
static bool look(struct call *call, struct stat *st)
{
	struct file *file = call_file(call, 0);
	bool ret;

	if (!file)
		return false;
	ret = looks_of(call, file, st);
	file_put(file);
	return ret;
}

static long stat_to(struct call *call, uint64_t ubuf)
{
	struct stat st;

	if (!look(call, &st))
		return CALL_CONTINUE;
	return usermem_copy_out(&call->caller, ubuf, &st, sizeof(st));
}

long sys_fstat(struct call *call)
{
	return stat_to(call, call_arg(call, 1));
}

long sys_newfstatat(struct call *call)
{
	return empty_path(call, call_arg(call, 1)) ? stat_to(call, call_arg(call, 2))
						   : CALL_CONTINUE;
}

static struct statx_timestamp stamp(const struct timespec *t)
{
	return (struct statx_timestamp){ .tv_sec = t->tv_sec, .tv_nsec = (uint32_t)t->tv_nsec };
}

static void statx_from(struct statx *stx, const struct stat *st)
{
	*stx = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (unsigned)st->st_blksize,
		.stx_nlink = (unsigned)st->st_nlink,
		.stx_uid = st->st_uid,
		.stx_gid = st->st_gid,
		.stx_mode = (uint16_t)st->st_mode,
		.stx_ino = st->st_ino,
		.stx_atime = stamp(&st->st_atim),
		.stx_mtime = stamp(&st->st_mtim),
		.stx_ctime = stamp(&st->st_ctim),
		.stx_rdev_major = major(st->st_rdev),
		.stx_rdev_minor = minor(st->st_rdev),
		.stx_dev_major = major(st->st_dev),
		.stx_dev_minor = minor(st->st_dev),
	};
}

long sys_statx(struct call *call)
{
	unsigned mask = (unsigned)call_arg(call, 3);
	struct statx stx;
	struct stat st;

	/* Ill-formed in itself (Linux 7.3 do_statx_fd): the kernel says so. */
	if ((mask & STATX__RESERVED) || !(~call_arg(call, 2) & AT_STATX_SYNC_TYPE) ||
		!empty_path(call, call_arg(call, 1)) || !look(call, &st))
		return CALL_CONTINUE;
	statx_from(&stx, &st);
	if (call->origin.node) {
		stx.stx_mask |= STATX_MNT_ID;
		stx.stx_mnt_id = call->origin.node->mnt_id;
	}
	return usermem_copy_out(&call->caller, call_arg(call, 4), &stx, sizeof(stx));
}

/** fd, of ours, is open in the box's /sys: that is a tmpfs, but is to look like what it stands for. */
static long statfs_to(struct call *call, int fd, uint64_t ubuf)
{
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !live_is_sysfs(call->serve->live, st.st_dev) ||
		fstatfs(fd, &fs) || !call_valid(call))
		return CALL_CONTINUE;
	fs.f_type = SYSFS_MAGIC;
	return usermem_copy_out(&call->caller, ubuf, &fs, sizeof(fs));
}

static long fstatfs_sys(struct call *call)
{
	struct proc *proc = call_proc(call);
	AUTO_FD int fd = -1;
	struct stat st;
	char name[24];

	if (!proc || proc_stat_fd(proc, (int)call_arg(call, 0), &st) ||
		!live_is_sysfs(call->serve->live, st.st_dev))
		return CALL_CONTINUE;
	snprintf(name, sizeof(name), "fd/%d", (int)call_arg(call, 0));
	fd = procfs_open((pid_t)call->notif->pid, name, O_PATH);
	return statfs_to(call, fd, call_arg(call, 1));
}

long sys_statfs(struct call *call)
{
	AUTO_FD int fd = -1;
	char path[PATH_MAX];

	if (usermem_string(call, call_arg(call, 0), path, sizeof(path)) < 0)
		return CALL_CONTINUE;
	fd = path_open(call, AT_FDCWD, path, 0);
	return statfs_to(call, fd, call_arg(call, 1));
}

long sys_fstatfs(struct call *call)
{
	struct statfs fs;
	struct stat st;

	if (!look(call, &st))
		return fstatfs_sys(call);
	if (call->origin.node ? statfs("/dev/null", &fs) : fstatfs(call->serve->anon, &fs))
		return -errno;
	if (call->origin.attribute)
		fs.f_type = SYSFS_MAGIC;
	return usermem_copy_out(&call->caller, call_arg(call, 1), &fs, sizeof(fs));
}
